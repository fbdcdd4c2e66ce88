"""The folder of a workspace: closed to others, or shared with a group that a setting names."""

import grp
import os
import shlex
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from lakehouse.errors import ServiceError, SettingsError
from lakehouse.rights import close, close_cache
from lakehouse.settings import load
from lakehouse.workspace import Workspace
from tests.rights import as_nobody, entries, needs_root, reachable_folder, umask, wider_than

MINE = grp.getgrgid(os.getegid()).gr_name
IMPORTS = """
from pathlib import Path
from lakehouse.errors import LakehouseError
from lakehouse.rights import close, close_cache
"""
CLOSE = """
try:
    {"close": lambda folder: close(folder, None), "close_cache": close_cache}[sys.argv[1]](Path(sys.argv[2]))
except LakehouseError as error:
    print(error)
"""


@pytest.fixture
def folder() -> Iterator[Path]:
    """One that every user can enter, under a umask that takes no right away."""
    with reachable_folder() as folder, umask(0):
        yield folder


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def fill(folder: Path) -> None:
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "b" / "file").write_text("row")


def test_a_workspace_of_an_earlier_release_is_closed_and_what_is_made_in_it_from_then_on(folder: Path):
    home = folder / "home"
    home.mkdir(mode=0o755)
    (home / "old").write_text("row")

    Workspace(load().model_copy(update={"home": home})).folder("new")
    fill(home / "new")

    assert mode(home) == 0o700
    assert wider_than(0o700, home / "new") == {}
    assert (home / "old").read_text() == "row"


def test_folders_above_a_new_workspace_can_be_written_by_nobody_else(folder: Path):
    close(folder / "above" / "home", None)

    assert (mode(folder / "above"), mode(folder / "above" / "home")) == (0o755, 0o700)


def test_a_group_gets_what_is_made_in_its_workspace(folder: Path):
    close(folder / "home", MINE)
    with umask(0o077):
        fill(folder / "home")

    modes = {name: stat.S_IMODE(told.st_mode) for name, told in entries(folder / "home")}
    assert modes == {".": 0o2770, "a": 0o2770, "a/b": 0o2770, "a/b/file": 0o660}
    assert {told.st_gid for _, told in entries(folder / "home")} == {os.getegid()}


def test_a_group_that_is_not_there_or_not_ones_own_is_refused_and_nothing_is_made(folder: Path):
    with pytest.raises(SettingsError, match=r"no-such-group.*does not have"):
        close(folder / "home", "no-such-group")
    others = next(group for group in grp.getgrall() if group.gr_gid not in {os.getegid(), *os.getgroups()})
    with pytest.raises(SettingsError, match=f"{others.gr_name}.*you are not in"):
        close(folder / "home", others.gr_name)

    assert not (folder / "home").exists()


def test_a_private_workspace_becomes_a_groups_by_the_commands_that_the_refusal_names(folder: Path):
    home = folder / "a home"
    close(home, None)
    (home / "supervisor").mkdir(mode=0o700)
    fill(home)

    with pytest.raises(ServiceError, match="for its owner alone") as refused:
        close(home, MINE)
    assert mode(home) == 0o700

    for line in str(refused.value).splitlines()[1:]:
        subprocess.run(shlex.split(line), check=True)
    close(home, None)  # once without the setting: it is closed, and opened again by the next
    assert mode(home) == 0o700
    close(home, MINE)
    assert (mode(home), mode(home / "a" / "b" / "file")) == (0o2770, 0o660)


def test_a_folder_that_all_users_share_is_no_workspace(folder: Path):
    folder.chmod(0o1777)

    with pytest.raises(ServiceError, match="shared by all users"):
        close(folder, None)

    assert mode(folder) == 0o1777


def test_a_cache_that_others_could_write_is_closed_to_them(folder: Path):
    cache = folder / "cache"
    cache.mkdir(mode=0o777)

    close_cache(cache)
    fill(cache)

    assert wider_than(0o700, cache) == {}


@needs_root
@pytest.mark.parametrize(
    ("call", "open_to", "said"),
    [("close", 0o755, "another user's"), ("close_cache", 0o777, "written by others"), ("close_cache", 0o755, "")],
)
def test_a_folder_of_another_user_is_not_trusted(folder: Path, call: str, open_to: int, said: str):
    theirs = folder / "theirs"
    theirs.mkdir(mode=open_to)

    answer = as_nobody(CLOSE, call, theirs, imports=IMPORTS)

    assert said in answer if said else answer == ""
    assert mode(theirs) == open_to


def test_the_command_writes_a_project_as_its_user_does_and_all_else_privately(tmp_path: Path):
    command = "from lakehouse import cli; cli.main()"
    fails = "from lakehouse import cli; cli.load_groups = lambda: 1 / 0; cli.main()"
    environment = {**os.environ, "LAKEHOUSE_HOME": str(tmp_path / "home")}

    def run(code: str, umask: int, *arguments: str) -> int:
        words = [sys.executable, "-c", code, *arguments]
        return subprocess.run(words, cwd=tmp_path, env=environment, umask=umask, check=False).returncode

    assert run(command, 0o027, "init", "shop") == 0
    assert run(fails, 0) == 1
    assert {mode(file) for file in (tmp_path / "shop").glob("*.toml")} == {0o640}
    assert mode(tmp_path / "shop" / "assets") == 0o750
    assert "logs/command.log" in dict(entries(tmp_path / "home"))
    assert wider_than(0o700, tmp_path / "home") == {}
