"""Questions to Trino."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from lakehouse.errors import LakehouseError, ServiceError
from lakehouse.sql.trino_access import http_session
from lakehouse.workspace import Workspace

if TYPE_CHECKING:
    from trino.exceptions import TrinoQueryError

# Of Trino's errors (io.trino.spi.StandardErrorCode) those that speak of a statement, before any row is read.
_OF_THE_STATEMENT = frozenset(
    {
        "SYNTAX_ERROR",
        "TYPE_MISMATCH",
        "AMBIGUOUS_NAME",
        "AMBIGUOUS_FUNCTION_CALL",
        "NOT_SUPPORTED",
        "PERMISSION_DENIED",
        "DUPLICATE_COLUMN_NAME",
        "EXPRESSION_NOT_AGGREGATE",
        "EXPRESSION_NOT_SCALAR",
        "EXPRESSION_NOT_IN_DISTINCT",
        "MISSING_GROUP_BY",
        "MISSING_ORDER_BY",
        "MISSING_CATALOG_NAME",
        "MISSING_SCHEMA_NAME",
        "MISMATCHED_COLUMN_ALIASES",
        "NESTED_AGGREGATION",
        "INVALID_COLUMN_REFERENCE",
    }
)


@dataclass(frozen=True)
class Answer:
    """What a statement gave.

    Args:
        columns: Their names.
        rows: As many values each, as Python has them: `Decimal`, `datetime` with its zone, `None`.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]

    def to_json(self) -> list[dict[str, Any]]:
        """For programs: each row by its columns.

        Raises:
            LakehouseError: two columns have one name.
        """
        twice = sorted({name for name in self.columns if self.columns.count(name) > 1})
        if twice:
            raise LakehouseError(f"{', '.join(twice)}: several columns of the answer have this name. Rename by AS.")
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]


def ask(workspace: Workspace, statement: str) -> Answer:
    """Run one statement. The catalogue can only be read.

    Raises:
        ServiceError: no Trino is up and none is named in the settings, or it does not answer.
        LakehouseError: Trino refuses the statement, in its own words; or cannot compute it for a row, by the name of
            the error alone. Or its Python client has no value for what it gives: a time outside the years 1 to 9999, a
            map whose keys are arrays or rows.
    """
    from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed
    from trino.exceptions import Error, HttpError, TrinoDataError, TrinoQueryError

    def has_no_node(error: BaseException) -> bool:
        return isinstance(error, TrinoQueryError) and error.error_name == "NO_NODES_AVAILABLE"

    # For some seconds after its start Trino plans scans before it has a node to run them.
    patient = retry(
        retry=retry_if_exception(has_no_node), stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True
    )
    try:
        return patient(_ask)(workspace, statement)
    except TrinoQueryError as error:
        raise LakehouseError(_refusal(error)) from None
    except TrinoDataError:
        # The client's own message holds the value.
        raise LakehouseError(
            "Trino answered, but Python has no value for what a column of the answer holds: a time outside the years 1 "
            "to 9999, or a map whose keys are arrays or rows. Make it text in the statement, by `cast(moment AS "
            "varchar)` or `json_format(cast(map_values(things) AS json))`."
        ) from None
    except (Error, HttpError, OSError) as error:
        raise ServiceError(
            f"Trino at {workspace.trino_url} does not answer ({error}). See `lakehouse status`."
        ) from error


def _refusal(error: "TrinoQueryError") -> str:
    """What Trino says of a statement. What it says of a row may hold the row's values."""
    name = error.error_name or "an error without a name"
    if name in _OF_THE_STATEMENT or name.endswith("_NOT_FOUND"):
        return f"Trino refuses: {error.message}"
    if error.error_type == "USER_ERROR":
        return (
            f"Trino cannot compute the statement for a row ({name}). Its words may hold values of the data and are not "
            f"shown. Leave such rows out, or use a function that gives null instead, such as `try` or `try_cast`."
        )
    return f"Trino did not answer the statement ({error.error_type}: {name}). `lakehouse logs trino` has more."


def _ask(workspace: Workspace, statement: str) -> Answer:
    from trino.dbapi import connect

    url, settings = urlsplit(workspace.trino_url), workspace.settings.trino
    where = {"host": url.hostname, "port": url.port, "http_scheme": url.scheme}
    opened: Any = connect  # trino ships no types for it
    with (
        http_session(workspace) as session,
        opened(**where, http_session=session, user=settings.user, catalog=settings.catalog) as connection,
    ):
        cursor = connection.cursor()
        cursor.execute(statement.strip().rstrip(";"))
        rows = tuple(tuple(row) for row in cursor.fetchall())
        return Answer(tuple(column.name for column in cursor.description or ()), rows)
