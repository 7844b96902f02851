"""One case: every reader in a process of its own, verified, then turn about."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.cases import Case
from benchmarks.process import ReaderFailed, ReaderProcess
from benchmarks.readers import READERS, Job

_BEGIN = time.perf_counter()


@dataclasses.dataclass(frozen=True)
class Settings:
    """How to measure.

    Attributes
    ----------
    root : Path
        Of the generated files.
    workers : int
        Of each reader.
    cpus : set of int
        For each reader and its workers.
    rounds : int
        Turns of each reader; the median counts.
    warm, seconds, batches : float, float, int
        See `timing.Clock`.
    check_files : int
        Files of each class that peers are verified with; dlscan is verified with all.
    touch : bool
        Sum up every value.
    """

    root: Path
    workers: int
    cpus: frozenset[int]
    rounds: int
    warm: float
    seconds: float
    batches: int
    check_files: int
    touch: bool


class ReaderProcesses:
    """The processes of the readers, each started when it is first needed; use it in a `with`."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._running: dict[str, tuple[ReaderProcess, contextlib.ExitStack]] = {}

    def __enter__(self) -> ReaderProcesses:
        return self

    def __exit__(self, *_: object) -> None:
        for name in list(self._running):
            self.drop(name)

    def __getitem__(self, name: str) -> ReaderProcess:
        if name not in self._running:
            stack = contextlib.ExitStack()
            log = self._settings.root / "readers.log"
            process = stack.enter_context(ReaderProcess(name, self._settings.cpus, log))
            self._running[name] = process, stack
        return self._running[name][0]

    def drop(self, name: str) -> None:
        """End a process; it is started again when it is needed again."""
        self._running.pop(name)[1].close()


def measure(
    case: Case, readers: list[str], datasets: dict[str, Path], settings: Settings, processes: ReaderProcesses
) -> list[dict[str, Any]]:
    """Verify and time `readers` on a case.

    Parameters
    ----------
    readers : list of str
        Names in `READERS`. One that fails, or delivers anything but the events of the files, is not timed.
    datasets : dict of str to Path
        dlscan's, by kind.

    Returns
    -------
    list of dict
        For each reader: `reader`, `title`, `role`, `delivers`; `error`, or `rate` (events/s, median),
        `rates`, `first` (median seconds to the first batch), `checked` (events).
    """
    rows: dict[str, dict[str, Any]] = {}
    files: dict[str, list[Path]] = {}
    for name in readers:
        kind = READERS[name]
        rows[name] = {"reader": name, "title": kind.title, "role": kind.role, "delivers": kind.delivers}
        if kind.missing:
            rows[name]["error"] = f"{kind.needs} is not installed"
        elif kind.dataset is not None and kind.dataset not in datasets:
            rows[name]["error"] = "its dataset was not made"
        else:
            prepared = datasets[kind.dataset] if kind.dataset else None
            files[name] = _files(case, settings.root, kind.dataset, prepared)
            processes[name].load(Job(case, settings.root, settings.workers, prepared, settings.touch))
    for name in _sound(rows):
        _try(_verify, processes, name, rows[name], settings)
    say(f"{case.name}: {sum(rows[name]['checked'] for name in _sound(rows)):,} events verified; timing")
    for number in range(settings.rounds):
        for name in _turned(_sound(rows), number):
            _try(functools.partial(_turn, files[name]), processes, name, rows[name], settings)
    for row in rows.values():
        if "error" in row:
            say(f"{case.name}: {row['title']} is left out: {row['error']}")
        else:
            row["rate"] = statistics.median(row["rates"])
            first = row.pop("firsts")
            row["first"] = None if None in first else statistics.median(first)
    return list(rows.values())


def _files(case: Case, root: Path, kind: str | None, dataset: Path | None) -> list[Path]:
    """What a reader reads."""
    own = [path for path in sorted(dataset.iterdir()) if path.is_file()] if dataset is not None else []
    raw = [path for paths in case.paths(root) for path in paths]
    return own if kind == "prepared" else own + raw


def _cache(paths: list[Path]) -> None:
    """Have files in the page cache: some kernels drop in a minute what nobody looks at."""
    buffer = bytearray(2**20)
    for path in paths:
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def say(text: str) -> None:
    """Tell what is going on, on stderr, with the seconds since the start."""
    print(f"{time.perf_counter() - _BEGIN:6.0f} s  {text}", file=sys.stderr, flush=True)


def _sound(rows: dict[str, dict[str, Any]]) -> list[str]:
    return [name for name, row in rows.items() if "error" not in row]


def _try(
    what: Callable[[ReaderProcess, dict[str, Any], Settings], None],
    processes: ReaderProcesses,
    name: str,
    row: dict[str, Any],
    settings: Settings,
) -> None:
    try:
        what(processes[name], row, settings)
    except ReaderFailed as error:
        row["error"] = str(error)
        processes.drop(name)


def _verify(process: ReaderProcess, row: dict[str, Any], settings: Settings) -> None:
    row["note"] = process.loaded()
    row["checked"] = process.check(settings.check_files if row["role"] == "peer" else None)
    row["rates"], row["firsts"] = [], []


def _turn(files: list[Path], process: ReaderProcess, row: dict[str, Any], settings: Settings) -> None:
    _cache(files)
    turn = process.turn(warm=settings.warm, seconds=settings.seconds, batches=settings.batches)
    row["rates"].append(turn["rate"])
    row["firsts"].append(turn["first"])


def _turned(names: list[str], number: int) -> list[str]:
    """Another reader begins each round, so that none is always behind the same neighbour."""
    start = number % len(names) if names else 0
    return names[start:] + names[:start]
