"""`dlscan cancel`."""

import click

from dlscan.cli.output import say


@click.command()
@click.argument("scan", metavar="SCAN")
@click.option("--point", "numbers", type=int, multiple=True, metavar="N [N]...", help="Only these points.")
@click.option("--forget", is_flag=True, help="Count jobs as gone whose batch system does not answer.")
@click.argument("more", type=int, nargs=-1, metavar="")
def cancel(scan: str, numbers: tuple[int, ...], forget: bool, more: tuple[int, ...]) -> None:
    """Cancel the jobs of SCAN, queued and running ones, on whatever systems they are.

    SCAN is a scan's directory or its experiment file. Points keep their finished epochs, and `dlscan scan`
    goes on with them. A job that trains several points is cancelled with all of them.

    --forget is for a batch system that will never answer again, or that began its job numbers anew: `dlscan
    scan` submits these points again. Jobs that are there all the same are then there twice.

    \b
      dlscan cancel scans/lcd-dense
      dlscan cancel scans/lcd-dense --point 3 7
    """
    from dlscan import scan as scans
    from dlscan.cli.arguments import scan_directory
    from dlscan.cli.scanning import tell

    if more and not numbers:
        raise click.UsageError(f"unexpected {more[0]}; numbers of points come after --point")
    if forget and numbers:
        raise click.UsageError("--forget is for all points: leave out --point")
    plan = scans.Plan.read(scan_directory(scan))
    ended = scans.cancel(plan, (*numbers, *more), tell, forget)
    jobs = ended.queued + ended.running
    parts = []
    if jobs:
        parts.append(f"{jobs} job{'' if jobs == 1 else 's'} ({ended.queued} queued, {ended.running} running)")
    if ended.processes:
        parts.append(
            f"training of {ended.processes} point{'' if ended.processes == 1 else 's'} on this machine"
        )
    say(
        f"{plan.directory}: cancelled {' and '.join(parts)}"
        if parts
        else f"{plan.directory}: nothing to cancel"
    )
