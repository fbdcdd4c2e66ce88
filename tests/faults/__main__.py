"""Find out what faults do: `python -m tests.faults [--kills N] [--seed N] [--json] [--save FILE]`."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.room import room
from lakehouse.services import up
from tests.faults import kills
from tests.faults.house import House


def main() -> None:
    """Run the campaign."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()

    def tell(line: str) -> None:
        print(line, file=sys.stderr, flush=True)

    with room() as workspace, tempfile.TemporaryDirectory(prefix="faults-") as folder:
        up(workspace, ["sql"], tell=tell)
        house = House.in_folder(workspace, options.seed, Path(folder))
        planned = kills.plan(options.kills, options.seed, servers=options.kills // 10)
        outcome = kills.campaign(house, planned, tell)
        print(outcome)


if __name__ == "__main__":
    main()
