"""The memory that a stream of dlscan takes, all its processes together."""

from __future__ import annotations

import dataclasses
import os
import re
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.datasets import PrepareFailed, make_dataset
from benchmarks.process import ReaderFailed, ReaderProcess
from benchmarks.readers import Job
from benchmarks.rounds import Settings, say

LIMIT = 1_000_000_000
_PAUSE = 0.05  # seconds between two looks; memory that is filled at the speed of memory shows in each of them


def measure_memory(
    case: Case, dataset: Path, kind: str, settings: Settings, seconds: float
) -> dict[str, Any]:
    """Stream a dataset for so many seconds, with `LIMIT` as its memory, and watch.

    Returns
    -------
    dict
        `peak`, `private`, `limit` in bytes; `opened`, `first` in seconds; or `error`.
    """
    row = {"dataset": f"{case.name}, {kind}", "files": 4 * case.files, "events": case.events, "limit": LIMIT}
    job = Job(case, settings.root, settings.workers, dataset, memory=LIMIT)
    reader = f"dlscan-{kind}"
    try:
        with ReaderProcess(reader, settings.cpus, settings.root / "readers.log") as process:
            process.load(job)
            process.loaded()
            process.begin(warm=settings.warm, seconds=seconds, batches=1)
            peak = private = 0
            while not process.answered(_PAUSE):
                total, own = proportional_set_size(process.pid)
                peak, private = max(peak, total), max(private, own)
            turn = process.end()
    except ReaderFailed as error:
        say(f"memory of {row['dataset']}: {error}")
        return row | {"error": str(error)}
    return row | {"peak": peak, "private": private, "opened": turn["opened"], "first": turn["first"]}


def many_files(source: Case, settings: Settings, seconds: float) -> list[dict[str, Any]]:
    """The same for 40 to 40,000 files, 4 thousand to 4 million events: many names of a few files on disk.

    A file's further names are hard links: they take no room, and dlscan cannot tell them from other files.
    """
    rows = []
    for links in (10, 1_000, 10_000):
        case = _linked(source, settings.root, links)
        say(f"memory of {4 * links:,} files")
        try:
            dataset, _ = make_dataset(case, settings.root, "index", settings.workers)
        except PrepareFailed as error:
            say(f"{links} files of a class: {error}")
            rows.append({"dataset": case.name, "error": str(error)})
            continue
        rows.append(measure_memory(case, dataset, "index", settings, seconds))
    return rows


def proportional_set_size(process: int) -> tuple[int, int]:
    """Bytes of a process and of all that it started: all of them, and without pages of files."""
    total = private = 0
    for one in _family(process):
        try:
            text = Path(f"/proc/{one}/smaps_rollup").read_text()
        except (OSError, ProcessLookupError):  # it has just ended
            continue
        found = {
            name: 1024 * int(size) for name, size in re.findall(r"^(\w+):\s+(\d+) kB$", text, re.MULTILINE)
        }
        total += found.get("Pss", 0)
        private += found.get("Pss_Anon", 0) + found.get("Pss_Shmem", 0)
    return total, private


def _family(process: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            try:
                stat = (entry / "stat").read_text()
            except OSError:
                continue
            parent = int(stat[stat.rindex(")") + 2 :].split()[1])
            children.setdefault(parent, []).append(int(entry.name))
    family = [process]
    for one in family:  # grows while it is read
        family += children.get(one, [])
    return family


def _linked(source: Case, root: Path, links: int) -> Case:
    """A case with `links` files of each class, which are names of the files of `source`."""
    layout = dataclasses.replace(source.layout, name=f"links{4 * links}", files=links)
    case = dataclasses.replace(source, name=f"{source.sample.name}-links{4 * links}", layout=layout)
    for mine, theirs in zip(case.paths(root), source.paths(root), strict=True):
        mine[0].parent.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(mine):
            if not path.exists():
                os.link(theirs[number % len(theirs)], path)
    return case
