"""`make demo` in a fresh home with warm caches, and again with nothing new."""

from pathlib import Path

from benchmarks.figure import Figure, seconds, timing
from benchmarks.room import room
from benchmarks.room import run as run_in
from lakehouse.workspace import Workspace

# 1: one takes a minute and a half.
ROUNDS = 1


def versions(workspace: Workspace) -> dict[str, int]:
    """Every table of every layer, the internal ones too, with its version."""
    from deltalake import DeltaTable

    logs = Path(workspace.warehouse).glob("*/*/_delta_log")
    return {f"{log.parent.parent.name}.{log.parent.name}": DeltaTable(str(log.parent)).version() for log in logs}


def run(rounds: int = ROUNDS) -> list[Figure]:
    """Two demos in each of `rounds` fresh homes; commits of the second are those of all rounds together."""
    first, second, commits = [], [], 0
    for _ in range(rounds):
        with room() as workspace:
            first.append(seconds(lambda: run_in(workspace, "orchestration.demo")))
            before = versions(workspace)
            second.append(seconds(lambda: run_in(workspace, "orchestration.demo")))
            after = versions(workspace)
        commits += sum(version - before.get(name, -1) for name, version in after.items())
    return [
        timing("`make demo` in a fresh home", first, "at most 90 s"),
        timing("`make demo` again, nothing new", second, "at most 20 s"),
        Figure("commits of the second one, all tables", commits, "commits", "0", f"{len(after)} tables"),
    ]
