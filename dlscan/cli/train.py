"""`dlscan train`."""

import click

from dlscan.cli.progress import Progress


@click.command()
@click.argument("scan", metavar="SCAN")
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
def train(scan: str, first: tuple[int, ...], more: tuple[int, ...]) -> None:
    """Train points of SCAN: what a job runs, and what you can run by hand.

    SCAN is a scan's directory or its experiment file; the numbers are those of `dlscan status`. A point
    goes on from its last epoch; one that is done is left alone. SIGTERM, SIGUSR1 and train.time_limit let it
    finish the epoch, save and exit with 0; run the same command again to go on.

    \b
      dlscan train scans/lcd-dense --point 7
      dlscan train scans/lcd-dense --point 3 7 8
    """
    import signal

    from dlscan.cli.arguments import scan_directory
    from dlscan.scan import Plan
    from dlscan.train import PointInfo, train_point

    # a job started from a script in the background inherits that SIGINT is ignored; the driver stops by it
    signal.signal(signal.SIGINT, signal.default_int_handler)
    plan = Plan.read(scan_directory(scan))
    points = [plan.point(number) for number in dict.fromkeys((*first, *more))]
    with Progress() as progress:

        def on_step(epoch: int, step: int, steps: int) -> None:
            progress(f"epoch {epoch}", step, steps)

        for point in points:
            info = PointInfo(point.number, point.name, plan.name, plan.varied, plan.dataset, plan.git_commit)
            if train_point(plan.paths(point), info, on_step) != "done":
                return  # whatever stopped this point asks all of them to stop
