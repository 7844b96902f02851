"""Writes the files that are read: seeded, compressed as people's files are, and kept from run to run.

The LCD-shaped events are no simulation: cells are lit at random around a shower's axis, so that 3 to 5.5 %
of the ECAL (by class) and 8 % of the HCAL are not zero, each with an exponential energy. What matters here is
how many bytes there are and how well they compress. Rows of floats are normal random numbers, which hardly
compress.
"""

from __future__ import annotations

import concurrent.futures
import json
import multiprocessing
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from benchmarks.cases import PLAIN, Case, Layout, Sample
from dlscan.files import written_whole

VERSION = 1  # counts up when the same sample has other events
SIDES = {"train": 0, "test": 1, "validation": 2}  # numbers in the dataset `split`
OCCUPANCY = {"ECAL": (0.03, 0.04, 0.05, 0.055), "HCAL": (0.08, 0.08, 0.08, 0.08)}
_SHOWERS = 16  # different axes and depths per class

Floats = NDArray[np.float32]


def generate(root: Path, cases: list[Case], processes: int) -> None:
    """Write the files of `cases`, and those that readers are verified with, unless they are there already.

    Parameters
    ----------
    root : Path
        Holds a directory for each sample, and in it one for each layout.
    processes : int
        That write at once.
    """
    jobs = []
    for name in dict.fromkeys(case.sample.name for case in cases):
        of_name = [case for case in cases if case.sample.name == name]
        sample, layouts = of_name[0].sample, {case.layout.name: case.layout for case in of_name}
        if not sample.trainable:
            layouts.setdefault("plain", PLAIN)
        for layout in layouts.values():
            _remove_others(root, sample, layout)
        for label in range(len(sample.labels)):
            for number in range(sample.files):
                wanted = [
                    layout for layout in layouts.values() if _missing(root, sample, layout, label, number)
                ]
                if wanted:
                    jobs.append((root, sample, wanted, label, number))
    if jobs:
        context = multiprocessing.get_context("spawn")
        with concurrent.futures.ProcessPoolExecutor(processes, context) as pool:
            for done in [pool.submit(write, *job) for job in jobs]:
                done.result()


def write(root: Path, sample: Sample, layouts: list[Layout], label: int, number: int) -> None:
    """Write one file of a class in each of `layouts`."""
    values = draw(sample, label, number)
    for layout in layouts:
        path = sample.path(root, layout.name, label, number)
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary, h5py.File(temporary, "w") as handle:
            for name, array in values.items():
                handle.create_dataset(name, data=array, **_storage(layout, array.shape))
            if sample.trainable:
                handle.create_dataset("split", data=_sides(sample))
            handle.attrs["made"] = _made(sample, layout)


def draw(sample: Sample, label: int, number: int) -> dict[str, Floats]:
    """The events of one file: the same for the same sample, class and number.

    Returns
    -------
    dict of str to ndarray of float32, each (events, ...)
        The first value of each event is its number, which counts through the files of all classes, unless the
        sample is trainable.
    """
    rng = np.random.default_rng([VERSION, label, number])
    apart, axes, showers = 0.1, rng, _SHOWERS
    if sample.trainable:  # one shower for each class, the same in all files
        apart, axes, showers = 0.5, np.random.default_rng([VERSION, label]), 1
    values = {
        name: _image(rng, sample.events, shape, _chances(axes, shape, OCCUPANCY[name][label], showers))
        if name in OCCUPANCY
        else rng.standard_normal((sample.events, *shape), np.float32) + np.float32(apart * label)
        for name, shape in sample.inputs.items()
    }
    if sample.trainable:
        return values
    first = (label * sample.files + number) * sample.events
    if first + sample.events > 2**24:
        raise ValueError(f"{sample.name}: float32 cannot count {first + sample.events} events")
    named = next(iter(values.values()))
    named.reshape(sample.events, -1)[:, 0] = np.arange(first, first + sample.events)
    return values


def _sides(sample: Sample) -> NDArray[np.uint8]:
    sides = np.empty(sample.events, np.uint8)
    for name, events in sample.sides.items():
        sides[events.start : events.stop] = SIDES[name]
    return sides


def _image(rng: np.random.Generator, events: int, shape: tuple[int, ...], chances: Floats) -> Floats:
    which = rng.integers(len(chances), size=events)
    image = np.zeros((events, chances.shape[1]), np.float32)
    lit = rng.random(image.shape, np.float32) < chances[which]
    image[lit] = rng.standard_exponential(int(lit.sum()), np.float32) * np.float32(0.01)
    return image.reshape(events, *shape)


def _chances(rng: np.random.Generator, shape: tuple[int, ...], occupancy: float, showers: int) -> Floats:
    return np.stack([_chance(rng, shape, occupancy) for _ in range(showers)])


def _chance(rng: np.random.Generator, shape: tuple[int, ...], occupancy: float) -> Floats:
    """How likely each cell is not zero, in a shower around one axis; its mean is `occupancy`."""
    x, y, z = np.meshgrid(*[np.linspace(-1, 1, length) for length in shape], indexing="ij")
    x0, y0, depth = rng.normal(0, 0.1), rng.normal(0, 0.1), rng.normal(-0.3, 0.15)
    density = np.exp(-np.hypot(x - x0, y - y0) / 0.25 - np.abs(z - depth) / 0.5).ravel()
    low, high = 0.0, 1e4
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if np.minimum(density * middle, 1).mean() < occupancy else (low, middle)
    return np.minimum(density * low, 1).astype(np.float32)


def _storage(layout: Layout, shape: tuple[int, ...]) -> dict[str, Any]:
    if not layout.gzip:
        return {}
    events = layout.chunk_events
    chunks = True if events is None else (min(events, shape[0]), *shape[1:])
    return {"compression": "gzip", "compression_opts": 4, "chunks": chunks}


def _made(sample: Sample, layout: Layout) -> str:
    content = [VERSION, sample.inputs, sample.files, sample.events, layout.gzip, layout.chunk_events]
    if sample.trainable:
        content += [sample.labels, sample.trainable]
    return json.dumps(content)


def _missing(root: Path, sample: Sample, layout: Layout, label: int, number: int) -> bool:
    if number >= (layout.files or sample.files):
        return False
    try:
        with h5py.File(sample.path(root, layout.name, label, number)) as handle:
            return bool(handle.attrs["made"] != _made(sample, layout))
    except (OSError, KeyError):
        return True


def _remove_others(root: Path, sample: Sample, layout: Layout) -> None:
    """Remove what larger samples left: dlscan would take all files of a directory."""
    for label in range(len(sample.labels)):
        wanted = {sample.path(root, layout.name, label, n) for n in range(layout.files or sample.files)}
        for path in sample.path(root, layout.name, label, 0).parent.glob("*.h5"):
            if path not in wanted:
                path.unlink()
