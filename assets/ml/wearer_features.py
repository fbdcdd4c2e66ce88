"""The latest state of each wearer in Feast's online store, for who scores a wearer at once."""

from assets.attributes import ATTRIBUTES
from lakehouse import FeatureAsset, Features

WEARER_FEATURES = Features(
    name="wearer_features",
    table="gold.wearer_latest",
    key="wearer_id",
    columns=(("reading_id", "string"), *((attribute.column, attribute.type) for attribute in ATTRIBUTES)),
    event_at="read_at",
    created_at="sent_at",
)

ml_wearer_features = FeatureAsset(WEARER_FEATURES)
