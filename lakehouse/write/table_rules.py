"""The rules of a table: those of its declaration, then those of its suite."""

from collections.abc import Sequence

from lakehouse.declare.sql_text import quote
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Merge
from lakehouse.errors import Problem
from lakehouse.quality.compile import Compiled, RowRule, compile_suite, declared, declared_not_null
from lakehouse.quality.judge import CheckResult, verdict
from lakehouse.quality.rules.storable import unstorable
from lakehouse.quality.suite.suite import Suite, load_suite
from lakehouse.workspace import Workspace

STORABLE, NO_NUL, MAX_REJECTED = "storable", "no_nul", "max_rejected"
# The names under which results of these stand: Dagster has no check for what nobody asked for.
_OF_EVERY_TABLE = declared(STORABLE, None, "false").expectation
UNASKED = frozenset((MAX_REJECTED, _OF_EVERY_TABLE.check_name))
# As the rows that break it have it among their reasons.
STORABLE_LABEL = _OF_EVERY_TABLE.label


def suite_name(name: str) -> str:
    """Where the suite of `layer.entities` is, below the project."""
    return f"expectations/{name.replace('.', '/')}.json"


def suite_of(workspace: Workspace, table: Table) -> Suite | None:
    """The suite of a table, `expectations/<layer>/<entities>.json`, or None.

    Raises:
        SuiteError: the suite cannot be read.
    """
    columns = {column.name: column.type for column in table.brought}
    return load_suite(workspace.settings.project / suite_name(table.name), columns)


def rules_of(table: Table, suite: Suite | None) -> Compiled:
    """The compiled suite of a table, with the rules of the declaration before those of the suite."""
    compiled = compile_suite(suite, {column.name: column.type for column in table.brought})
    required = tuple(_required(table, name) for name in table.required)
    # Delta's own check of a constraint fails on null as well.
    constraints = tuple(declared(name, None, f"NOT coalesce(({sql}), false)") for name, sql in table.constraints)
    return Compiled(required + constraints + compiled.rows + _storable(table), compiled.aggregates, compiled.rest)


def _storable(table: Table) -> tuple[RowRule, ...]:
    """What every table has for rules: values that can be stored and read by each engine, and no NUL in a key."""
    outside = [sql for column in table.brought if (sql := unstorable(column.name, column.type))]
    texts = [name for name in table.key if table.types[name] == "string"]
    nul = [declared(NO_NUL, name, f"contains({quote(name)}, char(0))") for name in texts]
    # Null is neither true nor false, so each is asked by itself.
    whole = " OR ".join(f"coalesce({sql}, false)" for sql in outside)
    return (*([declared(STORABLE, None, whole)] if outside else []), *nul)


def is_everywhere(type_: str) -> bool:
    """Whether a rule of a type is one that every table has: nobody asked for it."""
    return type_ in (f"declared_{STORABLE}", f"declared_{NO_NUL}", f"declared_{MAX_REJECTED}")


def is_silent(result: CheckResult) -> bool:
    """Whether a result is of a rule that every table has, and that no row breaks."""
    return is_everywhere(result.type) and not result.unexpected_count


def _required(table: Table, name: str) -> RowRule:
    """NOT NULL of a column. A deletion of a merge needs its key and sequence alone: it is not stored."""
    mode = table.write
    if not isinstance(mode, Merge) or not mode.delete_when or name in (*mode.on, *mode.sequence):
        return declared_not_null(name)
    return declared("not_null", name, f"{quote(name)} IS NULL AND NOT coalesce(({mode.delete_when}), false)")


def failures(results: Sequence[CheckResult]) -> list[Problem]:
    """Failed checks in words: counts and what was measured, never values of rows."""
    return [Problem(result.label, "to hold", result.got) for result in results]


def blocking(results: Sequence[CheckResult], *, is_replay: bool = False) -> list[CheckResult]:
    """Checks that forbid the publish. A replay is not stopped by rows: those that fail stay where they are."""
    return [result for result in verdict(results).blocking if not (is_replay and result.is_row_rule)]
