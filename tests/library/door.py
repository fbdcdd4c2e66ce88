"""The door as its tests use it: the warm server, a folder of suites of its own, tables with unique names."""

import json
import uuid
from pathlib import Path
from typing import Any

from deltalake import DeltaTable
from pyspark.sql import DataFrame, SparkSession

from lakehouse.declare.column import Column
from lakehouse.declare.table import Table
from lakehouse.declare.write_modes import Append, WriteMode
from lakehouse.delta.tables import Tables
from lakehouse.engine.session import Connection
from lakehouse.workspace import Workspace
from lakehouse.write.batch import Batch, Published
from lakehouse.write.door import write
from lakehouse.write.quarantine import STATES
from tests.library.by_delta_rs import rows_by_delta_rs

COLUMNS = (
    Column("id", "bigint", "Key", nullable=False),
    Column("name", "string", "A name"),
    Column("value", "int", "A number"),
    Column("sent_at", "timestamp", "UTC"),
)


def only(**rows: int) -> dict[str, int]:
    """Rows of a quarantine by state, as `counts` gives them: these, and none in any other state."""
    return dict.fromkeys(STATES, 0) | rows


class Door:
    """What a test of the door needs: make tables, give them suites, write frames, read what came of it."""

    def __init__(self, workspace: Workspace, spark: SparkSession, project: Path) -> None:
        settings = workspace.settings.model_copy(update={"project": project})
        self.workspace, self.spark, self.project = Workspace(settings), spark, project
        self.connection = Connection(self.workspace)
        self.connection._session = spark

    def table(self, mode: WriteMode | None = None, columns: tuple[Column, ...] = COLUMNS) -> Table:
        name = f"silver.t_{uuid.uuid4().hex[:10]}"
        return Table(name, columns=columns, grain="one row per test row", write=mode or Append())

    def suite(self, table: Table, *expectations: dict[str, Any]) -> None:
        file = self.project / "expectations" / table.layer / f"{table.entity}.json"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps({"name": table.name, "expectations": list(expectations), "meta": {}}))

    def rows(self, *rows: tuple[Any, ...], table: Table | None = None) -> DataFrame:
        schema = table.schema if table else "id bigint, name string, value int, sent_at timestamp"
        return self.spark.createDataFrame(list(rows), schema)

    def write(self, table: Table, frame: DataFrame, run: str | None = None) -> Published:
        return write(Tables(self.workspace), self.spark, table, frame, Batch(run or uuid.uuid4().hex[:12], "batch"))

    def read(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table, in order."""
        return sorted(self.unordered(name, *columns or ("id", "name", "value")))

    def unordered(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """The rows of a table by delta-rs."""
        return rows_by_delta_rs(DeltaTable(self.workspace.table_path(name)), columns)

    def read_in_spark(self, name: str, *columns: str) -> list[tuple[Any, ...]]:
        """The same as the engine reads it: Spark's own types, a timestamp without its zone."""
        return sorted(
            tuple(row) for row in self.spark.table(name).select(*columns or ("id", "name", "value")).collect()
        )
