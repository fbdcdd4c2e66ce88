"""A path is data: a workspace works below a folder whose name means something to SQL, to patterns or in a URI."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge
from lakehouse.delta.history import open_table
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.errors import SettingsError
from lakehouse.maintenance import keep_up
from lakehouse.runs.run import run
from lakehouse.schema.apply import apply, plan
from lakehouse.settings import load
from lakehouse.sources.files import Lines
from lakehouse.storage import no_pattern
from lakehouse.workspace import Workspace
from tests.conftest import own_servers
from tests.library.maintenance.limits import FEW

ODD = "it's a {b,c} [d] `e` 100% +é?*"
LANDED = (
    Column("line", "string", "As it came"),
    Column("_source_file", "string", "File"),
    Column("_source_row", "bigint", "Row in it"),
    Column("_batch_id", "string", "Run"),
    Column("_ingested_at", "timestamp", "UTC"),
)
BRONZE = Table("bronze.lines", columns=LANDED, grain="one line")
SILVER = Table(
    "silver.lines",
    columns=(Column("line", "string", "Key", nullable=False), Column("_source_file", "string", "File")),
    grain="one row per line",
    write=Merge(on=("line",)),
    constraints=(("line_is_short", "length(line) < 9"),),
)


@pytest.fixture
def odd(clean_environment: Path, tmp_path: Path) -> Iterator[Workspace]:
    """A workspace of its own; home, warehouse and project lie in the odd folder."""
    home = tmp_path / ODD / "home"
    workspace = Workspace(load().model_copy(update={"home": home, "project": tmp_path / ODD / "project"}))
    with own_servers(workspace):
        yield workspace


@pytest.mark.slow
def test_tables_below_an_odd_path_are_made_read_joined_and_changed(odd: Workspace):
    folder = odd.settings.project / "landing" / ODD
    folder.mkdir(parents=True)
    source = {"raw": Lines(f"landing/{ODD}/*.txt")}
    with Connection(odd) as connection:
        for number in range(3):
            (folder / f"[{number}] {ODD.replace('*', '')}.txt").write_text(f"a{number}\nlong line {number}\n")
            run(connection, BRONZE, lambda raw: raw, source, code="1")
            run(
                connection,
                SILVER,
                lambda raw: raw.select("line", "_source_file"),
                {"raw": BRONZE.changes()},
                code="1",
            )
        joined = keep_up(Tables(odd), connection.session(), BRONZE.name, SILVER.name, limits=FEW)
        again = run(connection, BRONZE, lambda raw: raw, source, code="1")
        changed = replace(SILVER, grain="one row per short line", properties=(("owner's", "o'brien"),))
        planned = [difference.kind for entry in plan(odd, [changed]) for difference in entry.differences]
        applied = apply(connection, changed)
        rows = sorted((row.line, row._source_file) for row in connection.session().table(SILVER.name).collect())
        rejected = connection.session().table("quarantine.silver_lines").count()

    assert joined == ()
    assert again.unchanged
    # The last is that of its quarantine.
    assert planned == ["set property", "comment table", "comment table"]
    assert (applied.refused, plan(odd, [changed])) == ((), [])
    assert rows == [(f"a{n}", f"landing/{ODD}/[{n}] {ODD.replace('*', '')}.txt") for n in range(3)]
    assert rejected == 3
    stored = open_table(odd, BRONZE.name)
    assert stored is not None
    assert len(stored.file_uris()) == 1


@pytest.mark.parametrize("name", ["a%41b", "a\\b"])
def test_a_path_that_delta_rs_reads_as_another_is_refused(name: str, tmp_path: Path):
    workspace = Workspace(load().model_copy(update={"home": tmp_path / name}))

    with pytest.raises(SettingsError, match="Set LAKEHOUSE_HOME"):
        workspace.table_path("silver.things")


def test_a_character_of_a_pattern_stands_for_itself():
    assert no_pattern("/a b/{c}/[d]/e*?\\") == "/a b/\\{c\\}/\\[d\\]/e\\*\\?\\\\"
