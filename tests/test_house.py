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


def _locals(tree: ast.AST) -> set[str]:
    """The parameters, variables and loop variables of all functions and comprehensions; a class's fields are none."""
    scopes = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda
    scopes |= ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp
    within = {inner for scope in ast.walk(tree) if isinstance(scope, scopes) for inner in ast.walk(scope)}
    stored = {node.id for node in within if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    return stored | {node.arg for node in within if isinstance(node, ast.arg)}


def test_locals_are_known_by_their_kinds():
    tree = ast.parse(
        "class A:\n    field: int\ndef f(a, *b, c=0, **d):\n    e = [g for g in a]\n    return lambda h: (i := h)\n"
    )

    assert _locals(tree) == set("abcdeghi")


def test_a_local_says_what_it_holds():
    empty = {"found", "wanted"}

    assert {path.name for path in CODE if _locals(ast.parse(path.read_text())) & empty} == set()


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
