"""What the engine writes, Trino reads; and it only reads."""

import csv
import io
import json
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from traceback import format_exception

import pytest

from lakehouse.errors import LakehouseError, ServiceError
from lakehouse.services.java import java
from lakehouse.services.servers import trino
from lakehouse.services.supervise.spec import Address
from lakehouse.settings import TrinoSettings
from lakehouse.sql.ask_trino import ask
from lakehouse.workspace import Workspace


@pytest.fixture(scope="module")
def table(workspace, spark, fresh, sql_layer):
    name = fresh("gold")
    spark.sql(f"create table {name} (id bigint, price decimal(10,2), at timestamp) using delta")
    spark.sql(f"insert into {name} values (1, 1.20, timestamp'2026-01-01 00:00:00'), (2, null, null)")
    return name


def test_a_commit_is_seen_at_once(workspace, spark, table):
    before = ask(workspace, f"select count(*) from {table} where id < 100").rows[0][0]

    spark.sql(f"insert into {table} values (3, 2.5, current_timestamp())")

    assert ask(workspace, f"select count(*) from {table} where id < 100").rows[0][0] == before + 1


def test_values_come_typed(workspace, table):
    answer = ask(workspace, f"select id, price, at from {table} where id < 3 order by id;")

    assert answer.columns == ("id", "price", "at")
    assert answer.rows[0][:2] == (1, Decimal("1.20"))
    assert answer.rows[0][2].isoformat() == "2026-01-01T00:00:00+00:00"
    assert answer.rows[1] == (2, None, None)


@pytest.mark.parametrize(
    "order",
    [
        "delete from {0}",
        "insert into {0} (id) values (9)",
        "update {0} set id = 9",
        "drop table {0}",
        "create schema x",
    ],
)
def test_whatever_writes_is_refused(workspace, spark, table, order):
    rows = spark.table(table).count()

    with pytest.raises(LakehouseError, match="Access Denied"):
        ask(workspace, order.format(table))

    assert spark.table(table).count() == rows


def test_the_command_prints_for_people_and_for_programs(table):
    lakehouse = Path(sys.executable).parent / "lakehouse"

    def run(*form: str) -> str:
        query = f"select id, price from {table} where id < 3 order by id"
        return subprocess.run([lakehouse, "sql", query, *form], capture_output=True, text=True, check=True).stdout

    assert [line.split() for line in run().splitlines()] == [["id", "price"], ["--", "-----"], ["1", "1.20"], ["2"]]
    assert list(csv.reader(io.StringIO(run("--csv")))) == [["id", "price"], ["1", "1.20"], ["2", ""]]
    assert json.loads(run("--json")) == [{"id": 1, "price": "1.20"}, {"id": 2, "price": None}]


@pytest.mark.parametrize("odd", ["map(array[array[1999888777]], array[1])", "map(array[row(1999888777)], array[1])"])
def test_an_answer_that_python_cannot_hold_is_no_server_that_is_away_and_shows_no_value(workspace, sql_layer, odd):
    with pytest.raises(LakehouseError, match=r"^Trino answered, but Python has no value") as error:
        ask(workspace, f"select {odd}")

    assert not isinstance(error.value, ServiceError)
    assert "1999888777" not in "".join(format_exception(error.value))
    assert ask(workspace, "select json_format(cast(map_values(map(array[array[1]], array[2])) as json))").rows == (
        ("[2]",),
    )


def test_a_trino_that_is_away_is_named(workspace):
    away = workspace.settings.model_copy(update={"trino": TrinoSettings(url="http://127.0.0.1:9")})

    with pytest.raises(ServiceError, match=r"http://127.0.0.1:9 does not answer"):
        ask(Workspace(away), "select 1")


def test_a_java_too_old_for_it_is_refused_before_anything_is_fetched(workspace):
    old = java.Java(Path("/opt/java/bin/java"), 21)

    with pytest.raises(ServiceError, match="Java 21, Trino needs 24 or newer"):
        trino.spec(workspace, old, Address(1), "thrift://127.0.0.1:1")
