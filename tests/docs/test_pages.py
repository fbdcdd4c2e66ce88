"""What a page says of the repository is so: the paths that it names, its tables, the layers in its picture."""

import re
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
