"""One spelling for each type: the declaration, the door and `plan` say the same of it, and Spark itself agrees."""

import subprocess
import sys
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.types import canonical, field_name, from_json, longer_than_declared, without_lengths
from lakehouse.errors import DeclarationError
from lakehouse.schema.differences import differences
from lakehouse.schema.stored import Stored, StoredColumn
from lakehouse.write.shape import problems, types_of

# Every word of Spark's grammar for a type without parts, and what Spark calls it.
PRIMITIVES = {
    "boolean": ("boolean",),
    "tinyint": ("tinyint", "byte"),
    "smallint": ("smallint", "short"),
    "int": ("int", "integer"),
    "bigint": ("bigint", "long"),
    "float": ("float", "real"),
    "double": ("double",),
    "string": ("string",),
    "binary": ("binary",),
    "date": ("date",),
    "timestamp": ("timestamp", "timestamp_ltz"),
    "timestamp_ntz": ("timestamp_ntz",),
    "variant": ("variant",),
    "void": ("void",),
    "interval year to month": ("interval year to month",),
    "interval day to second": ("interval day to second",),
    "time(6)": ("time", "time(6)"),
    "decimal(10,0)": ("decimal", "dec", "numeric", "decimal(10)", "dec(10, 0)"),
}
BLANKS = st.sampled_from(("", " ", "  ", "\n", "\t "))
GAPS = st.sampled_from((" ", "  ", "\n"))
NAMES = st.one_of(
    st.sampled_from(("a", "Aa", "_x1", "date", "Map", "select", "comment", "end", "null")),
    st.sampled_from(("b c", "x.y", "tick`", "größe", "it's", "a:b", "<", "1a")),
)
COMMENTS = st.sampled_from(("'plain'", "'it\\'s, <b>'", "'two '' marks'", '"by: it`s"'))


@st.composite
def any_case(draw: st.DrawFn, words: str) -> str:
    """Words in upper and lower case, with a blank or more where there is one."""
    upper = draw(st.lists(st.booleans(), min_size=len(words), max_size=len(words)))
    return "".join(
        draw(GAPS) if letter == " " else letter.upper() if is_upper else letter
        for letter, is_upper in zip(words, upper, strict=True)
    )


@st.composite
def primitives(draw: st.DrawFn) -> tuple[str, str]:
    """A type without parts: in its one spelling, and as somebody may write it."""
    one, spellings = draw(st.sampled_from(sorted(PRIMITIVES.items())))
    return one, draw(any_case(draw(st.sampled_from(spellings))))


@st.composite
def decimals(draw: st.DrawFn) -> tuple[str, str]:
    """A decimal with its digits."""
    precision = draw(st.integers(1, 38))
    scale = draw(st.integers(0, precision))
    word, blank = draw(any_case(draw(st.sampled_from(("decimal", "dec", "numeric"))))), draw(BLANKS)
    return f"decimal({precision},{scale})", f"{word}{blank}({blank}{precision}{blank},{blank}{scale}{blank})"


@st.composite
def arrays(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    one, written = draw(inner)
    return f"array<{one}>", f"{draw(any_case('array'))}{draw(BLANKS)}<{draw(BLANKS)}{written}{draw(BLANKS)}>"


@st.composite
def maps(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    key, written_key = draw(st.one_of(primitives(), decimals()).filter(lambda pair: pair[0] != "variant"))
    value, written = draw(inner)
    comma = f"{draw(BLANKS)},{draw(BLANKS)}"
    return f"map<{key},{value}>", f"{draw(any_case('map'))}{draw(BLANKS)}<{written_key}{comma}{written}{draw(BLANKS)}>"


@st.composite
def structs(draw: st.DrawFn, inner: st.SearchStrategy[tuple[str, str]]) -> tuple[str, str]:
    """A struct; names in backquotes or bare where they may be, with a colon or a blank, NOT NULL and a comment."""
    names = draw(st.lists(NAMES, min_size=1, max_size=3, unique_by=str.lower))
    ones, written = [], []
    for name in names:
        one, type_ = draw(inner)
        quoted = "`" + name.replace("`", "``") + "`"
        shown = name if field_name(name) == name and draw(st.booleans()) else quoted
        colon = draw(st.sampled_from((":", " : ", ": ", " ")))
        required = draw(st.sampled_from(("", " not null", " NOT NULL")))
        comment = draw(st.one_of(st.just(""), COMMENTS.map(lambda text: f" COMMENT {text}")))
        ones.append(f"{field_name(name)}:{one}")
        written.append(f"{shown}{colon}{type_}{required}{comment}")
    comma = f"{draw(BLANKS)},{draw(BLANKS)}"
    return f"struct<{','.join(ones)}>", f"{draw(any_case('struct'))}<{draw(BLANKS)}{comma.join(written)}{draw(BLANKS)}>"


TYPES = st.recursive(
    st.one_of(primitives(), decimals()),
    lambda inner: st.one_of(arrays(inner), maps(inner), structs(inner)),
    max_leaves=6,
)


@settings(max_examples=300, deadline=None)
@given(TYPES)
def test_a_type_has_one_spelling_however_it_is_written(pair: tuple[str, str]):
    one, written = pair

    assert canonical(written) == one
    assert canonical(one) == one


@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(TYPES, min_size=8, max_size=8))
def test_door_and_plan_say_the_same_of_a_type_as_spark(spark: Any, pairs: list[tuple[str, str]]):
    table = Table("silver.things", tuple(Column(f"c{n}", written, "It") for n, (_, written) in enumerate(pairs)), "it")
    ddl = ", ".join(f"c{n} {written}" for n, (_, written) in enumerate(pairs))

    frame = spark.createDataFrame([], ddl)

    # The door: a frame of exactly the declared types is accepted.
    assert problems(table, types_of(frame)) == []
    # The plan: what Delta stores of such a frame is the JSON of its schema.
    columns = tuple(
        StoredColumn(field.name, from_json(field.dataType.jsonValue(), field.metadata), "It", True, field.name)
        for field in frame.schema.fields
    )
    assert [d.kind for d in differences(table, Stored(0, columns)) if "type" in d.kind] == []
    # Both tell types apart exactly where Spark does.
    spelled = [canonical(column.type) for column in table.columns]
    of_spark = [_without_nullability(field.dataType.jsonValue()) for field in frame.schema.fields]
    for left, one in enumerate(spelled):
        for right, other in enumerate(spelled):
            assert (one == other) == (of_spark[left] == of_spark[right]), (one, other)


def _without_nullability(json: Any) -> Any:
    if not isinstance(json, dict):
        return json
    kept = {key: value for key, value in json.items() if key not in ("nullable", "containsNull", "valueContainsNull")}
    return {
        key: [_without_nullability(field) for field in value]
        if isinstance(value, list)
        else {}
        if key == "metadata"
        else _without_nullability(value)
        for key, value in kept.items()
    }


@pytest.mark.parametrize(
    ("ddl", "hint"),
    [
        ("strng", "`string`"),
        ("text", "`text`"),
        ("array<bgint>", "`bigint`"),
        ("int not null", "nullable=False"),
        ("int comment 'it'", "`comment`"),
        ("varchar", "`varchar`"),
        ("string collate unicode", "collation"),
        ("struct<a:string collate unicode>", "collation"),
        ("int) USING parquet AS SELECT (1", "no type"),
        ("int, d int", "no type"),
        ("map<int>", "no type"),
        ("decimal(1,2,3)", "no type"),
        ("array<int", "no type"),
        ("", "no type"),
    ],
)
def test_what_is_no_type_is_refused_with_the_near_miss(ddl: str, hint: str):
    with pytest.raises(DeclarationError) as error:
        canonical(ddl)

    assert hint in str(error.value)


def test_texts_with_a_length_are_strings_to_a_frame():
    assert canonical("CHARACTER ( 3 )") == "char(3)"
    assert without_lengths("struct<A: varchar(3), b: array<char(2)>>") == "struct<A:string,b:array<string>>"
    assert without_lengths("Decimal(1, 0)") == "Decimal(1, 0)"
    assert longer_than_declared("varchar(3)", "`x`") == "coalesce(char_length(`x`) > 3, false)"
    assert longer_than_declared("array<string>", "`x`") == ""


def test_declaring_a_table_does_not_import_the_parser():
    code = (
        "import sys\nfrom lakehouse.declare.table import Table\nfrom lakehouse.declare.column import Column\n"
        "Table('silver.things', (Column('a', 'struct<a: int>', 'It'),), 'it').schema\nprint('sqlglot' in sys.modules)"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "False"
