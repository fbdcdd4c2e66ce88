"""A workspace that a group shares: its members work in it, nobody else reaches it, and the tokens are its owner's."""

import grp
import os
import stat
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from lakehouse.engine.session import Connection
from lakehouse.settings import SparkSettings, load
from lakehouse.workspace import Workspace
from tests.conftest import own_servers
from tests.library.door import Door
from tests.rights import as_nobody, entries, needs_root, reachable_folder, wider_than

pytestmark = pytest.mark.slow

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
# A member who commits beside the engine, as this library does for what goes by reference, and asks for the tokens.
IMPORTS = """
import sys
from pathlib import Path
import deltalake, filelock, getpass, grp, pwd, pyarrow.dataset, pyarrow.fs, uuid
from lakehouse.errors import LakehouseError
from lakehouse.locks.table_lock import table_lock
from lakehouse.settings import Settings
from lakehouse.storage import write_json
from lakehouse.workspace import Workspace
"""
MEMBER = """
home, group, name = sys.argv[1:]
workspace = Workspace(Settings(home=Path(home), group=group))
with table_lock(workspace, name):
    table = deltalake.DeltaTable(workspace.table_path(name))
    deltalake.write_deltalake(table, table.to_pyarrow_table(), mode="append")
    write_json(f"{workspace.table_path(name)}/_position/member.json", {})
try:
    workspace.services()
except LakehouseError as error:
    print(error)
"""
OUTSIDER = """
try:
    print(os.listdir(sys.argv[1]))
except PermissionError:
    print("refused")
"""


@pytest.fixture(scope="module")
def shared() -> Iterator[Workspace]:
    """A workspace of the group that this process works as, in a folder that others can enter."""
    with reachable_folder() as folder:
        group = grp.getgrgid(os.getegid()).gr_name
        settings = {"home": folder / "home", "group": group, "spark": SparkSettings(memory="1g")}
        with own_servers(Workspace(load().model_copy(update=settings))) as workspace:
            yield workspace


@pytest.fixture(scope="module")
def written(shared: Workspace, tmp_path_factory: pytest.TempPathFactory) -> str:
    """A table with one row that the engine and this process wrote."""
    with Connection(shared) as connection:
        door = Door(shared, connection.session(), tmp_path_factory.mktemp("project"))
        table = door.table()
        door.write(table, door.rows((1, "a", 1, NOON)))
    return table.name


def modes(workspace: Workspace) -> set[tuple[int, int]]:
    """Mode and group of all that is in the warehouse."""
    return {(stat.S_IMODE(told.st_mode), told.st_gid) for _, told in entries(Path(workspace.warehouse))}


def test_tables_are_the_groups_and_tokens_their_owners(shared: Workspace, written: str):
    assert modes(shared) == {(0o2770, os.getegid()), (0o660, os.getegid())}
    assert wider_than(0o2770, shared.home) == {}
    assert wider_than(0o700, shared.home / "supervisor") == {}
    assert wider_than(0o600, shared.services_file) == {}


@needs_root
def test_a_member_writes_and_others_list_nothing(shared: Workspace, written: str):
    told = as_nobody(MEMBER, shared.home, shared.settings.group, written, imports=IMPORTS, group=os.getegid())

    assert "LAKEHOUSE_SPARK__REMOTE" in told
    assert modes(shared) == {(0o2770, os.getegid()), (0o660, os.getegid())}
    with Connection(shared) as connection:
        assert connection.session().table(written).count() == 2
    assert as_nobody(OUTSIDER, shared.home) == "refused"
    assert as_nobody(OUTSIDER, shared.home / "supervisor", group=os.getegid()) == "refused"
