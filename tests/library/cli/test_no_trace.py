"""What ends a command is a message: no trace, no value of the data, exit code 1 (2 for its usage)."""

import os
import sys
from pathlib import Path

import pytest

from tests.library.cli.calls import Answers, answers

# A value that stands in the data and files of these tests, and may stand in no answer.
CANARY = "canary7391"
ASSETS = '''
from lakehouse import Column, Foreign, Table, table_asset

COLUMNS = (Column("id", "bigint", "Key"), Column("name", "string", "Name"))
LINES = Table("bronze.lines", columns=COLUMNS, grain="one row per line")
THINGS = Table("silver.things", columns=COLUMNS, grain="one row per thing")


@table_asset(LINES, reads={"raw": Foreign("gold.nothing")})
def lines(raw):
    """Nothing."""
    return raw


@table_asset(THINGS, reads={"raw": LINES.changes()})
def things(raw):
    """Nothing."""
    return raw
'''


def wrong(told: Answers) -> Answers:
    """The answers that have a trace or a value of the data in them, or an exit code that nobody knows."""
    return [
        (call, code, text[-500:])
        for call, code, text in told
        if "Traceback" in text
        or "ended by" in text
        or (CANARY in text and not any(CANARY in word for word in call))
        or code not in (0, 1, 2)
    ]


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with two tables, written without a server, whose rows hold the canary."""
    import pyarrow as pa
    from deltalake import write_deltalake

    project, warehouse = tmp_path / "project", tmp_path / "home" / "warehouse"
    (project / "assets").mkdir(parents=True)
    (project / "assets" / "__init__.py").touch()
    (project / "assets" / "things.py").write_text(ASSETS)
    rows = pa.table({"id": [1, 2], "name": [CANARY, CANARY]})
    for name in ("bronze/lines", "silver/things"):
        write_deltalake(str(warehouse / name), rows)
    waiting = rows.append_column("_state", pa.array(["waiting", "discarded"]))
    write_deltalake(str(warehouse / "quarantine" / "silver_things"), waiting)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(project))
    monkeypatch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
    return project


@pytest.mark.parametrize("days", ["-1", "nan", "inf", "99999999999999999999"])
def test_no_number_of_days_deletes_what_was_dropped_today_or_gives_a_trace(stored: Path, days: str) -> None:
    [(_, code, text)] = answers([["drop", "--purge", "--yes", "--older-than", days]])

    assert (code, text) == (
        1, f"nothing was deleted: expected a number of days from 0 to 36500, got {float(days):g}.\n"
    )  # fmt: skip


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("import nix", "ModuleNotFoundError: No module named 'nix'"),
        ("def (", "SyntaxError: invalid syntax"),
        (f"int('{CANARY}')", "ValueError"),
    ],
)
def test_a_module_of_the_project_that_does_not_load_is_named_without_a_trace(
    stored: Path, code: str, words: str
) -> None:
    module = stored / "assets" / "broken.py"
    module.write_text(code)

    told = answers([[command, "silver.things"] for command in ("run", "plan", "apply")])

    message = (
        f"`assets.broken` does not load ({module}, line 1): {words}.\n"
        "Mend it there. Nothing was read, and every table is as it was.\n"
    )
    assert [(code, text) for _, code, text in told] == [(1, message)] * 3
    assert wrong(told) == []


def test_an_unforeseen_error_shows_no_value_and_its_log_has_all(
    stored: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from lakehouse import cli
    from lakehouse.workspace import current_workspace

    def fails() -> None:
        raise KeyError(CANARY)

    monkeypatch.setattr(cli, "load_groups", lambda: fails)
    monkeypatch.setattr(sys, "argv", ["lakehouse", "run", CANARY])

    with pytest.raises(SystemExit) as end:
        cli.main()

    log = current_workspace().logs / "command.log"
    assert (end.value.code, CANARY in capsys.readouterr().err) == (1, False)
    assert CANARY in log.read_text()
    assert os.stat(log).st_mode & 0o777 == 0o600
