"""Great Expectations itself: the oracle, the judge of what the one pass leaves, and the maker of the Data Docs.

The only importer of great_expectations: it takes seconds to import, so it is imported where it is needed.
"""

import html
import logging
import re
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lakehouse.errors import SuiteError
from lakehouse.quality.compile import is_on_rows
from lakehouse.quality.evidence import among, evidence, evidence_rules, in_words
from lakehouse.quality.results import CheckResult, failed_check, result_of
from lakehouse.quality.rules.references import as_gx_query
from lakehouse.quality.rules.rule import Outcome
from lakehouse.quality.rules.sql_values import NotCompiledError
from lakehouse.quality.suite.expectation import OWN_TYPES
from lakehouse.quality.suite.suite import Expectation, Suite

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult
    from great_expectations.data_context.data_context.ephemeral_data_context import EphemeralDataContext
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier
    from great_expectations.datasource.fluent.spark_datasource import SparkDatasource
    from pyspark.sql import DataFrame

_PLACE = "lakehouse_place"
_SPARK_ERROR = re.compile(r"\[([A-Z][A-Z0-9_]+(?:\.[A-Z0-9_]+)*)\]")
_RAISED = re.compile(r"^(?:\w+\.)*(\w+(?:Error|Exception))\b", re.MULTILINE)
_NO_PROVIDER = re.compile(r"No provider found for [\w.]+ using \w+")


# The name of the run under which the Data Docs have a batch that was refused.
REFUSED = "refused batch"
# Counts only: no lists of values, each of which would cost GX one more job and bring values of rows here.
LEAN: Mapping[str, Any] = {"result_format": "BASIC", "partial_unexpected_count": 0}
# What GX computes when it is not told otherwise.
DEFAULT: Mapping[str, Any] = {"result_format": "SUMMARY"}


def run(
    frame: "DataFrame", expectations: Sequence[Expectation], result_format: Mapping[str, Any] = LEAN
) -> tuple[CheckResult, ...]:
    """GX's own verdicts on a frame, in the order of the expectations.

    One that GX refuses or cannot compute is a failed check of its severity, and does not stop the others.
    """
    validated = validate(frame, expectations, result_format)
    return tuple(
        check_of(expectation, validation) for expectation, validation in zip(expectations, validated, strict=True)
    )


def validate(
    frame: "DataFrame", expectations: Sequence[Expectation], result_format: Mapping[str, Any] = LEAN
) -> "list[ExpectationValidationResult | str]":
    """GX's own results in the order of the expectations; in words, why it refuses to make one of them."""
    with _quiet():
        columns = dict(frame.dtypes)
        built = [_build(expectation, place, columns) for place, expectation in enumerate(expectations)]
        usable = [outcome for outcome in built if not isinstance(outcome, str)]
        results = _validate(frame, usable, result_format) if usable else {}
    return [outcome if isinstance(outcome, str) else results[place] for place, outcome in enumerate(built)]


@dataclass(frozen=True)
class Shown:
    """A suite in the Data Docs.

    Args:
        suite: The suite.
        table: Reads its table.
        refused: Reads the rows for which its last batch was refused, with the labels of the rules; None for no rows.
    """

    suite: Suite
    table: "Callable[[], DataFrame]"
    refused: "Callable[[], DataFrame] | None" = None


def data_docs(suites: Sequence[Shown], out: Path) -> Path:
    """Validate each suite against its table, all by GX itself, and write its Data Docs as static HTML.

    A failed rule on the whole shows some of the values that it is about, and so does a rule for which a batch was
    refused, on a page of its own.

    Args:
        suites: The suites.
        out: Folder of the site; what was there is replaced by the present state.

    Returns:
        The page to open.
    """
    import shutil

    import great_expectations as gx

    shutil.rmtree(out, ignore_errors=True)
    with _quiet():
        context = _context(out)
        for shown in suites:
            suite, frame = shown.suite, shown.table()
            columns = dict(frame.dtypes)
            built = [_build(expectation, place, columns) for place, expectation in enumerate(suite.expectations)]
            for expectation, refused in zip(suite.expectations, built, strict=True):
                if isinstance(refused, str):
                    raise SuiteError(f"{suite.path} cannot be shown.\n  {expectation.label}: {refused}\nMend the file.")
            made = gx.ExpectationSuite(name=suite.name, expectations=built)
            asset = _source(context, suite.name, frame).add_dataframe_asset(suite.name)
            batch = asset.add_batch_definition_whole_dataframe("table")
            definition = gx.ValidationDefinition(name=suite.name, data=batch, suite=context.suites.add(made))
            checkpoint = gx.Checkpoint(
                name=suite.name,
                validation_definitions=[context.validation_definitions.add(definition)],
                result_format=dict(LEAN),  # type: ignore[arg-type]
            )
            done = context.checkpoints.add(checkpoint).run(batch_parameters={"dataframe": frame})
            for key, validation in done.run_results.items():
                for place, told in _with_evidence(key, validation, shown, frame):
                    context.validation_results_store.set(place, told)
        context.build_data_docs()
    return out / "index.html"


def _with_evidence(
    key: "ValidationResultIdentifier",
    validation: "ExpectationSuiteValidationResult",
    shown: Shown,
    frame: "DataFrame",
) -> "Iterator[tuple[ValidationResultIdentifier, ExpectationSuiteValidationResult]]":
    """GX's results with the values that failed rules on the whole are about, and those of a refused batch beside them.

    A table that passes all of them costs no job.
    """
    columns = dict(frame.dtypes)
    on_whole = [rule for rule in shown.suite.expectations if not is_on_rows(rule, columns)]
    failed = [rule for rule in on_whole if not _result_of(validation, shown.suite, rule).success]
    rules = evidence_rules(failed, columns)
    if rules:
        values = in_words(evidence(*among(frame, frame, rules)), [rule.expectation for rule in rules])
        for rule in failed:
            _tell(_result_of(validation, shown.suite, rule), values.get(rule.label, ()))
        yield key, validation
    refused = in_words(shown.refused(), on_whole) if shown.refused and on_whole else {}
    about = [rule for rule in on_whole if rule.label in refused]
    if about:
        yield _refused(key, validation, {shown.suite.expectations.index(rule): refused[rule.label] for rule in about})


def _result_of(
    validation: "ExpectationSuiteValidationResult", suite: Suite, rule: Expectation
) -> "ExpectationValidationResult":
    place = suite.expectations.index(rule)
    [result] = [
        result
        for result in validation.results
        if result.expectation_config and result.expectation_config.meta[_PLACE] == place
    ]
    return result


def _tell(result: "ExpectationValidationResult", values: Sequence[str]) -> None:
    """Give a result values to show, in GX's own field. GX writes them into its pages as they are."""
    if values:
        result.result["partial_unexpected_list"] = [html.escape(value) for value in values]
        result.result["unexpected_count"] = result.result.get("unexpected_count") or len(values)


def _refused(
    key: "ValidationResultIdentifier", validation: "ExpectationSuiteValidationResult", values: Mapping[int, list[str]]
) -> "tuple[ValidationResultIdentifier, ExpectationSuiteValidationResult]":
    """The results of a batch that was refused, as far as its rows were kept: by place of the rule what they hold."""
    from great_expectations.core.run_identifier import RunIdentifier
    from great_expectations.data_context.types.resource_identifiers import ValidationResultIdentifier

    told = deepcopy(validation)
    told.results = [r for r in told.results if r.expectation_config and r.expectation_config.meta[_PLACE] in values]
    for result in told.results:
        assert result.expectation_config  # noqa: S101 - those without are left out
        result.success, result.result = False, {}
        result.exception_info = {"raised_exception": False, "exception_message": None, "exception_traceback": None}
        _tell(result, values[result.expectation_config.meta[_PLACE]])
    failed = len(told.results)
    told.success = False
    told.statistics = {
        "evaluated_expectations": failed,
        "successful_expectations": 0,
        "unsuccessful_expectations": failed,
        "success_percent": 0.0,
    }
    run = RunIdentifier(run_name=REFUSED, run_time=key.run_id.run_time)
    told.meta["run_id"] = run
    return ValidationResultIdentifier(key.expectation_suite_identifier, run, key.batch_identifier), told


def catalogue() -> dict[str, dict[str, list[str]]]:
    """The expectation types of the installed GX with their arguments: what `gx_types.json` holds."""
    import great_expectations.expectations.core
    from great_expectations.expectations import registry
    from great_expectations.expectations.expectation import Expectation as Base

    home = great_expectations.expectations.core.__name__
    types: dict[str, dict[str, list[str]]] = {}
    for name in sorted(registry.list_registered_expectation_implementations()):
        kind = registry.get_expectation_impl(name)
        if kind.__module__.startswith(home):
            own = {key: field for key, field in kind.__fields__.items() if key not in {*Base.__fields__, "batch_id"}}
            types[name] = {"kwargs": list(own), "required": [key for key, field in own.items() if field.required]}
    return types


@contextmanager
def _quiet() -> Iterator[None]:
    """GX warns of string conditions, and logs what its results already say."""
    logger = logging.getLogger("great_expectations")
    level = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(level)


def _context(docs: Path | None = None) -> "EphemeralDataContext":
    """A context in memory that reports nothing to anybody and draws no progress bars; with a site at `docs`."""
    import great_expectations as gx
    from great_expectations.data_context.types.base import (
        DataContextConfig,
        InMemoryStoreBackendDefaults,
        ProgressBarsConfig,
    )

    site = {
        "class_name": "SiteBuilder",
        "store_backend": {"class_name": "TupleFilesystemStoreBackend", "base_directory": str(docs)},
        "site_index_builder": {"class_name": "DefaultSiteIndexBuilder"},
    }
    return gx.get_context(
        mode="ephemeral",
        project_config=DataContextConfig(
            analytics_enabled=False,
            progress_bars=ProgressBarsConfig(globally=False, metric_calculations=False),
            store_backend_defaults=InMemoryStoreBackendDefaults(init_temp_docs_sites=False),
            data_docs_sites={"quality": site} if docs else {},
        ),
    )


def _build(expectation: Expectation, place: int, columns: Mapping[str, str]) -> Any:
    """GX's object, or in words why it refuses to make one."""
    import great_expectations as gx

    try:
        made = as_gx_query(expectation, columns) if expectation.type in OWN_TYPES else expectation.to_gx()
    except NotCompiledError as reason:
        return str(reason)
    made["meta"] = {**made["meta"], _PLACE: place}
    try:
        return gx.ExpectationSuite(name="one", expectations=[made]).expectations[0]
    except Exception as error:  # GX raises what its models raise: pydantic's, its own, TypeError
        return f"GX refuses its arguments ({type(error).__name__})"


def _validate(
    frame: "DataFrame", built: Sequence[Any], result_format: Mapping[str, Any]
) -> Mapping[int, "ExpectationValidationResult"]:
    import great_expectations as gx

    context = _context()
    suite = context.suites.add(gx.ExpectationSuite(name="rest", expectations=list(built)))
    batch = (
        _source(context, "lakehouse", frame).add_dataframe_asset("frame").add_batch_definition_whole_dataframe("whole")
    )
    validated = batch.get_batch({"dataframe": frame}).validate(suite, result_format=dict(result_format))  # type: ignore[arg-type]
    return {result.expectation_config.meta[_PLACE]: result for result in validated.results if result.expectation_config}


def _source(context: "EphemeralDataContext", name: str, frame: "DataFrame") -> "SparkDatasource":
    """GX's source that works in the session of the frame.

    GX itself asks for the thread's active session (`SparkDFExecutionEngine.get_or_create_spark_session`), which is
    another one if the process has several, and has none of the frame's temporary views.
    """
    source = context.data_sources.add_spark(name, persist=False)
    source._spark = frame.sparkSession
    return source


def check_of(expectation: Expectation, validation: "ExpectationValidationResult | str") -> CheckResult:
    """GX's result as ours."""
    if isinstance(validation, str):
        return failed_check(expectation, validation)
    reason = _reason(validation.exception_info or {})
    if reason:
        return failed_check(expectation, reason)
    figures = validation.result
    elements, unexpected, missing = (figures.get(key) for key in ("element_count", "unexpected_count", "missing_count"))
    # GX sums over no rows to None, in some of its types.
    unexpected = 0 if unexpected is None and elements == 0 else unexpected
    considered = None if elements is None else elements - (missing or 0)
    observed: Any = figures.get("observed_value")
    observed = observed.item() if hasattr(observed, "item") else observed  # numpy's numbers
    return result_of(expectation, Outcome(bool(validation.success), observed, elements, unexpected, considered))


def _reason(info: Mapping[str, Any]) -> str | None:
    """Why GX could not compute an expectation: names of errors, never their text, which may hold values of rows."""
    entries = [info] if "raised_exception" in info else [entry for entry in info.values() if isinstance(entry, Mapping)]
    raised = [entry for entry in entries if entry.get("raised_exception")]
    if not raised:
        return None
    shown = f"{raised[0].get('exception_message')} {raised[0].get('exception_traceback')}"
    known = _NO_PROVIDER.search(shown)
    if known:
        return f"GX has no Spark form of it: {known[0]}"
    spark = _SPARK_ERROR.search(shown)
    first = _RAISED.search(str(raised[0].get("exception_traceback")))
    return f"GX failed with {spark[1] if spark else first[1] if first else 'an error'}"
