"""What all tests share; workspace, engine and session are those of the library's own pytest plugin."""

import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lakehouse.services import down, up
from lakehouse.services.servers.trino import installed
from lakehouse.settings import load
from lakehouse.workspace import Workspace

TESTS = Path(__file__).parent
ROOT = TESTS.parent
# A small project of the tests' own: the library's tests need no file of the reference project.
PROJECT = TESTS / "library" / "project"
# The jars' digests are known: verifying their classes at each start would be a tenth of what a demo's engine computes.
_UNVERIFIED = "-XX:+UnlockDiagnosticVMOptions -XX:-BytecodeVerificationRemote"
# For servers that a few tests use: half of what they compute in their minute would be the optimizing compiler's work.
SHORT_LIVED = {"JDK_JAVA_OPTIONS": f"{_UNVERIFIED} -XX:TieredStopAtLevel=1"}

FETCH = """
from lakehouse.services.roster import runtime
from lakehouse.services.servers.trino import install
from lakehouse.settings import load

for name in ("metastore", "spark"):
    runtime(load(), name)
install(load())
"""


@contextmanager
def own_servers(workspace: Workspace, **environment: str) -> Iterator[Workspace]:
    """The servers of a workspace that a few tests have for themselves; variables of the environment they start in."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in (SHORT_LIVED | environment).items():
                patch.setenv(name, value)
            up(workspace)
        yield workspace
    finally:
        down(workspace)


@pytest.hookimpl(wrapper=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> Iterator[None]:
    """Mark the tests of `tests/library/services` by their path; put the longest files first.

    Those are the ones with a limit of time of their own, then the ones with the most tests: a worker that takes a long
    file last is waited for. What asks for Trino comes after a quarter of the other files, while which a new machine
    fetches it.
    """
    for item in items:
        if (TESTS / "library" / "services") in item.path.parents:
            item.add_marker("services")
    yield
    number = Counter(together(item.nodeid) for item in items)
    limits = {together(item.nodeid): limit.args[0] for item in items if (limit := item.get_closest_marker("timeout"))}
    longest = sorted(number, key=lambda file: (limits.get(file, 0), number[file]), reverse=True)
    with_trino = {together(item.nodeid) for item in items if asks_for_trino(item)} - limits.keys()
    others = [file for file in longest if file not in with_trino]
    quarter = len(others) // 4
    order = [*others[:quarter], *(file for file in longest if file in with_trino), *others[quarter:]]
    items.sort(key=lambda item: order.index(together(item.nodeid)))


def asks_for_trino(item: pytest.Item) -> bool:
    """Whether a test uses the SQL layer."""
    return "sql_layer" in getattr(item, "fixturenames", ())


def pytest_collection_finish(session: pytest.Session) -> None:
    """On a new machine fetch jars, and then Trino (821 MB), beside the first tests, which need no server.

    Who asks for Trino would wait two minutes; and the engine's jars would come slowly beside it.
    """
    is_first = getattr(session.config, "workerinput", {"workerid": "gw0"})["workerid"] == "gw0"
    if (
        is_first
        and any(map(asks_for_trino, session.items))
        and not session.config.option.collectonly
        and not installed(load()).is_dir()
    ):
        subprocess.Popen([sys.executable, "-c", FETCH])


def together(test: str) -> str:
    """What a worker takes as a whole, in its order: a file; of the chain all files, which share one demo."""
    file = test.partition("::")[0]
    return "tests/chain" if file.startswith("tests/chain/") else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """A worker of pytest-xdist gets the tests that belong together: they share what their fixtures made."""
    from xdist.scheduler import LoadFileScheduling

    config.option.loadscopereorder = False  # by the number of tests alone

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return together(nodeid)

    return Together(config, log)


@pytest.fixture(scope="session")
def clean_environment(clean_environment: Path) -> Iterator[Path]:
    """The plugin's, with the small project as the project of the run, and servers that start with less work."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LAKEHOUSE_PROJECT", str(PROJECT))
        patch.setenv("JDK_JAVA_OPTIONS", _UNVERIFIED)
        # With its 2 GB an engine of thousands of tables collects its whole heap 70 times in a run.
        patch.setenv("LAKEHOUSE_SPARK__MEMORY", "3g")
        yield clean_environment
