import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from lakehouse.engine.work_settings import is_big
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
from lakehouse.quality.suite.suite import Expectation, Suite, expectation_of, numbered

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

COLUMNS = {"a": "int", "s": "string"}
QUERY = "unexpected_rows_expectation"


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

    answer = marked.select(F.expr(broken_rules_sql(rules.rows)).alias("broken")).collect()

    assert [row.broken for row in answer] == [
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
        expect("column_values_to_be_increasing", column="a"),
        expect("column_values_to_match_regex", column="s", regex="(?<x>a"),
        expect("column_values_to_be_between", column="s", min_value=1),
        expect("column_values_to_be_dateutil_parseable", column="a"),
    )
    rows = frame(spark, (2, "{}"), (1, "secret")).coalesce(1)

    fine, increasing, regex, between, dates = judge(staged(rows, rules), rules, list(COLUMNS))

    assert fine.success
    assert (increasing.success, increasing.unexpected_count, increasing.unexpected_percent) == (False, 1, 50.0)
    assert regex.error == "GX failed with INVALID_PARAMETER_VALUE.PATTERN"
    assert between.error == "GX failed with InvalidColumnTypeError"
    assert "No provider found" in str(dates.error)
    assert not any(result.success for result in (regex, between, dates))
    assert "secret" not in json.dumps([result.to_json() for result in (increasing, regex, between, dates)])


def test_one_that_cannot_be_computed_fails_alone(spark: "SparkSession") -> None:
    fine = compiled(expect("table_row_count_to_equal", value=1), expect("column_values_to_not_be_null", column="a"))
    bad = AggregateRule(
        expect("column_sum_to_be_between", column="a"), (("v", "sum(1 / (a - 1))"),), lambda _: Outcome(True)
    )

    not_null, count, broken = audit(frame(spark, (1, "x")), replace(fine, aggregates=(*fine.aggregates, bad)))

    assert (not_null.success, count.success, broken.success) == (True, True, False)
    assert (broken.error, broken.severity) == ("DIVIDE_BY_ZERO", "critical")
    assert verdict([not_null, count, broken]).blocking == (broken,)


# Arguments, and how many of the values below break the rule: GX on Spark cannot compute these types.
VALUES = ("ab", "A b", "a%b", "2024-02-28 10:00", "7 May", "", None)
EXAMPLES_WITHOUT_ORACLE: dict[str, tuple[dict[str, Any], int]] = {
    "expect_column_values_to_match_like_pattern": ({"column": "s", "like_pattern": "a%b"}, 4),
    "expect_column_values_to_not_match_like_pattern": ({"column": "s", "like_pattern": "a\\%b"}, 1),
    "expect_column_values_to_match_like_pattern_list": ({"column": "s", "like_pattern_list": ["a_", "%b"]}, 3),
    "expect_column_values_to_not_match_like_pattern_list": ({"column": "s", "like_pattern_list": ["a_", "7%"]}, 2),
    "expect_column_values_to_be_dateutil_parseable": ({"column": "s"}, 4),
    "expect_table_row_count_to_equal_other_table": ({"other_table_name": "silver.others"}, 0),
}


@pytest.mark.parametrize("kind", [kind for kind in EXAMPLES_WITHOUT_ORACLE if "other_table" not in kind])
def test_types_that_gx_cannot_compute_on_spark(spark: "SparkSession", kind: str) -> None:
    kwargs, broken = EXAMPLES_WITHOUT_ORACLE[kind]
    rules = compiled(expect(kind.removeprefix("expect_"), mostly=0.1, **kwargs))

    (result,) = audit(frame(spark, *((1, value) for value in VALUES)), rules)

    assert (result.unexpected_count, result.missing_count, result.is_row_rule) == (broken, 1, True)


def test_rows_are_counted_against_another_table(spark: "SparkSession", fresh: Callable[[str], str]) -> None:
    other = fresh("silver")
    spark.sql(f"CREATE TABLE {other} USING DELTA AS SELECT * FROM range(2)")
    rules = compiled(expect("table_row_count_to_equal_other_table", other_table_name=other))

    (same,), (fewer,) = audit(frame(spark, (1, "x"), (2, "y")), rules), audit(frame(spark, (1, "x")), rules)

    assert (same.success, fewer.success, fewer.observed) == (True, False, {"self": 1, "other": 2})


def test_freshness_against_an_input_is_a_query(spark: "SparkSession", fresh: Callable[[str], str]) -> None:
    source = fresh("bronze")
    spark.sql(f"CREATE TABLE {source} USING DELTA AS SELECT TIMESTAMP'2024-03-01 12:00:00' AS read_at")
    query = f"SELECT 1 FROM {{batch}} HAVING max(read_at) < (SELECT max(read_at) FROM {source}) - INTERVAL 1 HOUR"
    suite = Suite("s", Path("s.json"), (expectation_of({"type": QUERY, "kwargs": {"unexpected_rows_query": query}}),))
    rules = compile_suite(suite, {"read_at": "timestamp"})

    verdicts = [
        audit(spark.sql(f"SELECT TIMESTAMP'{moment}' AS read_at"), rules)[0].success
        for moment in ("2024-03-01 11:30:00", "2024-03-01 10:30:00")
    ]

    assert verdicts == [True, False]


def test_a_query_that_cannot_be_computed_is_a_failed_check(spark: "SparkSession") -> None:
    fine, missing, torn = (
        expect("column_values_to_not_be_null", column="a"),
        *(
            expectation_of({"type": QUERY, "kwargs": {"unexpected_rows_query": query}})
            for query in ("SELECT * FROM {batch} WHERE nothing > 1", "SELEC 1")
        ),
    )

    results = audit(frame(spark, (1, "x")), compiled(fine, missing, torn))

    assert [result.success for result in results] == [True, False, False]
    assert [result.error for result in results[1:]] == [
        "UNRESOLVED_COLUMN.WITH_SUGGESTION",
        "PARSE_SYNTAX_ERROR",
    ]
    assert verdict(results).blocking == results[1:]


def test_the_session_keeps_its_configuration(spark: "SparkSession") -> None:
    before = spark.conf.getAll

    audit(frame(spark, (1, "x")), compiled(expect("table_row_count_to_equal", value=1)))

    assert spark.conf.getAll == before


def test_many_rows_are_judged_with_generated_code_and_few_without(spark: "SparkSession") -> None:
    many = spark.range(1_000_000).selectExpr("CAST(id AS INT) AS a", "CAST(id % 7 AS STRING) AS s")
    rules = compiled(
        expect("column_values_to_be_unique", column="a"),
        expect("column_values_to_be_in_set", column="s", value_set=list("012345")),
    )
    before = spark.conf.getAll

    by_row, unique = audit(many, rules)

    assert (is_big(many), is_big(frame(spark, (1, "x")))) == (True, False)
    assert (unique.success, by_row.unexpected_count) == (True, 142857)
    assert spark.conf.getAll == before


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
