"""The whole suite: for each case its datasets and its readers, then the memory of dlscan's streams."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from benchmarks.cases import GZIP_32, Case, lcd
from benchmarks.datasets import PrepareFailed, make_dataset
from benchmarks.generate import generate
from benchmarks.memory import many_files, measure_memory
from benchmarks.readers import READERS
from benchmarks.report import complete
from benchmarks.rounds import ReaderProcesses, Settings, measure, say

Result = dict[str, Any]


def measure_case(
    case: Case, readers: list[str], settings: Settings, processes: ReaderProcesses, result: Result
) -> None:
    """Make datasets, verify and time `readers`, and add what comes out to `result`."""
    datasets = _make_datasets(case, readers, settings, result)
    say(f"{case.name}: verifying and timing {len(readers)} readers")
    rows = measure(case, readers, datasets, settings, processes)
    paths = [path for paths in case.paths(settings.root) for path in paths]
    entry = {
        "name": case.name,
        "title": f"{case.sample.title}: {case.layout.title}",
        "events": case.events,
        "files": len(paths),
        "event_bytes": case.sample.event_bytes,
        "stored_bytes": sum(path.stat().st_size for path in paths) / case.events,
        "compressed": case.layout.gzip,
        "readers": rows,
    }
    complete(entry)
    result["cases"].append(entry)


def usual_readers(case: Case) -> list[str]:
    """All readers that make sense: prepared data are the same whatever they were made of, and run once."""
    once = ("dlscan-prepared", "dlscan-prepared-tf", "dlscan-index-tf", "limit-set", "limit-copy")
    here = once if case.name == "lcd-gz32" else ("dlscan-prepared", "limit-set", "limit-gather")
    with_prepared = case.layout.name == ("plain" if case.sample.tabular else "gz32")
    # one does less than the protocol asks; it is there for who wants to know
    left_out = {*once, "limit-gather", "h5py-unshuffled"}
    # whatever is not compressed has to be copied
    copied = ["limit-copy"] if case.name == "lcd-plain" else []
    return [
        *(name for name in READERS if name not in left_out),
        *copied,
        *(here if with_prepared else ()),
    ]


def _make_datasets(case: Case, readers: list[str], settings: Settings, result: Result) -> dict[str, Path]:
    datasets = {}
    for kind in dict.fromkeys(READERS[name].dataset for name in readers):
        if kind is None:
            continue
        say(f"{case.name}: dlscan prepare, {kind}")
        try:
            # tables take longer and are kept; showers are what prepare is judged by
            again = not case.sample.tabular
            place, outcome = make_dataset(case, settings.root, kind, settings.workers, again)
        except PrepareFailed as error:
            say(f"{case.name}: dlscan prepare, {kind}: {error}")
            continue
        datasets[kind] = place
        if outcome["built"]:
            size = sum(path.stat().st_size for path in place.iterdir())
            row = {
                "case": case.name,
                "kind": kind,
                "events": outcome["events"],
                "seconds": outcome["seconds"],
            }
            result["prepare"].append(row | {"bytes": size / outcome["events"]})
    return datasets


def measure_memory_of_streams(
    cases: dict[str, Case], settings: Settings, result: Result, long_: bool
) -> None:
    """Add the memory that streams of showers take to `result`; with `long_`, up to 40,000 files."""
    case = cases["lcd-gz32"]
    for kind in ("index", "prepared"):
        place = settings.root / "dlscan" / f"{case.name}-{kind}"
        if place.exists():
            say(f"memory of {case.name}, {kind}")
            result["memory"].append(measure_memory(case, place, kind, settings, 3.0))
    if long_:
        sample = dataclasses.replace(lcd(files=10, events=100), name="lcd100")
        small = Case("lcd100-gz32", sample, GZIP_32)
        generate(settings.root, [small], len(settings.cpus))
        result["memory"] += many_files(small, settings, 5.0)
