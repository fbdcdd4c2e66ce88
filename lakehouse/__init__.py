"""Delta tables behind one audited door. These are the public names; each is imported when it is first used."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

# What type checkers see. `_HOMES` says the same to Python; a test holds the two together.
if TYPE_CHECKING:
    from lakehouse.answers.row_accounts import Accounts as Accounts
    from lakehouse.answers.tables import TableLine as TableLine
    from lakehouse.answers.version import Explanation as Explanation
    from lakehouse.dagster.dbt_assets import DbtProject as DbtProject
    from lakehouse.dagster.discover import assets_of as assets_of
    from lakehouse.dagster.discover import project_package as project_package
    from lakehouse.dagster.feature_asset import FeatureAsset as FeatureAsset
    from lakehouse.dagster.feature_asset import Served as Served
    from lakehouse.dagster.landing_sensor import landing_sensor as landing_sensor
    from lakehouse.dagster.model_asset import ModelAsset as ModelAsset
    from lakehouse.dagster.model_asset import Training as Training
    from lakehouse.dagster.model_asset import model_asset as model_asset
    from lakehouse.dagster.project_definitions import connection_resource as connection_resource
    from lakehouse.dagster.project_definitions import dagster_assets as dagster_assets
    from lakehouse.dagster.project_definitions import project_definitions as project_definitions
    from lakehouse.dagster.run_job import Step as Step
    from lakehouse.dagster.run_job import run_job as run_job
    from lakehouse.dagster.table_asset import TableAsset as TableAsset
    from lakehouse.dagster.table_asset import table_asset as table_asset
    from lakehouse.declare.column import Column as Column
    from lakehouse.declare.table import Foreign as Foreign
    from lakehouse.declare.table import Table as Table
    from lakehouse.declare.write_modes import Append as Append
    from lakehouse.declare.write_modes import Merge as Merge
    from lakehouse.declare.write_modes import Overwrite as Overwrite
    from lakehouse.declare.write_modes import ReplacePartitions as ReplacePartitions
    from lakehouse.declare.write_modes import Scd2 as Scd2
    from lakehouse.engine.session import Connection as Connection
    from lakehouse.engine.session import connect as connect
    from lakehouse.errors import AuditFailedError as AuditFailedError
    from lakehouse.errors import ChangeFeedGoneError as ChangeFeedGoneError
    from lakehouse.errors import CodeLocationError as CodeLocationError
    from lakehouse.errors import CommitDiffersError as CommitDiffersError
    from lakehouse.errors import ComputationError as ComputationError
    from lakehouse.errors import ConcurrentWriteError as ConcurrentWriteError
    from lakehouse.errors import DamagedDecisionError as DamagedDecisionError
    from lakehouse.errors import DamagedLogError as DamagedLogError
    from lakehouse.errors import DecisionFailedError as DecisionFailedError
    from lakehouse.errors import DeclarationDiffersError as DeclarationDiffersError
    from lakehouse.errors import DeclarationError as DeclarationError
    from lakehouse.errors import DownloadError as DownloadError
    from lakehouse.errors import FencedError as FencedError
    from lakehouse.errors import InvalidKeyError as InvalidKeyError
    from lakehouse.errors import LakehouseError as LakehouseError
    from lakehouse.errors import NoFrameError as NoFrameError
    from lakehouse.errors import PartitionMismatchError as PartitionMismatchError
    from lakehouse.errors import PartitionsFailedError as PartitionsFailedError
    from lakehouse.errors import Problem as Problem
    from lakehouse.errors import SchemaMismatchError as SchemaMismatchError
    from lakehouse.errors import ServiceError as ServiceError
    from lakehouse.errors import SettingsError as SettingsError
    from lakehouse.errors import SnapshotError as SnapshotError
    from lakehouse.errors import StagedFilesGoneError as StagedFilesGoneError
    from lakehouse.errors import StorageFullError as StorageFullError
    from lakehouse.errors import SuiteError as SuiteError
    from lakehouse.errors import TableMissingError as TableMissingError
    from lakehouse.errors import TooManyRejectedError as TooManyRejectedError
    from lakehouse.errors import UnreadableTableError as UnreadableTableError
    from lakehouse.errors import ValueTooLargeError as ValueTooLargeError
    from lakehouse.errors import WorkspaceBusyError as WorkspaceBusyError
    from lakehouse.features.feature_view import Features as Features
    from lakehouse.models.champion import Champion as Champion
    from lakehouse.models.champion import ChampionModel as ChampionModel
    from lakehouse.models.metric import AUC as AUC
    from lakehouse.models.metric import LOG_LOSS as LOG_LOSS
    from lakehouse.models.metric import MAE as MAE
    from lakehouse.models.metric import R2 as R2
    from lakehouse.models.metric import RMSE as RMSE
    from lakehouse.models.metric import Metric as Metric
    from lakehouse.models.scoring import score_frame as score_frame
    from lakehouse.models.store import ModelVersion as ModelVersion
    from lakehouse.models.training import Trained as Trained
    from lakehouse.models.training import is_held_out as is_held_out
    from lakehouse.project.answers import explain as explain
    from lakehouse.project.answers import history as history
    from lakehouse.project.answers import query as query
    from lakehouse.project.answers import row_accounts as row_accounts
    from lakehouse.project.answers import tables as tables
    from lakehouse.project.drops import drop as drop
    from lakehouse.project.drops import restore as restore
    from lakehouse.project.features import online_rows as online_rows
    from lakehouse.project.models import champion_of as champion_of
    from lakehouse.project.models import model_versions as model_versions
    from lakehouse.project.models import rollback as rollback
    from lakehouse.project.quarantine import discard as discard
    from lakehouse.project.quarantine import fix as fix
    from lakehouse.project.quarantine import reopen as reopen
    from lakehouse.project.quarantine import replay as replay
    from lakehouse.project.quarantine import unfix as unfix
    from lakehouse.project.runs import run as run
    from lakehouse.project.schema import apply as apply
    from lakehouse.project.schema import plan as plan
    from lakehouse.project.servers import down as down
    from lakehouse.project.servers import hold_workspace as hold_workspace
    from lakehouse.project.servers import status as status
    from lakehouse.project.servers import up as up
    from lakehouse.quality.judge import CheckResult as CheckResult
    from lakehouse.schema.apply import Applied as Applied
    from lakehouse.schema.apply import TablePlan as TablePlan
    from lakehouse.schema.dropped import Dropped as Dropped
    from lakehouse.services.status import ServiceStatus as ServiceStatus
    from lakehouse.settings import Settings as Settings
    from lakehouse.sources.files import Lines as Lines
    from lakehouse.sources.parquet import ParquetFiles as ParquetFiles
    from lakehouse.sql.ask_trino import Answer as Answer
    from lakehouse.workspace import Workspace as Workspace
    from lakehouse.workspace import current_workspace as current_workspace
    from lakehouse.write.batch import Published as Published

# The public names, by the module that each lives in.
_HOMES: dict[str, tuple[str, ...]] = {
    "lakehouse.answers.row_accounts": ("Accounts",),
    "lakehouse.answers.tables": ("TableLine",),
    "lakehouse.answers.version": ("Explanation",),
    "lakehouse.dagster.dbt_assets": ("DbtProject",),
    "lakehouse.dagster.discover": ("assets_of", "project_package"),
    "lakehouse.dagster.feature_asset": ("FeatureAsset", "Served"),
    "lakehouse.dagster.landing_sensor": ("landing_sensor",),
    "lakehouse.dagster.model_asset": ("ModelAsset", "Training", "model_asset"),
    "lakehouse.dagster.project_definitions": ("connection_resource", "dagster_assets", "project_definitions"),
    "lakehouse.dagster.run_job": ("Step", "run_job"),
    "lakehouse.dagster.table_asset": ("TableAsset", "table_asset"),
    "lakehouse.declare.column": ("Column",),
    "lakehouse.declare.table": ("Foreign", "Table"),
    "lakehouse.declare.write_modes": ("Append", "Merge", "Overwrite", "ReplacePartitions", "Scd2"),
    "lakehouse.engine.session": ("Connection", "connect"),
    "lakehouse.errors": (
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
        "Problem",
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
    ),
    "lakehouse.features.feature_view": ("Features",),
    "lakehouse.models.champion": ("Champion", "ChampionModel"),
    "lakehouse.models.metric": ("AUC", "LOG_LOSS", "MAE", "R2", "RMSE", "Metric"),
    "lakehouse.models.scoring": ("score_frame",),
    "lakehouse.models.store": ("ModelVersion",),
    "lakehouse.models.training": ("Trained", "is_held_out"),
    "lakehouse.project.answers": ("explain", "history", "query", "row_accounts", "tables"),
    "lakehouse.project.drops": ("drop", "restore"),
    "lakehouse.project.features": ("online_rows",),
    "lakehouse.project.models": ("champion_of", "model_versions", "rollback"),
    "lakehouse.project.quarantine": ("discard", "fix", "reopen", "replay", "unfix"),
    "lakehouse.project.runs": ("run",),
    "lakehouse.project.schema": ("apply", "plan"),
    "lakehouse.project.servers": ("down", "hold_workspace", "status", "up"),
    "lakehouse.quality.judge": ("CheckResult",),
    "lakehouse.schema.apply": ("Applied", "TablePlan"),
    "lakehouse.schema.dropped": ("Dropped",),
    "lakehouse.services.status": ("ServiceStatus",),
    "lakehouse.settings": ("Settings",),
    "lakehouse.sources.files": ("Lines",),
    "lakehouse.sources.parquet": ("ParquetFiles",),
    "lakehouse.sql.ask_trino": ("Answer",),
    "lakehouse.workspace": ("Workspace", "current_workspace"),
    "lakehouse.write.batch": ("Published",),
}
_MODULE_OF = {name: module for module, names in _HOMES.items() for name in names}

__all__ = sorted(_MODULE_OF)  # noqa: PLE0605 - the table above is the one list of the names


def __getattr__(name: str) -> Any:
    """A public name, from the module that it lives in; it is kept, so that this is asked once for each."""
    module = _MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"lakehouse has no public name `{name}`")
    value = globals()[name] = getattr(import_module(module), name)
    return value


def __dir__() -> list[str]:
    """The public names, imported or not."""
    return __all__
