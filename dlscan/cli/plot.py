"""`dlscan plot`."""

import os
from pathlib import Path

import click

from dlscan.analysis.plots import KINDS, STYLES, Options
from dlscan.cli.arguments import given_scans, names, scans_argument
from dlscan.cli.output import examples, say


class _ManyPoints(click.Command):
    """A command that takes several numbers behind one `--point`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, _spread(args))


def _spread(args: list[str]) -> list[str]:
    """`--point 3 7` as `--point 3 --point 7`; a number that is no scan's directory belongs to it."""
    spread: list[str] = []
    taking = False
    for number, argument in enumerate(args):
        first = number > 0 and args[number - 1] == "--point"
        is_point = argument.rpartition(":")[2].isdigit() and not Path(argument).exists()
        if taking and not first and is_point:
            spread.append("--point")
        taking = argument == "--point" or (taking and (first or is_point))
        spread.append(argument)
    return spread


@click.command(
    cls=_ManyPoints,
    epilog=examples(
        "dlscan plot history scans/lcd-dense --key val_loss --per-page 4",
        "dlscan plot bar lcd.yaml --key Ele_AUC -o ele.pdf",
        "dlscan plot heatmap lcd.yaml --by Width,Depth --data cells.csv",
        "dlscan plot roc scans/lcd-dense scans/lcd-conv --style ATLAS -o roc.svg",
        "dlscan plot roc lcd.yaml --key Gamma_vs_Pi0,Ele_vs_ChPi --reference 3",
        "dlscan plot scores lcd.yaml --point 7 --key Gamma_vs_Pi0",
        "dlscan plot confusion lcd.yaml --point 3 7",
        "dlscan plot energy lcd.yaml --by 'target[:,0,1]' --bins 10",
        "dlscan plot dependence scans/pivot --bins 5 --efficiency 0.7",
        "dlscan plot pareto lcd.yaml --by FLOPs --where 'Epochs>5'",
        "dlscan plot parallel lcd.yaml --key Gamma_vs_Pi0_AUC",
        "dlscan plot calibration lcd.yaml --most 6 --bins 20",
        "dlscan plot importance lcd.yaml --by Width,Depth,Learning_Rate",
        "dlscan plot response energy.yaml --most 4",
        "dlscan plot resolution energy.yaml --key Energy --data fits.csv",
        "dlscan plot residuals energy.yaml --point 3 7 --bins 80",
        "dlscan plot generated scans/showers-gan --key Energy,Layers",
        "dlscan plot search scans/tpe scans/random",
        "dlscan plot slice lcd.yaml --by Width,Learning_Rate",
        "dlscan plot contour lcd.yaml --by Learning_Rate,Width",
        "dlscan plot anomaly lcd-anomalies.yaml --key distances",
        "dlscan plot code lcd-anomalies.yaml --point 3",
    ),
)
@click.argument("kind", metavar="KIND", type=click.Choice(list(KINDS)))
@scans_argument
@click.option("--key", help="What to plot: see KIND.")
@click.option("--by", metavar="WHAT", help="What to plot it against: see KIND.")
@click.option("--point", "only", multiple=True, metavar="N [N]...", help="Only these points.")
@click.option("--where", metavar="EXPR", help="Only models that match, such as 'Width>=64 and Ele_AUC>0.9'.")
@click.option("--sort", metavar="A,-B", default="", help="Order of the models, by columns of the table.")
@click.option("--most", type=click.IntRange(1, 20), help="Maximum number of models: the best on validation.")
@click.option(
    "--per-page", type=click.IntRange(1, 20), default=4, show_default=True, help="history: models per page."
)
@click.option("--reference", metavar="N", help="roc: divide by this point instead of the best on validation.")
@click.option("--plain", is_flag=True, help="roc: signal efficiency against background efficiency.")
@click.option(
    "--bins",
    metavar="BINS",
    help="Number of bins; energy, response, resolution: also equal:10 (equal width) or 0,50,500.",
)
@click.option(
    "--efficiency",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="energy, dependence: efficiency of the cut that passes this fraction of all signal.",
)
@click.option(
    "--style",
    metavar=f"[{'|'.join(STYLES)}]",
    default="plain",
    show_default=True,
    help="Fonts and ticks; styles other than plain need dlscan[hep].",
)
@click.option("--label", metavar="TEXT", help="A line above the title, such as an experiment's name.")
@click.option(
    "--data",
    metavar="FILE.csv",
    type=click.Path(path_type=Path),
    help="Write the numbers behind the plot to this file.",
)
@click.option(
    "-o",
    "file",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Output file; the suffix selects .png, .pdf or .svg.",
)
def plot(
    kind: str,
    scans: tuple[str, ...],
    only: tuple[str, ...],
    where: str | None,
    sort: str,
    data: Path | None,
    file: Path | None,
    **chosen: object,
) -> None:
    """Plot the finished points of scans and print the file names.

    SCAN is a scan's directory, its experiment file, or the beginning of either name; several share one plot.
    Without -o the plot is a PNG in the folder plots of the scan; for scans a and b it is in a+b/plots, beside
    a. If there are more models than fit, the plot shows the best on validation and says how many are left
    out.

    \b
    KIND is one of
      history      a quantity against the epoch, --per-page models per page, with
                   marks for the kept epoch and where another attempt continued;
                   --key loss (default; training and validation), val_loss,
                   accuracy, val_accuracy, seconds, events_per_second
      bar          one point per model, with its uncertainty; --key is a numeric
                   column of `dlscan table`: Mean_AUC (default), Ele_AUC ...
      heatmap      --key, as for bar, against two parameters: --by A,B
      roc          background rejection against signal efficiency, with the ratio
                   to --reference; --plain: signal against background efficiency;
                   --key is a class, a pair, several of them, or pairs
      scores       score distributions of signal and background, training and
                   test; --key as for roc
      confusion    the predicted class for the events of each class
      energy       AUC, or --efficiency, in --bins of --by, a per-event variable
                   (default: what looks like an energy); --key as for roc
      dependence   scores, and efficiency of a cut, in --bins of a nuisance (--by)
      pareto       --key against a cost, --by Parameters (default), FLOPs, time
      parallel     each model as a line across its parameters, coloured by --key
      calibration  fraction of correct predictions against the highest score
      importance   how much each parameter matters for --key
      response     prediction / truth in --bins of the truth, median and 68 %
                   band; --key is a target of a regression, or several
      resolution   half the 68 % width of prediction / truth in --bins of the
                   truth, fitted to a/sqrt(E), b and c/E; --key as for response
      residuals    distribution of prediction - truth; --key as for response
      generated    observables of generated and of real events; --key is one of
                   them, or several
      search       the best --key so far against models tried and time, a line
                   per scan; points at random in all orders
      slice        --key against each parameter
      contour      --key against two numbers, --by A,B, interpolated
      anomaly      of autoencoders: the error of each class, and ROC curves of
                   anomalies; --key distances: by the distance of codes
      code         of autoencoders: classes in the code, in two directions
    """
    # pictures go to files, whatever window system the shell has in mind
    os.environ["MPLBACKEND"] = "agg"
    from dlscan.analysis.plots.drawing import plot as draw

    options = Options(sort=tuple(names(sort)), **chosen)  # type: ignore[arg-type]
    directories, labels = given_scans(scans)
    for path in draw(kind, directories, options, file, only=only, where=where, data=data, labels=labels):
        say(path)
