"""Whether a process is still the one that it was."""

import os
import subprocess
import sys

from lakehouse.locks.process_identity import identity, is_alive, machine, pid_of


def test_this_process_is_alive_and_another_of_its_pid_is_not():
    known = identity(os.getpid())

    assert (pid_of(known), is_alive(known)) == (os.getpid(), True)
    assert not is_alive(known.replace(" started ", " started 1"))
    assert not is_alive(known.replace(machine(), "another machine"))


def test_one_that_ended_and_was_not_reaped_is_dead():
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    known = identity(process.pid)
    assert is_alive(known)

    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it has ended, and is still in the table

    assert not is_alive(known)
    process.wait()
    assert identity(process.pid) is None
