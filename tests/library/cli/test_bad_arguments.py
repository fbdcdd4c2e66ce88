"""Whatever a person gives to a command: a message and exit code 1 (or 2 for its usage), never a trace, nor a value."""

import sys
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from lakehouse.cli import load_groups
from lakehouse.declare.table import quarantine_of
from lakehouse.errors import LakehouseError
from lakehouse.workspace import current_workspace

CANARY = "canary-77120"
NAME = "silver.things"
# Names that are no table, or one that is not there.
NAMES = (
    "", "x", "silver", ".x", "silver.", "silver.nothing", "silver.things; DROP TABLE x", "../../etc",
    "silver/../things",
    "a.b.c", "silver.things@", "silver.things@x", "silver.things@99", "silver.things@-1", "silver.\x00", "silver.ü",
    f"silver.{'x' * 300}", "silver.`things`", "quarantine.silver_things", "ops.checks", "SILVER.THINGS", "s\nilver.x",
    "silver.\ud800", "-1", "%41.x",
)  # fmt: skip
# A name stands for `?`.
COMMANDS = (
    "accounts ?", "accounts ? --version 7", "history ?", "history ? -n -5", "history ? -n 0", "explain ?", "plan ?",
    "apply ?", "run ?", "run ? --partition x", "drop ?", "drop ? --yes", "drop ? --purge", "restore ?",
    "restore ? --id x", "repair ?", "repair ? --to 9", "repair ? --to -1 --yes", "quarantine show ?",
    "quarantine show ? -n -3", "quarantine show ? --where (", "quarantine fix ? --set a", "quarantine fix ? --set a=1",
    "quarantine replay ?", "quarantine discard ? --where 1 --why x", "quarantine reopen ?",
    "models list ?", "models rollback ?", "models rollback ? --to x", "sql ?", "logs ?", "logs ? -n -1", "up ?",
    "init ?", "docs ?", "new model ? --reads silver.x", "new model gold.x --reads ?", "new table ? --columns a",
    "new table bronze.a --columns ?", "new table bronze.b --key ? --columns a:int", "new table silver.c --reads ?",
    "new table bronze.d --like ?", "?",
)  # fmt: skip
FILES = {
    "utf16.csv": b"\xff\xfe,b\n" + CANARY.encode(),
    "empty.csv": b"",
    "no.parquet": b"PAR1" + CANARY.encode(),
    "cut.json": b'{"a": [1' + CANARY.encode(),
    "list.json": b"[1, 2]\n",
    "twice.csv": b"a,a,A\n1,2," + CANARY.encode(),
    "bytes.csv": b"\0\0\0" + CANARY.encode(),
    "of.no_format": CANARY.encode(),
    "ragged.csv": b"a,b\n1\n1,2,3," + CANARY.encode(),
    "reserved.csv": b"audit_mask_0\n" + CANARY.encode(),
}
COLUMNS = (
    "_state int", "_metadata int", "a varchar(3)", "a int, a int", "a decimal(99,1)", "a struct<", "a int 'x", "é int",
)  # fmt: skip


@cache
def app() -> Any:
    return load_groups()


def command(*arguments: str) -> Result:
    """A call of the command, in this process."""
    return CliRunner().invoke(app(), arguments)


def wrong(done: Result) -> str | None:
    """What a person must not see of a call; None if there is nothing."""
    said = f"{done.output}{done.exception or ''}"
    if CANARY in said or "Traceback" in said:
        return "a value of the data" if CANARY in said else "a trace"
    is_told = done.exception is None or isinstance(done.exception, SystemExit | LakehouseError)
    return None if is_told else f"{type(done.exception).__name__}"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project without an asset and a warehouse with a table and its quarantine; no server is up."""
    import pyarrow as pa
    from deltalake import write_deltalake

    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").touch()
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    for module in [module for module in sys.modules if module == "assets" or module.startswith("assets.")]:
        monkeypatch.delitem(sys.modules, module)
    workspace, rows = current_workspace(), {"id": [1], "name": [CANARY]}
    write_deltalake(workspace.table_path(NAME), pa.table(rows))
    write_deltalake(workspace.table_path(quarantine_of(NAME)), pa.table({**rows, "_state": ["waiting"]}))
    return tmp_path


@pytest.mark.slow
def test_no_name_that_is_none_of_a_table_becomes_a_trace_or_a_path(project: Path):
    outside = project / "home" / "warehouse" / "things"
    calls = [[name if word == "?" else word for word in line.split()] for line, name in product(COMMANDS, NAMES)]

    failed = [(call, reason) for call in calls if (reason := wrong(command(*call)))]

    assert failed == []
    assert not outside.exists()


def test_no_file_and_no_list_of_columns_becomes_a_trace_or_is_shown(project: Path):
    for name, content in FILES.items():
        (project / name).write_bytes(content)
    calls = [
        ["new", "table", f"bronze.f{place}", "--like", name] for place, name in enumerate((*FILES, ".", "none.csv"))
    ]
    calls += [["new", "table", f"bronze.c{place}", "--columns", text] for place, text in enumerate(COLUMNS)]

    answers = [command(*call) for call in calls]

    assert [(call, wrong(done)) for call, done in zip(calls, answers, strict=True) if wrong(done)] == []
    assert {done.exit_code for done in answers} == {1}
