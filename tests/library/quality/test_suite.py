import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import SuiteError
from lakehouse.quality.suite.suite import load_suite

COLUMNS = {"age_years": "int", "wearer_id": "string", "read_at": "timestamp"}
BETWEEN = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "age_years", "min_value": 1, "max_value": 120},
}


@pytest.fixture
def suite_file(tmp_path: Path) -> Path:
    path = tmp_path / "expectations" / "silver" / "readings.json"
    path.parent.mkdir(parents=True)
    return path


def write(path: Path, *expectations: Any) -> Path:
    path.write_text(json.dumps({"name": "silver.readings", "expectations": list(expectations), "meta": {}}))
    return path


def refused(path: Path) -> str:
    with pytest.raises(SuiteError) as raised:
        load_suite(path, COLUMNS)
    return str(raised.value)


def refused_because(path: Path, *expectations: Any) -> list[str]:
    first, *problems, last = refused(write(path, *expectations)).splitlines()
    assert first == "expectations/silver/readings.json cannot be used."
    assert last == "Mend the file; its table is not written until then."
    return [problem.strip() for problem in problems]


def test_a_table_without_a_file_has_no_suite(suite_file: Path) -> None:
    assert load_suite(suite_file, COLUMNS) is None


def test_gx_json_is_read_as_it_is(suite_file: Path) -> None:
    kwargs = {"column": "wearer_id", "mostly": 0.9, "row_condition": "age_years > 1", "condition_parser": "spark"}
    fields = {
        "type": "expect_column_values_to_not_be_null",
        "kwargs": kwargs,
        "severity": "warning",
        "id": "4d19c5ac-c40f-5065-8fbb-1b9376dc0e9f",
        "meta": {"reason": "x"},
        "notes": ["one", "two"],
    }

    suite = load_suite(write(suite_file, BETWEEN, fields), COLUMNS)

    assert suite is not None
    assert suite.name == "silver.readings"
    between, not_null = suite.expectations
    assert (between.severity, between.mostly, between.condition, between.id) == ("critical", 1.0, None, None)
    assert (not_null.severity, not_null.mostly, not_null.id) == ("warning", 0.9, fields["id"])
    assert not_null.to_gx() == {k: v for k, v in fields.items() if k != "id"} | {"notes": "one\ntwo"}


def test_labels_are_for_people_and_names_for_dagster(suite_file: Path) -> None:
    suite = load_suite(
        write(
            suite_file,
            BETWEEN,
            BETWEEN | {"severity": "warning"},
            {"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 100}},
            {"type": "expect_compound_columns_to_be_unique", "kwargs": {"column_list": ["wearer_id", "read_at"]}},
            {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "wearer_id", "value_set": ["ä", "b"]}},
        ),
        COLUMNS,
    )

    assert suite is not None
    assert [expectation.label for expectation in suite.expectations] == [
        "age_years: values_between(1,120)",
        "age_years: values_between(1,120) #2",
        "table: row_count_between(100,)",
        "wearer_id, read_at: compound_columns_unique",
        'wearer_id: values_in_set(["ä", "b"])',
    ]
    names = [expectation.check_name for expectation in suite.expectations]
    assert names[:4] == [
        "age_years_values_between_1_120",
        "age_years_values_between_1_120_2",
        "table_row_count_between_100",
        "wearer_id_read_at_compound_columns_unique",
    ]
    assert all(name.isascii() and name.replace("_", "").isalnum() for name in names)


def test_malformed_json_is_named_with_line_and_column(suite_file: Path) -> None:
    suite_file.write_text('{"expectations": [\n  {"type": }\n]}')

    assert refused(suite_file) == (
        "expectations/silver/readings.json cannot be read: Expecting value at line 2, column 12.\n"
        "Mend the JSON there; its table is not written until then."
    )


def test_a_file_without_a_list_of_expectations_is_refused(suite_file: Path) -> None:
    suite_file.write_text("[]")

    assert refused(suite_file) == (
        "expectations/silver/readings.json cannot be used: "
        "expected an object with a list `expectations`, as GX writes it."
    )


def test_an_unknown_type_is_refused_with_a_near_miss(suite_file: Path) -> None:
    assert refused_because(suite_file, BETWEEN, {"type": "expect_column_values_to_be_betwen", "kwargs": {}}) == [
        "expectation 2: unknown type `expect_column_values_to_be_betwen` "
        "(did you mean `expect_column_values_to_be_between`?)"
    ]


def test_a_misspelt_column_is_refused_with_a_near_miss(suite_file: Path) -> None:
    one = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "age_year"}, "id": "a1"}
    pair = {"type": "expect_column_pair_values_to_be_equal", "kwargs": {"column_A": "age_years", "column_B": "zzz"}}

    assert refused_because(suite_file, one, pair) == [
        "expectation 1 (id a1): expect_column_values_to_not_be_null: "
        "`age_year` is no column of the table (did you mean `age_years`?)",
        "expectation 2: expect_column_pair_values_to_be_equal: `zzz` is no column of the table",
    ]


def test_without_known_columns_no_column_is_refused(suite_file: Path) -> None:
    one = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "age_year"}}

    assert load_suite(write(suite_file, one), None) is not None


def test_unknown_and_missing_arguments_are_refused(suite_file: Path) -> None:
    fields = {"type": "expect_column_values_to_be_in_set", "kwargs": {"column": "wearer_id", "value_sets": [1]}}

    assert refused_because(suite_file, fields) == [
        "expectation 1: expect_column_values_to_be_in_set: unknown argument `value_sets` (did you mean `value_set`?)",
        "expectation 1: expect_column_values_to_be_in_set: argument `value_set` is missing",
    ]


@pytest.mark.parametrize(
    "kind",
    [
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_not_be_in_set",
        "expect_column_distinct_values_to_contain_set",
        "expect_column_most_common_value_to_be_in_set",
    ],
)
def test_a_null_in_a_set_of_values_is_refused(suite_file: Path, kind: str) -> None:
    [problem] = refused_because(suite_file, {"type": kind, "kwargs": {"column": "wearer_id", "value_set": ["a", None]}})

    assert problem.startswith(f"expectation 1: {kind}: a null in `value_set`: no value equals it")


def test_two_with_one_id_are_refused(suite_file: Path) -> None:
    assert refused_because(suite_file, BETWEEN | {"id": "x"}, BETWEEN, BETWEEN | {"id": "x"}) == [
        "expectation 3 (id x): the id is also that of expectation 1"
    ]


@pytest.mark.parametrize("mostly", [1.2, -0.1, "0.9", True])
def test_a_bad_mostly_is_refused(suite_file: Path, mostly: Any) -> None:
    fields = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "wearer_id", "mostly": mostly}}

    assert refused_because(suite_file, fields) == [
        f"expectation 1: expect_column_values_to_not_be_null: mostly is a number from 0 to 1, got `{mostly}`"
    ]


def test_bad_keys_severities_parameters_and_shapes_are_refused(suite_file: Path) -> None:
    parameter = {"type": "expect_table_row_count_to_equal", "kwargs": {"value": {"$PARAMETER": "n"}}}

    assert refused_because(
        suite_file, BETWEEN | {"severty": "info"}, BETWEEN | {"severity": "fatal"}, parameter, 7
    ) == [
        "expectation 1: unknown key `severty` (did you mean `severity`?)",
        "expectation 2: expect_column_values_to_be_between: severity is one of critical, warning, info, got `fatal`",
        "expectation 3: expect_table_row_count_to_equal: argument `value` is a suite parameter, which has no value "
        "here; write the value",
        "expectation 4: expected an object, got int",
    ]
