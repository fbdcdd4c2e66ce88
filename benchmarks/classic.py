"""The row of `benchmarks.one_row` as it is written without this project: a local Spark session for the process.

Run as `python -m benchmarks.classic NUMBER PATH JARS`, with `java` on the path.
"""

import sys

from pyspark.sql import SparkSession

CONF = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
    "spark.sql.catalogImplementation": "in-memory",
    "spark.sql.session.timeZone": "UTC",
}


def write(number: int, path: str, jars: str) -> None:
    """Start a session, append the row, stop."""
    builder = SparkSession.builder.master("local[2]").appName("classic").config("spark.jars", jars)
    for name, value in CONF.items():
        builder = builder.config(name, value)
    session = builder.getOrCreate()
    frame = session.createDataFrame([(number, f"n{number}", number / 3)], "id bigint, name string, value double")
    frame.write.format("delta").mode("append").save(path)
    session.stop()


if __name__ == "__main__":
    write(int(sys.argv[1]), *sys.argv[2:])
