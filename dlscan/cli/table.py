"""`dlscan table`."""

from pathlib import Path

import click

from dlscan.cli.arguments import names, scan_directory

FORMATS = ("text", "csv", "json", "markdown", "html", "latex")


@click.command()
@click.argument("scans", metavar="SCAN...", nargs=-1, required=True)
@click.option("--columns", metavar="A,B", help="Columns to show; Model Name is always first.")
@click.option("--sort", metavar="A,-B", default="", help="Columns to sort by; - in front: from high to low.")
@click.option("--where", metavar="EXPR", help="Only models like this: 'Width>=64 and Ele_AUC>0.9'.")
@click.option(
    "--format",
    "style",
    type=click.Choice(FORMATS),
    default="text",
    show_default=True,
    help="How to write it.",
)
@click.option(
    "-o", "file", metavar="FILE", type=click.Path(path_type=Path), help="Write here, not to stdout."
)
def table(
    scans: tuple[str, ...], columns: str | None, sort: str, where: str | None, style: str, file: Path | None
) -> None:
    """Compare the finished points of scans, a line per model.

    SCAN is a scan's directory or its experiment file; several share one table with a column Scan. Without
    --columns it shows what varies, the epochs, the AUC of each class against the rest, their mean and the
    loss on the test split. Names match without regard to case.

    \b
    Examples:
      dlscan table scans/lcd-dense
      dlscan table lcd.yaml --sort Width,-Ele_AUC
      dlscan table scans/lcd-dense --columns Width,Depth,Epochs,Ele_AUC,Parameters
      dlscan table lcd.yaml --where 'Width>=64 and Ele_AUC>0.9'
      dlscan table scans/a scans/b --format csv -o models.csv

    \b
    Columns there are, besides every parameter (Width, Learning_Rate ...):
      Epochs  Best_Epoch  <Class>_AUC  Mean_AUC  test_accuracy  test_loss
      initial_loss  final_loss  initial_val_loss  final_val_loss  best_val_loss
      Parameters  Seconds_per_Epoch  Train_Seconds  Events_per_Second
      Scan  Point  Seed  Host  Device  Attempts  Stopped

    text, markdown, html and latex (booktabs) are rounded for reading; csv and json hold every digit.
    """
    from dlscan.analysis.formats import render
    from dlscan.analysis.output import output
    from dlscan.analysis.records import load
    from dlscan.analysis.table import table as make_table

    points = load([scan_directory(scan) for scan in scans])
    made = make_table(points, None if columns is None else names(columns), names(sort), where)
    text = render(made, style)
    if file is None:
        click.echo(text)
    else:
        with output(file) as temporary:
            temporary.write_text(text + "\n", encoding="utf-8")
