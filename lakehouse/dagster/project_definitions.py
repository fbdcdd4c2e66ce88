"""The Dagster graph of a whole project, in one call."""

from collections.abc import Iterator
from types import ModuleType
from typing import TYPE_CHECKING

from lakehouse.dagster.discover import dagster_assets
from lakehouse.dagster.landing_sensor import landing_sensor
from lakehouse.engine.session import CONNECTION, Connection

if TYPE_CHECKING:
    import dagster as dg


def project_definitions(package: ModuleType, *, cron_schedule: str | None = "0 3 * * *") -> "dg.Definitions":
    """All assets and checks of a package, the job `chain` that makes them all, a schedule and a sensor on new files.

    Further jobs, sensors and the like are added by `dagster.Definitions.merge`.

    Args:
        package: The package of the assets.
        cron_schedule: When the chain runs by itself, in UTC; never, if it is None.
    """
    import dagster as dg

    found = dagster_assets(package)
    chain = dg.define_asset_job("chain", dg.AssetSelection.all(), description="Every table, in order")
    daily = cron_schedule and dg.ScheduleDefinition(
        name="daily", job=chain, cron_schedule=cron_schedule, execution_timezone="UTC"
    )
    return dg.Definitions(
        assets=[asset for asset in found if not isinstance(asset, dg.AssetChecksDefinition)],
        asset_checks=[asset for asset in found if isinstance(asset, dg.AssetChecksDefinition)],
        resources={CONNECTION: _connection()},
        jobs=[chain],
        schedules=[daily] if daily else [],
        sensors=[landing_sensor(package, chain)],
        executor=dg.in_process_executor,
    )


def _connection() -> "dg.ResourceDefinition":
    import dagster as dg

    from lakehouse.workspace import current

    @dg.resource(description="The workspace and its Spark session")
    def connection(_: dg.InitResourceContext) -> Iterator[Connection]:
        with Connection(current()) as opened:
            yield opened

    return connection
