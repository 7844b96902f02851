"""`dlscan scan`."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

import click

from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.output import examples, say
from dlscan.cli.scan_options import retry_states, with_scheduler


@click.command(
    epilog=examples(
        "dlscan scan lcd.yaml",
        "dlscan scan lcd.yaml --dry-run",
        "dlscan scan lcd.yaml --on slurm --wait",
        "dlscan scan lcd.yaml name=quick train.epochs=5 'scan.grid.model.width=[32,64]'",
    )
)
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
@click.option(
    "--dry-run", is_flag=True, help="Show the points, jobs, job script and estimated time, and run nothing."
)
@click.option("--wait", is_flag=True, help="Wait until all points are done, or none is queued or running.")
@click.option(
    "--retry",
    metavar="STATE,...",
    callback=retry_states,
    default="",
    help="Retry points in these states (failed, oom, diverged), even beyond batch.retries.",
)
@click.option("--detach", is_flag=True, help="On this machine: run in the background.")
@click.option(
    "--extend",
    is_flag=True,
    help="Add new points to the plan, train for more epochs, or search a wider space.",
)
@click.option("--narrow", is_flag=True, help="Continue a search in a narrower space.")
def scan(
    file: Path,
    overrides: tuple[str, ...],
    system: str | None,
    scheduler: str | None,
    dry_run: bool,
    wait: bool,
    retry: tuple[str, ...],
    extend: bool,
    narrow: bool,
    detach: bool,
) -> None:
    """Train the points of EXPERIMENT that are not done.

    The points are those of a grid, or a search proposes them. The first run freezes the plan under
    OUTPUT/NAME (scans/NAME beside the experiment file). Every run trains the points that are not done, queued
    or running. A point that fails does not stop the others. `dlscan status` says why it failed, and the next
    run tries it again, up to batch.retries times.

    On a batch system, scan submits the jobs and returns. On this machine (local) it trains several points at
    a time, one per visible GPU, or else as many as the CPUs allow (batch.cpus each). Ctrl-C, SIGTERM or
    closing the terminal stops it cleanly; run the same command again to continue. With --detach it survives
    the terminal.
    """
    from dlscan import scan as scans
    from dlscan.bench.dry_run import dry_run as find_dry_run
    from dlscan.bench.forecast import rehearse
    from dlscan.cli import dry_run as words
    from dlscan.cli.conclusion import conclude
    from dlscan.cli.scan_display import ScanDisplay, say_detached
    from dlscan.config import load
    from dlscan.refit import refit_of

    where = [f"batch.system={system or 'dask'}"] if system or scheduler else []
    experiment = load(file, [*overrides, *where])
    batch = with_scheduler(experiment.batch, scheduler)
    display = ScanDisplay()
    if dry_run:
        words.show(find_dry_run(experiment, batch, display, retry, extend, narrow, wait), batch.system)
    elif detach:
        if batch.system != "local":
            raise click.UsageError(
                f"--detach: {batch.system} jobs do not depend on the terminal; leave out --detach"
            )
        states = ["--retry", ",".join(retry)] if retry else []
        arguments = [str(file), *overrides, "--on", "local", *states]
        say_detached(scans.detach(experiment, batch, display, arguments, extend, narrow))
    else:
        found = scans.run(
            experiment,
            batch,
            display,
            retry=retry,
            extend=extend,
            narrow=narrow,
            wait=wait,
            rehearse=partial(rehearse, experiment),
        )

        def on_all_folds() -> None:
            last = refit_of(experiment, found.plan) if experiment.scan.refit else None
            if last is not None:
                say(f"The best model is trained on all folds: {last.directory}")
                measure = partial(rehearse, last)
                conclude(scans.run(last, batch, ScanDisplay(), retry=retry, wait=wait, rehearse=measure))

        _end(partial(conclude, found), on_all_folds)


def _end(conclude: Callable[[], None], on_all_folds: Callable[[], None]) -> None:
    """Say what became of the points, then train what follows them, which points that diverged do not stop."""
    from dlscan.errors import DlscanError, PointsFailed

    failed: PointsFailed | None = None
    try:
        conclude()
    except PointsFailed as error:
        failed = error
    try:
        on_all_folds()
    except DlscanError:
        if failed is not None:
            say(f"Error: {failed}", err=True)
        raise
    if failed is not None:
        raise failed
