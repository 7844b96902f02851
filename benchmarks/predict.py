"""`python -m benchmarks.predict`: `dlscan predict` against the stream that it reads.

Both read the same files of calorimeter images, in turn. The time of predict is that of the whole call:
checking files, loading the network, scores and output.
"""

import os
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np

import dlscan
from benchmarks.machine import describe
from benchmarks.report import made_with, save
from dlscan.analysis.points.done import DonePoint
from dlscan.config import load
from dlscan.dataset import Manifest
from dlscan.prediction import Hdf5File, predict
from dlscan.prepare.new_files import check_new_files
from dlscan.prepare.new_index import index_new_files
from dlscan.stream import Batches
from dlscan.train.to_score import events_at_once

HERE = Path(__file__).parent
EVENTS, SHAPE, FILLED = 1000, (25, 25, 25), 0.04


def write(path: Path, seed: int) -> None:
    """Write images that are mostly zeros, with gzip and chunks of 32 events."""
    rng = np.random.default_rng(seed)
    images = rng.exponential(0.01, (EVENTS, *SHAPE)).astype(np.float32)
    images[rng.random(images.shape) > FILLED] = 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.create_dataset("ECAL", data=images, chunks=(32, *SHAPE), compression="gzip")


def stream(point: DonePoint, files: list[Path], place: Path, workers: int) -> float:
    """Events per second of the stream alone, from headers to the last batch."""
    start = time.perf_counter()
    experiment = load(point.paths.config)
    manifest = Manifest.read(Path(point.record.dataset["path"]))
    index_new_files(experiment, manifest, check_new_files(experiment, manifest, files), place, None)
    count = 0
    size = events_at_once(manifest)
    with Batches(place, split="test", batch_size=size, workers=workers, shuffle=False) as batches:
        for batch in batches.epoch(0, last=True):
            count += len(batch)
    return count / (time.perf_counter() - start)


def measure(files: int, rounds: int, workers: int) -> list[dict[str, float]]:
    """Events per second of both, round by round."""
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for seed, label in enumerate(("a", "b")):
            write(home / "raw" / label / "0.h5", seed)
        new = [home / "new" / f"{number}.h5" for number in range(files)]
        write(new[0], 2)
        for file in new[1:]:
            shutil.copyfile(new[0], file)
        data = {"raw": str(home / "raw"), "inputs": ["ECAL"], "prepared": str(home / "prepared")}
        model = {"family": "dense", "width": 64, "depth": 2}
        point = dlscan.train({"data": data, "model": model, "train": {"epochs": 1}}, home / "scan")
        rows = []
        for number in range(rounds):
            place = home / f"index-{number}"
            place.mkdir()
            alone = stream(point, new, place, workers)
            start = time.perf_counter()
            done = predict([point], new, [Hdf5File(home / f"{number}.h5")], workers=workers)
            rows.append({"stream": alone, "predict": done.events / (time.perf_counter() - start)})
        return rows


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    ratios = [row["predict"] / row["stream"] for row in result["rows"]]
    lines = [
        f"# dlscan predict on {result['files']} files",
        "",
        *made_with(result),
        f"{EVENTS:,} images of {'x'.join(map(str, SHAPE))} cells in each file, gzip, {FILLED:.0%} of them",
        f"not zero. A dense network of two layers of 64, {result['workers']} workers. Events per second of",
        "the stream alone, and of the whole call of predict on the same files.",
        "",
        "| round | stream | predict | ratio |",
        "|---|---:|---:|---:|",
    ]
    for number, (row, ratio) in enumerate(zip(result["rows"], ratios, strict=True), 1):
        lines.append(f"| {number} | {row['stream']:,.0f} | {row['predict']:,.0f} | {ratio:.2f} |")
    lines += ["", f"Median ratio: {statistics.median(ratios):.2f}."]
    return "\n".join(lines) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", default=100, show_default=True, type=click.IntRange(1))
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1))
@click.option("--workers", default=2, show_default=True, type=click.IntRange(0))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(files: int, rounds: int, workers: int, out: Path) -> None:
    """Measure predict against its stream, and write `predict.md`."""
    rows = measure(files, rounds, workers)
    result = describe(frozenset(os.sched_getaffinity(0)))
    result |= {"files": files, "workers": workers, "rows": rows}
    text = page(result)
    save(out, "predict", text, result)
    click.echo(text)


if __name__ == "__main__":
    main()
