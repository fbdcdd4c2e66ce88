"""What the gate decides by figures alone, and what it refuses to compare; no server, no store."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from lakehouse.errors import DeclarationError, LakehouseError
from lakehouse.models.gate import decide, judge
from lakehouse.models.metric import AUC, LOG_LOSS, MAE, R2, RMSE, Metric
from lakehouse.models.onnx_model import to_onnx
from lakehouse.models.store import ONNX_FILE, ModelVersion
from lakehouse.models.training import Trained
from lakehouse.settings import Settings
from lakehouse.workspace import Workspace
from tests.library.models.cases import FEATURES, people, weigh

HIT_RATE = Metric("hit rate", lambda labels, scores: float(np.mean(labels == scores)), higher_is_better=True)
WORST = Metric("worst/error", lambda labels, scores: float(np.max(np.abs(labels - scores))), higher_is_better=False)


@pytest.mark.parametrize(
    ("metric", "champion", "challenger", "moves"),
    [
        (AUC, 0.8, 0.81, True),
        (AUC, 0.8, 0.8, True),
        (AUC, 0.8, 0.79, False),
        (LOG_LOSS, 0.5, 0.49, True),
        (LOG_LOSS, 0.5, 0.5, True),
        (LOG_LOSS, 0.5, 0.51, False),
        (RMSE, 12.5, 12.4, True),
        (RMSE, 12.5, 12.5, True),
        (RMSE, 12.5, 12.6, False),
        (MAE, 3e-7, 2e-7, True),
        (MAE, 3e-7, 4e-7, False),
        (R2, -0.2, 0.1, True),
        (R2, 0.1, -0.2, False),
        (HIT_RATE, 0.5, 0.6, True),
        (HIT_RATE, 0.5, 0.4, False),
        (WORST, 7.0, 6.0, True),
        (WORST, 7.0, 8.0, False),
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else str(value),
)
def test_the_better_or_equal_figure_is_champion_whichever_way_it_goes(
    metric: Metric, champion: float, challenger: float, moves: bool
) -> None:
    decision = decide("weights", metric, challenger, (3, champion), 50)

    assert decision.moves is moves
    assert decision.figures == {metric.name: challenger, f"champion_{metric.name}": champion, "held_out_rows": 50}
    word, compared = ("champion", "no worse than") if moves else ("refused", "worse than")
    assert str(decision) == (
        f"{word}: {metric.name} {challenger:g}, {compared} {champion:g} of version 3 on the same 50 held-out rows"
    )


@pytest.mark.parametrize("figure", [0.9, -4.0, 0.0])
def test_the_first_model_is_champion_whatever_its_figure(figure: float) -> None:
    decision = decide("weights", RMSE, figure, None, 50)

    assert decision.moves
    assert str(decision) == f"first champion: rmse {figure:g} on 50 held-out rows"
    assert decision.figures == {"rmse": figure, "held_out_rows": 50}


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", [AUC, RMSE], ids=lambda metric: metric.name)
@pytest.mark.parametrize(
    ("champion", "kept"), [(None, "it has no champion yet"), ((3, 0.5), "version 3 stays champion")]
)
def test_a_challenger_whose_figure_is_no_number_is_refused(
    metric: Metric, figure: float, champion: tuple[int, float] | None, kept: str
) -> None:
    with pytest.raises(LakehouseError) as refused:
        decide("weights", metric, figure, champion, 50)

    assert str(refused.value) == (
        f"weights was trained but not registered, {kept}.\n"
        f"  {metric.name}  expected a finite number on 50 held-out rows, got {figure}\n"
        f"Look at `Trained.held_out_labels`, or compare by another metric (`Trained.gate`)."
    )


@pytest.mark.parametrize("figure", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("metric", [AUC, RMSE], ids=lambda metric: metric.name)
def test_a_champion_whose_figure_is_no_number_stays_because_nothing_was_shown(metric: Metric, figure: float) -> None:
    with pytest.raises(LakehouseError) as refused:
        decide("weights", metric, 0.5, (3, figure), 50)

    assert str(refused.value) == (
        f"weights was trained but not registered, version 3 stays champion.\n"
        f"  {metric.name} of version 3  expected a finite number on 50 held-out rows, got {figure}\n"
        f"So nothing shows that the new one is no worse. "
        f"Compare by another metric (`Trained.gate`), or delete the alias `champion` to start afresh."
    )


def no_number(*_: object) -> float:
    """A metric that has nothing to say of any rows."""
    return math.nan


def bare_regression(*, missing: int) -> Trained:
    """A regression that cannot score a row with a missing value, and held-out rows of which some have one."""
    from sklearn.linear_model import Ridge

    rows = people().fillna(0.0)
    fitted = Ridge().fit(rows[list(FEATURES)], rows["age_years"])
    held_out = rows.loc[:19, list(FEATURES)]
    held_out.loc[: missing - 1, "pressure_mmhg"] = np.nan
    return Trained(fitted, FEATURES, held_out, rows.loc[:19, "age_years"], gate=RMSE)


def champion_of(trained: Trained, folder: Path) -> ModelVersion:
    """A version whose artifacts are a folder."""
    (folder / ONNX_FILE).write_bytes(to_onnx(trained.pipeline, trained.feature_names))
    return ModelVersion(
        "weights", 4, "run", folder.as_uri(), ("champion",), {"feature_names": '["age_years", "pressure_mmhg"]'}
    )


def refusal(trained: Trained, champion: ModelVersion | None, folder: Path) -> str:
    content = to_onnx(trained.pipeline, trained.feature_names)
    with pytest.raises(LakehouseError) as refused:
        judge(Workspace(Settings(home=folder)), "weights", trained, content=content, champion=champion)
    return str(refused.value)


def test_a_challenger_without_a_score_for_some_rows_is_refused_with_their_number(tmp_path: Path) -> None:
    assert refusal(bare_regression(missing=3), None, tmp_path) == (
        "weights was trained but not registered, it has no champion yet.\n"
        "  score  expected a finite number for each of 20 held-out rows, got none for 3\n"
        "Let the pipeline fill in what is missing, or leave these rows out of `Trained.held_out`."
    )


def test_a_champion_without_a_score_for_some_rows_stays_champion(tmp_path: Path) -> None:
    bare = bare_regression(missing=3)
    filled = replace(weigh(people()), held_out=bare.held_out, held_out_labels=bare.held_out_labels)

    assert refusal(filled, champion_of(bare, tmp_path), tmp_path) == (
        "weights was trained but not registered, version 4 stays champion.\n"
        "  score of version 4  expected a finite number for each of 20 held-out rows, got none for 3\n"
        "Leave these rows out of `Trained.held_out`, or delete the alias `champion` to start afresh."
    )


def test_a_metric_that_gives_no_number_is_refused(tmp_path: Path) -> None:
    trained = weigh(people(), gate=Metric("nothing", no_number, higher_is_better=False))

    assert refusal(trained, None, tmp_path) == (
        "weights was trained but not registered, it has no champion yet.\n"
        f"  nothing  expected a finite number on {len(trained.held_out)} held-out rows, got nan\n"
        "Look at `Trained.held_out_labels`, or compare by another metric (`Trained.gate`)."
    )


@pytest.mark.parametrize(
    ("name", "message"), [(" ", "a metric needs a name"), ("rmse (kg)", r"MLflow logs it: `rmse \(kg\)` has others")]
)
def test_a_metric_that_could_not_be_logged_is_refused_where_it_is_declared(name: str, message: str) -> None:
    with pytest.raises(DeclarationError, match=message):
        Metric(name, no_number, higher_is_better=True)
