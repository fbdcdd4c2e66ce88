"""Questions to Trino."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from lakehouse.errors import LakehouseError, ServiceError
from lakehouse.workspace import Workspace


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
        LakehouseError: Trino refuses the statement; the message is its own. Or its Python client has no value for what
            it gives: a time outside the years 1 to 9999, a map whose keys are arrays or rows.
    """
    from requests.exceptions import RequestException
    from tenacity import retry, retry_if_exception, stop_after_delay, wait_fixed
    from trino.exceptions import Error, TrinoDataError, TrinoQueryError

    def has_no_node(error: BaseException) -> bool:
        return isinstance(error, TrinoQueryError) and error.error_name == "NO_NODES_AVAILABLE"

    # For some seconds after its start Trino plans scans before it has a node to run them.
    patient = retry(
        retry=retry_if_exception(has_no_node), stop=stop_after_delay(30), wait=wait_fixed(0.5), reraise=True
    )
    try:
        return patient(_ask)(workspace, statement)
    except TrinoQueryError as error:
        raise LakehouseError(f"Trino refuses: {error.message}") from error
    except TrinoDataError:
        # The client's own message holds the value.
        raise LakehouseError(
            "Trino answered, but Python has no value for what a column of the answer holds: a time outside the years 1 "
            "to 9999, or a map whose keys are arrays or rows. Make it text in the statement, by `cast(moment AS "
            "varchar)` or `json_format(cast(map_values(things) AS json))`."
        ) from None
    except (Error, RequestException) as error:
        raise ServiceError(
            f"Trino at {workspace.trino_url} does not answer ({error}). See `lakehouse status`."
        ) from error


def _ask(workspace: Workspace, statement: str) -> Answer:
    from trino.dbapi import connect

    url, settings = urlsplit(workspace.trino_url), workspace.settings.trino
    where = {"host": url.hostname, "port": url.port, "http_scheme": url.scheme}
    opened: Any = connect  # trino ships no types for it
    with opened(**where, user=settings.user, catalog=settings.catalog) as connection:
        cursor = connection.cursor()
        cursor.execute(statement.strip().rstrip(";"))
        rows = tuple(tuple(row) for row in cursor.fetchall())
        return Answer(tuple(column.name for column in cursor.description or ()), rows)
