"""How fast `dlscan predict` is, against the stream that it reads: 100 files of 1,000 calorimeter images.

    python -m benchmarks.predict [--files 100] [--rounds 3] [--workers 2]

Both read the same files in turn. The time of predict is that of the whole call: checking files, loading the
network, scores and output.
"""

import argparse
import shutil
import statistics
import tempfile
import time
from pathlib import Path

import h5py
import numpy as np

import dlscan
from dlscan.analysis.points.done import DonePoint
from dlscan.config import load
from dlscan.dataset import Manifest
from dlscan.prediction import Hdf5File, predict
from dlscan.prepare.new_files import check_new_files
from dlscan.prepare.new_index import index_new_files
from dlscan.stream import Batches
from dlscan.train.to_score import events_at_once

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


def main() -> None:
    """Print events per second of both, and their ratio, round by round."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--workers", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        home = Path(name)
        for seed, label in enumerate(("a", "b")):
            write(home / "raw" / label / "0.h5", seed)
        files = [home / "new" / f"{number}.h5" for number in range(arguments.files)]
        write(files[0], 2)
        for file in files[1:]:
            shutil.copyfile(files[0], file)
        data = {"raw": str(home / "raw"), "inputs": ["ECAL"], "prepared": str(home / "prepared")}
        model = {"family": "dense", "width": 64, "depth": 2}
        point = dlscan.train({"data": data, "model": model, "train": {"epochs": 1}}, home / "scan")
        ratios = []
        for number in range(arguments.rounds):
            place = home / f"index-{number}"
            place.mkdir()
            alone = stream(point, files, place, arguments.workers)
            start = time.perf_counter()
            outputs = [Hdf5File(home / f"{number}.h5")]
            done = predict([point], files, outputs, workers=arguments.workers)
            whole = done.events / (time.perf_counter() - start)
            ratios.append(whole / alone)
            print(f"stream {alone:10,.0f}/s   predict {whole:10,.0f}/s   ratio {ratios[-1]:.2f}", flush=True)
        print(f"median ratio {statistics.median(ratios):.2f}")


if __name__ == "__main__":
    main()
