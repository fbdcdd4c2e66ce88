"""Typical work of a session, so that a JVM which makes an AOT cache has seen it: what it saw is what it remembers."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pyarrow as pa
    from pyspark.sql import SparkSession

_STATEMENTS = (
    "create database if not exists work location '{folder}/work'",
    "create table work.events (id bigint not null comment 'key', name string, value double, at timestamp) using delta "
    "tblproperties ('delta.enableChangeDataFeed' = 'true')",
    "insert into work.events values (1, 'a', 1.5, timestamp'2026-01-01 00:00:00'), (2, 'b', null, current_timestamp())",
    "merge into work.events t using (select id + 1 as id, name, value, at from work.events) s on t.id = s.id "
    "when matched then update set * when not matched then insert *",
    "update work.events set value = value + 1 where id = 1",
    "delete from work.events where id = 3",
    "create or replace table work.days using delta as select date(at) as day, count(*) as events, max(value) as top, "
    "count_if(value is null) as empty from work.events group by all",
    "create or replace table work.latest using delta comment 'x' as select * except (n) from "
    "(select *, row_number() over (partition by id order by at desc) n from work.events) where n = 1",
    "select e.*, d.events from work.events e left join work.days d on date(e.at) = d.day order by id limit 5",
    "select from_json('{{\"a\": 1}}', 'a int').a, get_json_object('{{}}', '$.a'), try_cast('x' as int)",
    "select * from table_changes('work.events', 0)",
    "describe history work.events",
    "describe table extended work.events",
    "show tables in work",
    "alter table work.events add column more string",
    "optimize work.events",
)


def typical_work(session: "SparkSession", folder: Path) -> None:
    """Tables made, filled, merged and read; frames staged, judged and read back; a function in a Python worker."""
    from pyspark.sql import functions as F

    for statement in _STATEMENTS:
        session.sql(statement.format(folder=folder)).collect()
    numbered = [(number, f"n{number}", number / 3) for number in range(50)]
    rows = session.createDataFrame(numbered, "id bigint, name string, x double")
    rules = "(case when x > 1 then 0L else 1L end) + (case when name is null then 2L else 0L end)"
    masked = rows.withColumn("mask", F.expr(rules))
    staged = str(folder / "staged")
    masked.withColumn("audit", F.when(F.col("mask") == 0, "good").otherwise("bad")).write.partitionBy("audit").parquet(
        staged
    )
    back = session.read.parquet(staged)
    back.groupBy("mask").agg(F.count(F.lit(1)), F.min("x"), F.max("name")).collect()
    back.where("mask = 0").drop("mask", "audit").write.format("delta").mode("overwrite").saveAsTable("work.staged")
    rows.write.json(str(folder / "lines"))
    lines = session.read.text(str(folder / "lines")).withColumn("file", F.col("_metadata.file_path"))
    lines.select(F.from_json("value", "id bigint, name string").alias("read"), "file").select(
        "read.*", "file"
    ).collect()
    session.table("work.staged").mapInArrow(_same, "id bigint, name string, x double").toPandas()
    session.read.option("versionAsOf", 0).table("work.staged").select(F.max("id")).collect()


def _same(batches: "Iterator[pa.RecordBatch]") -> "Iterator[pa.RecordBatch]":
    yield from batches
