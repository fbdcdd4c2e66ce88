"""The Dagster graph of a whole project, in one call."""

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from lakehouse.dagster.dbt_assets import DbtProject
from lakehouse.dagster.discover import assets_of, declared
from lakehouse.dagster.graph import graph_of
from lakehouse.dagster.landing_sensor import landing_sensor
from lakehouse.dagster.order import looked_up_before
from lakehouse.dagster.table_asset import TableAsset
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.locks.table_lock import say_on_stderr
from lakehouse.workspace import current_workspace

if TYPE_CHECKING:
    import dagster as dg


def project_definitions(package: ModuleType, *, cron_schedule: str | None = "0 3 * * *") -> "dg.Definitions":
    """All assets and checks of a package, the job `chain` that makes them all, a schedule and a sensor on new files.

    Further jobs, sensors and the like are added by `dagster.Definitions.merge`.

    Args:
        package: The package of the assets; a new file in it needs no list to be edited.
        cron_schedule: When the chain runs by itself, in UTC; never, if it is None.
    """
    import dagster as dg

    definitions = dagster_assets(package)
    chain = dg.define_asset_job("chain", dg.AssetSelection.all(), description="Every table, in order")
    daily = cron_schedule and dg.ScheduleDefinition(
        name="daily", job=chain, cron_schedule=cron_schedule, execution_timezone="UTC"
    )
    return dg.Definitions(
        assets=[assets for assets in definitions if not isinstance(assets, dg.AssetChecksDefinition)],
        asset_checks=[checks for checks in definitions if isinstance(checks, dg.AssetChecksDefinition)],
        resources={CONNECTION: connection_resource()},
        jobs=[chain],
        schedules=[daily] if daily else [],
        sensors=[landing_sensor(package, job="chain")],
        executor=dg.in_process_executor,
    )


def dagster_assets(package: ModuleType) -> "list[dg.AssetsDefinition]":
    """Everything in a package that Dagster can materialise or check.

    A table comes after those that it reads, and after those of the project in which its suite looks keys up.
    """
    looked_up = looked_up_before(graph_of(current_workspace(), package, parse=True))
    definitions = [
        asset.defined(after=looked_up.get(asset.key, ())) if isinstance(asset, TableAsset) else asset.definition
        for asset in assets_of(package).values()
    ]
    for project in declared(package, DbtProject):
        definitions.extend(project.defined(after=looked_up))
    return definitions


def connection_resource() -> "dg.ResourceDefinition":
    """The current workspace and its session, for a graph that a project puts together itself.

    The assets ask for it by the name `connection`. One session per run; the work is in the server.
    """
    import dagster as dg

    @dg.resource(description="The workspace and its Spark session")
    def connection(context: dg.InitResourceContext) -> Iterator[Connection]:
        say = context.log.info if context.log else say_on_stderr
        with Connection(say=say) as opened:
            yield opened

    return connection
