"""Which tables take commits by reference: where we say so, the rows are read by the engine as they were staged."""

import json
from pathlib import Path
from typing import Any

import pytest

from lakehouse.delta.adopt import takes_references
from lakehouse.delta.history import open_table
from lakehouse.workspace import Workspace

# What is done to a table before it is committed to, and whether it then takes references.
CASES = {
    "plain": ([], True),
    "change feed": (["SET TBLPROPERTIES ('delta.enableChangeDataFeed' = 'true')"], True),
    "check": (["ADD CONSTRAINT positive CHECK (v > 0)"], True),
    "deletion vectors": (["SET TBLPROPERTIES ('delta.enableDeletionVectors' = 'true')"], True),
    "v2 checkpoints": (["SET TBLPROPERTIES ('delta.checkpointPolicy' = 'v2')"], True),
    "timestamp_ntz": (["SET TBLPROPERTIES ('delta.feature.timestampNtz' = 'supported')"], True),
    "mapped": (["SET TBLPROPERTIES ('delta.columnMapping.mode' = 'name')", "RENAME COLUMN v TO w"], False),
    "widened": (["SET TBLPROPERTIES ('delta.enableTypeWidening' = 'true')"], False),
    "clustered": (["CLUSTER BY (id)"], False),
    "row tracking": (["SET TBLPROPERTIES ('delta.enableRowTracking' = 'true')"], False),
    "in-commit timestamps": (["SET TBLPROPERTIES ('delta.enableInCommitTimestamps' = 'true')"], False),
    "vacuum protocol check": (["SET TBLPROPERTIES ('delta.feature.vacuumProtocolCheck' = 'supported')"], False),
    "column defaults": (["SET TBLPROPERTIES ('delta.feature.allowColumnDefaults' = 'supported')"], False),
}


@pytest.mark.parametrize("case", CASES)
def test_a_table_takes_references_or_is_known_not_to(workspace: Workspace, spark: Any, fresh: Any, case: str):
    name, (changes, takes) = fresh("silver"), CASES[case]
    spark.sql(f"CREATE DATABASE IF NOT EXISTS silver LOCATION '{workspace.warehouse}/silver'")
    spark.sql(f"CREATE TABLE {name} (id BIGINT, v INT) USING DELTA")
    for change in changes:
        spark.sql(f"ALTER TABLE {name} {change}")
    delta = open_table(workspace, name)

    assert takes_references(delta) is takes
    if takes:
        commit(delta, Path(workspace.table_path(name)))
        assert [tuple(row) for row in spark.table(name).collect()] == [(5, 6)]
    elif case != "mapped":
        with pytest.raises(Exception, match="Unsupported table features required"):
            commit(delta, Path(workspace.table_path(name)))


def commit(delta: Any, folder: Path) -> None:
    """One row, in a file as the stage would write it."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from deltalake.transaction import AddAction

    file = folder / "a.parquet"
    pq.write_table(pa.table({"id": pa.array([5], pa.int64()), "v": pa.array([6], pa.int32())}), file)
    action = AddAction(
        path=file.name,
        size=file.stat().st_size,
        partition_values={},
        modification_time=int(file.stat().st_mtime * 1000),
        data_change=True,
        stats=json.dumps({"numRecords": 1}),
    )
    delta.create_write_transaction([action], "append", delta.schema())
