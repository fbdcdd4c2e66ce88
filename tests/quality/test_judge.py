import json
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.quality.compile import (
    AggregateRule,
    Compiled,
    Outcome,
    broken_rules_sql,
    compile_suite,
    declared_not_null,
    mask_sql,
)
from lakehouse.quality.judge import CheckResult, audit, judge, verdict
from lakehouse.quality.suite import Expectation, Suite, expectation_of, numbered

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = {"a": "int", "s": "string"}


def expect(kind: str, *, severity: str = "critical", **kwargs: Any) -> Expectation:
    return expectation_of({"type": f"expect_{kind}", "kwargs": kwargs, "severity": severity})


def compiled(*expectations: Expectation) -> Compiled:
    return compile_suite(Suite("s", Path("expectations/silver/s.json"), tuple(numbered(expectations))), COLUMNS)


def frame(spark: "SparkSession", *rows: tuple[Any, ...]) -> "DataFrame":
    return spark.createDataFrame(list(rows), "a int, s string")


def staged(rows: "DataFrame", rules: Compiled) -> "DataFrame":
    from pyspark.sql import functions as F

    return rows.withColumns({name: F.expr(sql) for name, sql in mask_sql(rules.rows).items()})


def test_what_was_staged_is_judged_by_its_masks(spark: "SparkSession") -> None:
    rules = compiled(
        expect("column_values_to_be_between", column="a", max_value=2, mostly=0.5),
        expect("table_row_count_to_equal", value=4),
        expect("column_values_to_be_unique", column="s", severity="warning"),
    )
    rows = frame(spark, (1, "x"), (2, "x"), (3, None), (None, "y"))

    between, count, unique = judge(staged(rows, rules), rules, list(COLUMNS))

    assert (between.success, between.element_count, between.unexpected_count, between.missing_count) == (True, 4, 1, 1)
    assert between.unexpected_percent == 1 / 3 * 100
    assert (count.success, count.observed) == (True, 4)
    assert (unique.success, unique.unexpected_count, unique.unexpected_percent) == (False, 2, 2 / 3 * 100)


def test_failing_rows_name_the_rules_that_they_break(spark: "SparkSession") -> None:
    from pyspark.sql import functions as F

    rules = compiled(
        expect("column_values_to_be_between", column="a", max_value=2, mostly=0.5),
        expect("column_values_to_be_in_set", column="s", value_set=["x"], mostly=0.5),
    )
    marked = staged(frame(spark, (1, "x"), (3, "it's"), (None, "y")), rules)

    found = marked.select(F.expr(broken_rules_sql(rules.rows)).alias("broken")).collect()

    assert [row.broken for row in found] == [
        [],
        ["a: values_between(,2)", 's: values_in_set(["x"])'],
        ['s: values_in_set(["x"])'],
    ]


def test_more_rules_than_one_mask_holds(spark: "SparkSession") -> None:
    rules = Compiled(
        tuple(compiled(expect("column_values_to_be_between", column="a", max_value=n)).rows[0] for n in range(70))
    )

    results = audit(frame(spark, (35, None), (68, None)), rules)

    assert [result.unexpected_count for result in results] == [2] * 35 + [1] * 33 + [0] * 2


def test_an_empty_frame_breaks_nothing(spark: "SparkSession") -> None:
    rules = compiled(
        expect("column_values_to_not_be_null", column="a"), expect("column_values_to_be_unique", column="a")
    )

    assert [(r.success, r.element_count, r.unexpected_count) for r in audit(frame(spark), rules)] == [(True, 0, 0)] * 2


def test_nothing_to_judge_runs_nothing(spark: "SparkSession") -> None:
    assert audit(frame(spark), Compiled()) == ()


def test_the_rest_goes_to_gx_and_never_sees_the_masks(spark: "SparkSession") -> None:
    rules = compiled(
        expect("column_values_to_not_be_null", column="a"),
        expect("column_values_to_be_json_parseable", column="s"),
        expect("column_values_to_match_regex", column="s", regex="(?<x>a"),
        expect("column_values_to_be_between", column="s", min_value=1),
        expect("column_values_to_be_dateutil_parseable", column="s"),
    )
    rows = frame(spark, (1, "{}"), (2, "secret"))

    fine, parseable, regex, between, dates = judge(staged(rows, rules), rules, list(COLUMNS))

    assert fine.success
    assert (parseable.success, parseable.unexpected_count, parseable.unexpected_percent) == (False, 1, 50.0)
    assert regex.error == "GX failed with INVALID_PARAMETER_VALUE.PATTERN"
    assert between.error == "GX failed with InvalidColumnTypeError"
    assert "No provider found" in str(dates.error)
    assert not any(result.success for result in (regex, between, dates))
    assert "secret" not in json.dumps([result.to_json() for result in (parseable, regex, between, dates)])


def test_one_that_cannot_be_computed_fails_alone(spark: "SparkSession") -> None:
    fine = compiled(expect("table_row_count_to_equal", value=1), expect("column_values_to_not_be_null", column="a"))
    bad = AggregateRule(
        expect("column_sum_to_be_between", column="a"), (("v", "sum(1 / (a - 1))"),), lambda _: Outcome(True)
    )

    not_null, count, broken = audit(frame(spark, (1, "x")), replace(fine, aggregates=(*fine.aggregates, bad)))

    assert (not_null.success, count.success, broken.success) == (True, True, False)
    assert (broken.error, broken.severity) == ("DIVIDE_BY_ZERO", "critical")
    assert verdict([not_null, count, broken]).blocking == (broken,)


def test_the_session_keeps_its_configuration(spark: "SparkSession") -> None:
    before = spark.conf.get("spark.sql.adaptive.enabled")

    audit(frame(spark, (1, "x")), compiled(expect("table_row_count_to_equal", value=1)))

    assert spark.conf.get("spark.sql.adaptive.enabled") == before


def test_verdict_blocks_quarantines_or_records(spark: "SparkSession") -> None:
    rules = compiled(
        expect("column_values_to_be_between", column="a", max_value=2),
        expect("column_values_to_be_between", column="a", max_value=2, mostly=0.1),
        expect("column_values_to_be_between", column="a", max_value=2, severity="warning"),
        expect("column_values_to_be_between", column="a", max_value=9, mostly=0.1),
    )
    rules = replace(rules, rows=(declared_not_null("s"), *rules.rows))

    decided = verdict(audit(frame(spark, (1, "x"), (3, None)), rules))

    assert [result.label for result in decided.blocking] == ["a: values_between(,2)"]
    assert decided.quarantine == ("s_not_null_declared", "a_values_between_2_2")
    assert not decided.publishes


def test_a_result_survives_json() -> None:
    result = CheckResult("n", "l", "t", "c", "critical", True, 3, 1, 33.3, {"values": [1.5]}, "id", 0, True)

    assert CheckResult.from_json(json.loads(json.dumps(result.to_json()))) == result
