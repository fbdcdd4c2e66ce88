"""Measure and print: `python -m benchmarks [NAME ...] [--json] [--rounds N] [--save FILE]`."""

import argparse
import sys
import time
from importlib import import_module
from pathlib import Path

from benchmarks.figure import Figure
from benchmarks.report import as_json, as_markdown, as_table, machine, state

NAMES = (
    "command",
    "up",
    "commits",
    "files",
    "asset",
    "chain",
    "profile",
    "masks",
    "storable",
    "unique",
    "quality",
    "audited",
    "wide",
    "merged",
    "hand",
    "five",
    "many",
    "layouts",
    "soak",
    "launched",
    "demo",
)


def main() -> None:
    """Run the named benchmarks one after the other; all of them where none is named."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--rounds", type=int, help="rounds of each, where its own number will not do")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write a Markdown page as well")
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"there is no benchmark `{unknown[0]}`: {', '.join(NAMES)}")
    measured: dict[str, list[Figure]] = {}
    states: dict[str, str] = {}
    print(machine(), file=sys.stderr)
    for name in options.names or NAMES:
        began, states[name] = time.monotonic(), state()
        print(f"{name}: {states[name]} ...", file=sys.stderr, flush=True)
        given = {} if options.rounds is None else {"rounds": options.rounds}
        measured[name] = import_module(f"benchmarks.{name}").run(**given)
        print(f"{name}: measured in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    if options.json:
        print(as_json(measured))
    else:
        as_table(measured)
    if options.save:
        options.save.write_text(as_markdown(measured, states))


if __name__ == "__main__":
    main()
