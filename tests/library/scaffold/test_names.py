"""No name of a file, folder or column becomes code: the files are those of a plain name, but for their texts."""

import ast
import csv
import io
import json
from pathlib import Path

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jinja2 import Environment

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.errors import LakehouseError
from lakehouse.scaffold.blueprint import Blueprint, parse_columns, snake
from lakehouse.scaffold.new_model import Model
from lakehouse.scaffold.new_table import declared_as, files_of, landing, sampled
from lakehouse.scaffold.render import rendered, sql_name
from lakehouse.scaffold.sample import read_sample

HOSTILE = (
    'a"""b',
    "c'''d",
    '"); import os; os._exit(7) #',
    "e'); import os #",
    "{{ 7 * 7 }}",
    "{% raw %}f{% endraw %}",
    "{# g #}",
    "h\\",
    "\\x41i\\N{BULLET}",
    "${j}",
    "%(k)s",
    "<%= l %>",
    "m, n",
    "it's o/1 – ü",
)
FOLDERS = ('q"""r\'); s #', "{{ t }}\\", "u\nv${w}[x]")


def sample_file(project: Path, folder: str, names: tuple[str, ...], name: str = "a.csv") -> Path:
    path = project / "landing" / folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows([names, *([str(row) for _ in names] for row in range(3))])
    path.write_text(text.getvalue(), encoding="utf-8")
    return path


def made_from(project: Path, path: Path) -> tuple[Blueprint, dict[str, str]]:
    sample = read_sample(path)
    fields = sampled(sample, ())
    origin, _ = landing(project, sample, "things")
    blueprint = Blueprint(declared_as("bronze.things", fields, ()), fields, origin)
    return blueprint, {file.name: text for file, text in files_of(project, blueprint, sample).items()}


def shape(source: str) -> str:
    """The syntax tree without its texts."""
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return ast.dump(tree)


def texts(source: str) -> set[str]:
    return {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_hostile_name_is_a_text_in_every_file(tmp_path: Path, folder: str):
    plain = tuple(f"col {number}" for number in range(len(HOSTILE)))
    _, expected = made_from(tmp_path, sample_file(tmp_path, "plain", plain))

    blueprint, made = made_from(tmp_path, sample_file(tmp_path, folder, HOSTILE))

    assert [field.source for field in blueprint.fields] == list(HOSTILE)
    for name in ("things.py", "test_things.py"):
        assert shape(made[name]) == shape(expected[name])
    assert {*HOSTILE, f"landing/{folder}/*.csv"} <= texts(made["things.py"])
    assert json.loads(made["things.json"])["name"] == "bronze.things"


def test_a_file_that_is_read_alone_is_a_text_and_no_pattern(tmp_path: Path):
    name = "we'ird \"[1]*{{ 7 }}.csv"
    path = tmp_path / "data" / name
    path.parent.mkdir()
    path.write_text("id\n1\n")

    blueprint, made = made_from(tmp_path, path)

    assert blueprint.origin.place == "data/we'ird \"[[]1][*]{{ 7 }}.csv"
    assert blueprint.origin.place in texts(made["things.py"])


names = st.lists(st.text(min_size=1, max_size=25), min_size=1, max_size=4)


@settings(max_examples=20, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(names=names)
def test_any_header_is_a_text_or_refused(tmp_path_factory: pytest.TempPathFactory, names: list[str]):
    project = tmp_path_factory.mktemp("names")
    try:
        path = sample_file(project, "plain", tuple(names))
        blueprint, made = made_from(project, path)
    except (LakehouseError, UnicodeEncodeError):
        return

    plain = tuple(f"col {number}" for number in range(len(blueprint.fields)))
    _, expected = made_from(project, sample_file(project, "plain", plain))

    for name in ("things.py", "test_things.py"):
        assert shape(made[name]) == shape(expected[name])
    assert {field.source for field in blueprint.fields} <= texts(made["things.py"])


@pytest.mark.parametrize("name", ["a\nb", "a`b", "a\x00b", "a\u2028b", "_", "___", "\u00e4"])
def test_a_name_that_cannot_be_a_column_is_refused(tmp_path: Path, name: str):
    with pytest.raises(LakehouseError, match=r"cannot be the name of a column|cannot be read as CSV"):
        read_sample(sample_file(tmp_path, "plain", (name, "id")))


def test_a_comment_is_a_text_in_python_in_yaml_and_to_dbt(tmp_path: Path):
    comments = (
        'say """hi"""',
        "{{ env_var('HOME') }}",
        "{% do run_query('x') %}",
        "back\\slash",
        "yes",
        "a: b # c",
        "{#",
    )
    columns = tuple(Column(f"c{number}", "string", comment) for number, comment in enumerate(comments))
    parent = Table("silver.things", columns=columns, grain="one {{ row }}")

    read = yaml.safe_load(rendered("model.yml", model=Model("gold", "things", parent, columns, ())))

    [model] = read["models"]
    as_dbt = Environment()  # noqa: S701 - dbt renders so
    assert [as_dbt.from_string(column["description"]).render() for column in model["columns"]] == list(comments)
    assert as_dbt.from_string(model["description"]).render().startswith("One {{ row }}.")


def test_a_comment_in_a_list_of_columns_is_a_text(tmp_path: Path):
    comment = 'a"""); import os #{{ x }}\\'
    columns = parse_columns(f"id bigint not null '{comment}'")

    assert [column.comment for column in columns] == [comment]


@pytest.mark.parametrize("name", ["on", "select", "from", "null", "true", "using", "case"])
def test_a_column_that_sql_would_read_otherwise_is_quoted(name: str):
    assert sql_name(name) == f"`{name}`"


@pytest.mark.parametrize("name", ["order_id", "day", "_batch_id"])
def test_a_plain_column_is_not_quoted(name: str):
    assert sql_name(name) == name


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_name_becomes_a_name_of_letters_digits_and_underscores(name: str):
    assert snake(name).isidentifier()
