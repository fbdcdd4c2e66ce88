"""What a workspace would start, without starting it."""

import socket

import pytest
from pydantic import SecretStr

from lakehouse.errors import ServiceError
from lakehouse.services import roster
from lakehouse.services.servers.spark import TUNED_CONF
from lakehouse.services.supervise import addresses, supervisor
from lakehouse.services.supervise.spec import Address
from lakehouse.settings import (
    DagsterSettings,
    MetastoreSettings,
    MlflowSettings,
    Settings,
    SparkSettings,
    TrinoSettings,
)
from lakehouse.workspace import Workspace

TOKEN = "7e57ed"
ADDRESSES = {name: Address(20_000 + number, TOKEN) for number, name in enumerate(supervisor.NAMES)}
THEIR_SPARK = SparkSettings(remote=SecretStr("sc://elsewhere:15002/;token=t"))
THEIR_METASTORE = MetastoreSettings(uri="thrift://elsewhere:9083")


@pytest.mark.parametrize(
    ("given", "parts", "started"),
    [
        ({}, [], ["lease", "metastore", "spark"]),
        ({"warehouse": "s3://bucket/warehouse"}, [], ["metastore", "spark"]),
        ({}, ["sql", "ui"], ["lease", "metastore", "spark", "mlflow", "dagster", "daemon", "trino"]),
        ({"metastore": THEIR_METASTORE}, [], ["lease", "spark"]),
        ({"spark": THEIR_SPARK}, [], []),
        ({"spark": THEIR_SPARK}, ["ui"], ["mlflow", "dagster", "daemon"]),
        ({"spark": THEIR_SPARK, "metastore": THEIR_METASTORE}, ["sql"], ["trino"]),
        ({"trino": TrinoSettings(url="http://elsewhere:8080")}, ["sql"], ["lease", "metastore", "spark"]),
        (
            {"mlflow": MlflowSettings(url="http://elsewhere:5000")},
            ["ui"],
            ["lease", "metastore", "spark", "dagster", "daemon"],
        ),
        ({"dagster": DagsterSettings(url="http://elsewhere:3000")}, ["ui"], ["lease", "metastore", "spark", "mlflow"]),
    ],
)
def test_what_is_somebody_elses_is_not_started(given, parts, started):
    assert roster.services(Settings(**given), parts) == started


def test_trino_on_an_engine_with_an_unknown_metastore_is_refused():
    with pytest.raises(ServiceError, match="LAKEHOUSE_METASTORE__URI"):
        roster.services(Settings(spark=THEIR_SPARK), ["sql"])


def specs(workspace: Workspace, *names: str) -> str:
    return " ".join(" ".join(spec.command) for spec in roster.specs(workspace, names, ADDRESSES))


def test_no_secret_is_on_a_command_line_or_in_a_representation(tmp_path):
    made = roster.specs(
        Workspace(Settings(home=tmp_path)), ["metastore", "spark", "mlflow", "dagster", "daemon"], ADDRESSES
    )

    assert TOKEN not in " ".join(argument for spec in made for argument in spec.command)
    assert TOKEN not in repr(made) + repr(ADDRESSES)


def test_the_engine_is_tuned_unless_a_plain_one_is_asked_for(tmp_path):
    tuned = specs(Workspace(Settings(home=tmp_path)), "spark")
    stock = specs(Workspace(Settings(home=tmp_path, spark=SparkSettings(profile="stock", cores="2"))), "spark")

    assert all(f"-D{name}={value}" in tuned and f"-D{name}=" not in stock for name, value in TUNED_CONF.items())
    assert "-Dspark.master=local[2]" in stock
    assert "DeltaSparkSessionExtension" in stock


def test_addresses_are_kept_while_their_ports_are_free(tmp_path):
    workspace = Workspace(Settings(home=tmp_path))

    first = addresses.choose(workspace, ["metastore", "spark", "daemon"])

    assert addresses.choose(workspace, ["spark"]) == {"spark": first["spark"]}
    assert (first["metastore"].token, len(first["spark"].token or ""), "daemon" in first) == (None, 32, False)
    assert first["spark"].port != first["metastore"].port


def test_who_took_the_port_of_an_engine_gets_no_use_of_a_token_sent_to_it(tmp_path):
    workspace = Workspace(Settings(home=tmp_path))
    first = addresses.choose(workspace, ["spark"])["spark"]

    with socket.create_server(("127.0.0.1", first.port)):
        second = addresses.choose(workspace, ["spark"])["spark"]

    assert second.port != first.port
    assert second.token != first.token
