"""What a transform is made of: no change of it goes unnoticed, and nothing else counts."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.runs.code_version import code_of
from lakehouse.sources.files import Lines
from tests.conftest import ROOT
from tests.library.examples import thorough
from tests.library.runs.projects import TOP, code, imported, write
from tests.library.runs.shapes import IMPORTS, LATE, MAKES, PLACES, Link, edited, project

ASSET = f"{TOP}.asset"
FILE = f"{TOP}/asset.py"


@st.composite
def chains(draw: st.DrawFn) -> list[Link]:
    """An asset, and up to three modules that it is made of, one after the other."""
    places = [ASSET, *draw(st.lists(st.sampled_from(PLACES), max_size=3, unique=True))]
    links = []
    for place in places:
        is_late = draw(st.booleans())
        imports = draw(st.sampled_from(LATE if is_late else list(IMPORTS)))
        links.append(Link(place, draw(st.sampled_from(list(MAKES))), draw(st.integers(1, 99)), imports, is_late))
    return links


def _is_noticed(folder: Path, links: list[Link], position: int) -> None:
    before, again = code(folder, project(links)), code(folder, project(links))
    after = code(folder, project(edited(links, position)))
    with imported(folder, project(links)) as module:
        number = module.asset()
    with imported(folder, project(edited(links, position))) as module:
        assert module.asset() != number, "the edit changes nothing"

    assert before.not_followed == ()
    assert again == before
    assert after.digest != before.digest


@pytest.mark.parametrize("make", MAKES)
def test_a_change_is_noticed_whatever_the_function_is(tmp_path: Path, make: str):
    _is_noticed(tmp_path, [Link(ASSET, make, 3, "absolute", is_late=False)], 0)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize(
    ("imports", "is_late"), [*((name, False) for name in IMPORTS), *((name, True) for name in LATE)]
)
def test_a_change_is_noticed_however_its_module_is_imported(tmp_path: Path, place: str, imports: str, is_late: bool):
    links = [Link(ASSET, "function", 3, "absolute", is_late=False), Link(place, "function", 4, imports, is_late)]

    _is_noticed(tmp_path, links, 1)


@thorough(60, 250)
@given(links=chains(), data=st.data())
def test_no_change_goes_unnoticed_and_no_comment_counts(tmp_path: Path, links: list[Link], data: st.DataObject):
    position = data.draw(st.integers(0, len(links) - 1))

    _is_noticed(tmp_path, links, position)
    assert code(tmp_path, project(links, comment="another remark")) == code(tmp_path, project(links))


@thorough(20, 80)
@given(links=chains(), number=st.integers(1, 99))
def test_a_module_that_is_imported_and_not_used_does_not_count(tmp_path: Path, links: list[Link], number: int):
    def with_unused(number: int) -> dict[str, str]:
        files = project(links)
        unused = {f"{TOP}/unused.py": f"LIMIT = {number}\ndef h():\n    return LIMIT\n"}
        return {**files, **unused, FILE: f"from {TOP}.unused import h\nimport {TOP}.unused\n{files[FILE]}"}

    assert code(tmp_path, with_unused(number)) == code(tmp_path, with_unused(number + 1))


def test_another_function_of_the_same_module_does_not_count(tmp_path: Path):
    text = "def asset():\n    return 1\ndef other():\n    return "

    assert code(tmp_path, {FILE: text + "1\n"}) == code(tmp_path, {FILE: text + "2\n"})


def test_a_constant_of_another_type_is_another_constant(tmp_path: Path):
    texts = ["1", "1.0", "True", "'1'", "b'1'", "(1,)", "[1]", "{1}", "{1: 1}", "-0.0", "0.0", "None"]

    codes = [code(tmp_path, {FILE: f"LIMIT = {text}\ndef asset():\n    return LIMIT\n"}).digest for text in texts]

    assert len(set(codes)) == len(texts)


def test_a_path_in_the_project_is_not_one_at_the_top_of_the_disk(tmp_path: Path):
    inside = "from pathlib import Path\nFILE = Path(__file__).parent.parent / 'a'\ndef asset():\n    return FILE\n"
    outside = "from pathlib import Path\nFILE = Path('/a')\ndef asset():\n    return FILE\n"

    assert code(tmp_path, {FILE: inside}) != code(tmp_path, {FILE: outside})
    assert code(tmp_path, {FILE: inside}) == code(tmp_path, {FILE: inside})


def test_two_closed_over_values_that_change_places_are_noticed(tmp_path: Path):
    text = "def make(n):\n    return lambda: n\na, b = make({}), make({})\ndef asset():\n    return a() - b()\n"

    assert code(tmp_path, {FILE: text.format(1, 2)}) != code(tmp_path, {FILE: text.format(2, 1)})


def test_an_imported_function_of_an_installed_package_counts_by_its_name(tmp_path: Path):
    text = "from textwrap import {} as used\ndef asset():\n    return used('a')\n"

    first, second = code(tmp_path, {FILE: text.format("dedent")}), code(tmp_path, {FILE: text.format("shorten")})

    assert first != second
    assert first.not_followed == second.not_followed == ()


def test_a_function_in_a_wrapper_of_an_installed_package_is_followed(tmp_path: Path):
    text = "from tenacity import retry\n@retry\ndef asset():\n    return {}\n"

    first, second = (code(tmp_path, {FILE: text.format(number)}) for number in (1, 2))

    assert first != second
    assert first.not_followed == second.not_followed == ()


def test_a_function_of_the_engine_is_followed(tmp_path: Path):
    text = (
        "from pyspark.sql import functions as F\nfrom pyspark.sql.types import IntegerType, StructField, StructType\n"
        "SCHEMA = StructType([StructField('a', IntegerType())])\n@F.udf(IntegerType())\ndef plus(value):\n"
        "    return value + {}\ndef asset():\n    return plus, SCHEMA, F.col('a')\n"
    )

    first, second, again = (code(tmp_path, {FILE: text.format(number)}) for number in (1, 2, 1))

    assert first != second
    assert first == again
    assert first.not_followed == second.not_followed == ()


def test_a_module_with_an_error_that_is_imported_late_is_no_raw_error(tmp_path: Path):
    files = {FILE: "def asset():\n    from . import broken\n    return broken\n", f"{TOP}/broken.py": "def (:\n"}

    assert code(tmp_path, files).not_followed == (f"{TOP}.broken, which cannot be read",)


def test_following_a_function_imports_nothing(tmp_path: Path):
    late = f"import os\nopen({str(tmp_path / 'was here')!r}, 'w').close()\ndef g():\n    return 1\n"
    files = {
        f"{TOP}/deep/__init__.py": late,
        f"{TOP}/deep/late.py": late,
        FILE: f"def asset():\n    from {TOP}.deep.late import g\n    from .deep import late\n    return g(), late\n",
    }

    with imported(tmp_path, files) as module:
        before = set(sys.modules)
        assert code_of(module.asset, {}).not_followed == ()
        assert {name for name in set(sys.modules) - before if name.startswith(TOP)} == set()
    assert not (tmp_path / "was here").exists()


def test_whether_a_late_module_was_imported_before_makes_no_difference(tmp_path: Path):
    files = {
        f"{TOP}/late.py": "def g():\n    return 1\n",
        FILE: "def asset():\n    from .late import g\n    return g()\n",
    }

    with imported(tmp_path, files) as module:
        before = code_of(module.asset, {})
        module.asset()
        assert code_of(module.asset, {}) == before


UNFOLLOWED = {
    "VALUE = (number for number in [1])\ndef asset():\n    return VALUE\n": "`VALUE` of {asset}: a builtins.generator",
    "import os\nVALUE = open(os.devnull)\nVALUE.close()\n"
    "def asset():\n    return [VALUE]\n": "`VALUE` of {asset}: a _io.",
    "def make(value):\n    return lambda: value\nasset = make(number for number in [1])\n": "`value` of {make}",
    "import importlib\ndef asset():\n    return importlib.import_module('a')\n": "`importlib.import_module` of {asset}",
    "from importlib import import_module\ndef asset():\n    return import_module('a')\n": "`import_module` of {asset}",
    "def asset():\n    return eval('1')\n": "`eval` of {asset}: it finds code by a text",
    "def asset():\n    return globals()['asset']\n": "`globals` of {asset}",
    "import sys\ndef asset():\n    return sys.modules['a']\n": "`sys.modules` of {asset}",
    "class A:\n    pass\nVALUE = A()\nVALUE.inner = (n for n in [1])\ndef asset():\n    return VALUE\n": "`VALUE` of",
}


@pytest.mark.parametrize("text", UNFOLLOWED)
def test_what_cannot_be_followed_counts_as_changed_and_is_named(tmp_path: Path, text: str):
    words = UNFOLLOWED[text].format(asset=f"{ASSET}.asset", make=f"{ASSET}.make.<locals>.<lambda>")

    with imported(tmp_path, {FILE: text}) as module:
        first, second = code_of(module.asset, {}), code_of(module.asset, {})

    assert first.digest != second.digest
    assert len(first.not_followed) == 1
    assert first.not_followed[0].startswith(words)
    assert first.not_followed == second.not_followed
    (message,) = first.messages
    assert first.not_followed[0] in message


def test_a_value_that_holds_itself_or_is_deep_ends(tmp_path: Path):
    circle = "VALUE = [1]\nVALUE.append(VALUE)\ndef asset():\n    return VALUE\n"
    deep = "VALUE = []\nfor _ in range(100_000):\n    VALUE = [VALUE]\ndef asset():\n    return VALUE\n"

    assert code(tmp_path, {FILE: circle}).not_followed == ()
    assert len(code(tmp_path, {FILE: deep}).not_followed) == 1


COLUMNS = (Column("id", "bigint", "Key"),)
SOURCE = Table("bronze.sources", columns=COLUMNS, grain="one row per key")


def test_another_input_is_another_code_and_another_declaration_of_the_input_is_not(tmp_path: Path):
    files = {FILE: "def asset(raw):\n    return raw\n"}
    described = Table("bronze.sources", columns=(Column("id", "bigint", "Its key"),), grain="one row per key")
    other = Table("bronze.others", columns=COLUMNS, grain="one row per key")
    days = Table("bronze.days", columns=COLUMNS, grain="one row per key", partitioned_by=("id",))
    inputs = [
        SOURCE,
        other,
        SOURCE.changes(),
        SOURCE.changes(deletes=True),
        days,
        days.by_partition(),
        Lines("a"),
        Lines("b"),
    ]

    digests = [code(tmp_path, files, {"raw": source}).digest for source in inputs]

    assert len(set(digests)) == len(inputs)
    assert code(tmp_path, files, {"raw": described.changes()}) == code(tmp_path, files, {"raw": SOURCE.changes()})


def test_a_declaration_that_the_function_itself_names_counts(tmp_path: Path):
    text = (
        "from lakehouse import Column, Table\n"
        "TABLE = Table('silver.a', columns=(Column('{}', 'int', 'A'),), grain='g')\n"
        "TABLE.column_names\ndef asset(raw):\n    return raw.select(*TABLE.column_names)\n"
    )

    assert code(tmp_path, {FILE: text.format("a")}) != code(tmp_path, {FILE: text.format("b")})


OF_ALL = """
import sys
sys.path.insert(0, sys.argv[1])
from importlib import import_module
from lakehouse.runs.code_version import code_of
import json
print(json.dumps({name: code_of(import_module(name).asset, {}).digest for name in sys.argv[2:]}))
"""


def _digests(folder: Path, names: list[str], seed: str) -> dict[str, Any]:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", OF_ALL, str(folder), *names]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True)
    return dict(json.loads(done.stdout))


def test_a_digest_is_the_same_in_each_process_and_in_each_folder(tmp_path: Path):
    extra = {
        "set": "VALUE = {'a', 'b', 'c', ('d', 1), frozenset('ef')}\n"
        "def asset():\n    return VALUE, {'x', 'y'} & VALUE\n",
        "path": "from pathlib import Path\nROOT = Path(__file__).parent\nTEXT = str(ROOT)\n"
        "def asset():\n    return ROOT / 'a', TEXT, __file__\n",
        "object": "SENTINEL = object()\nclass A:\n    pass\nVALUE = A()\ndef asset():\n    return VALUE is SENTINEL\n",
        "environment": "from os import environ\ndef asset():\n    return environ['A']\n",
    }
    texts = {**{make: text.format(number=1, next="0") + "asset = g\n" for make, text in MAKES.items()}, **extra}
    names = {f"{TOP}.made_{number}": text for number, text in enumerate(texts.values())}
    for folder in ("a", "b"):
        write(
            tmp_path / folder, {f"{TOP}/__init__.py": "", **{f"{n.replace('.', '/')}.py": t for n, t in names.items()}}
        )

    first = _digests(tmp_path / "a", list(names), "1")
    second = _digests(tmp_path / "b", list(reversed(names)), "2")
    third = _digests(tmp_path / "a", list(names), "3")

    assert first == second == third
