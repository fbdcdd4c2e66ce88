"""From the landing folder to the scores: every line's fate, every figure of the screen, nothing twice."""

from collections import Counter

import pytest

from lakehouse.workspace import Workspace
from tests.chain.conftest import ROWS, Demo, run_demo, versions
from tests.rights import entries, wider_than

pytestmark = pytest.mark.slow
TABLES = (
    "bronze.patients",
    "bronze.readings",
    "silver.patients",
    "silver.readings",
    "gold.patient_features",
    "gold.wearer_days",
    "gold.wearer_latest",
    "ml.wearer_scores",
)


def test_the_workspace_started_no_engine_of_its_own(demo: Demo):
    assert not set(demo.workspace.services()) & {"spark", "metastore"}


def test_a_second_run_with_nothing_new_commits_nothing(demo: Demo, workspace: Workspace):
    before = versions(workspace)

    run_demo(demo.environment)

    assert versions(workspace) == before


def test_every_broken_line_of_the_simulator_has_its_fate(demo: Demo, spark):
    expected = Counter(
        (line["fate"], f"landing/readings/{line['file']}", line["row"])
        for line in demo.ledger["lines"]
        if line["fate"].startswith("quarantine.")
    )

    quarantined = Counter(
        (name, row["_source_file"], row["_source_row"])
        for name in ("quarantine.bronze_readings", "quarantine.silver_readings")
        for row in spark.table(name).select("_source_file", "_source_row").collect()
    )

    assert quarantined == expected
    assert sum(quarantined.values()) > 0


def test_every_quarantined_line_names_the_rules_that_the_simulator_broke(demo: Demo, spark):
    expected = {
        (f"landing/readings/{line['file']}", line["row"]): set(line["rules"])
        for line in demo.ledger["lines"]
        if line["fate"] == "quarantine.silver_readings"
    }

    broken = {
        (row["_source_file"], row["_source_row"]): {rule.partition("(")[0].strip() for rule in row["_broken_rules"]}
        for row in spark.table("quarantine.silver_readings").collect()
    }

    assert broken == expected


def test_rows_in_are_rows_published_quarantined_and_deduplicated(demo: Demo, spark):
    bronze = spark.table("bronze.readings").count() + spark.table("quarantine.bronze_readings").count()
    silver = spark.table("silver.readings").count() + spark.table("quarantine.silver_readings").count()
    fates = Counter(line["fate"] for line in demo.ledger["lines"])

    assert bronze == ROWS
    assert silver + fates["deduplicated"] + fates["superseded"] == ROWS - fates["quarantine.bronze_readings"]


@pytest.mark.parametrize("name", TABLES)
def test_each_figure_of_the_last_screen_agrees_with_trino(demo: Demo, trino, name: str):
    layer, _, entity = name.partition(".")
    rows, version, quarantined, checks = demo.screen[name]

    assert trino(f"SELECT count(*) FROM {name}").rows == ((rows,),)
    assert trino(f'SELECT max(version) FROM {layer}."{entity}$history"').rows == ((version,),)
    held = trino(f"SELECT count(*) FROM quarantine.{layer}_{entity}").rows[0][0] if quarantined else 0
    assert quarantined == held
    passed, _, total = checks.partition("/")
    results = trino(
        f"SELECT count_if(is_success), count(*) FROM ops.checks WHERE asset = '{name}' AND table_version = {version}"
    )
    assert results.rows == ((int(passed), int(total)),)


def test_the_wearers_at_highest_risk_are_those_that_trino_finds(demo: Demo, trino):
    riskiest = trino("SELECT wearer_id, risk FROM ml.wearer_scores ORDER BY risk DESC, wearer_id LIMIT 5").rows

    for wearer, risk in riskiest:
        assert f"│ {wearer} │ {risk:.4f} │" in demo.printed


def test_the_model_of_the_screen_is_the_champion_and_knows_its_data(demo: Demo, workspace: Workspace):
    from lakehouse.models.store import with_alias

    champion = with_alias(demo.workspace, "heart", "champion")

    assert f"Model heart: version {champion.version}, alias champion, AUC {champion.metrics['auc']:.4f}" in demo.printed
    assert champion.tags["delta.gold.patient_features"] == str(versions(workspace)["gold.patient_features"])


def test_the_scores_were_made_by_the_champion_for_every_wearer(demo: Demo, spark):
    from lakehouse.models.store import with_alias

    champion = with_alias(demo.workspace, "heart", "champion")
    scores = spark.table("ml.wearer_scores")

    assert {int(row[0]) for row in scores.select("model_version").collect()} == {champion.version}
    assert {row[0] for row in scores.select("wearer_id").collect()} == {
        row[0] for row in spark.table("gold.wearer_latest").select("wearer_id").collect()
    }


def test_feast_gives_for_every_wearer_exactly_what_gold_has(demo: Demo, spark):
    from assets.ml.wearer_features import WEARER_FEATURES
    from lakehouse.features.feast_store import online_rows

    columns = [WEARER_FEATURES.key, *(name for name, _ in WEARER_FEATURES.columns)]
    gold = [row.asDict() for row in spark.table(WEARER_FEATURES.table).select(*columns).collect()]

    online = online_rows(demo.workspace, WEARER_FEATURES, [row[WEARER_FEATURES.key] for row in gold])

    assert [{name: row[name] for name in columns} for row in online] == gold
    assert {(name, type(row[name])) for row in online for name in columns} == {
        (name, type(row[name])) for row in gold for name in columns
    }
    assert len(gold) > 90


def test_all_that_the_chain_made_is_its_owners_alone_whatever_the_umask_is(demo: Demo, workspace: Workspace):
    made = dict(entries(demo.workspace.home))

    assert {"mlflow/mlflow.db", "dagster/history/runs.db", "feast/online.db", "logs/dbt.log"} <= made.keys()
    assert any(name.startswith("mlflow/artifacts/") and name.endswith("/model.onnx") for name in made)
    assert wider_than(0o700, demo.workspace.home) == {}
    assert wider_than(0o700, workspace.home) == {}
