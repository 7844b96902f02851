"""`dlscan logs`."""

import shlex

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, harmless_bytes, say


@click.command(
    epilog=examples("dlscan logs scans/lcd-dense 7", "dlscan logs scans/lcd-dense 7 --lines 20 -f")
)
@scan_argument
@click.argument("number", type=int, metavar="N")
@click.option("-f", "--follow", is_flag=True, help="Follow the output until the point has ended.")
@click.option("--lines", type=click.IntRange(min=1), metavar="COUNT", help="Only the last COUNT lines.")
def logs(scan: str, number: int, follow: bool, lines: int | None) -> None:
    """Show what the jobs of point N of SCAN printed.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; the numbers are those of
    `dlscan status`. The points of a job share a log. If training printed nothing, this shows the output of
    the job script, which says why. With -f it follows the output through preemption and requeues; Ctrl-C ends
    it.
    """
    import functools
    import sys

    from dlscan.cli.arguments import scan_directory
    from dlscan.errors import ScanError
    from dlscan.scan import Plan
    from dlscan.scan import logs as files

    tell = functools.partial(say, err=True)
    plan = Plan.read(scan_directory(scan))
    point = plan.point(number)

    if follow:
        for chunk in files.follow(plan, point, lines, tell):
            sys.stdout.buffer.write(harmless_bytes(chunk))
            sys.stdout.flush()
        return
    file = files.log_file(plan, point)
    if file is None:
        raise ScanError(
            f"{plan.paths(point).directory}: no job of this point has printed anything yet; check its "
            f"state with `dlscan status {shlex.quote(scan)}`"
        )
    tell(f"==> {file}")
    click.echo(harmless_bytes(files.last_lines(file, lines)), nl=False)
