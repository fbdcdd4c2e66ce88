"""What kind of model a fitted pipeline is: a classifier of 0 and 1, or a regressor. Everything else has no score."""

from typing import Any

from lakehouse.errors import DeclarationError

ONE_SCORE = "a model gives one score for a row"


def is_classifier(pipeline: Any) -> bool:
    """Whether a fitted pipeline scores by the probability of class 1; if not, by the number that it predicts.

    Raises:
        DeclarationError: neither a classifier nor a regressor, a classifier without probabilities, or one of other
            classes than 0 and 1.
    """
    from sklearn import base

    if base.is_regressor(pipeline):
        return False
    kind = estimator_name(pipeline)
    if not base.is_classifier(pipeline):
        raise DeclarationError(f"{ONE_SCORE}: expected a fitted classifier or regressor, got {kind}")
    if not hasattr(pipeline, "predict_proba"):
        raise DeclarationError(
            f"{ONE_SCORE}: expected a classifier that gives probabilities, got {kind}, which has no `predict_proba`. "
            f"Fit it inside scikit-learn's CalibratedClassifierCV, or take another classifier."
        )
    classes = list(pipeline.classes_)
    if classes != [0, 1]:
        which = "two others" if len(classes) == 2 else len(classes)
        raise DeclarationError(
            f"{ONE_SCORE}: expected a classifier of the classes 0 and 1, got {which} ({kind}). "
            f"Make the labels 0 and 1 before the training, 1 for what the score is the probability of."
        )
    return True


def estimator_name(pipeline: Any) -> str:
    """Class of a pipeline's last step, for messages."""
    steps = getattr(pipeline, "steps", None)
    return estimator_name(steps[-1][1]) if steps else type(pipeline).__name__
