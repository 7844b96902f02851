"""`dlscan plot`."""

import os
from pathlib import Path

import click

from dlscan.analysis.plots import KINDS, Options
from dlscan.cli.arguments import names, scan_directory


@click.command()
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@click.argument("scans", metavar="SCAN...", nargs=-1, required=True)
@click.option("--key", help="What to draw; see above for what each kind knows.")
@click.option(
    "--per-page", type=click.IntRange(1, 20), default=4, show_default=True, help="history: models a page."
)
@click.option("--sort", metavar="A,-B", default="", help="Order of the models, by columns of the table.")
@click.option(
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Where to, by suffix: .png, .pdf or .svg.",
)
def plot(
    kind: str, scans: tuple[str, ...], key: str | None, per_page: int, sort: str, file: Path | None
) -> None:
    """Draw the finished points of scans and print which files hold the picture.

    SCAN is a scan's directory or its experiment file; several share one picture. Without -o the picture is a
    PNG in the folder plots of the first scan.

    \b
    KIND is one of
      history  a line per model over the epochs, --per-page models a page;
               --key is a column of history.csv: val_loss (default), loss,
               val_accuracy, accuracy, seconds, events_per_second.
               A PDF holds all pages, PNG and SVG get FILE-1, FILE-2 ...
      bar      a bar per model, from high to low unless --sort is given;
               --key is a numeric column of `dlscan table`:
               Mean_AUC (default), Ele_AUC, test_loss ...
      roc      a panel per class, one against the rest, with the AUC of each
               model; of more than 12 models the 12 best;
               --key is a class: draw only this one

    \b
    Examples:
      dlscan plot history scans/lcd-dense --key val_loss --per-page 4
      dlscan plot bar lcd.yaml --key Ele_AUC -o ele.pdf
      dlscan plot roc scans/lcd-dense scans/lcd-conv -o roc.svg
    """
    # pictures go to files, whatever window system the shell has in mind
    os.environ["MPLBACKEND"] = "agg"
    from dlscan.analysis.plots.drawing import plot as draw

    options = Options(key=key, per_page=per_page, sort=tuple(names(sort)))
    for path in draw(kind, [scan_directory(scan) for scan in scans], options, file):
        click.echo(path)
