"""Find out what faults do; `python -m tests.library.faults --help` lists what can be chosen."""

import argparse
import sys
import tempfile
from pathlib import Path

from benchmarks.report import state
from benchmarks.room import room
from lakehouse.services import up
from tests.library.faults import kills, poller, report, rivals
from tests.library.faults.house import House

CLIENTS = 8


def main() -> None:
    """Run the campaign, the clients and the poller; exit code 1 where something was lost, doubled or seen too early."""
    parser = argparse.ArgumentParser(prog="python -m tests.library.faults", description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills; a tenth of them of the engine")
    parser.add_argument("--seed", type=int, default=1, help="of the batches and of the order of the kills")
    parser.add_argument("--turns", type=int, default=50, help="turns of each of the eight clients; 0 for none")
    parser.add_argument("--failures", type=int, default=100, help="publishes that fail under a poller; 0 for none")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--save", type=Path, metavar="FILE", help="write the page as well")
    options = parser.parse_args()
    began = state()
    with room() as workspace, tempfile.TemporaryDirectory(prefix="faults-") as folder:
        up(workspace, ["sql"], tell=_tell)
        house = House.in_folder(workspace, options.seed, Path(folder))
        planned = kills.plan(options.kills, options.seed, servers=options.kills // 10)
        outcome = kills.campaign(house, planned, _tell)
        _tell(f"kills: {outcome}")
        race = rivals.race(house.workspace, count=CLIENTS, turns=options.turns) if options.turns else None
        _tell(f"clients: {race}")
        seen = poller.watch(workspace, Path(folder), failures=options.failures) if options.failures else None
        _tell(f"poller: {seen}")
    page = report.as_markdown(outcome, race, seen, began)
    print(report.as_json(outcome, race, seen) if options.json else page)
    if options.save:
        options.save.write_text(page)
    wrong = [*outcome.problems, *outcome.failures, *(race.failures if race else ()), *(seen.wrong if seen else ())]
    sys.exit(1 if wrong else 0)


def _tell(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
