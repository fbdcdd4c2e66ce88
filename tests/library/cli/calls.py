"""Calls of the command, each in a process of its own; the libraries are imported once.

    python tests/library/cli/calls.py < LIST_OF_LISTS_OF_ARGUMENTS

One process imports and forks, which takes less time than an interpreter for each call. Prints, as JSON, the exit code
and the text that each call printed.
"""

import gc
import json
import os
import subprocess
import sys
import tempfile
import traceback
from importlib import import_module
from pathlib import Path

from tests.library.exits import PRELOADED

Answers = list[tuple[list[str], int, str]]


def call(arguments: list[str], output: int) -> int:
    """Begin one call that writes all that it says to `output`; gives the process."""
    process = os.fork()
    if process:
        return process
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["lakehouse", *arguments]
    code = 0
    try:
        from lakehouse.cli import main

        main()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        # As the interpreter does, but for its own end: that is what `exits.py` is for.
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


def answers(calls: list[list[str]]) -> Answers:
    """Each call of the command with its exit code and what it printed; asked by a test, of a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", __name__],
        input=json.dumps(calls),
        capture_output=True,
        text=True,
        check=True,
        cwd=Path(__file__).parents[3],
    )
    return [(call, code, text) for call, (code, text) in zip(calls, json.loads(done.stdout), strict=True)]


def answer(arguments: list[str]) -> tuple[int, str]:
    """The exit code of one call and all that it printed."""
    with tempfile.TemporaryFile() as output:
        _, status = os.waitpid(call(arguments, output.fileno()), 0)
        output.seek(0)
        return os.waitstatus_to_exitcode(status), output.read().decode(errors="replace")


if __name__ == "__main__":
    for module in PRELOADED:
        import_module(module)
    gc.freeze()
    print(json.dumps([answer(arguments) for arguments in json.load(sys.stdin)]))
