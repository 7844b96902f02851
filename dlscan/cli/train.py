"""`dlscan train`."""

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples
from dlscan.cli.progress_bar import ProgressBar


@click.command(
    epilog=examples("dlscan train scans/lcd-dense --point 7", "dlscan train scans/lcd-dense --point 3 7 8")
)
@scan_argument
@click.option(
    "--point",
    "first",
    type=int,
    required=True,
    multiple=True,
    metavar="N [N]...",
    help="Numbers of the points.",
)
@click.argument("more", type=int, nargs=-1, metavar="")
@click.option(
    "--stopped-exit-code",
    type=click.IntRange(0, 255),
    default=0,
    metavar="CODE",
    help="Exit code if a signal or a time limit stops training; 0 by default.",
)
def train(scan: str, first: tuple[int, ...], more: tuple[int, ...], stopped_exit_code: int) -> None:
    """Train points of SCAN: the command that jobs run.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; the numbers are those of
    `dlscan status`. Several points share one stream of events, but do not affect each other. An interrupted
    point continues where it was, and a finished one is not trained again.

    SIGTERM, SIGUSR1, SIGHUP (a closed terminal) and train.time_limit stop training after the epoch, or after
    the step if the epoch takes too long. Then the state is saved, and the exit code is 0. Run the same
    command again to continue.
    """
    import signal

    from dlscan.cli.arguments import scan_directory
    from dlscan.scan import Plan
    from dlscan.training import train_job

    # a job started from a script in the background inherits that SIGINT is ignored; the driver stops by it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan = Plan.read(scan_directory(scan))
    points = [plan.point(number) for number in dict.fromkeys((*first, *more))]
    with ProgressBar() as progress:

        def on_step(epoch: int, step: int, steps: int) -> None:
            progress(f"epoch {epoch}", step, steps)

        outcomes = train_job(plan, points, on_step)
    if {"preempted", "timeout"} & set(outcomes.values()):
        raise SystemExit(stopped_exit_code)
