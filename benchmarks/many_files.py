"""`python -m benchmarks.many_files`: the manifest and the index of a raw directory of a million files.

No such directory is made: a few files are indexed, and what is known of them is written down many times.
"""

from __future__ import annotations

import dataclasses
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np

from benchmarks.machine import describe
from benchmarks.process import clean_environment
from benchmarks.report import made_with, save
from dlscan.config import experiment_from
from dlscan.dataset import SPLITS, Manifest
from dlscan.prepare import prepare
from dlscan.raw import index_file
from dlscan.raw.writer import FileIndex, IndexWriter

HERE = Path(__file__).parent
_EVENTS = 10  # of a file
_GOALS = "The manifest and the index are read within 10 s, with at most 500 MB."
# what a process of its own measures, in the order in which a job meets it
_CHILD = """
import json, sys, time
from pathlib import Path
from dlscan.dataset import Manifest
from dlscan.raw.store import RawIndex
from dlscan.stream import Batches

def peak():
    # not `ru_maxrss`, which knows the process that started this one
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith("VmHWM"))

def note(name, start):
    print(json.dumps({"what": name, "seconds": time.process_time() - start, "peak": peak()}))

place = Path(sys.argv[1])
print(json.dumps({"what": "dlscan itself", "seconds": time.process_time(), "peak": peak()}))
start = time.process_time()
manifest = Manifest.read(place)
note("read the manifest", start)
start = time.process_time()
RawIndex.open(place / "index.h5", manifest.sealed).close()
note("open the index", start)
start = time.process_time()
batches = Batches(place, "train", batch_size=256, workers=0)
next(batches.epoch(0))
note("plan an epoch and read a batch", start)
"""


def write_many(home: Path, files: int) -> tuple[Path, dict[str, Any]]:
    """Write the manifest and the index of so many files of two classes; where, and what it took."""
    rng = np.random.default_rng(0)
    labels = ("Ele", "Pi0")
    for label in labels:
        (home / "raw" / label).mkdir(parents=True)
        with h5py.File(home / "raw" / label / "events.h5", "w") as file:
            values = rng.normal(size=(_EVENTS, 8)).astype(np.float32)
            file.create_dataset("x", data=values, chunks=values.shape, compression="gzip")
    prepared = home / "prepared"
    data = {
        "raw": str(home / "raw"),
        "inputs": ["x"],
        "prepared": str(prepared),
        "split": {"train": 0.8, "validation": 0.1, "test": 0.1},
    }
    prepare(experiment_from({"name": "many", "data": data}, home / "many.yaml"), index_only=True)
    known = Manifest.read(prepared)
    raw = home / "raw"
    found = [index_file(raw / source.file, ["x"]) for source in known.sources]
    with IndexWriter(prepared / "index.h5", raw, ["x"], files * _EVENTS, files) as writer:
        for number in range(files):
            source = known.sources[number % 2]
            stat = source.size, source.mtime_ns
            writer.add(FileIndex(source.file, number % 2, number, stat, {"x": found[number % 2]["x"]}))
            writer.add_codes(np.full(_EVENTS, SPLITS.index("train"), np.uint8))
    sources = tuple(
        dataclasses.replace(
            known.sources[number % 2],
            file=f"{labels[number % 2]}/run-{number // 1000:04d}/events-{number:08d}.h5",
            checksum=f"{number:032x}",
        )
        for number in range(files)
    )
    counts = ((files + 1) // 2 * _EVENTS, files // 2 * _EVENTS)
    splits = dict(known.splits) | {"train": dataclasses.replace(known.splits["train"], counts=counts)}
    many = dataclasses.replace(known, sources=sources, splits=splits)
    start = time.process_time()
    many.write(prepared)
    return prepared, {"what": "write the manifest", "seconds": time.process_time() - start}


def page(result: dict[str, Any]) -> str:
    """The result as Markdown."""
    lines = [
        f"# A raw directory of {result['files']:,} files",
        "",
        *made_with(result),
        f"{_EVENTS} events in each file. {_GOALS}",
        "Seconds are those of the processor. The memory is the most that the process had so far, with the",
        "interpreter and all libraries.",
        "",
        "| step | seconds | memory in MB |",
        "|---|---:|---:|",
    ]
    for row in result["rows"]:
        memory = f"{row['peak'] / 1e6:.0f}" if "peak" in row else ""
        lines.append(f"| {row['what']} | {row['seconds']:.2f} | {memory} |")
    lines += [
        "",
        f"The manifest has {result['manifest'] / 1e6:.0f} MB, the index {result['index'] / 1e6:.0f} MB.",
    ]
    return "\n".join(lines) + "\n"


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--files", default=1_000_000, show_default=True, type=click.IntRange(10))
@click.option("--out", default=HERE / "results", type=click.Path(path_type=Path))
def main(files: int, out: Path) -> None:
    """Measure what the manifest and the index of so many files take, and write `many_files.md`."""
    with tempfile.TemporaryDirectory() as place:
        prepared, written = write_many(Path(place), files)
        command = [sys.executable, "-c", _CHILD, str(prepared)]
        done = subprocess.run(
            command, env=clean_environment(), check=True, stdout=subprocess.PIPE, text=True, cwd=HERE.parent
        )
        rows = [written, *map(json.loads, done.stdout.splitlines())]
        sizes = {name: (prepared / name).stat().st_size for name in ("manifest.json", "index.h5")}
    own = {"files": files, "rows": rows, "manifest": sizes["manifest.json"], "index": sizes["index.h5"]}
    result = describe(frozenset(os.sched_getaffinity(0))) | own
    text = page(result)
    save(out, "many_files", text, result)
    click.echo(text)


if __name__ == "__main__":
    main()
