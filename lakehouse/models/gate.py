"""The gate in front of the alias `champion`: one figure decides, on rows that the challenger has not seen.

A comparison that cannot be made moves nothing and is an error: a figure that is no number says of neither model that it
is the better one.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

from lakehouse.errors import LakehouseError
from lakehouse.models.metric import Metric
from lakehouse.models.onnx_model import gives_probabilities, scores
from lakehouse.models.store import ModelVersion, read_onnx
from lakehouse.models.training import Trained
from lakehouse.workspace import Workspace

CHAMPION = "champion"
_AFRESH = f"delete the alias `{CHAMPION}` to start afresh"


@dataclass(frozen=True)
class GateDecision:
    """What the gate decided, on the challenger's held-out rows.

    Args:
        metric: The figure that was compared.
        challenger: The challenger's figure.
        version: Version of the champion before; None if there was none.
        champion: That champion's figure on the same rows.
        rows: How many.
    """

    metric: Metric
    challenger: float
    version: int | None
    champion: float | None
    rows: int

    @property
    def moves(self) -> bool:
        """Whether the challenger becomes champion."""
        return self.champion is None or self.metric.is_as_good(self.challenger, self.champion)

    def __str__(self) -> str:
        """The decision with both figures, to six digits whatever the unit of the figure."""
        figure = f"{self.metric.name} {self.challenger:.6g}"
        if self.champion is None:
            return f"first champion: {figure} on {self.rows} held-out rows"
        word, compared = ("champion", "no worse than") if self.moves else ("refused", "worse than")
        return (
            f"{word}: {figure}, {compared} {self.champion:.6g} of version {self.version} "
            f"on the same {self.rows} held-out rows"
        )

    @property
    def figures(self) -> dict[str, float]:
        """What is logged with the run."""
        theirs = {} if self.champion is None else {f"champion_{self.metric.name}": self.champion}
        return {self.metric.name: self.challenger, "held_out_rows": self.rows, **theirs}


def judge(
    workspace: Workspace, name: str, trained: Trained, *, content: bytes, champion: ModelVersion | None
) -> GateDecision:
    """Compare challenger and champion on the challenger's held-out rows, both as the ONNX that will be served.

    Raises:
        LakehouseError: they cannot be compared: the champion asks for features that the rows do not have, one gives a
            probability and the other a number, a score or a figure is not finite.
    """
    rows, state = len(trained.held_out), _not_registered(name, champion.version if champion else None)
    challenger = _figure(
        trained,
        content,
        whose="score",
        state=state,
        way_out="Let the pipeline fill in what is missing, or leave these rows out of `Trained.held_out`.",
    )
    if champion is None:
        return decide(name, trained.gate, challenger, None, rows)
    champion_content = read_onnx(workspace, champion)
    _refuse_another_kind(state, content, champion_content)
    _refuse_missing_features(state, trained, json.loads(champion.tags["feature_names"]))
    theirs = _figure(
        trained,
        champion_content,
        whose=f"score of version {champion.version}",
        state=state,
        way_out=f"Leave these rows out of `Trained.held_out`, or {_AFRESH}.",
    )
    return decide(name, trained.gate, challenger, (champion.version, theirs), rows)


def decide(name: str, metric: Metric, challenger: float, champion: tuple[int, float] | None, rows: int) -> GateDecision:
    """Decide by the figures alone; equal figures make the challenger champion.

    Args:
        name: Of the model.
        metric: The figure.
        challenger: The challenger's.
        champion: Version and figure of the champion; None if there is none yet.
        rows: Held-out rows that both are of.

    Raises:
        LakehouseError: a figure is not finite. The champion stays, also if the figure is the champion's own: that it
            cannot be judged here does not make the challenger better.
    """
    state = _not_registered(name, champion[0] if champion else None)
    if not math.isfinite(challenger):
        raise LakehouseError(
            f"{state}\n"
            f"  {metric.name}  expected a finite number on {rows} held-out rows, got {challenger}\n"
            f"Look at `Trained.held_out_labels`, or compare by another metric (`Trained.gate`)."
        )
    if champion is None:
        return GateDecision(metric, challenger, None, None, rows)
    version, theirs = champion
    if not math.isfinite(theirs):
        raise LakehouseError(
            f"{state}\n"
            f"  {metric.name} of version {version}  expected a finite number on {rows} held-out rows, got {theirs}\n"
            f"So nothing shows that the new one is no worse. Compare by another metric (`Trained.gate`), or {_AFRESH}."
        )
    return GateDecision(metric, challenger, version, theirs, rows)


def _figure(trained: Trained, content: bytes, *, whose: str, state: str, way_out: str) -> float:
    """The gate's figure of a model, if it has a score for each held-out row."""
    import numpy as np

    values = scores(content, trained.held_out)
    without = int((~np.isfinite(values)).sum())
    if without:
        raise LakehouseError(
            f"{state}\n"
            f"  {whose}  expected a finite number for each of {len(values)} held-out rows, got none for {without}\n"
            f"{way_out}"
        )
    return float(trained.gate.function(trained.held_out_labels, values))


def _refuse_another_kind(state: str, content: bytes, champion_content: bytes) -> None:
    kinds = {True: "a probability", False: "a predicted number"}
    challengers, champions = gives_probabilities(content), gives_probabilities(champion_content)
    if challengers != champions:
        raise LakehouseError(
            f"{state}\n"
            f"  score  expected {kinds[champions]}, as the champion gives, got {kinds[challengers]}\n"
            f"Who reads the scores would get another thing in the same column. "
            f"Give the new model another name, or {_AFRESH}."
        )


def _refuse_missing_features(state: str, trained: Trained, needed: Sequence[str]) -> None:
    missing = [feature for feature in needed if feature not in trained.held_out.columns]
    if missing:
        raise LakehouseError(
            f"{state}\n"
            f"  {', '.join(missing)}  expected in the held-out rows, because the champion needs it, got nothing\n"
            f"Keep these columns in `Trained.held_out`, or {_AFRESH}."
        )


def _not_registered(name: str, champion: int | None) -> str:
    """The state that a refused training leaves."""
    kept = "it has no champion yet" if champion is None else f"version {champion} stays champion"
    return f"{name} was trained but not registered, {kept}."
