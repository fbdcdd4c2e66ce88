"""TPC-H's lineitem with a computed column, as a table with 30 rules on its rows."""

from typing import TYPE_CHECKING, Any

from benchmarks import tpch
from benchmarks.room import write_rules
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge, WriteMode
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = (
    Column("l_orderkey", "bigint", "Order"),
    Column("l_partkey", "bigint", "Part"),
    Column("l_suppkey", "bigint", "Supplier"),
    Column("l_linenumber", "int", "Place in the order"),
    Column("l_quantity", "decimal(15,2)", "Pieces"),
    Column("l_extendedprice", "decimal(15,2)", "Price of all pieces"),
    Column("l_discount", "decimal(15,2)", "Share"),
    Column("l_tax", "decimal(15,2)", "Share"),
    Column("l_returnflag", "string", "R, A or N"),
    Column("l_linestatus", "string", "O or F"),
    Column("l_shipdate", "date", "Day"),
    Column("l_commitdate", "date", "Day"),
    Column("l_receiptdate", "date", "Day"),
    Column("l_shipinstruct", "string", "Words"),
    Column("l_shipmode", "string", "A word"),
    Column("l_comment", "string", "Words"),
    Column("net_price", "decimal(38,6)", "Price with discount and tax"),
)
_NAMES = tuple(column.name for column in COLUMNS)
_NET = "CAST(l_extendedprice * (1 - l_discount) * (1 + l_tax) AS DECIMAL(38,6)) AS net_price"
_MODES = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]
_INSTRUCTIONS = ["COLLECT COD", "DELIVER IN PERSON", "NONE", "TAKE BACK RETURN"]


# One column that identifies a row, for tables that are merged into.
KEY = Column("line_id", "bigint", "Order and place in it", nullable=False)


def declared(name: str, write: WriteMode) -> Table:
    """The declaration; with the key where the write mode needs one."""
    columns = (KEY, *COLUMNS) if isinstance(write, Merge) else COLUMNS
    return Table(name, columns=columns, grain="one row per line of an order", write=write)


def keyed(rows: "DataFrame") -> "DataFrame":
    """The rows with their key before them."""
    return rows.selectExpr("l_orderkey * 8 + l_linenumber AS line_id", "*")


def frame(session: "SparkSession", rows: int, *, bad_percent: int = 0) -> "DataFrame":
    """So many rows, nearly, read from Parquet; of some the quantity is against the rules."""
    quantity = f"IF(pmod(xxhash64(l_orderkey, l_linenumber), 100) < {bad_percent}, -l_quantity, l_quantity)"
    renamed = [f"CAST({quantity} AS DECIMAL(15,2)) AS l_quantity" if n == "l_quantity" else n for n in _NAMES[:-1]]
    return session.read.parquet(tpch.table("lineitem", tpch.scale_of(rows))).selectExpr(
        *(renamed if bad_percent else _NAMES[:-1]), _NET
    )


def expectations() -> list[dict[str, Any]]:
    """30 rules of nine kinds, each of which would send its rows to quarantine."""
    filled = [("expect_column_values_to_not_be_null", {"column": name}) for name in (*_NAMES[:8], "l_comment")]
    ranges: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_values_to_be_between", {"column": name, "min_value": low, "max_value": high})
        for name, low, high in (
            ("l_orderkey", 1, 1_000_000_000),
            ("l_partkey", 1, 100_000_000),
            ("l_suppkey", 1, 10_000_000),
            ("l_linenumber", 1, 7),
            ("l_quantity", 1, 50),
            ("l_discount", 0, 0.1),
            ("l_tax", 0, 0.08),
            ("net_price", 0, 1_000_000),
            ("l_shipdate", "1992-01-01", "1998-12-31"),
            ("l_receiptdate", "1992-01-01", "1999-01-31"),
        )
    ]
    sets = [
        ("expect_column_values_to_be_in_set", {"column": name, "value_set": members})
        for name, members in (
            ("l_returnflag", ["R", "A", "N"]),
            ("l_linestatus", ["O", "F"]),
            ("l_shipmode", _MODES),
            ("l_shipinstruct", _INSTRUCTIONS),
        )
    ]
    others: list[tuple[str, dict[str, Any]]] = [
        ("expect_column_values_to_not_be_in_set", {"column": "l_shipmode", "value_set": ["CART", "MULE"]}),
        ("expect_column_values_to_match_regex", {"column": "l_returnflag", "regex": "^[RAN]$"}),
        ("expect_column_values_to_not_match_regex", {"column": "l_shipmode", "regex": "[0-9]"}),
        ("expect_column_value_lengths_to_be_between", {"column": "l_comment", "min_value": 1, "max_value": 44}),
        ("expect_column_value_lengths_to_be_between", {"column": "l_shipmode", "min_value": 3, "max_value": 10}),
        ("expect_column_value_lengths_to_equal", {"column": "l_linestatus", "value": 1}),
        (
            "expect_column_pair_values_a_to_be_greater_than_b",
            {"column_A": "l_receiptdate", "column_B": "l_shipdate"},
        ),
    ]
    rules = [*filled, *ranges, *sets, *others]
    assert len(rules) == 30
    return [
        {"type": kind, "kwargs": {**kwargs, "mostly": 0.9}, "severity": "critical", "meta": {}}
        for kind, kwargs in rules
    ]


def write_suite(workspace: Workspace, name: str) -> None:
    """Give a table of a benchmark's room the 30 rules."""
    write_rules(workspace, name, expectations())
