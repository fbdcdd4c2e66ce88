"""The documentation site: it builds without a warning, needs nothing from outside, and leaves no public name out."""

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import lakehouse

ROOT = Path(__file__).parents[2]
FETCHES = re.compile(r"""<(?:script|img|iframe)[^>]*\ssrc=["'](?:https?:)?//|<link[^>]*\shref=["'](?:https?:)?//""")


def build(source: Path, target: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", "-b", "html", "-c", ROOT / "docs"]
    return subprocess.run([*command, source, target], capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")

    done = build(ROOT / "docs", target)

    assert done.returncode == 0, done.stderr
    return target


@pytest.fixture(scope="module")
def reference_pages() -> ModuleType:
    spec = importlib.util.spec_from_file_location("reference_pages", ROOT / "docs/reference_pages.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
def test_no_page_fetches_anything_from_outside(site: Path):
    pages = {str(page.relative_to(site)): FETCHES.findall(page.read_text()) for page in site.rglob("*.html")}
    styles = [
        style.name for style in site.rglob("*.css") if re.search(r"url\(\s*['\"]?(https?:)?//", style.read_text())
    ]

    assert {page: fetched for page, fetched in pages.items() if fetched} == {}
    assert styles == []


def test_every_public_name_is_in_the_reference(site: Path):
    page = (site / "reference/python.html").read_text()

    assert [name for name in lakehouse.__all__ if f'id="lakehouse.{name}"' not in page] == []


def test_every_command_is_in_the_reference(site: Path):
    import typer

    from lakehouse.cli import load_groups

    page = re.sub(r"<[^>]+>", "", (site / "reference/commands.html").read_text())

    def paths(command, path: tuple[str, ...]) -> list[str]:
        children = getattr(command, "commands", {})
        return [" ".join(path), *(line for name, child in children.items() for line in paths(child, (*path, name)))]

    commands = paths(typer.main.get_command(load_groups()), ("lakehouse",))

    assert len(commands) > 20
    assert [command for command in commands if f"$ {command}" not in page] == []


def test_tables_of_the_benchmarks_are_tables(site: Path):
    page = (site / "benchmarks.html").read_text()

    rows = (ROOT / "docs/benchmarks.md").read_text().count("\n| ")
    heads = (ROOT / "docs/benchmarks.md").read_text().count("\n|---")

    assert page.count("<tr") == rows
    assert page.count("<table") == heads


@pytest.mark.slow
def test_a_link_and_an_anchor_that_lead_nowhere_fail(tmp_path: Path):
    source = tmp_path / "source"
    source.mkdir()
    menu = "```{toctree}\n:glob:\n\nreference/*\n```"
    (source / "index.md").write_text(f"# A page\n\n[a page](nowhere.md), [a heading](#no-such-heading)\n\n{menu}\n")

    done = build(source, tmp_path / "site")

    assert done.returncode != 0
    assert "nowhere.md" in done.stderr
    assert "no-such-heading" in done.stderr


def test_a_public_name_without_a_docstring_fails(reference_pages: ModuleType):
    from dataclasses import dataclass

    @dataclass(frozen=True)
    class Silent:
        size: int

    class Half:
        """Something."""

        def turn(self) -> None: ...

    module = ModuleType("somewhere")
    module.__all__ = ["Half", "Silent"]
    module.Half, module.Silent = Half, Silent

    assert reference_pages.undocumented(module) == ["Half.turn", "Silent"]
    with pytest.raises(ValueError, match=r"Half\.turn, Silent"):
        reference_pages.python_page(module)
