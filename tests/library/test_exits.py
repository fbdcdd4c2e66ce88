"""A command that reads ends with its own exit code, whatever threads the libraries have at that moment."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

TIMES = 200
READING = (
    "quarantine list",
    "quarantine list --json",
    "tables --json",
    "history silver.things --json",
    "explain silver.things --json",
    "accounts gold.totals --json",
    "models list --json",
    "repair silver.things",
)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse with some tables and their quarantines, written without a server."""
    import pyarrow as pa
    from deltalake import write_deltalake

    warehouse = tmp_path / "home" / "warehouse"
    for name in ("bronze/lines", "silver/things", "silver/others", "gold/totals"):
        write_deltalake(str(warehouse / name), pa.table({"id": [1, 2, 3]}))
    for name in ("bronze_lines", "silver_things", "silver_others"):
        rows = pa.table({"id": [1, 2, 3], "_state": ["waiting", "replayed", "discarded"]})
        write_deltalake(str(warehouse / "quarantine" / name), rows)
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))
    return warehouse


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_every_one_of_200_calls_of_each_reading_command_ends_with_exit_code_0(stored: Path):
    program = Path(__file__).with_name("exits.py")

    done = subprocess.run(
        [sys.executable, program, str(TIMES), "4", *READING], capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == {command: {"0": TIMES} for command in READING}
    assert done.stderr == ""


def test_rows_are_read_by_a_file_system_that_never_calls_python():
    library = Path(__file__).parents[2] / "lakehouse"
    readers = {
        str(file.relative_to(library))
        for file in library.rglob("*.py")
        if any(f".to_{kind}(" in file.read_text() for kind in ("pyarrow_table", "pyarrow_dataset", "pandas_table"))
    }

    assert readers == {"delta/parquet_files.py"}
