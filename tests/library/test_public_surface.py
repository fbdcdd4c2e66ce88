"""The names that users build on; a new one costs a line here."""

import ast
import subprocess
import sys
from inspect import Parameter, signature
from pathlib import Path

import pytest

import lakehouse
from lakehouse import errors

ROOT = Path(__file__).parents[2]
FIGURES = {"AUC", "LOG_LOSS", "MAE", "R2", "RMSE"}
PUBLIC = {
    "what a table is": {"Append", "Column", "Foreign", "Merge", "Overwrite", "ReplacePartitions", "Scd2", "Table"},
    "what can be read": {"Champion", "Lines", "ParquetFiles"},
    "assets": {"DbtProject", "FeatureAsset", "ModelAsset", "TableAsset", "model_asset", "table_asset"},
    "models and features": {"ChampionModel", "Features", "Trained", "is_held_out", "score_frame"},
    "figures of a model": {*FIGURES, "Metric"},
    "the graph": {
        "assets_of",
        "connection_resource",
        "dagster_assets",
        "landing_sensor",
        "project_definitions",
        "project_package",
        "run_job",
    },
    "what is done by a call": {
        "apply",
        "champion_of",
        "connect",
        "current_workspace",
        "discard",
        "down",
        "drop",
        "explain",
        "fix",
        "history",
        "hold_workspace",
        "model_versions",
        "online_rows",
        "plan",
        "query",
        "reopen",
        "replay",
        "unfix",
        "restore",
        "rollback",
        "row_accounts",
        "run",
        "status",
        "tables",
        "up",
    },
    "what calls give": {
        "Accounts",
        "Answer",
        "Applied",
        "CheckResult",
        "Connection",
        "Dropped",
        "Explanation",
        "ModelVersion",
        "Problem",
        "Published",
        "Served",
        "ServiceStatus",
        "Settings",
        "Step",
        "TableLine",
        "TablePlan",
        "Training",
        "Workspace",
    },
    "errors": {
        "AuditFailedError",
        "ChangeFeedGoneError",
        "CodeLocationError",
        "CommitDiffersError",
        "ComputationError",
        "ConcurrentWriteError",
        "DamagedDecisionError",
        "DamagedLogError",
        "DecisionFailedError",
        "DeclarationDiffersError",
        "DeclarationError",
        "DownloadError",
        "FencedError",
        "InvalidKeyError",
        "LakehouseError",
        "NoFrameError",
        "PartitionMismatchError",
        "PartitionsFailedError",
        "SchemaMismatchError",
        "ServiceError",
        "SettingsError",
        "SnapshotError",
        "StagedFilesGoneError",
        "StorageFullError",
        "SuiteError",
        "TableMissingError",
        "TooManyRejectedError",
        "UnreadableTableError",
        "ValueTooLargeError",
        "WorkspaceBusyError",
    },
}


def test_the_public_names_are_these():
    names = [name for group in PUBLIC.values() for name in group]

    assert sorted(names) == lakehouse.__all__ == dir(lakehouse)
    assert all(callable(getattr(lakehouse, name)) for name in set(names) - FIGURES)
    assert all(isinstance(getattr(lakehouse, name), lakehouse.Metric) for name in FIGURES)


def test_a_name_that_is_not_public_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no public name `upsert`"):
        lakehouse.upsert  # noqa: B018 - asking for it is the test


def test_type_checkers_see_the_same_names_from_the_same_modules():
    """The lazy table is what Python uses; the imports under TYPE_CHECKING are what mypy and editors use."""
    tree = ast.parse((ROOT / "lakehouse/__init__.py").read_text())
    imports = [node for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.module != "typing"]
    shown = {
        alias.name: node.module
        for node in imports
        for alias in node.names
        if node.module != "importlib" and alias.asname == alias.name
    }

    assert shown == lakehouse._MODULE_OF


def test_no_public_name_is_hidden_by_a_room_of_the_library():
    """Python binds a submodule to its package's attribute once it is imported: it would take the name's place."""
    rooms = {path.stem for path in (ROOT / "lakehouse").iterdir()}

    assert rooms & set(lakehouse.__all__) == set()


def test_every_error_of_the_family_is_public():
    family = {
        name
        for name, value in vars(errors).items()
        if isinstance(value, type) and issubclass(value, errors.LakehouseError)
    }

    assert family == PUBLIC["errors"]


@pytest.mark.parametrize("name", sorted(PUBLIC["what is done by a call"] - {"connect", "current_workspace"}))
def test_a_call_has_the_current_workspace_unless_another_is_named(name: str):
    workspace = signature(getattr(lakehouse, name)).parameters["workspace"]

    assert workspace.kind is Parameter.KEYWORD_ONLY
    assert workspace.default is None


@pytest.mark.parametrize("name", lakehouse.__all__)
def test_a_public_name_says_what_it_is(name: str):
    assert (getattr(lakehouse, name).__doc__ or "").strip().endswith((".", "`"))


def modules_after(code: str) -> set[str]:
    """The modules that a new process has loaded once it has run `code`."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; import sys; print(*sys.modules)"], capture_output=True, text=True, check=True
    )
    return set(done.stdout.split())


def test_importing_every_public_name_loads_nothing_heavy():
    heavy = {"pyspark", "dagster", "great_expectations", "mlflow", "feast", "sklearn", "pandas", "dbt", "trino"}

    loaded = modules_after("import lakehouse; [getattr(lakehouse, name) for name in lakehouse.__all__]")

    assert loaded & heavy == set()


def test_importing_the_library_loads_none_of_its_rooms():
    loaded = modules_after("import lakehouse")

    assert {name for name in loaded if name.startswith("lakehouse")} == {"lakehouse"}
