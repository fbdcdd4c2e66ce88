"""Everything that Dagster runs: found by `dagster dev` without arguments. Assets are discovered in `assets/`."""

from collections.abc import Iterator

import dagster as dg

import assets
from lakehouse.dagster.discover import dagster_assets
from lakehouse.dagster.landing_sensor import landing_sensor
from lakehouse.engine.session import CONNECTION, Connection
from lakehouse.workspace import current


@dg.resource(description="The workspace and its Spark session")
def connection(_: dg.InitResourceContext) -> Iterator[Connection]:
    """One session per run; the work is in the server."""
    with Connection(current()) as opened:
        yield opened


chain = dg.define_asset_job("chain", dg.AssetSelection.all(), description="From the landing folder to the scores")

found = dagster_assets(assets)
defs = dg.Definitions(
    assets=[each for each in found if not isinstance(each, dg.AssetChecksDefinition)],
    asset_checks=[each for each in found if isinstance(each, dg.AssetChecksDefinition)],
    resources={CONNECTION: connection},
    jobs=[chain],
    schedules=[dg.ScheduleDefinition(name="daily", job=chain, cron_schedule="0 3 * * *", execution_timezone="UTC")],
    sensors=[landing_sensor(assets, chain)],
    executor=dg.in_process_executor,
)
