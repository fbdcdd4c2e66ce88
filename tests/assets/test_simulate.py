"""The simulator: the same bytes for the same seed, files that never change, a ledger of each peculiar line."""

import json
from collections import Counter
from datetime import datetime
from pathlib import Path

import pytest

from assets.bronze.readings import BRONZE_READINGS
from assets.silver.readings import SILVER_READINGS
from assets.simulation.faults import FAULTS
from assets.simulation.simulate import LEDGER, Line, Simulation, main, report, simulate, write
from lakehouse.quality.suite.suite import load_suite

SUITES = Path(__file__).parents[2] / "expectations"


@pytest.fixture(scope="module")
def simulation() -> Simulation:
    return simulate(rows=3000, seed=7)


def by_id(simulation: Simulation, kind: str) -> dict[str | None, Line]:
    return {line.reading_id: line for line in simulation.lines if line.kind == kind}


def sent_at(line: Line) -> str:
    return str(json.loads(line.text)["sent_at"])


def test_the_same_seed_gives_the_same_bytes(simulation: Simulation) -> None:
    again = simulate(rows=3000, seed=7)

    assert again.files == simulation.files
    assert again.ledger == simulation.ledger


def test_another_seed_gives_other_readings(simulation: Simulation) -> None:
    other = simulate(rows=3000, seed=8)

    assert not {line.text for line in other.lines} & {line.text for line in simulation.lines if line.reading_id}


def test_all_rows_are_in_the_files_at_the_rows_that_the_ledger_says(simulation: Simulation) -> None:
    files = {name: text.splitlines() for name, text in simulation.files.items()}

    assert sum(map(len, files.values())) == 3000
    assert all(files[line.file][line.row - 1] == line.text for line in simulation.lines)
    assert list(files) == sorted(files)


@pytest.mark.parametrize("rows", [100, 777, 20_000])
def test_every_kind_is_there_and_the_fates_add_up(rows: int) -> None:
    simulation = simulate(rows, seed=1)

    assert {fault.kind for fault in FAULTS} <= set(simulation.kinds)
    assert sum(simulation.fates.values()) == sum(simulation.kinds.values()) == rows
    ids = Counter(line.reading_id for line in simulation.lines if line.fate == "published")
    assert set(ids.values()) == {1}


def test_too_few_rows_for_one_of_each_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 100 rows"):
        simulate(rows=99, seed=7)


def test_a_correction_is_sent_later_and_stands_in_a_later_file(simulation: Simulation) -> None:
    corrected, corrections = by_id(simulation, "corrected"), by_id(simulation, "correction")

    assert corrected.keys() == corrections.keys()
    assert all(sent_at(corrections[key]) > sent_at(line) for key, line in corrected.items())
    assert all(corrections[key].file > line.file for key, line in corrected.items())


def test_what_was_overtaken_arrives_after_its_correction_but_was_sent_before(simulation: Simulation) -> None:
    overtaken, first = by_id(simulation, "overtaken by its correction"), by_id(simulation, "correction that overtook")

    assert overtaken.keys() == first.keys()
    assert all(sent_at(first[key]) > sent_at(line) for key, line in overtaken.items())
    assert all(first[key].file < line.file for key, line in overtaken.items())


def test_a_repeat_is_the_same_line_again(simulation: Simulation) -> None:
    repeated, repeats = by_id(simulation, "repeated"), by_id(simulation, "repeat")

    assert {key: line.text for key, line in repeated.items()} == {key: line.text for key, line in repeats.items()}
    assert all((repeats[key].file, repeats[key].row) > (line.file, line.row) for key, line in repeated.items())


def test_late_readings_are_hours_older_than_their_file(simulation: Simulation) -> None:
    late = by_id(simulation, "late").values()

    read_at = {line: datetime.fromisoformat(json.loads(line.text)["read_at"]) for line in late}
    ages = [datetime.fromisoformat(sent_at(line)) - read_at[line] for line in late]
    assert ages
    assert min(ages).total_seconds() >= 6 * 3600


def test_each_rule_of_the_ledger_is_a_rule_of_a_suite_or_of_the_declaration(simulation: Simulation) -> None:
    known = set()
    for table in (BRONZE_READINGS, SILVER_READINGS):
        suite = load_suite(SUITES / f"{table.name.replace('.', '/')}.json", {c.name: c.type for c in table.columns})
        assert suite is not None
        known |= {
            expectation.label.partition("(")[0]
            for expectation in suite.expectations
            if expectation.severity == "critical"
        }
        known |= {f"{column.name}: not_null" for column in table.columns if not column.nullable}

    assert {rule for line in simulation.lines for rule in line.rules} <= known


def test_a_second_write_touches_nothing(simulation: Simulation, tmp_path: Path) -> None:
    folder = tmp_path / "readings"
    new = write(simulation, folder)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}

    again = write(simulation, folder)

    assert (new, again) == (12, 0)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before
    assert {path.name for path in folder.iterdir()} == set(simulation.files)
    assert json.loads((tmp_path / LEDGER).read_text())["kinds"] == simulation.kinds


def test_readings_of_another_seed_do_not_replace_what_has_landed(simulation: Simulation, tmp_path: Path) -> None:
    write(simulation, tmp_path / "readings")
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}

    with pytest.raises(FileExistsError, match="holds other readings"):
        write(simulate(rows=3000, seed=8), tmp_path / "readings")

    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_a_later_start_brings_new_readings_of_the_same_wearers(simulation: Simulation) -> None:
    later = simulate(rows=3000, seed=7, start=datetime(2026, 2, 1))

    def wearers(of: Simulation) -> set[str]:
        return {json.loads(line.text)["wearer_id"] for line in of.lines if line.kind == "ordinary"}

    assert wearers(later) == wearers(simulation)
    assert {line.reading_id for line in later.lines} & {line.reading_id for line in simulation.lines} == {None}
    assert min(later.files) > max(simulation.files)


def test_the_command_prints_how_many_of_each(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["--rows", "100", "--seed", "3", "--out", str(tmp_path / "readings"), "--json"])

    expected = simulate(rows=100, seed=3)
    assert json.loads(capsys.readouterr().out) == expected.summary() | {"new_files": 2}
    assert "heart rate 400" in report(expected)
