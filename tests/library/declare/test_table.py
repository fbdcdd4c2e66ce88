"""Declarations are values that refuse what cannot be."""

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Changes, Table
from lakehouse.declare.write_modes import Merge
from lakehouse.errors import DeclarationError

COLUMNS = (Column("order_id", "bigint", "Key", nullable=False), Column("amount_eur", "decimal(12,2)", "Gross"))


def test_a_table_knows_its_layer_entity_and_schema():
    table = Table("silver.orders", columns=COLUMNS, grain="one row per order", write=Merge(on=("order_id",)))

    assert (table.layer, table.entity, table.key) == ("silver", "orders", ("order_id",))
    assert table.schema == "`order_id` bigint, `amount_eur` decimal(12,2)"
    assert table.changes() == Changes(table)


@pytest.mark.parametrize(
    ("name", "columns", "mode", "message"),
    [
        ("raw.orders", COLUMNS, None, "expected <layer>.<entities>"),
        ("silver.Orders", COLUMNS, None, "expected <layer>.<entities>"),
        ("silver.orders", (), None, "columns must be given once each"),
        ("silver.orders", (*COLUMNS, COLUMNS[0]), None, "columns must be given once each, got order_id"),
        ("silver.orders", COLUMNS, Merge(on=("orderid",)), "`orderid` is no column of it (did you mean `order_id`?)"),
    ],
)
def test_a_declaration_that_cannot_be_is_refused(name, columns, mode, message):
    with pytest.raises(DeclarationError) as error:
        Table(name, columns=columns, grain="", **({"write": mode} if mode else {}))

    assert message in str(error.value)


def test_a_column_in_capitals_is_refused():
    with pytest.raises(DeclarationError):
        Column("OrderId", "bigint", "")


def test_an_identifier_is_quoted_part_by_part():
    assert quote("silver.a`b") == "`silver`.`a``b`"
