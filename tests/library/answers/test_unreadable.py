"""A table that cannot be read says so, and hides no other."""

import json
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest

from lakehouse.answers.loss import loss_of
from lakehouse.answers.tables import overview
from lakehouse.declare.column import Column
from lakehouse.declare.table import Table, quarantine_of
from lakehouse.delta.history import open_table, row_count
from lakehouse.errors import UnreadableTableError
from lakehouse.schema.missing import missing
from lakehouse.settings import load
from lakehouse.workspace import Workspace

CANARY = "canary-7741"
# A partition column, whether it can be null, and a value of it that no reader takes.
BROKEN = {
    "silver.null": ("string", False, None),
    "silver.no_date": ("date", True, CANARY),
    "silver.unknown_type": ("geometry9", True, None),
}


def log_of(root: Path, type_: str, nullable: bool, value: str | None, stats: str | None = '{"numRecords":1}') -> None:
    """A log as another tool might have written it."""
    fields = [
        {"name": "id", "type": "long", "nullable": True, "metadata": {}},
        {"name": "part", "type": type_, "nullable": nullable, "metadata": {}},
    ]
    made = {
        "id": "5fba94ed-9794-4965-ba6e-6ee3c0d22af9",
        "format": {"provider": "parquet", "options": {}},
        "schemaString": json.dumps({"type": "struct", "fields": fields}),
        "partitionColumns": ["part"],
        "configuration": {},
        "createdTime": 0,
    }
    add = {
        "path": "a.parquet",
        "partitionValues": {"part": value},
        "size": 1,
        "modificationTime": 1,
        "dataChange": True,
    }
    actions: list[dict[str, Any]] = [
        {"protocol": {"minReaderVersion": 1, "minWriterVersion": 2}},
        {"metaData": made},
        {"add": add | ({"stats": stats} if stats else {})},
    ]
    (root / "_delta_log").mkdir(parents=True)
    (root / "_delta_log" / f"{0:020d}.json").write_text("\n".join(map(json.dumps, actions)))


@pytest.fixture
def house(tmp_path: Path) -> Workspace:
    workspace = Workspace(load().model_copy(update={"home": tmp_path, "warehouse": None}))
    deltalake.write_deltalake(workspace.table_path("gold.whole"), pa.table({"id": [1, 2]}))
    for name, said in BROKEN.items():
        log_of(Path(workspace.table_path(name)), *said)
    return workspace


def test_each_table_has_its_line_and_what_is_wrong_is_told_without_values(house: Workspace):
    lines = {line.name: line for line in overview(house)}

    assert set(lines) == {"gold.whole", *BROKEN}
    assert (lines["gold.whole"].rows, lines["gold.whole"].version, lines["gold.whole"].problem) == (2, 0, "")
    for name in BROKEN:
        assert lines[name].version is None
        assert lines[name].problem.startswith(f"{name} was not read or written: its log in ")
        assert CANARY not in lines[name].problem
        with pytest.raises(UnreadableTableError):
            open_table(house, name)


def test_the_first_run_of_another_table_and_what_a_drop_loses_are_told_all_the_same(house: Workspace):
    new = Table("silver.new", columns=(Column("id", "bigint", "Key"), Column("part", "string", "One")), grain="one row")

    assert missing(house, new, declared=["silver.new"]) is None
    assert loss_of(house, "gold.whole").rows == 2
    assert loss_of(house, "silver.null").rows is None


def test_a_quarantine_whose_files_are_gone_hides_nothing(house: Workspace):
    root = Path(house.table_path(quarantine_of("gold.whole")))
    deltalake.write_deltalake(root, pa.table({"_state": ["waiting"]}))
    next(root.glob("*.parquet")).unlink()

    lines = {line.name: line for line in overview(house)}

    assert "of its quarantine, cannot be read (FileNotFoundError)" in lines["gold.whole"].problem
    assert set(lines) == {"gold.whole", *BROKEN}


def test_rows_that_a_log_does_not_count_are_not_known(house: Workspace):
    log_of(Path(house.table_path("gold.uncounted")), "string", True, "a", stats=None)

    assert row_count(house, "gold.uncounted") is None
