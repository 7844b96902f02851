"""`dlscan scan`."""

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli import scanning
from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.here import detach as start_detached
from dlscan.cli.here import train_here

if TYPE_CHECKING:
    from dlscan.config import Experiment
    from dlscan.dataset import Manifest


@click.command()
@experiment_arguments
@click.option(
    "--on",
    "system",
    metavar="SYSTEM",
    help="Where to run, instead of batch.system: local, slurm, htcondor, pbs or dask.",
)
@click.option(
    "--scheduler", metavar="ADDRESS", help="Address or file of a dask scheduler; implies --on dask."
)
@click.option("--dry-run", is_flag=True, help="Show points, jobs, script and estimated time; run nothing.")
@click.option("--wait", is_flag=True, help="Wait until all points are done or nothing is queued or running.")
@click.option(
    "--retry",
    metavar="STATE,...",
    callback=scanning.retry_states,
    default="",
    help="Retry points in these states (failed, oom, diverged), however often they crashed.",
)
@click.option("--detach", is_flag=True, help="On this machine: return at once, and run in the background.")
@click.option(
    "--extend",
    is_flag=True,
    help="Add new points of the scan to the plan; train on if train.epochs was raised.",
)
def scan(
    file: Path,
    overrides: tuple[str, ...],
    system: str | None,
    scheduler: str | None,
    dry_run: bool,
    wait: bool,
    retry: tuple[str, ...],
    extend: bool,
    detach: bool,
) -> None:
    """Train every point of the grid of EXPERIMENT that is not done.

    The first run freezes the plan under OUTPUT/NAME (scans/NAME beside the experiment file). Every run trains
    the points that are not done, queued or running. A point that fails does not stop the others: `dlscan
    status` says why it failed, and the next run tries it again, up to batch.retries times.

    On a batch system, scan submits the jobs and returns. On this machine (local) it trains several points at
    a time, one per visible GPU, or else as many as the CPUs allow (batch.cpus each). Ctrl-C, SIGTERM or
    closing the terminal stops it cleanly; run the same command again to continue. With --detach it survives
    the terminal.

    \b
      dlscan scan lcd.yaml
      dlscan scan lcd.yaml --dry-run
      dlscan scan lcd.yaml --on slurm --wait
      dlscan scan lcd.yaml name=quick train.epochs=5 'scan.grid.model.width=[32,64]'
    """
    from dlscan import scan as scans
    from dlscan.bench.forecast import rehearse
    from dlscan.config import load

    where = [f"batch.system={system or 'dask'}"] if system or scheduler else []
    experiment = load(file, [*overrides, *where])
    batch = scanning.with_scheduler(experiment.batch, scheduler)
    if dry_run:
        scanning.show(experiment, batch, retry, extend)
        return
    if detach and batch.system != "local":
        raise click.UsageError(
            f"--detach: {batch.system} jobs do not depend on the terminal; leave out --detach"
        )
    manifest = _check(experiment)
    if batch.system != "local":
        from dlscan.batch import system as batch_system

        batch_system(batch).check(batch)
    plan = scans.freeze(experiment, manifest.config_hash, extend=extend)
    scanning.say_older(plan)
    scanning.say_doubtful(plan)
    if detach:
        states = ["--retry", ",".join(retry)] if retry else []
        start_detached(plan, [str(file), *overrides, "--on", "local", *states])
        return
    with scans.submitting(plan):
        scans.reconcile(plan, scanning.tell)
        rehearsal = partial(rehearse, experiment, plan)
        work = scans.find_work(plan, batch, manifest, scanning.tell, retry, rehearsal)
        if scans.settle(plan, work.statuses, scanning.tell):
            # what was written down counts as a crash
            work = scans.find_work(plan, batch, manifest, scanning.tell, retry, rehearsal)
        submitted = None if batch.system == "local" else scans.submit(plan, work.packs, batch)
    if submitted is None:
        train_here(experiment, plan, work)
        return
    scanning.say_submitted(plan, batch, work, submitted)
    if wait and (submitted.ids or work.under_way):
        if submitted.refusal:
            scanning.tell(submitted.refusal)
        scanning.wait_for(plan)
    scanning.raise_refusal(plan, work, submitted)


def _check(experiment: "Experiment") -> "Manifest":
    from dlscan.backend import choose_backend
    from dlscan.dataset import Manifest

    if experiment.batch.system == "local":
        choose_backend()  # elsewhere a container may have it
    manifest = Manifest.of(experiment)
    manifest.require(experiment)
    manifest.require_transport(experiment)
    return manifest
