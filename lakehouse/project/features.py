"""Features that are served: what the online store knows of some keys."""

from collections.abc import Sequence
from typing import Any

from lakehouse.dagster.feature_asset import FeatureAsset
from lakehouse.features import feast_store
from lakehouse.features.feature_view import Features
from lakehouse.project.targets import workspace_of
from lakehouse.workspace import Workspace


def online_rows(
    features: Features | FeatureAsset, keys: Sequence[str], *, workspace: Workspace | None = None
) -> list[dict[str, Any]]:
    """What the online store knows of some keys, in their order.

    Args:
        features: The declaration, or its asset.
        keys: Values of the key column.
        workspace: Where; the current one if not given.

    Returns:
        Per key its features and `event_at` (UTC, whole seconds: Feast keeps no more); all None for an unknown key.
    """
    declared = features.features if isinstance(features, FeatureAsset) else features
    return feast_store.online_rows(workspace_of(workspace), declared, keys)
