"""A value that is too large for the engine is refused by its size, with its column or its line; the engine lives on."""

from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import functions as F

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.delta.history import version_of
from lakehouse.engine.largest_value import LARGEST_VALUE_BYTES
from lakehouse.errors import ValueTooLargeError
from lakehouse.runs.run import run
from lakehouse.sources.files import SOURCE_COLUMNS, Lines
from lakehouse.write.batch import Published
from tests.library.door import Door

MIB = 2**20
COLUMNS = (Column("line", "string", "The line"), *SOURCE_COLUMNS)


def run_lines(door: Door, table: Table) -> Published:
    return run(door.connection, table, lambda raw: raw, {"raw": Lines("landing/*.txt")}, code="1", run_id="first")


def write_lines(folder: Path, *sizes: int) -> None:
    """A file of lines of so many bytes each."""
    folder.mkdir()
    with (folder / "lines.txt").open("wb") as file:
        for size in sizes:
            for _ in range(size // MIB):
                file.write(b"x" * MIB)
            file.write(b"x" * (size % MIB) + b"\n")


@pytest.mark.parametrize("sizes", [(1, 200 * MIB, 1), (3, 0, LARGEST_VALUE_BYTES + 1)])
def test_a_line_that_is_too_long_is_told_by_its_number_before_the_engine_reads_it(
    door: Door, sizes: tuple[int, ...]
) -> None:
    write_lines(door.project / "landing", *sizes)
    table = door.table(columns=COLUMNS)

    with pytest.raises(ValueTooLargeError) as refused:
        run_lines(door, table)

    line = sizes.index(max(sizes)) + 1
    assert refused.value.place == f"lines.txt, line {line}"
    assert f"{table.name} was not written, it does not exist yet: one value is too large" in str(refused.value)
    assert "expected at most 64 MiB, got more" in str(refused.value)
    assert door.spark.range(1).count() == 1


def test_a_large_file_of_lines_that_are_not_too_long_is_read(door: Door) -> None:
    write_lines(door.project / "landing", 40 * MIB, 40 * MIB)
    table = door.table(columns=COLUMNS)

    assert run_lines(door, table).published == 2
    lengths = door.spark.table(table.name).selectExpr("octet_length(line)").collect()
    assert [tuple(row) for row in lengths] == [(40 * MIB,), (40 * MIB,)]


@pytest.mark.parametrize(("type_", "value"), [("string", "line"), ("binary", "line")])
def test_a_value_that_is_made_too_large_is_told_by_its_column(door: Door, type_: str, value: str) -> None:
    write_lines(door.project / "landing", 5)
    table = door.table(columns=(Column("text", type_, "A text"), *COLUMNS))

    def grown(raw: Any) -> Any:
        return raw.withColumn("text", F.expr(f"CAST(repeat({value}, {15 * MIB}) AS {type_})"))

    with pytest.raises(ValueTooLargeError) as refused:
        run(door.connection, table, grown, {"raw": Lines("landing/*.txt")}, code="1", run_id="first")

    assert refused.value.place == "text"
    assert version_of(door.workspace, table.name) in (None, 0)
    assert door.spark.range(1).count() == 1
