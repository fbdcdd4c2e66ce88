"""Rules of the house that no linter knows."""

import ast
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
LIBRARY = sorted((ROOT / "lakehouse").rglob("*.py"))
CODE = [*LIBRARY, *sorted((ROOT / "assets").rglob("*.py")), *sorted((ROOT / "orchestration").rglob("*.py"))]
READS_ENVIRONMENT = {ROOT / "lakehouse/settings.py", ROOT / "lakehouse/services/supervise/launch.py"}


def test_the_library_names_no_table_of_the_project():
    words = re.compile(r"bracelet|wearer|patients|heart\b|silver\.readings|bronze\.readings")

    named = {str(path.relative_to(ROOT)): words.findall(path.read_text()) for path in LIBRARY}

    assert {name: names for name, names in named.items() if names} == {}


@pytest.mark.parametrize("path", CODE, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_module_is_small_and_reads_no_environment(path: Path):
    text = path.read_text()
    tree = ast.parse(text)
    long = [
        node.name
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno > 60
    ]

    assert text.count("\n") <= 400
    assert long == []
    assert path in READS_ENVIRONMENT or ("os.environ" not in text and "getenv" not in text)


def test_nothing_of_spark_that_connect_lacks_is_used():
    words = re.compile(r"\b_jvm\b|\b_jsc\b|sparkContext|\bDeltaTable\.for|\.rdd\b")

    assert {path.name for path in CODE if words.search(path.read_text())} == set()


def test_no_registry_is_named_in_the_repository():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split()
    hosts = re.compile(r"pypi\.org|pythonhosted|repo1\.maven|maven\.org|registry\.npmjs|crates\.io|proxy\.golang")

    naming = [
        name
        for name in tracked
        if (ROOT / name).suffix not in {".png", ".ico"} and name != "tests/test_house.py"
        if hosts.search((ROOT / name).read_text(errors="ignore"))
    ]

    assert naming == []
