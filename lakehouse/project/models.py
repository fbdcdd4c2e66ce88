"""The registered versions of a model, its champion, and the way back to the champion before."""

from lakehouse.models import registry, store
from lakehouse.models.gate import CHAMPION
from lakehouse.models.store import ModelVersion
from lakehouse.project.targets import workspace_of
from lakehouse.workspace import Workspace


def model_versions(name: str, *, workspace: Workspace | None = None) -> list[ModelVersion]:
    """All registered versions of a model, oldest first; none if it was never trained.

    Args:
        name: Of the registered model.
        workspace: Where; the current one if not given.
    """
    return list(store.versions(workspace_of(workspace), name))


def champion_of(name: str, *, workspace: Workspace | None = None) -> ModelVersion | None:
    """The version that the alias `champion` points at; None if the model has none yet.

    Args:
        name: Of the registered model.
        workspace: Where; the current one if not given.
    """
    return store.with_alias(workspace_of(workspace), name, CHAMPION)


def rollback(name: str, *, to: int | None = None, workspace: Workspace | None = None) -> ModelVersion:
    """Give the alias `champion` back to the champion before, or to a version; calling it again takes that back.

    Args:
        name: Of the registered model.
        to: The version that is to be champion; the champion before if not given.
        workspace: Where; the current one if not given.

    Returns:
        The version that is champion now.

    Raises:
        LakehouseError: no such model or version, no champion before this one, or a version that the gate has not
            judged; the aliases are as they were.
    """
    return registry.rollback(workspace_of(workspace), name, to)
