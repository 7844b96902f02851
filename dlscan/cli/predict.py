"""`dlscan predict`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.arguments import scan_argument
from dlscan.cli.output import examples, say
from dlscan.cli.progress_bar import ProgressBar
from dlscan.cli.signals import terminable
from dlscan.spelling import counted

if TYPE_CHECKING:
    from dlscan.analysis.points.done import DonePoint
    from dlscan.metrics import Measured
    from dlscan.prediction import Output


@click.command(
    epilog=examples(
        "dlscan predict scans/lcd-dense 7 new/*.h5 -o scores.h5",
        "dlscan predict scans/lcd-dense 7,8,9 /data/LCD/V3 -o mean.h5",
        "dlscan predict scans/lcd-dense 7 new/*.h5 --root scores.root",
        "dlscan predict scans/lcd-dense 7 new/*.h5 --append nn -o scored",
        "dlscan predict lcd.onnx new/*.h5 -o scores.h5",
    )
)
@scan_argument
@click.argument("words", metavar="N[,N...] FILE...", nargs=-1, required=True)
@click.option(
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The HDF5 file to write; with --append, the new directory.",
)
@click.option(
    "--root", metavar="FILE", type=click.Path(path_type=Path), help="Write a ROOT file, instead or as well."
)
@click.option(
    "--append", metavar="NAME", help="Write copies of the raw files with an additional dataset NAME."
)
@click.option("--friends", is_flag=True, help="With --append: write files with NAME alone instead of copies.")
@click.option("--skip-bad", is_flag=True, help="Leave out bad files, list them, exit with 1.")
@click.option("--workers", type=click.IntRange(0), help="Processes that read ahead.  [default: as needed]")
@click.option("--overwrite", is_flag=True, help="Replace the output file if it exists.")
@click.option("--alone", is_flag=True, help="Use point N alone, without the other folds of its model.")
@click.option("--trust-files", is_flag=True, help="Run the file that defines layers, as named by the record.")
def predict(
    scan: str,
    words: tuple[str, ...],
    target: Path | None,
    root: Path | None,
    append: str | None,
    friends: bool,
    skip_bad: bool,
    workers: int | None,
    overwrite: bool,
    alone: bool,
    trust_files: bool,
) -> None:
    """Apply the model of point N of SCAN to raw files.

    SCAN is a scan's directory, its experiment file, or the beginning of either name. FILE is an HDF5 file
    like those that the scan was prepared from, or a directory of such files. Cuts and inputs are those of the
    scan. The output has the scores of each event (for a regression, the predictions), its file and its row.

    If the directories or a column of the files say what the events are, predict also prints the metrics of
    `dlscan table` for them. The scores of several points are averaged, and so are the folds of one point. N
    can be "refit": the best model, trained on all folds (scan.refit: true).

    Instead of SCAN N it takes a model file: best.keras in the directory of a point (best.h5 for trees), or an
    ONNX or Keras file that `dlscan export` wrote.

    --root writes the same numbers to a ROOT tree, with a branch for each class. It needs pip install
    'dlscan[root]'.

    --append keeps the scores with their events. For each FILE it writes a file of the same name into the
    directory -o, with an additional dataset NAME: one row per event, nan for events that did not pass the
    cuts.

    If predict is interrupted, run the same command again to continue.
    """
    from dlscan.prediction import is_model, model_in
    from dlscan.prediction import predict as apply

    outputs = _outputs(target, root, append, friends)
    if is_model(scan):
        chosen, files = [model_in(Path(scan), trust_files)], list(words)
    else:
        numbers, *files = words
        if not files:
            raise click.UsageError("Missing argument 'FILE...'.")
        chosen = _points(scan, numbers, alone, trust_files)
    paths = [Path(file) for file in files]
    with terminable(), ProgressBar() as progress:
        done = apply(
            chosen, paths, outputs, skip_bad, "auto" if workers is None else workers, overwrite, progress
        )
    out = f" ({done.left_out:,} did not pass data.where)" if done.left_out else ""
    for path in done.paths:
        say(f"{path}: {done.events:,} events of {counted(done.files, 'file')}{out}")
    if done.measured is not None:
        _print(done.measured)
    if done.known:
        say(
            f"Warning: {done.known:,} of these files belong to the dataset of the scan: most of their events "
            "were trained on, so their numbers are too good. `dlscan table` has those of the test events.",
            err=True,
        )
    if done.unmeasured:
        say(done.unmeasured)
    if done.bad:
        from dlscan.errors import PointsFailed

        listed = "; ".join(f"{path}: {reason}" for path, reason in done.bad.items())
        raise PointsFailed(f"{counted(len(done.bad), 'bad file')} left out: {listed}")


def _points(scan: str, numbers: str, alone: bool, trust_files: bool) -> "list[DonePoint | Path]":
    """The points that numbers mean, with the other folds of a single one."""
    from dlscan.analysis.points.done import point_of
    from dlscan.analysis.points.folds import all_folds_of
    from dlscan.cli.arguments import names
    from dlscan.errors import UsageError
    from dlscan.notebook import load

    asked = names(numbers)
    if "refit" in asked:
        if len(asked) > 1:
            raise UsageError(f"N {numbers}: refit is one model, and cannot be combined with points")
        scan, asked = _refit(scan), ["1"]
    loaded = load(scan)
    found = [point_of(loaded.points, each, "N") for each in asked]
    if len(found) == 1 and not alone:
        found = all_folds_of(found[0], loaded.points)
        if len(found) > 1:
            listed = ", ".join(str(point.record.point) for point in found)
            say(f"The mean of {len(found)} folds of one model: points {listed} (--alone: {numbers} only)")
    return [loaded.trained(point, trust_files) for point in found]


def _refit(scan: str) -> str:
    """The scan of one point beside a scan, which was trained on all folds."""
    from dlscan.config.loading import scan_directory
    from dlscan.config.naming import REFIT
    from dlscan.errors import UsageError

    directory = scan_directory(Path(scan))
    beside = directory.with_name(directory.name + REFIT)
    if not beside.exists():
        raise UsageError(
            f"{directory}: no model was trained on all folds; set scan.refit: true and run `dlscan scan`"
        )
    return str(beside)


def _outputs(target: Path | None, root: Path | None, append: str | None, friends: bool) -> "list[Output]":
    from dlscan.errors import UsageError
    from dlscan.prediction import BesideEvents, Hdf5File, RootFile

    if friends and append is None:
        raise UsageError("--friends says how --append writes; give --append NAME too")
    if append is not None and target is None:
        raise UsageError("--append NAME writes a directory; give -o DIR too")
    if target is None and root is None:
        raise UsageError("say where to write: -o FILE for an HDF5 file, --root FILE for a ROOT file")
    outputs: list[Output] = []
    if target is not None:
        outputs.append(Hdf5File(target) if append is None else BesideEvents(target, append, friends))
    if root is not None:
        outputs.append(RootFile(root))
    return outputs


def _print(measured: "Measured") -> None:
    for name, value in measured.values.items():
        if value is None:
            continue
        down, up = measured.errors.get(name, (None, None))
        error = "" if down is None or up is None else f"  -{down:.4f} +{up:.4f}"
        say(f"  {name:<28} {value:.4f}{error}")
