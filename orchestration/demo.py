"""The reference project from end to end: a hospital's table and the bracelets' readings, to scored wearers.

Run as `python -m orchestration.demo`; `make demo` does.
"""

import argparse
import sys
import time
from collections.abc import Sequence

from rich.console import Console
from rich.table import Table as Grid

from assets.simulation.simulate import FOLDER, report, simulate, write
from lakehouse import (
    Connection,
    LakehouseError,
    Step,
    Workspace,
    champion_of,
    current_workspace,
    hold_workspace,
    run_job,
    status,
    tables,
    up,
)

TOP_WEARERS = "SELECT wearer_id, risk, model_version FROM ml.wearer_scores ORDER BY risk DESC, wearer_id LIMIT 5"


def run(workspace: Workspace, console: Console, *, rows: int, seed: int) -> list[Step]:
    """Bring the servers up, let the bracelets send, and run the chain."""
    steps = []

    def timed(name: str, began: float) -> None:
        steps.append(Step(name, time.monotonic() - began, is_success=True))
        console.print(f"{name} done in {steps[-1].seconds:.1f} s")

    began = time.monotonic()
    up(workspace=workspace)
    timed("lakehouse up", began)
    began = time.monotonic()
    simulation = simulate(rows, seed)
    write(simulation, workspace.settings.project / FOLDER)
    console.print(report(simulation))
    timed(f"simulate {rows} readings", began)
    began = time.monotonic()
    from orchestration.definitions import defs

    job = defs.resolve_job_def("chain")
    timed("load the graph", began)
    return steps + run_job(workspace, job, say=console.print)


def show(workspace: Workspace, console: Console, steps: Sequence[Step]) -> None:
    """The last screen: tables, model, wearers at risk, addresses, times."""
    grid = Grid("table", "rows", "version", "quarantined", "checks passed", title="Tables")
    for line in tables(workspace=workspace):
        grid.add_row(
            line.name, str(line.rows), str(line.version), str(line.quarantined), f"{line.checks_passed}/{line.checks}"
        )
    console.print(grid)
    show_model(workspace, console)
    with Connection(workspace) as connection:
        wearers = Grid("wearer", "risk", "model version", title="Wearers at highest risk")
        for wearer, risk, version in connection.session().sql(TOP_WEARERS).collect():
            wearers.add_row(wearer, f"{risk:.4f}", str(version))
    console.print(wearers)
    times = Grid("step", "seconds", title="Time")
    for step in steps:
        times.add_row(step.name, f"{step.seconds:.1f}")
    console.print(times)


def show_model(workspace: Workspace, console: Console) -> None:
    """The champion: version, alias and its figure."""
    champion = champion_of("heart", workspace=workspace)
    if champion is not None:
        auc, rows = champion.metrics["auc"], int(champion.metrics["held_out_rows"])
        console.print(
            f"Model {champion.name}: version {champion.version}, alias champion, "
            f"AUC {auc:.4f} on {rows} held-out patients"
        )


def show_addresses(workspace: Workspace, console: Console) -> None:
    """What can be opened now, and what opens the rest."""
    for service in status(workspace=workspace):
        if service.name in ("dagster", "mlflow", "trino") and service.address:
            console.print(f"{service.name}: {service.address}")
    console.print("Look further: `lakehouse up ui` (Dagster, MLflow), `lakehouse up sql` (Trino), `lakehouse status`.")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the demo; 1 if it could not."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000, help="readings to simulate")
    parser.add_argument("--seed", type=int, default=7, help="seed of the simulator")
    options = parser.parse_args(arguments)
    console = Console(width=100 if not sys.stdout.isatty() else None)
    began = time.monotonic()
    try:
        workspace = current_workspace()
        with hold_workspace("make demo", workspace=workspace, say=console.print):
            steps = run(workspace, console, rows=options.rows, seed=options.seed)
            show(workspace, console, steps)
            show_addresses(workspace, console)
    except LakehouseError as error:
        print(error, file=sys.stderr)
        return 1
    console.print(f"All of it took {time.monotonic() - began:.1f} s.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
