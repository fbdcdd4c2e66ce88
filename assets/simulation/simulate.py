"""Readings of bracelets: the same seed gives the same bytes, and the fate of every line that is not ordinary is known.

Run as `python -m assets.simulation.simulate --rows 20000 --seed 7`. Lines come as JSON, one file an hour of simulated
time, into a landing folder; the ledger beside that folder says which line must end where.
"""

import argparse
import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from functools import cached_property
from itertools import groupby
from operator import attrgetter
from pathlib import Path

from assets.simulation.stream import START, Sent, sent_lines

FOLDER = Path("landing/readings")
LEDGER = "ledger.json"


@dataclass(frozen=True)
class Line:
    """One line of a landing file.

    Args:
        file: Name of the file.
        row: Line in it, from 1.
        text: The line.
        reading_id: Of the reading in it, if it can be known.
        kind: `ordinary`, or what is peculiar about it.
        fate: `published`, `superseded`, `deduplicated`, or the table of quarantine.
        rules: The rules that it breaks.
    """

    file: str
    row: int
    text: str
    reading_id: str | None
    kind: str
    fate: str
    rules: tuple[str, ...]


@dataclass(frozen=True)
class Simulation:
    """All lines, in the order of arrival."""

    lines: tuple[Line, ...]

    @cached_property
    def files(self) -> dict[str, str]:
        """Content by file name, in the order of time."""
        return {
            name: "".join(line.text + "\n" for line in lines)
            for name, lines in groupby(self.lines, key=attrgetter("file"))
        }

    @property
    def ledger(self) -> tuple[Line, ...]:
        """The lines that are not ordinary."""
        return tuple(line for line in self.lines if line.kind != "ordinary")

    @property
    def kinds(self) -> dict[str, int]:
        """How many lines of each kind."""
        return dict(sorted(Counter(line.kind for line in self.lines).items()))

    @property
    def fates(self) -> dict[str, int]:
        """How many lines must end where, if all are read."""
        return dict(sorted(Counter(line.fate for line in self.lines).items()))

    def summary(self) -> dict[str, object]:
        """The counts, as plain values."""
        return {"rows": len(self.lines), "files": len(self.files), "kinds": self.kinds, "fates": self.fates}


def simulate(rows: int, seed: int, start: datetime = START) -> Simulation:
    """Simulate `rows` lines from the hour `start` on.

    Raises:
        ValueError: fewer rows than one of each kind needs.
    """
    return Simulation(tuple(_numbered(sent_lines(rows, seed, start))))


def _numbered(sent: list[Sent]) -> Iterator[Line]:
    for hour, lines in groupby(sent, key=lambda line: line.arrived.strftime("%Y-%m-%dT%H")):
        for row, line in enumerate(lines, start=1):
            rules = tuple(str(rule) for rule in line.rules)
            yield Line(f"readings-{hour}.jsonl", row, line.text, line.reading_id, line.kind, line.fate, rules)


def write(simulation: Simulation, folder: Path = FOLDER) -> int:
    """Write the files that are not there yet, whole or not at all, and the ledger beside `folder`.

    Returns:
        How many files are new.

    Raises:
        FileExistsError: a file of another simulation has the name of one of these; nothing was written.
    """
    new = {}
    for name, text in simulation.files.items():
        path = folder / name
        if not path.exists():
            new[path] = text
        elif path.read_text(encoding="utf-8") != text:
            raise FileExistsError(
                f"{path} holds other readings; a landing file never changes. "
                f"Give another --start or --out, or remove {folder}."
            )
    folder.mkdir(parents=True, exist_ok=True)
    _write_whole(folder.parent / LEDGER, _ledger_text(simulation))
    for path, text in new.items():
        _write_whole(path, text)
    return len(new)


def _write_whole(path: Path, text: str) -> None:
    if path.exists() and path.read_text(encoding="utf-8") == text:
        return
    # Hidden and without the suffix of a landing file until it is complete.
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    draft.write_text(text, encoding="utf-8")
    draft.replace(path)


def _ledger_text(simulation: Simulation) -> str:
    lines = [{key: value for key, value in asdict(line).items() if key != "text"} for line in simulation.ledger]
    return json.dumps(simulation.summary() | {"lines": lines}, indent=1) + "\n"


def report(simulation: Simulation) -> str:
    """The counts for people: each peculiar kind, and where the lines must end."""
    kinds = {kind: count for kind, count in simulation.kinds.items() if kind != "ordinary"}
    width = max(map(len, [*kinds, *simulation.fates]))
    return "\n".join(
        [
            f"{len(simulation.lines)} lines in {len(simulation.files)} files, "
            f"{len(simulation.lines) - len(simulation.ledger)} of them ordinary.",
            *(f"  {kind:<{width}} {count:>7}" for kind, count in kinds.items()),
            "They must end",
            *(f"  {fate:<{width}} {count:>7}" for fate, count in simulation.fates.items()),
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m assets.simulation.simulate", description="Readings as JSON lines.")
    parser.add_argument("--rows", type=int, default=20_000, help="lines in all, broken ones included")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--start", type=datetime.fromisoformat, default=START, help="first hour, UTC: 2026-01-01T00:00")
    parser.add_argument("--out", type=Path, default=FOLDER, help="the landing folder")
    parser.add_argument("--json", action="store_true", help="print the counts as JSON")
    given = parser.parse_args(arguments)
    try:
        simulation = simulate(given.rows, given.seed, given.start)
        new = write(simulation, given.out)
    except (ValueError, OSError) as error:
        parser.exit(1, f"{error}\n")
    if given.json:
        print(json.dumps(simulation.summary() | {"new_files": new}))
    else:
        print(f"{report(simulation)}\n{new} new files in {given.out}, ledger in {given.out.parent / LEDGER}")


if __name__ == "__main__":
    main()
