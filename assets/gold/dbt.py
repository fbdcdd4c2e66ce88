"""The tables that dbt makes, by name. Their columns, tests and SQL are in `dbt_project/models/gold/`."""

from assets.attributes import FEATURE_COLUMNS, LABEL_COLUMN
from lakehouse import DbtProject, Foreign

GOLD = DbtProject("dbt_project")

PATIENT_FEATURES = Foreign("gold.patient_features")
WEARER_LATEST = Foreign("gold.wearer_latest")
WEARER_DAYS = Foreign("gold.wearer_days")

__all__ = ["FEATURE_COLUMNS", "GOLD", "LABEL_COLUMN", "PATIENT_FEATURES", "WEARER_DAYS", "WEARER_LATEST"]
