"""Three batches of customer changes as TPC-DI has them, into a history and a merge, against pandas: fifty seeds.

The changes come out of order within and between batches; keys are deleted, come again and are deleted again; some
changes of a key have one moment. Outside: TPC-DI, "Data Integration Benchmark", 4.5.8 (DimCustomer).
"""

import random
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pandas as pd
import pytest

from lakehouse.answers.row_accounts import accounts
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge, Scd2
from tests.library.door import Door

COLUMNS = (
    Column("customer_id", "bigint", "Key", nullable=False),
    Column("name", "string", "A name"),
    Column("tier", "int", "1 to 3"),
    Column("balance", "decimal(12,2)", "In dollars"),
    Column("changed_at", "timestamp", "UTC"),
)
SIGNAL = Column("operation", "string", "I, U or D")
NAMES = [column.name for column in COLUMNS]
START, SEEDS, CUSTOMERS = datetime(2026, 1, 1, tzinfo=UTC), 50, 12


def changes(seed: int) -> list[list[tuple[Any, ...]]]:
    """Three batches of changes of the customers of one seed."""
    chance = random.Random(seed)  # noqa: S311 - the same customers each time
    batches: list[list[tuple[Any, ...]]] = [[], [], []]
    for customer in range(CUSTOMERS):
        for _ in range(chance.randint(1, 8)):
            # Few moments, so that some are equal.
            at = START + timedelta(minutes=chance.randint(0, 9), microseconds=chance.choice([0, 1]))
            values = (f"n{chance.randint(0, 3)}", chance.randint(1, 3), Decimal(chance.randint(-500, 500)) / 4)
            batches[chance.randint(0, 2)].append((seed * 1000 + customer, *values, at, chance.choice("IUUUD")))
    for batch in batches:
        chance.shuffle(batch)
    return batches


def frame_of(batches: list[list[tuple[Any, ...]]]) -> pd.DataFrame:
    rows = [(place, *row) for place, batch in enumerate(batches) for row in batch]
    return pd.DataFrame(rows, columns=["batch", *NAMES, SIGNAL.name])


def greatest(rows: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """One row of each `by`: a deletion before others, then the greatest row."""
    ordered = rows.assign(is_deleted=rows.operation == "D").sort_values(
        ["is_deleted", *NAMES, SIGNAL.name], kind="stable"
    )
    return ordered.groupby(by, as_index=False).last()


def history_of(rows: pd.DataFrame) -> pd.DataFrame:
    """The history that the changes make, in whatever batches they came."""
    stored = rows.drop(columns=[SIGNAL.name]).assign(operation=rows.operation.where(rows.operation == "D", ""))
    one = greatest(stored, ["customer_id", "changed_at"]).sort_values(["customer_id", "changed_at"])
    following = one.groupby("customer_id").changed_at.shift(-1)
    one["valid_to"] = one.changed_at.where(one.is_deleted, following)
    one["is_current"] = following.isna() & ~one.is_deleted
    return one


def merged_of(rows: pd.DataFrame) -> dict[int, tuple[Any, ...]]:
    """The rows that the changes leave, batch after batch: a later batch wins by a later moment alone."""
    there: dict[int, tuple[Any, ...]] = {}
    gone: dict[int, datetime] = {}
    for _, batch in rows.groupby("batch", sort=True):
        newest = batch[batch.changed_at == batch.groupby("customer_id").changed_at.transform("max")]
        for row in greatest(newest, ["customer_id"]).to_dict("records"):
            key, at, values = row["customer_id"], row["changed_at"], tuple(row[name] for name in NAMES)
            if key in gone and (at < gone[key] or (at == gone[key] and not row["is_deleted"])):
                continue
            if row["is_deleted"]:
                gone[key] = at
                if key in there and at >= there[key][-1]:
                    del there[key]
            elif key not in there or at > there[key][-1]:
                there[key] = values
    return there


def brought(door: Door, mode: Merge | Scd2) -> tuple[Table, pd.DataFrame]:
    """A table with the three batches of all seeds, and its rows."""
    table = Table(door.table().name, columns=COLUMNS, grain="x", write=mode)
    for place in range(3):
        rows = [row for seed in range(SEEDS) for row in changes(seed)[place]]
        assert door.write(table, door.spark.createDataFrame(rows, table.schema)).quarantined == 0
    return table, door.spark.table(table.name).toPandas()


@pytest.mark.slow
def test_the_history_of_customers_is_that_of_pandas(door: Door):
    mode = Scd2(on=("customer_id",), sequence=("changed_at",), delete_when="operation = 'D'", signals=(SIGNAL,))
    table, stored = brought(door, mode)
    for seed in range(SEEDS):
        mine = stored[stored.customer_id // 1000 == seed].sort_values(["customer_id", "changed_at"])
        expected = history_of(frame_of(changes(seed)))
        told = ["name", "tier", "balance", "changed_at", "_valid_to", "_is_current", "_is_deleted"]
        oracle = ["name", "tier", "balance", "changed_at", "valid_to", "is_current", "is_deleted"]
        assert plain(mine[["customer_id", *told]]) == plain(expected[["customer_id", *oracle]]), seed
    assert accounts(door.workspace, table.name).add_up


@pytest.mark.slow
def test_the_customers_that_are_left_are_those_of_pandas(door: Door):
    mode = Merge(on=("customer_id",), sequence=("changed_at",), delete_when="operation = 'D'", signals=(SIGNAL,))
    table, stored = brought(door, mode)
    for seed in range(SEEDS):
        mine = stored[stored.customer_id // 1000 == seed][NAMES]
        expected = pd.DataFrame(list(merged_of(frame_of(changes(seed))).values()), columns=NAMES)
        assert plain(mine) == plain(expected), seed
    assert accounts(door.workspace, table.name).add_up


def plain(rows: pd.DataFrame) -> list[tuple[Any, ...]]:
    """Rows as values that compare: times in UTC, and None for what is missing."""

    def value(cell: Any) -> Any:
        if cell is None or cell is pd.NaT or (isinstance(cell, float) and cell != cell):  # noqa: PLR0124 - NaN
            return None
        if isinstance(cell, pd.Timestamp):
            return cell.tz_localize("UTC") if cell.tzinfo is None else cell.tz_convert("UTC")
        return cell

    return sorted((tuple(map(value, row)) for row in rows.itertuples(index=False)), key=lambda row: (row[0], str(row)))
