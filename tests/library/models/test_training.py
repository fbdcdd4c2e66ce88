"""Splits and fingerprints are decided by content alone; a training that the gate would judge wrongly is refused."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from lakehouse.errors import DeclarationError
from lakehouse.models.metric import AUC, LOG_LOSS, RMSE
from lakehouse.models.training import Trained, dataset_of, fingerprint, is_held_out
from tests.library.models.cases import FEATURES, people, train, weigh


def test_a_row_keeps_its_side_when_others_come_or_the_order_changes() -> None:
    few = pd.Series([f"p{number}" for number in range(100)])
    many = pd.Series([f"p{number}" for number in reversed(range(1000))])

    before = dict(zip(few, is_held_out(few), strict=True))
    after = dict(zip(many, is_held_out(many), strict=True))

    assert {id_: after[id_] for id_ in before} == before
    assert 0.2 < is_held_out(many).mean() < 0.3


def test_a_fingerprint_depends_on_versions_and_code_and_not_on_their_order() -> None:
    assert fingerprint({"a.b": 1, "c.d": 2}, "x") == fingerprint({"c.d": 2, "a.b": 1}, "x")
    assert len({fingerprint({"a.b": 1}, "x"), fingerprint({"a.b": 2}, "x"), fingerprint({"a.b": 1}, "y")}) == 3


def test_the_digest_of_a_dataset_is_of_its_content() -> None:
    rows = people(50)
    changed = rows.assign(age_years=rows["age_years"] + 1)

    digests = [dataset_of("gold.people", 1, "/p", frame).digest for frame in (rows, rows.iloc[::-1], changed)]

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize("gate", [AUC, LOG_LOSS])
def test_a_regression_must_name_a_metric_of_numbers(gate: Any) -> None:
    with pytest.raises(DeclarationError) as refused:
        weigh(people(), gate=gate)

    assert str(refused.value) == (
        "the gate of a regression compares predicted numbers: expected a metric such as RMSE, MAE or R2, "
        f"got `{gate.name}` for Ridge. Name it: `Trained(..., gate=RMSE)`."
    )


def test_a_classifier_may_be_judged_by_the_distance_of_its_probabilities() -> None:
    assert replace(train(people()), gate=RMSE).gate is RMSE


def _labels(trained: Trained, first: Any, kind: str | None = None) -> pd.Series:
    labels = trained.held_out_labels.astype(kind or trained.held_out_labels.dtype)
    return pd.concat([pd.Series([first], dtype=kind or labels.dtype), labels.iloc[1:]])


@pytest.mark.parametrize(
    ("make", "first", "kind", "expected", "wrong"),
    [
        (train, 2, "int64", "0 or 1 for a classifier", 1),
        (train, 0.5, "float64", "0 or 1 for a classifier", 1),
        (train, pd.NA, "Int64", "0 or 1 for a classifier", 1),
        (weigh, np.nan, "float64", "finite numbers for a regression", 1),
        (weigh, np.inf, "float64", "finite numbers for a regression", 1),
        (weigh, "secret", "object", "finite numbers for a regression", None),
    ],
)
def test_labels_that_cannot_be_compared_are_counted_and_not_shown(
    make: Callable[[pd.DataFrame], Trained], first: Any, kind: str, expected: str, wrong: int | None
) -> None:
    trained = make(people())
    rows = len(trained.held_out)

    with pytest.raises(DeclarationError) as refused:
        replace(trained, held_out_labels=_labels(trained, first, kind))

    assert str(refused.value) == (
        f"`Trained.held_out_labels`: expected {expected}, got others in {wrong or rows} of {rows} rows (type {kind}). "
        "Convert them, and leave rows without a label out."
    )


@pytest.mark.parametrize(("rows", "labels"), [(0, 0), (3, 2)])
def test_each_held_out_row_needs_its_label(rows: int, labels: int) -> None:
    trained = weigh(people())

    with pytest.raises(DeclarationError, match=f"at least one in .* got {rows} rows and {labels} labels"):
        replace(trained, held_out=trained.held_out[:rows], held_out_labels=trained.held_out_labels[:labels])


def test_held_out_rows_have_the_features_of_the_model() -> None:
    trained = weigh(people())

    with pytest.raises(
        DeclarationError, match=r"`Trained.held_out` has no column pressure_mmhg, which the model needs"
    ):
        replace(trained, held_out=trained.held_out[list(FEATURES[:2])])
