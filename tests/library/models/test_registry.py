"""The registry on the workspace's own store: what is logged, who becomes champion, what is skipped, the way back."""

import json

import pytest

from lakehouse.errors import LakehouseError
from lakehouse.models.registry import find_version, log_and_register, rollback
from lakehouse.models.store import _from_server, open_store, read_onnx, store_file, versions, with_alias
from lakehouse.workspace import Workspace
from tests.library.models.cases import FEATURES, origin, people, train, weigh


def test_a_training_is_logged_with_all_that_it_was_made_from(store: Workspace) -> None:
    made = log_and_register(store, "people", train(people()), origin(version=0))

    run = open_store(store).get_run(made.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"strength": "1.0"}
    assert run.data.metrics.keys() == {"auc", "held_out_rows", "training_rows"}
    assert run.data.tags["mlflow.source.git.commit"] == "abc123"
    for tags in (run.data.tags, made.tags):
        assert (tags["delta.gold.people"], tags["code"], tags["commit"]) == ("0", "c0de", "abc123")
        assert json.loads(tags["feature_names"]) == list(FEATURES)
    (dataset,) = run.inputs.dataset_inputs
    assert (dataset.dataset.name, dataset.dataset.digest) == ("gold.people", "d" * 32)
    assert json.loads(dataset.dataset.source) == {"path": "/warehouse/gold/people", "delta_table_version": 0}


def test_model_and_onnx_are_artifacts_of_one_run_and_load_by_alias(store: Workspace) -> None:
    import mlflow

    trained = train(people())
    made = log_and_register(store, "people", trained, origin())

    files = {artifact.path for artifact in open_store(store).list_artifacts(made.run_id)}
    assert files == {"model", "model.onnx"}
    loaded = mlflow.sklearn.load_model(f"{made.artifacts}/model")
    assert (loaded.predict_proba(trained.held_out) == trained.pipeline.predict_proba(trained.held_out)).all()
    assert open_store(store).get_model_version_by_alias("people", "champion").version == made.version


def test_the_first_version_becomes_champion(store: Workspace) -> None:
    made = log_and_register(store, "people", train(people()), origin())

    assert made.aliases == ("champion",)
    assert made.tags["gate"].startswith("first champion: auc 0.")


def test_a_challenger_that_is_as_good_becomes_champion_and_the_other_is_kept_as_previous(store: Workspace) -> None:
    trained = train(people())
    log_and_register(store, "people", trained, origin(version=0))

    log_and_register(store, "people", trained, origin(version=1))

    assert {version.version: version.aliases for version in versions(store, "people")} == {
        1: ("previous",),
        2: ("champion",),
    }


def test_a_worse_challenger_is_refused_and_both_figures_are_logged(store: Workspace) -> None:
    champion = log_and_register(store, "people", train(people()), origin())

    refused = log_and_register(store, "people", train(people(), strength=-1.0), origin(code="worse"))

    assert refused.aliases == ()
    assert with_alias(store, "people", "champion") == champion
    assert refused.metrics["auc"] < refused.metrics["champion_auc"] == champion.metrics["auc"]
    figures = f"refused: auc {refused.metrics['auc']:.6g}, worse than {champion.metrics['auc']:.6g} of version 1"
    assert refused.tags["gate"].startswith(figures)
    assert open_store(store).get_run(refused.run_id).data.tags["gate"] == refused.tags["gate"]


def test_the_champion_is_judged_on_the_rows_that_the_challenger_has_not_seen(store: Workspace) -> None:
    log_and_register(store, "people", train(people(200)), origin())
    more = train(people(400, seed=2))

    second = log_and_register(store, "people", more, origin(version=1))

    from sklearn.metrics import roc_auc_score

    from lakehouse.models.onnx_model import scores

    first = versions(store, "people")[0]
    expected = roc_auc_score(more.held_out_labels, scores(read_onnx(store, first), more.held_out))
    assert second.metrics["champion_auc"] == expected
    assert second.metrics["held_out_rows"] == len(more.held_out)


def test_a_champion_with_other_features_is_compared_while_the_rows_still_have_them(store: Workspace) -> None:
    log_and_register(store, "people", train(people()), origin())

    narrow = log_and_register(store, "people", train(people(), features=FEATURES[:2]), origin(code="narrow"))

    assert "champion_auc" in narrow.metrics


def test_a_champion_that_cannot_be_compared_stops_the_registration_and_names_the_column(store: Workspace) -> None:
    from dataclasses import replace

    log_and_register(store, "people", train(people()), origin())
    narrow = train(people(), features=FEATURES[:2])

    with pytest.raises(LakehouseError) as refused:
        log_and_register(
            store, "people", replace(narrow, held_out=narrow.held_out[list(FEATURES[:2])]), origin(code="narrow")
        )

    assert str(refused.value) == (
        "people was trained but not registered, version 1 stays champion.\n"
        "  pressure_mmhg  expected in the held-out rows, because the champion needs it, got nothing\n"
        "Keep these columns in `Trained.held_out`, or delete the alias `champion` to start afresh."
    )
    assert len(versions(store, "people")) == 1


def test_the_same_versions_and_code_are_found_again_and_others_are_not(store: Workspace) -> None:
    made = log_and_register(store, "people", train(people()), origin(version=3))

    assert find_version(store, "people", {"gold.people": 3}, "c0de") == made
    assert find_version(store, "people", {"gold.people": 4}, "c0de") is None
    assert find_version(store, "people", {"gold.people": 3}, "new code") is None


def test_a_registration_that_was_cut_off_before_the_gate_is_not_found(store: Workspace) -> None:
    made = log_and_register(store, "people", train(people()), origin())

    open_store(store).delete_model_version_tag("people", str(made.version), "gate")

    assert find_version(store, "people", {"gold.people": 0}, "c0de") is None


def test_rollback_without_an_earlier_champion_says_so(store: Workspace) -> None:
    log_and_register(store, "people", train(people()), origin())

    with pytest.raises(LakehouseError, match="no earlier champion"):
        rollback(store, "people")


def test_asking_a_store_that_is_not_there_makes_none(bare: Workspace) -> None:
    assert versions(bare, "people") == ()
    assert find_version(bare, "people", {}, "") is None
    assert not store_file(bare).exists()


def test_a_store_is_made_on_first_use(bare: Workspace) -> None:
    made = log_and_register(bare, "people", train(people()), origin())

    assert versions(bare, "people") == (made,)
    assert made.artifacts.startswith((bare.home / "mlflow" / "artifacts").as_uri())


def test_the_light_reading_of_the_store_agrees_with_the_client(store: Workspace) -> None:
    trained = train(people())
    for version in range(3):
        log_and_register(store, "people", trained, origin(version=version))
    open_store(store).delete_model_version("people", "1")

    assert versions(store, "people") == _from_server(open_store(store), "people")
    assert [version.version for version in versions(store, "people")] == [2, 3]


def test_equal_rows_and_code_give_equal_figures(store: Workspace) -> None:
    first = log_and_register(store, "people", train(people()), origin(version=0))

    second = log_and_register(store, "people", train(people()), origin(version=1))

    assert first.metrics.items() <= second.metrics.items()
    assert read_onnx(store, first) == read_onnx(store, second)


def test_no_telemetry_leaves_the_process(store: Workspace) -> None:
    from mlflow.telemetry import get_telemetry_client

    open_store(store)

    assert get_telemetry_client() is None


def test_the_gate_of_a_regression_keeps_the_better_of_two(store: Workspace) -> None:
    import mlflow
    from sklearn.linear_model import Ridge
    from sklearn.tree import DecisionTreeRegressor

    tree = weigh(people(), estimator=DecisionTreeRegressor(max_depth=2))
    first = log_and_register(store, "weights", tree, origin())
    worse = log_and_register(store, "weights", weigh(people(), estimator=Ridge(1e6)), origin(code="worse"))
    better = log_and_register(store, "weights", weigh(people()), origin(code="better"))

    assert first.tags["gate"].startswith("first champion: rmse ")
    assert worse.tags["gate"].startswith("refused: rmse ")
    assert better.metrics["rmse"] < first.metrics["rmse"] < worse.metrics["rmse"]
    assert with_alias(store, "weights", "champion") == better
    loaded = mlflow.sklearn.load_model(f"{first.artifacts}/model")
    assert (loaded.predict(tree.held_out) == tree.pipeline.predict(tree.held_out)).all()


def test_a_regression_does_not_take_the_alias_of_a_classifier(store: Workspace) -> None:
    champion = log_and_register(store, "people", train(people()), origin())

    with pytest.raises(LakehouseError) as refused:
        log_and_register(store, "people", weigh(people()), origin(code="weights"))

    assert str(refused.value) == (
        "people was trained but not registered, version 1 stays champion.\n"
        "  score  expected a probability, as the champion gives, got a predicted number\n"
        "Who reads the scores would get another thing in the same column. "
        "Give the new model another name, or delete the alias `champion` to start afresh."
    )
    assert versions(store, "people") == (champion,)
