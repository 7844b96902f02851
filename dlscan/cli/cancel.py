"""`dlscan cancel`."""

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say, tell
from dlscan.spelling import counted


@click.command(epilog=examples("dlscan cancel scans/lcd-dense", "dlscan cancel scans/lcd-dense --point 3 7"))
@scan_argument
@click.option("--point", "numbers", type=int, multiple=True, metavar="N [N]...", help="Only these points.")
@click.option("--forget", is_flag=True, help="Treat jobs as gone if their batch system does not answer.")
@click.argument("more", type=int, nargs=-1, metavar="")
def cancel(scan: str, numbers: tuple[int, ...], forget: bool, more: tuple[int, ...]) -> None:
    """Cancel the queued and running jobs of SCAN.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. Points keep their
    finished epochs, and `dlscan scan` continues them. Cancelling a job that trains several points affects all
    of them.

    Use --forget if a batch system will never answer again, or has restarted its job numbers: `dlscan scan`
    then submits these points again. If the old jobs still exist after all, they run twice.
    """
    from dlscan import scan as scans
    from dlscan.cli.arguments import scan_directory

    if more and not numbers:
        raise click.UsageError(f"unexpected argument {more[0]}; give point numbers after --point")
    if forget and numbers:
        raise click.UsageError("--forget applies to all points; leave out --point")
    plan = scans.Plan.read(scan_directory(scan))
    ended = scans.cancel(plan, (*numbers, *more), tell, forget)
    jobs = ended.queued + ended.running
    parts = []
    if jobs:
        parts.append(f"{counted(jobs, 'job')} ({ended.queued} queued, {ended.running} running)")
    if ended.processes:
        parts.append(f"training of {counted(ended.processes, 'point')} on this machine")
    say(
        f"{plan.directory}: cancelled {' and '.join(parts)}"
        if parts
        else f"{plan.directory}: nothing to cancel"
    )
