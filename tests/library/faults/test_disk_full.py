"""A full disk, at each step that writes: a typed error, a whole table, and the next run does the work."""

import errno
import uuid
from collections.abc import Callable
from pathlib import Path

import pytest

from lakehouse.declare.table import quarantine_of
from lakehouse.engine.session import Connection
from lakehouse.errors import StorageFullError
from lakehouse.storage import list_files
from tests.library.faults import steps
from tests.library.faults.house import House
from tests.library.faults.small import Ballast, small_disk
from tests.library.faults.steps import DOOR, Gap

# The step before which the disk is full, and whether the run has decided by then.
STEPS = [
    (Gap(DOOR, "stage", is_after=False), False),
    (Gap(DOOR, "save_intent", is_after=False), False),
    (Gap("lakehouse.write.quarantine", "add", is_after=False), True),
    (Gap(DOOR, "prepare_position", is_after=False), True),
    (Gap(DOOR, "publish", is_after=False), True),
    (Gap(DOOR, "record", is_after=False), True),
]


def refuse() -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture
def house(workspace, spark, tmp_path) -> House:
    return House.in_folder(workspace, 11, tmp_path, f"_{uuid.uuid4().hex[:8]}")


def stopped(house: House, connection: Connection, mode: str, at: Gap, act: Callable[[], None]) -> StorageFullError:
    """The error of a run that finds the disk full at a step."""
    undo = steps.at(at, act)
    try:
        with pytest.raises(StorageFullError) as error:
            house.following(connection, mode)
    finally:
        undo()
    return error.value


def test_a_run_that_finds_no_room_says_so_and_the_next_one_does_the_work(house, connection):
    house.following(connection, "append")
    table, where = house.table("append").name, house.workspace.warehouse
    for number, (step, is_decided) in enumerate(STEPS, start=1):
        before = files(house, "append")

        error = stopped(house, connection, "append", step, refuse)

        version = number + 1 if step.name == "record" else number
        what = (
            "What this run decided stands, its rows are staged: the next run carries it out."
            if is_decided
            else "Nothing of this run is kept."
        )
        assert str(error) == (
            f"{table} was not written to the end, it is whole at version {version}: there is no room left for it in "
            f"{where}. {what}\nMake room (`df -h {where}` says how much there is), then run {table} again."
        )
        if not is_decided:
            assert files(house, "append") == before
            assert house.number("append") == number
            assert house.problems("append") == []
        house.retry(connection, "append")
        assert house.number("append") == number + 1
        assert house.problems("append") == []


def files(house: House, mode: str) -> set[str]:
    return {file.relative for file in list_files(house.workspace.table_path(house.table(mode).name))}


@pytest.mark.parametrize("mode", ["append", "merge"])
def test_a_disk_that_is_really_full(house, connection, mode):
    folder = Path(house.workspace.table_path(house.table(mode).name))
    with small_disk(folder) as is_small:
        if not is_small:
            pytest.skip("needs the right to mount a file system")
        ballast = Ballast(folder)
        house.following(connection, mode)
        for number, name in enumerate(("stage", "publish"), start=1):
            error = stopped(house, connection, mode, Gap(DOOR, name, is_after=False), ballast.take)

            assert (error.version, error.is_decided) == (number, name == "publish")
            ballast.give_back()
            house.retry(connection, mode)
            assert house.number(mode) == number + 1
            assert house.problems(mode) == []


def test_a_quarantine_that_has_no_room(house, connection):
    folder = Path(house.workspace.table_path(quarantine_of(house.table("append").name)))
    with small_disk(folder) as is_small:
        if not is_small:
            pytest.skip("needs the right to mount a file system")
        ballast = Ballast(folder)
        while not house.states("append"):
            house.following(connection, "append")
        ballast.take()
        has_stopped = False
        while not has_stopped:  # at the next batch with a bad row
            try:
                house.following(connection, "append")
            except StorageFullError as error:
                has_stopped = error.is_decided
        number = house.number("append")
        ballast.give_back()

        house.retry(connection, "append")

        assert house.number("append") == number + 1
        assert house.problems("append") == []
