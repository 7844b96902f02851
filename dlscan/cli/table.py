"""`dlscan table`."""

import logging
from pathlib import Path
from typing import Any

import click

from dlscan import garbage
from dlscan.cli.arguments import given_scans, names, scans_argument
from dlscan.cli.output import examples, say

log = logging.getLogger("dlscan")

FORMATS = ("text", "csv", "json", "markdown", "html", "latex")


@click.command(
    epilog=examples(
        "dlscan table scans/lcd-dense",
        "dlscan table lcd.yaml --list",
        "dlscan table lcd.yaml --sort Width,-Ele_AUC --errors",
        "dlscan table lcd.yaml --columns 'Epochs,*_AUC,Parameters' --name width,depth",
        "dlscan table lcd.yaml --where 'optimizer==\"Adam\" and Pi0_AUC>0.85'",
        "dlscan table lcd.yaml --where 'Gamma_vs_Pi0_Rejection@50 > 20'",
        "dlscan table lcd.yaml --best val_auc",
        "dlscan table lcd.yaml --versus 7 --columns Gamma_vs_Pi0_AUC",
        "dlscan table lcd.yaml --pivot width,depth --value Gamma_vs_Pi0_AUC",
        "dlscan table scans/a scans/b --format csv -o models.csv",
    )
)
@scans_argument
@click.option("--list", "listed", is_flag=True, help="List all columns and their meaning.")
@click.option("--columns", metavar="A,B", help="Columns to show: names or patterns such as '*_AUC'.")
@click.option(
    "--sort", metavar="A,-B", default="", help="Columns to sort by; a leading - sorts from high to low."
)
@click.option("--where", metavar="EXPR", help="Only models that match, such as 'Width>=64 and Ele_AUC>0.9'.")
@click.option("--name", metavar="A,B", default="", help="Name the models by these parameters.")
@click.option(
    "--repeats",
    type=click.Choice(["mean", "each"]),
    help="Show repeats as mean +- spread, or each separately.",
)
@click.option("--errors", is_flag=True, help="Add uncertainties: 0.9420 +- 0.0031.")
@click.option("--versus", metavar="N", help="Add each model's difference from point N, and its significance.")
@click.option(
    "--best", metavar="KEY", help="Only the best model by a validation metric, such as val_auc or val_mae."
)
@click.option(
    "--pivot", metavar="A,B", default="", help="Pivot table: rows of parameter A, columns of parameter B."
)
@click.option(
    "--value", metavar="COLUMN", help="The column that --pivot shows.  [default: Mean_AUC or the MAE]"
)
@click.option(
    "--format",
    "style",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="Output format.",
)
@click.option(
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write to this file instead of stdout.",
)
def table(
    scans: tuple[str, ...], listed: bool, columns: str | None, style: str, file: Path | None, **options: Any
) -> None:
    """Compare the finished points of scans, one line per model.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; several share one table
    with a column Scan. Without --columns it shows the varied parameters, the epochs, and on the test split
    the AUC of each class against the rest and their mean, or the errors of each target of a regression, and
    the loss. Upper and lower case are the same in names; --list shows all columns.

    Repeats, which differ only in their seed, share a line: mean +- standard deviation. --best accepts only
    metrics of the validation split, so that the test split stays an unbiased test of the best model. text,
    markdown, html and latex (booktabs) are rounded for reading; csv and json have full precision, with
    uncertainties in separate columns.
    """
    from dlscan.analysis.output import output
    from dlscan.analysis.points.records import load
    from dlscan.analysis.tables.formats import WITH_NOTES, render
    from dlscan.analysis.tables.table import list_columns
    from dlscan.analysis.tables.table import table as make_table

    with garbage.no_search():
        points = load(*given_scans(scans))
        # this process needs the records to its end; the search for garbage among thousands takes a while
        garbage.keep_all()
    if listed:
        made = list_columns(points, options["where"])
    else:
        options |= {key: names(options[key]) for key in ("sort", "name", "pivot")}
        made = make_table(points, None if columns is None else names(columns), **options)
    text = render(made, style)
    if style not in WITH_NOTES:
        for note in made.notes:
            log.info(note)
    if file is None:
        say(text)
    else:
        with output(file) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
