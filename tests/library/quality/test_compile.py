from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lakehouse.errors import SuiteError
from lakehouse.quality.compile import (
    Compiled,
    RowRule,
    broken_by,
    compile_suite,
    declared_not_null,
    known_to_the_pass,
    mask_sql,
    reason_for_rest,
)
from lakehouse.quality.suite.suite import Expectation, Suite, expectation_of, known_types
from tests.library.quality.cases import ARGUMENTS, WITHOUT_ORACLE
from tests.library.quality.test_judge import EXAMPLES_WITHOUT_ORACLE

COLUMNS = {"a": "int", "b": "int", "s": "string", "t": "timestamp", "m": "decimal(9,2)", "z": "array<int>"}


def expect(kind: str, *, severity: str = "critical", **kwargs: Any) -> Expectation:
    return expectation_of({"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity})


def compiled(*expectations: Expectation) -> Compiled:
    return compile_suite(Suite("s", Path("expectations/silver/s.json"), expectations), COLUMNS)


def row_rule(kind: str, **kwargs: Any) -> RowRule:
    return compiled(expect(kind, **kwargs)).rows[0]


def why(kind: str, **kwargs: Any) -> str | None:
    return reason_for_rest(expect(kind, **kwargs), COLUMNS)


def test_no_suite_gives_nothing_to_judge() -> None:
    assert compile_suite(None, COLUMNS) == Compiled((), (), ())


def test_a_range_is_broken_by_values_outside_and_not_by_null() -> None:
    rule = row_rule("column_values_to_be_between", column="a", min_value=1, max_value=5, strict_max=True)

    within = "`a` >= CAST('1' AS int) AND `a` <= CAST('4' AS int)"
    assert rule.broken == f"((`a` IS NOT NULL) AND coalesce(NOT ({within}), false))"
    assert rule.considered == "(`a` IS NOT NULL)"
    assert rule.counted == "true"


def test_a_row_condition_restricts_what_is_counted() -> None:
    rule = row_rule("column_values_to_not_be_null", column="a", row_condition="s = 'x'", condition_parser="spark")

    assert rule.counted == "coalesce((((`s` = 'x'))), false)"
    assert rule.broken == f"({rule.counted} AND (`a` IS NULL))"


def test_a_string_cannot_leave_its_literal() -> None:
    rule = row_rule("column_values_to_be_in_set", column="s", value_set=["x') OR true --", "back\\"])

    assert r"`s` IN ('x\') OR true --', 'back\\')" in rule.broken


def test_uniqueness_marks_rows_only_where_they_may_go_to_quarantine() -> None:
    unique = expect("column_values_to_be_unique", column="a")

    assert compiled(unique).rows == ()
    assert compiled(replace(unique, mostly=0.9)).rows[0].needs_shuffle
    assert compiled(replace(unique, mostly=0.9, severity="warning")).rows == ()


def test_what_the_schema_answers_needs_no_data() -> None:
    rule = compiled(expect("column_values_to_be_of_type", column="m", type_="DecimalType")).aggregates[0]

    assert (rule.sql, rule.grouping, rule.verdict({}).success) == ((), None, True)


@pytest.mark.parametrize(
    ("kind", "kwargs", "reason"),
    [
        (
            "column_values_to_match_json_schema",
            {"column": "s", "json_schema": {}},
            "a type that only GX knows how to compute",
        ),
        (
            "column_values_to_match_strftime_format",
            {"column": "s", "strftime_format": "%D"},
            "a format that strptime cannot read back",
        ),
        (
            "column_kl_divergence_to_be_less_than",
            {"column": "a", "threshold": 0.1},
            "no expected distribution, so that the column is compared with itself",
        ),
        ("column_values_to_be_between", {"column": "s", "min_value": 1}, "bounds of another type than the column"),
        (
            "column_values_to_be_between",
            {"column": "a", "min_value": 2, "max_value": 1},
            "min_value is greater than max_value",
        ),
        ("column_values_to_be_between", {"column": "a"}, "neither min_value nor max_value, which GX refuses"),
        (
            "column_values_to_be_in_set",
            {"column": "a", "value_set": ["1"]},
            "a value of the set has another type than the column",
        ),
        ("column_values_to_be_in_set", {"column": "z", "value_set": [1]}, "a column of type array<int>"),
        (
            "column_values_to_match_regex",
            {"column": "s", "regex": "(?P<x>a)"},
            "a pattern that Java's regular expressions may refuse",
        ),
        (
            "column_values_to_match_regex",
            {"column": "s", "regex": "a{,2}"},
            "a pattern that Java's regular expressions may refuse",
        ),
        (
            "column_values_to_match_regex",
            {"column": "s", "regex": "a("},
            "a pattern that Java's regular expressions may refuse",
        ),
        ("column_pair_values_to_be_equal", {"column_A": "a", "column_B": "s"}, "columns of two types"),
        (
            "column_values_to_not_be_null",
            {"column": "a", "row_condition": "cast(s as int) > 1", "condition_parser": "spark"},
            "a condition with more than columns, literals and comparisons",
        ),
        (
            "column_values_to_not_be_null",
            {"column": "a", "row_condition": "s > 1", "condition_parser": "spark"},
            "a condition that compares two types",
        ),
    ],
)
def test_what_could_differ_from_gx_is_left_to_gx_with_a_reason(kind: str, kwargs: dict[str, Any], reason: str) -> None:
    assert why(kind, **kwargs) == reason
    assert len(compiled(expect(kind, **kwargs)).rest) == 1


def test_rows_that_cannot_be_told_apart_are_refused_at_load() -> None:
    increasing = expect("column_values_to_be_increasing", column="a", mostly=0.9)
    with pytest.raises(SuiteError) as raised:
        compiled(increasing)

    assert str(raised.value) == (
        "expectations/silver/s.json cannot be used.\n"
        "  a: values_increasing: critical with mostly 0.9, and only GX can judge it "
        "(a type that only GX knows how to compute), so the rows that fail cannot be told from the others.\n"
        "Give it mostly 1, or severity warning."
    )
    assert compiled(replace(increasing, severity="warning")).rest


def test_rows_that_are_compared_with_all_the_others_cannot_be_told_apart_either() -> None:
    outliers = expect("column_values_to_not_be_outliers", column="a", mostly=0.9)
    with pytest.raises(SuiteError) as raised:
        compiled(outliers)

    assert str(raised.value).splitlines()[1] == (
        "  a: values_not_outliers: critical with mostly 0.9, and a row is compared with all the others, "
        "so the rows that fail cannot be told from the others."
    )
    assert compiled(replace(outliers, mostly=1.0)).aggregates


def test_rows_that_break_a_critical_rule_name_it_before_their_warnings() -> None:
    warning = row_rule("column_values_to_not_be_null", column="b", severity="warning")
    rules = (warning, declared_not_null("a"))

    assert broken_by(rules, {"audit_mask_0": 3}) == ("a: not_null (declared)", "b: values_not_null")


def test_a_declared_rule_always_quarantines() -> None:
    rule = declared_not_null("a")

    assert (rule.label, rule.name, rule.quarantines) == ("a: not_null (declared)", "a_not_null_declared", True)
    assert rule.expectation.mostly == 0


def test_masks_hold_63_rules_a_column() -> None:
    rules = [
        replace(declared_not_null("a"), expectation=Expectation("declared_x", {"column": f"c{n}"})) for n in range(70)
    ]

    masks = mask_sql(rules)

    assert list(masks) == ["audit_mask_0", "audit_mask_1"]
    assert masks["audit_mask_0"].count("IF(") == 63
    assert "4611686018427387904L" in masks["audit_mask_0"]
    assert broken_by(rules, {"audit_mask_0": 1 << 62, "audit_mask_1": 2}) == ("c62: x (declared)", "c64: x (declared)")


def test_every_compiled_type_is_a_type_of_gx_and_in_the_parity_test() -> None:
    assert set(known_to_the_pass()) <= set(known_types())
    assert set(known_to_the_pass()) == set(ARGUMENTS) | WITHOUT_ORACLE
    assert set(EXAMPLES_WITHOUT_ORACLE) == WITHOUT_ORACLE


def test_the_page_on_expectations_names_every_type_in_its_place() -> None:
    page = (Path(__file__).parents[3] / "docs" / "expectations.md").read_text()
    compiled_part, rest_part = page.split("## Judged by GX itself")

    assert [kind for kind in known_to_the_pass() if f"`{kind}`" not in compiled_part] == []
    assert [kind for kind in known_types() if kind not in known_to_the_pass() and f"`{kind}`" not in rest_part] == []
