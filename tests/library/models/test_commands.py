"""`models list` and `models rollback`, on a model of two versions that is registered once."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from lakehouse.cli import load_groups
from lakehouse.errors import LakehouseError
from lakehouse.models.registry import log_and_register, rollback
from lakehouse.models.store import _names_from_server, model_names, open_store, versions
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace
from tests.library.models.cases import origin, people, train


@pytest.fixture(scope="module")
def registered(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A workspace whose model has two champions and a third version that the gate refused."""
    from lakehouse.models.store import store_file

    workspace = Workspace(Settings(home=tmp_path_factory.mktemp("models")))
    store_file(workspace).parent.mkdir(parents=True)
    shutil.copy(empty_store, store_file(workspace))
    good, bad = train(people()), train(people(), strength=-1.0)
    for version, trained in enumerate((good, good, bad)):
        log_and_register(workspace, "people", trained, origin(version=version))
    return workspace


@pytest.fixture(autouse=True)
def home(registered: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    """The command works on this workspace; each test begins with version 2 as champion."""
    monkeypatch.setenv("LAKEHOUSE_HOME", str(registered.home))
    client = open_store(registered)
    client.set_registered_model_alias("people", "champion", "2")
    client.set_registered_model_alias("people", "previous", "1")


def command(*arguments: str) -> str:
    answer = CliRunner().invoke(load_groups(), ["models", *arguments], catch_exceptions=False)
    assert answer.exit_code == 0
    return answer.stdout


def aliases(workspace: Workspace) -> dict[int, tuple[str, ...]]:
    return {version.version: version.aliases for version in versions(workspace, "people")}


def test_the_versions_say_what_they_are(registered: Workspace) -> None:
    lines = [line.split("  ") for line in command("list").splitlines()[2:]]
    words = [[word.strip() for word in line if word.strip()] for line in lines]
    program = json.loads(command("list", "people", "--json"))

    assert [line[:-1] for line in words] == [
        ["people", "1", "previous", "gold.people@0", "first champion"],
        ["people", "2", "champion", "gold.people@1", "champion"],
        ["people", "3", "gold.people@2", "refused"],
    ]
    assert all("auc 0." in line[-1] for line in words)
    assert [version["trained_on"] for version in program] == [{"gold.people": number} for number in range(3)]
    assert program[2]["gate"].startswith("refused: auc 0.")
    assert program[2]["metrics"]["auc"] < program[2]["metrics"]["champion_auc"]
    assert model_names(registered) == list(_names_from_server(open_store(registered))) == ["people"]


def test_a_rollback_says_what_was_and_the_call_that_takes_it_back_does(registered: Workspace) -> None:
    told = command("rollback", "people")

    assert told == (
        "people: version 1 is champion now, it was version 2. "
        "`lakehouse models rollback people --to 2` takes it back.\n"
    )
    assert aliases(registered) == {1: ("champion",), 2: ("previous",), 3: ()}
    back = told.partition("`lakehouse models ")[2].partition("`")[0].split()
    assert json.loads(command(*back, "--json")) == {"model": "people", "was": 1, "champion": 2}
    assert aliases(registered) == {1: ("previous",), 2: ("champion",), 3: ()}


def test_the_champion_itself_is_left_alone(registered: Workspace) -> None:
    assert command("rollback", "people", "--to", "2") == "people: version 2 is champion already, nothing was moved.\n"
    assert aliases(registered) == {1: ("previous",), 2: ("champion",), 3: ()}


@pytest.mark.parametrize(
    ("name", "to", "message"),
    [
        ("peple", None, r"peple is no registered model with a version \(did you mean `people`\?\)"),
        ("people", 7, "people has no version 7; versions and aliases are as they were. It has 1, 2, 3."),
    ],
)
def test_a_way_back_that_is_none_moves_nothing(registered: Workspace, name: str, to: int | None, message: str) -> None:
    with pytest.raises(LakehouseError, match=message):
        rollback(registered, name, to)

    assert aliases(registered) == {1: ("previous",), 2: ("champion",), 3: ()}


def test_a_version_that_the_gate_has_not_judged_cannot_be_champion(registered: Workspace) -> None:
    client, gate = open_store(registered), versions(registered, "people")[0].tags["gate"]
    client.delete_model_version_tag("people", "1", "gate")
    try:
        with pytest.raises(LakehouseError, match="Version 1 of people was cut off before the gate had judged it"):
            rollback(registered, "people", 1)
    finally:
        client.set_model_version_tag("people", "1", "gate", gate)
