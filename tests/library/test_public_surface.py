"""The names that users build on; a new one costs a line here."""

import subprocess
import sys

import lakehouse

PUBLIC = [
    "Append",
    "Champion",
    "Column",
    "DbtProject",
    "Foreign",
    "Lines",
    "Merge",
    "Overwrite",
    "ReplacePartitions",
    "Scd2",
    "Table",
    "connect",
    "model_asset",
    "project_definitions",
    "table_asset",
]


def test_the_public_names_are_these():
    assert lakehouse.__all__ == PUBLIC
    assert all(callable(getattr(lakehouse, name)) for name in PUBLIC)


def test_importing_every_public_name_loads_nothing_heavy():
    heavy = ("pyspark", "dagster", "great_expectations", "mlflow", "feast", "sklearn", "pandas", "dbt", "trino")
    code = (
        "import sys, lakehouse; [getattr(lakehouse, name) for name in lakehouse.__all__]; "
        f"print([name for name in {heavy} if name in sys.modules])"
    )

    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
