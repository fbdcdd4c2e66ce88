"""What a page says of the repository is so: the paths that it names, its tables, the layers in its picture."""

import re
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
PAGES = [page for page in PAGES if page.parent.name != "reference"]
FENCE = re.compile(r"^ *```.*?^ *```", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_rows_of_a_table_have_as_many_cells_as_its_head(page: Path):
    tables = re.findall(r"(?:^\|.*\n)+", FENCE.sub("", page.read_text()), re.MULTILINE)

    uneven = [
        row
        for table in tables
        for row in table.splitlines()
        if len(re.split(r"(?<!\\)\|", row)) != len(re.split(r"(?<!\\)\|", table.splitlines()[0]))
    ]

    assert uneven == []


# Files of the examples, which the commands on the page make in the reader's own project.
EXAMPLES = re.compile(r"visits|orders|refunds|order_scores")
# Folders of this repository: a path in a page that begins with one of them names a file of it.
ROOMS = {path.name for path in ROOT.iterdir() if path.is_dir()} - {".git", ".venv", ".lakehouse", "site", "landing"}
SPAN = re.compile(r"`([^`\n]+)`")


def spans(page: Path) -> list[str]:
    """What a page sets as code inside its sentences."""
    return SPAN.findall(FENCE.sub("", page.read_text()))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_a_page_names_exists(page: Path):
    links = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text())
    # The site's build checks links into the reference, whose pages it makes.
    missing = [link for link in links if "reference/" not in link and not (page.parent / link).exists()]

    paths = [span for span in spans(page) if re.fullmatch(r"[\w./-]+/[\w./-]*", span) and span.split("/")[0] in ROOMS]
    missing += [path for path in paths if not EXAMPLES.search(path) and not (ROOT / path).exists()]

    assert missing == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_name_of_the_library_that_a_page_writes_with_dots_exists(page: Path):
    dotted = [span for span in spans(page) if re.fullmatch(r"lakehouse(\.\w+)+", span)]

    assert [name for name in dotted if not exists(name)] == []


def exists(name: str) -> bool:
    """Whether a dotted name is a module of the library or something in one."""
    try:
        import_module(name)
    except ImportError:
        home, _, attribute = name.rpartition(".")
        try:
            return hasattr(import_module(home), attribute)
        except ImportError:
            return False
    return True


def test_the_layers_of_the_picture_are_those_of_the_contract():
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(contract["layers"] for contract in contracts if contract.get("exhaustive"))

    picture = (ROOT / "docs/architecture.md").read_text().split("## The rooms")[1].split("```")[1]
    drawn = [re.split(r" {2,}", line)[0] for line in picture.splitlines()[1:]]

    assert drawn == layers, "docs/architecture.md draws other layers than pyproject.toml has: change the picture"


def test_the_index_of_the_decisions_names_each_of_them():
    index = (ROOT / "docs/adr/README.md").read_text()

    assert [path.name for path in (ROOT / "docs/adr").glob("0*.md") if f"({path.name})" not in index] == []
