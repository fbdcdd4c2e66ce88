"""What is shown to users imports the public face alone: the pages, and what the scaffold writes."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import lakehouse

ROOT = Path(__file__).parents[1]
LAKEHOUSE = Path(sys.executable).with_name("lakehouse")
PAGES = [
    path for path in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")) if path.exists()
]
BLOCK = re.compile(r"^```python\n(.*?)^```", re.M | re.S)
INSIDE = re.compile(r"^\s*(?:from|import) lakehouse\.[\w.]+.*$", re.M)
PUBLIC = re.compile(r"^\s*from lakehouse import (\([^)]*\)|.*)$", re.M)


def names_from_the_face(code: str) -> set[str]:
    """The names that some code imports from `lakehouse` itself."""
    return {name for names in PUBLIC.findall(code) for name in re.findall(r"\w+", names)}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_imports_the_public_face_alone(page: Path):
    code = "\n".join(BLOCK.findall(page.read_text()))

    assert INSIDE.findall(code) == []
    assert names_from_the_face(code) <= set(lakehouse.__all__)


@pytest.mark.parametrize(
    ("sample", "text"),
    [
        ("visits.csv", "visit_id,seen_at,weight_kg\n1,2026-01-01T10:00:00Z,70.5\n2,2026-01-02T10:00:00Z,81.5\n"),
        ("visits.jsonl", '{"visit_id": 1, "weight_kg": 70.5}\n{"visit_id": 2, "weight_kg": 81.5}\n'),
        (None, ""),
    ],
    ids=["csv", "json", "columns"],
)
def test_what_the_scaffold_writes_imports_the_public_face_alone(tmp_path: Path, sample: str | None, text: str):
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets/__init__.py").write_text('"""Tables."""\n')
    given = ["--columns", "visit_id bigint not null, weight_kg double"]
    if sample:
        (tmp_path / sample).write_text(text)
        given = ["--like", str(tmp_path / sample)]
    settings = {"LAKEHOUSE_PROJECT": str(tmp_path), "LAKEHOUSE_HOME": str(tmp_path / "home")}

    written = subprocess.run(
        [LAKEHOUSE, "new", "table", "silver.visits", "--key", "visit_id", *given],
        env={**os.environ, **settings},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()

    code = "\n".join((tmp_path / name).read_text() for name in written if name.endswith(".py"))
    assert INSIDE.findall(code) == []
    assert {"Column", "Merge", "Table", "table_asset"} <= names_from_the_face(code) <= set(lakehouse.__all__)


def test_a_project_of_ones_own_imports_the_public_face_alone(tmp_path: Path):
    subprocess.run([LAKEHOUSE, "init", "shop", "--sample"], cwd=tmp_path, capture_output=True, check=True)

    files = sorted((tmp_path / "shop").rglob("*.py"))
    code = "\n".join(path.read_text() for path in files)
    assert {path.name for path in files} >= {"definitions.py", "orders.py", "test_orders.py"}
    assert INSIDE.findall(code) == []
    assert {"Lines", "Merge", "project_definitions"} <= names_from_the_face(code) <= set(lakehouse.__all__)
