"""`dlscan pack-up`."""

from pathlib import Path

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say
from dlscan.spelling import counted


@click.command(
    "pack-up",
    epilog=examples(
        "dlscan pack-up scans/lcd-dense -o lcd-dense.tar", "tar xf lcd-dense.tar && dlscan table lcd-dense"
    ),
)
@scan_argument
@click.option(
    "-o", "target", metavar="FILE", required=True, type=click.Path(path_type=Path), help="The tar file."
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def pack_up(scan: str, target: Path, overwrite: bool) -> None:
    """Pack SCAN into one file, to archive it or to move it.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. The file holds the plan;
    for each finished point its record, history, model and scores; and the pictures and reports in the
    directory of the scan. It holds no checkpoints, so unfinished points cannot continue from it. Unpack it
    with tar. Then table, plot, report, show and export work on the directory.
    """
    from dlscan.cli.arguments import scan_directory
    from dlscan.scan.archive import pack_up as pack

    packed = pack(scan_directory(scan), target, overwrite)
    left = packed.planned - packed.points
    more = f"; {counted(left, 'point')} not done and not in it" if left else ""
    size = target.stat().st_size / 2**20
    say(
        f"{target}: {counted(packed.points, 'point')}, {counted(packed.files, 'file')}, {size:,.1f} MiB{more}"
    )
