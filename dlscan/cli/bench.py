"""`dlscan bench`."""

import itertools
import math
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.experiment import experiment_arguments
from dlscan.cli.output import examples, say
from dlscan.cli.progress_bar import ProgressBar
from dlscan.spelling import counted

if TYPE_CHECKING:
    from dlscan.bench.figures import Figures


@click.command(
    epilog=examples(
        "dlscan bench lcd.yaml",
        "dlscan bench lcd.yaml batch.models_per_job=8",
        "dlscan bench lcd.yaml model.width=512 model.depth=4 --seconds 20",
        "dlscan bench lcd.yaml stream.workers=8 --json",
    )
)
@experiment_arguments
@click.option(
    "--seconds",
    type=click.FloatRange(0, min_open=True),
    default=5.0,
    show_default=True,
    help="Time for each of stream, training and both.",
)
@click.option(
    "--split",
    type=click.Choice(["train", "validation", "test"]),
    default="train",
    show_default=True,
    help="Which events to use.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def bench(file: Path, overrides: tuple[str, ...], seconds: float, split: str, as_json: bool) -> None:
    """Measure whether data or training is the bottleneck.

    Streams the dataset of EXPERIMENT, trains its network on batches in memory, then does both at once. For
    comparison it measures how fast the same number of processes can write memory. GB are of dense float32
    events. If batch.models_per_job is not 1, the networks of the largest pack of the scan train together; a
    model-event is one event in one network.
    """
    if not math.isfinite(seconds):
        raise click.UsageError(f"--seconds must be a number of seconds, got {seconds}")
    import json

    from dlscan.bench.advice import advice
    from dlscan.bench.run import bench as measure
    from dlscan.config import load

    experiment = load(file, overrides)
    with ProgressBar() as progress:
        found = measure(experiment, split, seconds, progress)
    if as_json:
        say(json.dumps(found.plain() | {"advice": advice(found)}, indent=2))
    else:
        say(f"{_table(found)}\n\n{_who_waits(found)}\n{advice(found)}")


def _table(found: "Figures") -> str:
    from tabulate import tabulate

    processes = counted(max(found.workers, 1), "process")
    rows = [
        _row(found, f"memory set, {processes}", found.memory_set),
        _row(found, f"memory copy, {processes}", found.memory_copy),
        _row(found, f"stream alone, {'raw files' if found.indexed else 'prepared'}", found.stream),
        _row(found, "training alone, data in memory", found.training, True, found.gpu_training),
        _row(found, "training on the stream", found.both, True, found.gpu_both),
    ]
    header = ["", "events/s", "GB/s", "of memory set", "model-events/s", "GPU busy"]
    idle = found.gpu_training is None and found.gpu_both is None
    kept = [True, True, True, True, found.networks > 1, not idle]
    header, *rows = (list(itertools.compress(row, kept)) for row in (header, *rows))
    align = ["left"] + ["right"] * (len(header) - 1)
    return f"{_about(found)}\n\n{tabulate(rows, header, colalign=align, disable_numparse=True)}"


def _row(
    found: "Figures", what: str, rate: float, trains: bool = False, busy: float | None = None
) -> list[str]:
    size, share = rate * found.event_bytes / 1e9, rate / found.memory_set
    models = f"{rate * found.networks:,.0f}" if trains else ""
    used = "" if busy is None else f"{100 * busy:.0f} %"
    return [what, f"{rate:,.0f}", f"{size:.3g}", f"{100 * share:.0f} %", models, used]


def _about(found: "Figures") -> str:
    networks = f"{found.networks} networks together, " if found.networks > 1 else ""
    return (
        f"{found.dataset}, {found.split}: {found.events:,} events of {found.event_bytes / 1000:.3g} kB, "
        f"batches of {found.batch_size:,}, {found.transport}\n"
        f"{networks}{found.parameters:,} parameters, {found.backend} on {found.device}; {found.cpus} CPUs, "
        f"{found.workers} workers"
    )


def _who_waits(found: "Figures") -> str:
    waited, spare = 100 * found.waited, 100 * found.spare
    return (
        f"First batch after {found.first_batch:.2f} s. Training waits for the stream {waited:.0f} % of the "
        f"time; the stream has {spare:.0f} % of its speed to spare."
    )
