"""The Python workers of the engine: this environment, with the project importable."""

import sys


def test_python_workers_are_this_python_and_import_the_project(spark):
    def look(batches):
        import sys

        import pyarrow as pa
        import small_project

        import lakehouse

        for _ in batches:
            yield pa.RecordBatch.from_pydict({"seen": [sys.executable, lakehouse.__name__, small_project.NAME]})

    seen = [row.seen for row in spark.range(1).mapInArrow(look, "seen string").collect()]

    assert seen == [sys.executable, "lakehouse", "small project"]


def test_sessions_start_from_utc_and_from_files_that_can_be_adopted(spark):
    names = ("spark.sql.session.timeZone", "spark.sql.parquet.outputTimestampType", "spark.sql.ansi.enabled")

    assert [spark.conf.get(name) for name in names] == ["UTC", "TIMESTAMP_MICROS", "true"]
