"""`dlscan prepare`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.output import examples, say
from dlscan.cli.progress_bar import ProgressBar
from dlscan.cli.signals import terminable
from dlscan.spelling import counted

if TYPE_CHECKING:
    from dlscan.config import Experiment
    from dlscan.dataset import Manifest


@click.command(
    epilog=examples(
        "dlscan prepare lcd.yaml",
        "dlscan prepare lcd.yaml --index-only",
        "dlscan prepare lcd.yaml --skip-bad",
        "dlscan prepare lcd.yaml data.raw=/data/LCD/V3 data.prepared=/scratch/lcd3",
    )
)
@experiment_arguments
@click.option(
    "--index-only",
    is_flag=True,
    help="Copy no events: check the files and index their chunks; streams read them in place.",
)
@click.option(
    "--skip-bad", is_flag=True, help="Leave out bad files, list them in bad_files.csv, exit with 1."
)
@click.option("--scheduler", metavar="ADDRESS", help="Use a running dask scheduler: tcp://HOST:PORT.")
@click.option("--workers", type=click.IntRange(1), help="Number of local processes.  [default: all CPUs]")
def prepare(
    file: Path,
    overrides: tuple[str, ...],
    index_only: bool,
    skip_bad: bool,
    scheduler: str | None,
    workers: int | None,
) -> None:
    """Make a dataset from the raw directories of EXPERIMENT.

    Checks every file, splits the events, shuffles all classes together, measures what normalisation needs,
    and writes the dataset to data.prepared. A second run does nothing unless the files or the data section
    have changed. If it is killed, the previous dataset stays intact.
    """
    from dlscan.config import load
    from dlscan.errors import DataError
    from dlscan.prepare import prepare as make

    if scheduler and workers:
        raise click.UsageError(
            "--workers counts local processes; a scheduler has its own: leave one of them out"
        )
    experiment = load(file, overrides)
    with terminable(), ProgressBar() as progress:
        outcome = make(experiment, skip_bad, scheduler, workers, progress, index_only)
    place = experiment.data.prepared
    if outcome.built:
        made = "indexed" if index_only else "built"
        say(f"{place}: {made} in {outcome.seconds:.1f} s\n")
    else:
        say(f"{place}: up to date, nothing to do\n")
    say(summary(outcome.manifest, experiment))
    if outcome.manifest.bad_files:
        bad = len(outcome.manifest.bad_files)
        raise DataError(f"{counted(bad, 'bad file')} left out; see {place / 'bad_files.csv'}")


def summary(manifest: "Manifest", experiment: "Experiment") -> str:
    """What the dataset holds, on one screen."""
    from tabulate import tabulate

    from dlscan.analysis.events.manifest_text import (
        entries_text,
        flow_text,
        placeholders_text,
        weights_texts,
    )
    from dlscan.analysis.events.read import feature_names
    from dlscan.dataset import SPLITS

    classes = [
        [label, *(f"{manifest.splits[split].counts[number]:,}" for split in SPLITS)]
        for number, label in enumerate(manifest.classes)
    ]
    totals = ["all", *(f"{manifest.splits[split].events:,}" for split in SPLITS)]
    if manifest.raw is None:
        shards = [manifest.splits[split].shards for split in SPLITS]
        totals_and_sizes = [totals, ["on disk", *(_size(sum(shard.size for shard in own)) for own in shards)]]
    else:
        totals_and_sizes = [totals]
    events = tabulate(
        [*classes, *totals_and_sizes],
        ["Class", *SPLITS],
        colalign=["left"] + ["right"] * 3,
        disable_numparse=True,
    )
    rows = []
    for name, column in manifest.inputs.items():
        found = manifest.statistics[name]
        rows.append(
            [
                name,
                "x".join(map(str, column.shape)) or "1",
                column.encoding if manifest.raw is None else "raw",
                f"{100 * found.occupancy:.3g} %",
                f"{found.magnitude:.3g}",
                f"{min(found.minimum):.3g}",
                f"{max(found.maximum):.3g}",
                _normalization(experiment, name),
            ]
        )
    header = ["Input", "Shape", "Stored", "Non-zero", "Mean |non-zero|", "Least", "Most", "Normalize"]
    inputs = tabulate(rows, header, colalign=["left"] * 3 + ["right"] * 4 + ["left"], disable_numparse=True)
    files = sum(1 for source in manifest.sources if source.events)
    last = f"measured on the training split; {manifest.events:,} events from {counted(files, 'file')}"
    if manifest.raw is not None:
        last += f"\nan index only: the events stay in {manifest.raw}"
    weights = weights_texts(manifest, experiment.data.weights)
    vectors = [name for name, column in manifest.inputs.items() if column.by_feature]
    names = {name: feature_names(experiment, manifest, name) for name in vectors}
    notes = placeholders_text(manifest, names)
    flow, entries = flow_text(manifest), entries_text(manifest)
    return "\n\n".join(part for part in (flow, events, inputs, entries, *weights, last, notes) if part)


def _normalization(experiment: "Experiment", name: str) -> str:
    return ", ".join(
        how.kind if how.factor is None else f"{how.kind}: {how.factor:g}"
        for how in experiment.normalizations(name)
    )


def _size(size: float) -> str:
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"
