"""`dlscan report`."""

import os
from pathlib import Path

import click

from dlscan.cli.arguments import given_scans, scans_argument
from dlscan.cli.output import examples, say


@click.command(
    epilog=examples(
        "dlscan report scans/lcd-dense",
        "dlscan report lcd.yaml -o lcd.html",
        "dlscan report scans/lcd-dense scans/lcd-conv -o both.html",
        "dlscan report lcd.yaml --by 'target[:,0,1]'",
    )
)
@scans_argument
@click.option(
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Output file; by default report.html in the scan, or in a+b, beside a, for scans a and b.",
)
@click.option(
    "--by",
    metavar="VARIABLE",
    help="Per-event variable of the plot against energy; by default the extra that looks like an energy.",
)
def report(scans: tuple[str, ...], file: Path | None, by: str | None) -> None:
    """Write one HTML page about scans and print its path.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; several share one page.
    The page has a summary in words, the unfinished points and why, a table of all models that you can sort
    and filter, the plots of `dlscan plot`, the configuration, and the provenance of the numbers. It is one
    file that loads nothing else: send it as it is. The best model is chosen on the validation split and
    evaluated on the test split.
    """
    # pictures go into the page, whatever window system the shell has in mind
    os.environ["MPLBACKEND"] = "agg"
    from dlscan.analysis.report.build import report as write

    directories, labels = given_scans(scans)
    say(write(directories, file, by, labels))
