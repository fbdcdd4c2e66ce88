"""The check that the changelog is kept: in a repository of its own, in a shallow clone, and without a history."""

import shutil
import subprocess
from pathlib import Path

import pytest

CHECK = Path(__file__).parents[2] / "infra/check_changelog.sh"
WHO = ("-c", "user.name=a", "-c", "user.email=a@example.org")


class Repository:
    """A repository with a changelog and the check."""

    def __init__(self, root: Path) -> None:
        self.root = root
        (root / "infra").mkdir(parents=True)
        shutil.copy(CHECK, root / "infra")
        self.git("init", "-q")
        self.commit("feat: a beginning", "CHANGELOG.md")

    def git(self, *arguments: str) -> None:
        subprocess.run(["git", *WHO, *arguments], cwd=self.root, check=True, capture_output=True)

    def change(self, name: str) -> None:
        with (self.root / name).open("a") as file:
            file.write("a line\n")

    def commit(self, subject: str, *names: str) -> None:
        for name in names:
            self.change(name)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", subject)

    def check(self, root: Path | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [(root or self.root) / "infra/check_changelog.sh"], capture_output=True, text=True, check=False
        )


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Repository:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path.parent))
    return Repository(tmp_path / "origin")


def test_an_entry_in_the_same_commit_is_enough(repository: Repository):
    repository.commit("feat: one", "a.py", "CHANGELOG.md")

    assert repository.check().returncode == 0


@pytest.mark.parametrize("subject", ["feat: one", "fix: one", "feat(door)!: one"])
def test_a_feature_or_a_fix_without_an_entry_fails_and_is_named(repository: Repository, subject: str):
    repository.commit(subject, "a.py")
    repository.commit("docs: another thing", "b.py")

    done = repository.check()

    assert done.returncode == 1
    assert subject in done.stderr
    assert "under Unreleased" in done.stderr


def test_an_entry_in_a_later_commit_or_not_committed_yet_is_enough(repository: Repository):
    repository.commit("fix: one", "a.py")

    repository.change("CHANGELOG.md")
    uncommitted = repository.check()
    repository.commit("docs: what one means", "CHANGELOG.md")

    assert (uncommitted.returncode, repository.check().returncode) == (0, 0)


def test_other_commits_need_no_entry(repository: Repository):
    for subject in ("refactor: fix: in words alone", "test: one", "docs: feat"):
        repository.commit(subject, "a.py")

    assert repository.check().returncode == 0


def test_a_shallow_clone_is_checked_as_far_as_it_reaches(repository: Repository, tmp_path: Path):
    repository.commit("feat: one", "a.py")
    repository.commit("fix: two", "a.py")

    def cloned(depth: int) -> subprocess.CompletedProcess[str]:
        target = tmp_path / f"depth-{depth}"
        repository.git("clone", "-q", "--depth", str(depth), f"file://{repository.root}", str(target))
        return repository.check(target)

    assert cloned(1).returncode == 0
    deeper = cloned(2)
    assert deeper.returncode == 1
    assert "fix: two" in deeper.stderr
    assert "feat: one" not in deeper.stderr


def test_without_a_history_nothing_is_checked(repository: Repository):
    shutil.rmtree(repository.root / ".git")

    done = repository.check()

    assert done.returncode == 0
    assert "not checked" in done.stderr
