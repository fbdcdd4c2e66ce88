"""Calls of the command, each in a process of its own that ends as Python ends; the libraries are imported once.

    python tests/library/exits.py TIMES AT_ONCE COMMAND...

One process imports and forks: 200 calls take seconds, where 200 interpreters take minutes. Prints, as JSON, how many
calls of each command ended with which status. Nothing is read before the fork, so no thread is there to be copied.
"""

import gc
import json
import os
import sys
from collections import Counter
from importlib import import_module

PRELOADED = (
    "lakehouse.cli.printing",
    "lakehouse.dagster.discover",
    "lakehouse.answers.row_accounts",
    "lakehouse.answers.tables",
    "lakehouse.answers.version",
    "lakehouse.maintenance.repair_log",
    "lakehouse.models.registry",
    "lakehouse.project.answers",
    "lakehouse.schema.apply",
    "pyarrow.dataset",
    "pyarrow.fs",
)


def call(command: str) -> int:
    """Begin one call; gives the process."""
    process = os.fork()
    if process:
        return process
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    sys.argv = ["lakehouse", *command.split()]
    from lakehouse.cli import main

    main()
    sys.exit(0)


def counted(times: int, at_once: int, commands: list[str]) -> dict[str, dict[int, int]]:
    """How many calls of each command ended with which status; a signal is a negative one, as `subprocess` has it."""
    ended: dict[str, Counter[int]] = {command: Counter() for command in commands}
    running: dict[int, str] = {}
    waiting = [command for command in commands for _ in range(times)]
    while waiting or running:
        while waiting and len(running) < at_once:
            command = waiting.pop()
            running[call(command)] = command
        process, status = os.wait()
        ended[running.pop(process)][os.waitstatus_to_exitcode(status)] += 1
    return {command: dict(counts) for command, counts in ended.items()}


if __name__ == "__main__":
    for module in PRELOADED:
        import_module(module)
    # What is there before the fork is no garbage of a call: each would copy all of it to look (gc.freeze's own advice).
    gc.freeze()
    print(json.dumps(counted(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3:])))
