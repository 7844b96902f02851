"""`dlscan status`."""

import click


@click.command()
@click.argument("scan", metavar="SCAN")
def status(scan: str) -> None:
    """Show the state of every point of SCAN.

    SCAN is a scan's directory or its experiment file. States: pending, running, preempted (stopped by a
    signal, goes on when run again), timeout (its time limit, likewise), failed, diverged, done. Exit code 1
    if any point failed or diverged.

    \b
      dlscan status scans/lcd-dense
    """
    import collections

    from tabulate import tabulate

    from dlscan.cli.arguments import scan_directory
    from dlscan.errors import PointsFailed
    from dlscan.scan import Plan, scan_status

    plan = Plan.read(scan_directory(scan))
    states = scan_status(plan)
    rows = [
        [
            state.point.number,
            state.point.name,
            state.state,
            f"{state.epochs}/{state.epochs_wanted}",
            "" if state.seconds_left is None else _clock(state.seconds_left),
            state.error,
        ]
        for state in states
    ]
    header = ["Point", "Parameters", "State", "Epochs", "Left, at most", "Last error"]
    click.echo(
        tabulate(
            rows, header, disable_numparse=True, colalign=["right", *["left"] * 2, *["right"] * 2, "left"]
        )
    )
    counts = collections.Counter(state.state for state in states)
    click.echo("\n" + ", ".join(f"{count} {state}" for state, count in counts.items()))
    failed = counts["failed"] + counts["diverged"]
    if failed:
        raise PointsFailed(
            f"{failed} of {len(states)} points failed; each one's log.txt under {plan.directory / 'points'} "
            f"tells more; `dlscan scan` tries them again"
        )


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}"
