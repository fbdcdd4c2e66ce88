"""`run` on names of a project: what is a table, a model or a feature view is made by its own way."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pyspark.sql import SparkSession

from lakehouse.workspace import Workspace

LAKEHOUSE = Path(sys.executable).parent / "lakehouse"
ASSETS = '''
from lakehouse import FeatureAsset, Features, Foreign, Trained, is_held_out, model_asset


@model_asset("sick_people", reads={"rows": Foreign("gold.run_people")})
def sick_people(rows):
    """How likely a person is sick."""
    from sklearn.linear_model import LogisticRegression

    rows = rows.sort_values("person_id", ignore_index=True)
    held_out, ages, labels = is_held_out(rows["person_id"]), rows[["age_years"]], rows["is_sick"]
    fitted = LogisticRegression().fit(ages[~held_out], labels[~held_out])
    return Trained(fitted, ("age_years",), ages[held_out], labels[held_out])


people_online = FeatureAsset(
    Features("people_online", "gold.run_people", "person_id", (("age_years", "double"),), "read_at", "sent_at")
)
'''


TABLES = '''
from lakehouse import Column, Foreign, Overwrite, Table, table_asset

COLUMNS = (Column("id", "bigint", "Key"),)
FIRST = Table("silver.run_firsts", grain="one row per key", columns=COLUMNS, write=Overwrite())
SECOND = Table("silver.run_seconds", grain="one row per key", columns=COLUMNS, write=Overwrite())


@table_asset(SECOND, reads={"rows": FIRST})
def seconds(rows):
    """The same."""
    return rows


@table_asset(FIRST, reads={"rows": Foreign("bronze.run_keys")})
def firsts(rows):
    """The same."""
    return rows
'''


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a model and a feature view. It is another process's: `assets` here may be another project's."""
    (tmp_path / "assets").mkdir()
    (tmp_path / "assets" / "__init__.py").touch()
    (tmp_path / "assets" / "people.py").write_text(ASSETS)
    monkeypatch.setenv("LAKEHOUSE_PROJECT", str(tmp_path))
    return tmp_path


def run(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([LAKEHOUSE, "run", *arguments], capture_output=True, text=True, timeout=240, check=False)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("ml.sick_peple",), "ml.sick_peple is not declared in assets/ (did you mean `ml.sick_people`?)\n"),
        (("ml.people_onlin",), "ml.people_onlin is not declared in assets/ (did you mean `ml.people_online`?)\n"),
        (("ml.sick_people", "--partition", "a"), "Nothing was run: ml.sick_people is a ModelAsset, which has no "),
    ],
)
def test_what_cannot_be_run_is_said_before_anything_runs(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: tuple[str, ...], message: str
) -> None:
    monkeypatch.setenv("LAKEHOUSE_HOME", str(tmp_path / "home"))

    answer = run(*arguments)

    assert (answer.returncode, answer.stdout) == (1, "")
    assert answer.stderr.startswith(message)


def test_a_model_is_trained_and_features_are_pushed_and_unchanged_ones_are_left_alone(
    project: Path, workspace: Workspace, spark: SparkSession
) -> None:
    spark.sql(f"CREATE DATABASE IF NOT EXISTS gold LOCATION '{workspace.warehouse}/gold'")
    spark.sql(
        f"CREATE TABLE gold.run_people USING delta LOCATION '{workspace.table_path('gold.run_people')}' AS "
        "SELECT concat('p', id) AS person_id, cast(20 + id % 60 AS double) AS age_years, "
        "cast(id % 60 > 30 AS int) AS is_sick, timestamp'2026-01-01' AS read_at, timestamp'2026-01-02' AS sent_at "
        "FROM range(200)"
    )

    first = run("ml.sick_people", "ml.people_online")
    again = run("ml.sick_people", "ml.people_online", "--json")

    assert (first.returncode, again.returncode) == (0, 0), first.stderr + again.stderr
    trained, pushed = first.stdout.splitlines()
    assert trained.startswith("sick_people: version 1 trained in ")
    assert trained.endswith(" held-out rows; it has got the alias `champion`")
    assert "first champion: auc " in trained
    assert pushed.startswith("people_online: gold.run_people at version 0, 200 rows pushed online in ")
    model, features = json.loads(again.stdout)
    assert (model["version"], model["unchanged"], model["aliases"]) == (1, True, ["champion"])
    assert (model["trained_on"], list(model["metrics"])) == ({"gold.run_people": 0}, ["auc", "held_out_rows"])
    assert (features["unchanged"], features["rows_pushed"], features["version"]) == (True, None, 0)


def test_a_full_run_makes_a_table_again_and_what_is_behind_it(
    project: Path, workspace: Workspace, spark: SparkSession
) -> None:
    (project / "assets" / "keys.py").write_text(TABLES)
    spark.sql(f"CREATE DATABASE IF NOT EXISTS bronze LOCATION '{workspace.warehouse}/bronze'")
    place = workspace.table_path("bronze.run_keys")
    spark.sql(f"CREATE TABLE bronze.run_keys USING delta LOCATION '{place}' AS SELECT id FROM range(3)")

    first = run("silver.run_firsts", "--downstream", "--json")
    again = run("silver.run_firsts", "--downstream", "--json")
    full = run("silver.run_firsts", "--full", "--downstream", "--json")

    assert (first.returncode, again.returncode, full.returncode) == (0, 0, 0), first.stderr + full.stderr
    told = [
        [(made["table"], made["unchanged"], made["published"]) for made in json.loads(answer.stdout)]
        for answer in (first, again, full)
    ]
    names = "silver.run_firsts", "silver.run_seconds"
    assert told == [
        [(name, done == "again", 0 if done == "again" else 3) for name in names] for done in ("1", "again", "2")
    ]
    refused = run("silver.run_firsts", "--downstream", "--partition", "a")
    assert refused.returncode == 2
    assert "--downstream goes with whole tables" in refused.stderr
