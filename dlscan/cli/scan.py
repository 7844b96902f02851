"""`dlscan scan`."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.signals import terminable

if TYPE_CHECKING:
    from dlscan.scan import PointStatus, Report


@click.command()
@experiment_arguments
@click.option("--on", "system", metavar="SYSTEM", help="Where to run, instead of batch.system: local.")
@click.option("--dry-run", is_flag=True, help="List the points and their commands; write and run nothing.")
def scan(file: Path, overrides: tuple[str, ...], system: str | None, dry_run: bool) -> None:
    """Train every point of the grid of EXPERIMENT that is not done.

    The first run freezes the plan under OUTPUT/NAME (scans/NAME beside the experiment file); every run trains
    what is not done yet, several points at a time: one for each visible GPU, or else as many as there are
    CPUs for (batch.cpus each). Ctrl-C stops cleanly, and the same command goes on. A point that fails does
    not stop the others; `dlscan status` says why it failed, and the next run tries it again.

    \b
      dlscan scan lcd.yaml
      dlscan scan lcd.yaml --dry-run
      dlscan scan lcd.yaml name=quick train.epochs=5 'scan.grid.model.width=[32,64]'
    """
    from dlscan import scan as scans
    from dlscan.backend import choose_backend
    from dlscan.config import load
    from dlscan.dataset import Manifest
    from dlscan.errors import PointsFailed

    experiment = load(file, [*overrides, *([f"batch.system={system}"] if system else [])])
    if dry_run:
        for point in scans.expand(experiment):
            command = ["dlscan", "train", str(experiment.directory), "--point", str(point.number)]
            click.echo(f"{point.directory}\t{shlex.join(command)}")
        return
    choose_backend()
    manifest = Manifest.read(experiment.data.prepared)
    manifest.require(experiment)
    plan = scans.freeze(experiment, manifest.config_hash)
    todo = scans.unfinished_points(plan)
    slots = scans.local_slots(experiment, len(todo))
    click.echo(
        f"{plan.directory}: {len(plan.points)} points, {len(todo)} to train, {slots} at a time", err=True
    )
    try:
        with terminable():
            states = scans.run_local(experiment, plan, todo, _say)
    except KeyboardInterrupt:
        click.echo("stopped; finished epochs are kept, and the same command goes on", err=True)
        raise
    failed = [state for state in states if state.state in ("failed", "diverged")]
    others = [state for state in states if state.state not in ("failed", "diverged", "done")]
    done = len(states) - len(failed) - len(others)
    click.echo(f"{plan.directory}: {done} of {len(states)} points done")
    if failed:
        raise PointsFailed(
            f"{len(failed)} of {len(states)} points failed, the first is {failed[0].point.directory} "
            f"({failed[0].error}); see `dlscan status {plan.directory}`, mend the cause, run this again"
        )
    if others:
        if all(other.state == "running" for other in others):
            raise PointsFailed(
                f"{_points(others)} being trained by another process; see `dlscan status {plan.directory}`"
            )
        raise PointsFailed(
            f"{_points(others)} not done yet ({', '.join(sorted({o.state for o in others}))}); "
            f"run the same command again to go on"
        )


def _points(states: "list[PointStatus]") -> str:
    return f"{len(states)} point{' is' if len(states) == 1 else 's are'}"


def _say(report: "Report") -> None:
    state = report.status
    text = f"{state.state} after {state.epochs} epoch{'' if state.epochs == 1 else 's'}"
    if state.state == "running":
        text = "left to another process, which trains it"
    error = f": {state.error}" if state.error else ""
    click.echo(f"[{report.ended}/{report.total}] {state.point.directory}: {text}{error}", err=True)
