"""What the faults did, as a page and as JSON."""

import json

from benchmarks.report import machine
from tests.library.faults.kills import Outcome
from tests.library.faults.poller import Watch
from tests.library.faults.rivals import Race


def as_json(outcome: Outcome, race: Race | None, watch: Watch | None) -> str:
    """All of it."""
    parts = {"kills": outcome, "clients": race, "poller": watch}
    # Not `asdict`: it takes a Counter apart into pairs.
    return json.dumps({name: vars(part) for name, part in parts.items() if part is not None}, indent=1)


def as_markdown(outcome: Outcome, race: Race | None, watch: Watch | None, began: str) -> str:
    """The page `docs/faults.md`."""
    lines = [
        "# Faults",
        "",
        "Made by `make bench-faults` (`python -m tests.library.faults --save docs/faults.md`) on",
        f"{machine()}; {began}. All times are wall time.",
        "",
        "## Kills",
        "",
        "Clients bring numbered batches through the door into a table of each write mode, mend what waits in",
        "quarantine and replay it. A client is ended by SIGKILL exactly between two steps of the door, or at a random",
        "moment; or the engine is, at a random moment, and the supervisor starts it again. Whoever comes next recovers",
        "and compares the table, the quarantine, the accounts and a ledger of what was acknowledged with a model in",
        "plain Python.",
        "",
        *_table(outcome),
        "",
        f"Seed {outcome.seed}. Read at the end by {', '.join(outcome.readers)}. Kills by where they happened: "
        + ", ".join(f"{where} {count}" for where, count in sorted(outcome.gaps.items()))
        + ".",
        *(f"- {problem}" for problem in (*outcome.problems, *outcome.failures)),
    ]
    if race is not None:
        lines += ["", "## Eight clients", "", *_race(race)]
    if watch is not None:
        lines += ["", "## A poller during failing publishes", "", *_watch(watch)]
    return "\n".join(lines) + "\n"


def _table(outcome: Outcome) -> list[str]:
    def listed(counts: dict[str, int]) -> str:
        return ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))

    rows = {
        "kills": f"{sum(outcome.kills.values())}: {listed(outcome.kills)}",
        "kills by what the client worked on (some on two)": listed(outcome.modes),
        "batches": f"{sum(outcome.batches.values())}: {listed(outcome.batches)}; {outcome.rows} rows",
        "acknowledged replays": str(outcome.replays),
        "rows lost": str(outcome.count("lost")),
        "rows duplicated": str(outcome.count("duplicated")),
        "tables unreadable": str(outcome.count("unreadable")),
        "other disagreements": str(
            len(outcome.problems) - sum(map(outcome.count, ("lost", "duplicated", "unreadable")))
        ),
        "runs that failed or hung after a kill of a client": str(len(outcome.failures)),
        "seconds": f"{outcome.seconds:.0f}, {outcome.seconds / max(1, sum(outcome.kills.values())):.1f} for each kill",
    }
    return ["| | |", "|---|---|", *(f"| {name} | {value} |" for name, value in rows.items())]


def _race(race: Race) -> list[str]:
    return [
        f"{race.clients} processes, {race.turns} turns each: read a number, add one, merge it; append a line. A plain",
        f"SQL writer updated the same table {race.rival} times meanwhile. The number is {race.value} of "
        f"{race.clients * race.turns}, there are {race.lines} lines ({race.distinct} different), "
        f"{len(race.failures)} failures, in {race.seconds:.0f} s.",
        *(f"- {failure}" for failure in race.failures),
    ]


def _watch(watch: Watch) -> list[str]:
    reads = ", ".join(f"{count} through {name}" for name, count in sorted(watch.reads.items()))
    return [
        f"{watch.failed} publishes failed by their expectations and {watch.crashed} were killed after staging, between",
        f"{watch.published} that succeeded, each into two tables (by reference, and by MERGE). {reads}: "
        f"{len(watch.wrong)} reads saw something that was not published, in {watch.seconds:.0f} s.",
        *(f"- {line}" for line in watch.wrong),
    ]
