"""`lakehouse init` and `lakehouse upgrade`, without a server."""

import subprocess
import sys
from pathlib import Path

import pytest

from lakehouse.errors import LakehouseError
from lakehouse.scaffold.project import new_project as making
from lakehouse.scaffold.project.new_project import new_project
from lakehouse.scaffold.project.record import FILE, read_record
from lakehouse.scaffold.project.templates import KEPT, Library, render
from lakehouse.scaffold.project.upgrade import plan_upgrade, upgrade_project

ROOT = Path(__file__).parents[3]
PROGRAMS = Path(sys.executable).parent
NEXT = Library("0.2.0", ">=3.11,<3.14")


@pytest.fixture(params=[False, True], ids=["bare", "sample"])
def project(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    return new_project(tmp_path, "shop", has_sample=request.param)


@pytest.mark.parametrize("program", ["ruff format --check", "ruff check", "sqlfluff lint dbt_project/models"])
def test_the_files_are_formatted_and_clean(project: Path, program: str):
    name, *arguments = program.split()
    target = [] if name == "sqlfluff" else ["."]

    done = subprocess.run(
        [PROGRAMS / name, *arguments, *target], cwd=project, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr


def test_scripts_can_be_run_and_are_shell(project: Path):
    for script in (project / ".ci" / "run", project / ".ci" / "setup"):
        assert script.stat().st_mode & 0o111
        subprocess.run(["sh", "-n", script], check=True)


def test_make_lists_its_targets(project: Path):
    listed = subprocess.run(["make"], cwd=project, capture_output=True, text=True, check=True).stdout

    assert {"setup", "test", "check", "up", "down", "dbt", "lock"} <= set(listed.split())


def test_code_imports_the_public_face_alone(project: Path):
    lines = [line for path in project.rglob("*.py") for line in path.read_text().splitlines()]

    assert [line for line in lines if "import" in line and "lakehouse." in line] == []


def test_the_reference_project_has_the_macros_of_a_new_one():
    kept = render(KEPT, "shop", NEXT)
    macros = {name: text for name, text in kept.items() if name.startswith("dbt_project/macros/")}

    assert macros == {
        f"dbt_project/macros/{path.name}": path.read_text() for path in ROOT.glob("dbt_project/macros/*.sql")
    }


def test_where_the_library_came_from_is_this_machines_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(making, "installed_from", lambda: "/my wheels/$1#/lakehouse.whl")
    project = new_project(tmp_path, "shop")
    ask = "include local.mk\nshow:\n\t@echo '$(LAKEHOUSE_WHEEL)'\n"

    shown = subprocess.run(
        ["make", "--no-print-directory", "-f", "-"], cwd=project, input=ask, capture_output=True, text=True, check=True
    )

    assert shown.stdout == "/my wheels/$1#/lakehouse.whl\n"
    assert "local.mk" in (project / ".gitignore").read_text().splitlines()
    assert not any(
        "/my wheels" in path.read_text() for path in project.rglob("*") if path.is_file() and path.name != "local.mk"
    )


def test_setup_names_the_wheel_that_is_not_there(tmp_path: Path):
    project = new_project(tmp_path, "shop")
    command = ["make", "-B", "setup", f"VENV={PROGRAMS.parent}", "LAKEHOUSE_WHEEL=/nowhere.whl"]

    done = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)

    assert done.returncode != 0
    assert "names /nowhere.whl, which is not there" in done.stderr


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("My Shop", "my_shop"),
        ("my-shop", "my_shop"),
        ("2fast", "my_2fast"),
        ("class", "my_class"),
        ("json", "my_json"),
        ("lakehouse", "my_lakehouse"),
        ("../shop", "shop"),
        ("shop_", "shop"),
        ("", "my"),
    ],
)
def test_a_name_that_cannot_be_a_package_is_refused_with_one_that_can(tmp_path: Path, name: str, near: str):
    with pytest.raises(LakehouseError, match=f"for example `{near}`"):
        new_project(tmp_path, name)

    assert list(tmp_path.iterdir()) == []
    assert new_project(tmp_path, near).name == near


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path):
    (tmp_path / "shop").mkdir()
    (tmp_path / "shop" / "mine").write_text("mine")

    with pytest.raises(LakehouseError, match="is there already and not empty"):
        new_project(tmp_path, "shop")

    assert [path.name for path in (tmp_path / "shop").iterdir()] == ["mine"]


def test_an_empty_folder_is_used(tmp_path: Path):
    (tmp_path / "shop").mkdir()

    assert (new_project(tmp_path, "shop") / "Makefile").exists()


def test_an_upgrade_to_the_same_release_writes_nothing(project: Path):
    planned = plan_upgrade(project)

    assert (planned.written, planned.edited, planned.removed, planned.dropped) == ({}, {}, (), ())


def test_an_upgrade_rewrites_what_was_not_edited_and_says_what_it_left(project: Path):
    setup, makefile = project / ".ci" / "setup", project / "Makefile"
    before = setup.read_text()
    makefile.write_text("mine\n")
    (project / ".sqlfluff").unlink()

    planned = plan_upgrade(project, NEXT)
    upgrade_project(project, planned)

    assert list(planned.written) == [".ci/setup"]
    assert list(planned.edited) == ["Makefile"]
    assert planned.removed == (".sqlfluff",)
    assert (before != setup.read_text(), "python3.13" in setup.read_text()) == (True, True)
    assert setup.stat().st_mode & 0o111
    assert makefile.read_text() == "mine\n"
    assert not (project / ".sqlfluff").exists()
    assert "-mine\n" in planned.differences(project)
    assert plan_upgrade(project, NEXT).written == {}
    assert list(plan_upgrade(project, NEXT).edited) == ["Makefile"]
    assert read_record(project).library == "0.2.0"


def test_what_a_release_makes_anew_is_added_unless_something_is_there(project: Path):
    record = (project / FILE).read_text()
    (project / FILE).write_text(record.replace('"Makefile"', '"Gone"').replace('".sqlfluff"', '".gone"'))
    (project / "Makefile").write_text("mine, before the library made one\n")
    (project / ".sqlfluff").unlink()

    planned = plan_upgrade(project)

    assert list(planned.written) == [".sqlfluff"]
    assert list(planned.edited) == ["Makefile"]
    assert planned.dropped == (".gone", "Gone")


def test_a_folder_that_init_did_not_make_is_not_upgraded(tmp_path: Path):
    with pytest.raises(LakehouseError, match="was not made by `lakehouse init`"):
        plan_upgrade(tmp_path)


def test_the_commands_say_what_they_did(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    def lakehouse(*arguments: str, where: Path) -> "subprocess.CompletedProcess[str]":
        monkeypatch.setenv("LAKEHOUSE_PROJECT", str(where))
        command = [PROGRAMS / "lakehouse", *arguments]
        return subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)

    made = lakehouse("init", "shop", "--sample", where=tmp_path)
    (tmp_path / "shop" / "Makefile").write_text("mine\n")
    upgraded = lakehouse("upgrade", where=tmp_path / "shop")
    again = lakehouse("init", "shop", where=tmp_path)

    assert (made.returncode, "cd shop && make test" in made.stdout) == (0, True)
    assert (upgraded.returncode, "left alone   Makefile" in upgraded.stdout) == (0, True)
    assert (again.returncode, "not empty" in again.stderr) == (1, True)
    assert "Traceback" not in again.stderr
