"""`python -m benchmarks.compound`: compound tables of jets and tracks, as flavour tagging keeps them."""

from __future__ import annotations

import importlib.util
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np
import yaml
from numpy.lib.recfunctions import structured_to_unstructured
from numpy.typing import NDArray

from benchmarks.machine import describe
from benchmarks.report import made_with, save

Array = NDArray[Any]

JET = [f"j{number}" for number in range(20)]
TRACK = [f"t{number}" for number in range(10)]
TRACKS, BATCH, FILES = 40, 1000, 2
HERE = Path(__file__).parent
STORED: dict[str, dict[str, Any]] = {
    "lzf": {"compression": "lzf"},
    "shuffle+gzip": {"compression": "gzip", "compression_opts": 4, "shuffle": True},
}


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--events", default=100_000, show_default=True, help="Jets.")
@click.option("--workers", default=2, show_default=True, help="Processes of dlscan and of torch.")
@click.option("--passes", default=3, show_default=True, help="Over all events; the fastest counts.")
@click.option(
    "--place", type=click.Path(path_type=Path), help="A directory with room.  [default: a temporary one]"
)
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(events: int, workers: int, passes: int, place: Path | None, out: Path) -> None:
    """Read all fields as float32, with the mask of tracks, in shuffled batches of 1,000.

    h5py, atlas-ftag-tools and torch (if they are installed) read batches that lie one after the other and
    shuffle within them; dlscan shuffles all events. h5py and atlas-ftag-tools read with one process. In each
    pass each reader has its turn; the first pass of each is not timed.
    """
    logging.disable(logging.WARNING)
    about = [
        "# Compound tables",
        "",
        *made_with(describe(frozenset(os.sched_getaffinity(0)))),
        f"{events:,} jets of {len(JET)} fields and {TRACKS} tracks of {len(TRACK)} fields; {workers} workers "
        f"of dlscan and of torch; the fastest of {passes} passes.",
        "",
        "| stored | reader | events/s | to the best of others |",
        "|---|---|---:|---:|",
    ]
    print("\n".join(about))
    lines = []
    with tempfile.TemporaryDirectory(dir=place) as directory:
        for stored, options in STORED.items():
            home = Path(directory) / stored
            generate(home / "raw", events, options)
            readers: dict[str, Callable[[], Iterator[int]]] = {
                "h5py": lambda home=home: by_h5py(home / "raw"),  # type: ignore[misc]
                "dlscan, raw files": by_dlscan(home, workers, index=True),
                "dlscan, prepared": by_dlscan(home, workers, index=False),
            }
            if importlib.util.find_spec("ftag"):
                readers["atlas-ftag-tools"] = lambda home=home: by_ftag(home / "raw")  # type: ignore[misc]
            if importlib.util.find_spec("torch"):
                readers["torch DataLoader"] = by_torch(home / "raw", workers)
            rates = measured(readers, passes)
            best = max(rate for name, rate in rates.items() if not name.startswith("dlscan"))
            for name, rate in rates.items():
                lines.append(f"| {stored} | {name} | {rate:,.0f} | {rate / best:.2f} |")
                print(lines[-1], flush=True)
    save(out, "compound", "\n".join([*about, *lines, ""]))


def measured(readers: dict[str, Callable[[], Iterator[int]]], passes: int) -> dict[str, float]:
    """Events a second of each reader, by its fastest pass."""
    seconds: dict[str, list[float]] = {name: [] for name in readers}
    for number in range(passes + 1):
        for name, read in readers.items():
            start = time.perf_counter()
            seen = sum(read())
            if number:
                seconds[name].append((time.perf_counter() - start) / seen)
    return {name: 1 / min(own) for name, own in seconds.items()}


def generate(raw: Path, events: int, options: dict[str, Any]) -> None:
    """Write jets of two classes, of which each has some of 40 tracks."""
    rng = np.random.default_rng(1)
    jet = np.dtype([(name, "f4") for name in JET])
    track = np.dtype([*((name, "f4") for name in TRACK), ("valid", "?")])
    count = events // (2 * FILES)
    for label in ("b", "light"):
        (raw / label).mkdir(parents=True)
        for number in range(FILES):
            jets, tracks = np.zeros(count, jet), np.zeros((count, TRACKS), track)
            # few digits are measured, which compresses as real tables do
            for name in JET:
                jets[name] = rng.normal(size=count).astype(np.float16)
            tracks["valid"] = np.arange(TRACKS) < rng.poisson(8, count)[:, None]
            for name in TRACK:
                values = rng.normal(size=tracks.shape).astype(np.float16)
                tracks[name] = np.where(tracks["valid"], values, np.nan)
            with h5py.File(raw / label / f"{number}.h5", "w") as file:
                file.create_dataset("jets", data=jets, **options)
                file.create_dataset("tracks", data=tracks, **options)


class Slices:
    """Batches of events that lie one after the other, read with h5py alone; also a dataset for torch."""

    def __init__(self, raw: Path) -> None:
        self._slices: list[tuple[Path, int]] = []
        for path in sorted(raw.glob("*/*.h5")):
            with h5py.File(path) as file:
                self._slices += [(path, start) for start in range(0, len(file["jets"]), BATCH)]
        self._files: dict[Path, h5py.File] = {}

    def __len__(self) -> int:
        return len(self._slices)

    def __getitem__(self, number: int) -> tuple[Array, Array, Array]:
        path, start = self._slices[number]
        if path not in self._files:
            self._files[path] = h5py.File(path)
        file = self._files[path]
        jets, tracks = file["jets"][start : start + BATCH], file["tracks"][start : start + BATCH]
        order = np.random.default_rng(number).permutation(len(jets))
        values = structured_to_unstructured(tracks[TRACK], np.float32)[order]
        np.nan_to_num(values, copy=False)
        return structured_to_unstructured(jets[JET], np.float32)[order], values, tracks["valid"][order]


def by_h5py(raw: Path) -> Iterator[int]:
    """Events of each batch, read with h5py alone."""
    slices = Slices(raw)
    # in their order: HDF5 keeps chunks that the next batch begins in
    for number in range(len(slices)):
        yield len(slices[number][0])


def by_torch(raw: Path, workers: int) -> Callable[[], Iterator[int]]:
    """The same in the processes of a DataLoader, which stay from pass to pass."""
    from torch.utils.data import DataLoader

    loader: Any = DataLoader(
        Slices(raw),
        batch_size=None,
        shuffle=True,
        num_workers=workers,
        persistent_workers=workers > 0,
    )

    def read() -> Iterator[int]:
        for jets, _, _ in loader:
            yield len(jets)

    return read


def by_ftag(raw: Path) -> Iterator[int]:
    """Events of each batch, read with atlas-ftag-tools."""
    from ftag.hdf5 import H5Reader

    reader = H5Reader(sorted(raw.glob("*/*.h5")), batch_size=BATCH, shuffle=True)
    for batch in reader.stream({"jets": JET, "tracks": [*TRACK, "valid"]}):
        structured_to_unstructured(batch["jets"][JET], np.float32)
        np.nan_to_num(structured_to_unstructured(batch["tracks"][TRACK], np.float32), copy=False)
        yield len(batch["tracks"]["valid"])


def by_dlscan(home: Path, workers: int, index: bool) -> Callable[[], Iterator[int]]:
    """The same with dlscan, from a dataset or from an index of the raw files."""
    from dlscan.config import load
    from dlscan.prepare import prepare
    from dlscan.stream import Batches

    inputs = {
        "jet": {"dataset": "jets", "fields": JET},
        "track": {"dataset": "tracks", "fields": TRACK, "valid": "valid"},
    }
    split = {"train": 0.98, "validation": 0.01, "test": 0.01}
    data = {"raw": "raw", "inputs": inputs, "split": split, "prepared": f"prepared-{index}"}
    path = home / f"{index}.yaml"
    path.write_text(yaml.safe_dump({"name": "compound", "data": data}), encoding="utf-8")
    experiment = load(path)
    prepare(experiment, processes=1, index_only=index)
    batches = Batches(experiment.data.prepared, batch_size=BATCH, workers=workers)
    passes = iter(range(10**6))

    def read() -> Iterator[int]:
        for batch in batches.epoch(next(passes)):
            yield len(batch)

    return read


if __name__ == "__main__":
    main()
