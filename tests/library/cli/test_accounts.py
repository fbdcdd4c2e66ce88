"""`accounts`: where the rows of a table are, read from its log without a server."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from lakehouse.answers.row_accounts import row_accounts
from lakehouse.cli import load_groups
from lakehouse.delta.note import Note, Totals
from lakehouse.errors import LakehouseError
from lakehouse.workspace import Workspace, current_workspace

NAME = "silver.things"


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A table: version 0 of another writer, 1 and 2 through the door, 3 of another writer; and its quarantine."""
    import pyarrow as pa
    from deltalake import CommitProperties, write_deltalake

    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    workspace, rows = current_workspace(), pa.table({"id": [1]})
    write_deltalake(workspace.table_path(NAME), rows)
    for totals in (Totals(3, 2, 0, 1, 0), Totals(9, 5, 1, 4, 1)):
        note = Note(NAME, run="run", totals=totals)
        properties = CommitProperties(custom_metadata={"userMetadata": note.text})
        write_deltalake(workspace.table_path(NAME), rows, mode="append", commit_properties=properties)
    write_deltalake(workspace.table_path(NAME), rows, mode="append")
    waiting = pa.table({"id": [1, 2, 3, 4], "_state": ["waiting", "waiting", "discarded", "replayed"]})
    write_deltalake(workspace.table_path("quarantine.silver_things"), waiting)
    return workspace


def command(*arguments: str) -> Result:
    return CliRunner().invoke(load_groups(), ["accounts", *arguments])


def test_a_person_reads_where_the_rows_are_now(stored: Workspace) -> None:
    answer = command(NAME)

    assert answer.exit_code == 0
    assert answer.stdout.splitlines() == [
        "silver.things, now: 9 rows came through the door",
        "where they are                                 rows",
        "---------------------------------------------  ----",
        "passed the audit                                  5",
        "deduplicated by a newer row of their batch        1",
        "in quarantine, waiting                            2",
        "in quarantine, discarded                          1",
        "in flight: a run has decided and not finished     0",
        "The counts add up.",
    ]


@pytest.mark.parametrize(("version", "counts"), [(1, (3, 2, 0, 1)), (2, (9, 5, 1, 3)), (3, (9, 5, 1, 3))])
def test_a_version_has_the_counts_of_the_last_publish_up_to_it(
    stored: Workspace, version: int, counts: tuple[int, ...]
) -> None:
    answer = command(NAME, "--version", str(version), "--json")

    told = json.loads(answer.stdout)
    assert (told["rows_in"], told["passed"], told["superseded"], told["in_quarantine"]) == counts
    assert (answer.exit_code, told["version"], told["waiting"], told["add_up"]) == (0, version, None, True)


def test_a_lost_row_is_exit_code_1(stored: Workspace) -> None:
    from deltalake import DeltaTable

    DeltaTable(stored.table_path("quarantine.silver_things")).delete("id = 3")

    answer = command(NAME)

    assert (answer.exit_code, answer.stdout.splitlines()[-1]) == (
        1,
        "The counts do NOT add up: rows are lost, or counted twice.",
    )


@pytest.mark.parametrize(
    ("name", "version", "message"),
    [
        ("silver.thing", None, "silver.thing does not exist in .* \\(did you mean `silver.things`\\?\\)"),
        (NAME, 7, "has no version 7 in its log. It has the versions 0 to 3."),
        (NAME, 0, "No commit of silver.things .* up to version 0 is a publish through the door"),
    ],
)
def test_what_cannot_be_told_is_an_error(stored: Workspace, name: str, version: int | None, message: str) -> None:
    with pytest.raises(LakehouseError, match=message):
        row_accounts(stored, name, version)
