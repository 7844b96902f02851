"""All replicas, some at a time; those that are there already are not made again."""

import dataclasses
import logging
import os
import signal
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from dlscan.analysis.plots import pulls
from dlscan.backend import choose_backend
from dlscan.batch.local import cpu_share
from dlscan.closure.replica import Replica, run
from dlscan.closure.settings import Settings
from dlscan.closure.summary import Summary, summarize
from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.files import read_json, write_json
from dlscan.locks import locked
from dlscan.machine import usable_cpus

# A process keeps something of each network that it has trained.
_REPLICAS_PER_PROCESS = 20
# of a setting that a message quotes
_LONGEST = 60
# (what is being done, how much is done, of how much)
Progress = Callable[[str, int, int], None]

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class Closure:
    """What a closure test found.

    Attributes
    ----------
    directory : Path
        Where it is.
    replicas : tuple of Replica
        In the order of their numbers.
    summary : Summary
        Of them.
    picture : Path
        The pulls.
    """

    directory: Path
    replicas: tuple[Replica, ...]
    summary: Summary
    picture: Path


def close(
    experiment: Experiment,
    settings: Settings,
    replicas: int,
    processes: int | None = None,
    progress: Progress = lambda what, done, total: None,
) -> Closure:
    """Make replicas, or those that are missing, and sum them up.

    Parameters
    ----------
    experiment : Experiment
        Its networks and its scan; its data are those of the law.
    settings : Settings
        What all replicas have in common.
    replicas : int
        How many there are to be.
    processes : int, optional
        That make them side by side; by default one for each processor.
    progress : callable
        Called now and then with (what, done, total).

    Raises
    ------
    ScanError
        If the directory holds replicas with other settings, or another process makes some there.
    DlscanError
        Of the law, of prepare or of training.
    """
    if experiment.adversary.own is not None:
        raise experiment.problem("adversary", "the events of a closure test have no nuisance; remove it")
    directory = experiment.output / f"{experiment.name}-closure"
    directory.mkdir(parents=True, exist_ok=True)
    busy = ScanError(f"{directory}: another `dlscan closure` is at work here; wait until it has finished")
    with locked(directory / ".lock", busy):
        _require_same(directory, experiment, settings)
        numbers = range(1, replicas + 1)
        places = {number: directory / f"replica-{number:04d}" for number in numbers}
        missing = [number for number in numbers if not (places[number] / "replica.json").exists()]
        count = min(processes or usable_cpus(), max(len(missing), 1))
        done = replicas - len(missing)
        progress("replicas", done, replicas)
        for _ in _made(experiment, settings, {number: places[number] for number in missing}, count):
            done += 1
            progress("replicas", done, replicas)
        found = tuple(run(experiment, settings, places[number], number) for number in numbers)
        best_covered = (
            None if settings.permute else sum(settings.best_covers(each.number, each.exact) for each in found)
        )
        summary = summarize(found, best_covered)
        write_json(directory / "summary.json", dataclasses.asdict(summary) | {"sentence": summary.sentence})
        picture = pulls.draw(
            directory / "pulls.png",
            [each.pull for each in found],
            f"{summary.metric}, {summary.count} replicas",
            f"{summary.pulls}; {summary.covered} of {summary.count} within 1",
        )
    return Closure(directory, found, summary, picture)


def _require_same(directory: Path, experiment: Experiment, settings: Settings) -> None:
    """Check that replicas which are there have these settings, and write them down where there are none."""
    file = directory / "closure.json"
    plain = experiment.plain()
    now = {
        **settings.identity,
        **{name: plain[name] for name in ("model", "train", "scan")},
        **{f"data.{name}": plain["data"].get(name) for name in ("folds", "normalize", "split")},
    }
    if not file.exists():
        write_json(file, now)
        return
    before = read_json(file)
    changed = list(_differences(before, now))
    if changed:
        raise ScanError(
            f"{directory}: holds replicas with other values of {', '.join(changed)}; undo the change, or "
            "give the experiment another name (name=...) to start afresh"
        )


def _differences(before: Mapping[str, Any], now: Mapping[str, Any], within: str = "") -> Iterator[str]:
    """`law.parameters.distance (not set, now 1)` for each setting that differs."""
    for name in dict.fromkeys([*now, *before]):
        one, other = before.get(name), now.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            yield from _differences(one, other, f"{within}{name}.")
        elif one != other:
            key = f"{within}{name}".replace("law.law", "law")
            yield f"{key} ({_shown(one)}, now {_shown(other)})"


def _shown(value: Any) -> str:
    text = "not set" if value in (None, "") else str(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _made(
    experiment: Experiment, settings: Settings, places: dict[int, Path], processes: int
) -> Iterator[Replica]:
    """Replicas as they are finished."""
    if processes <= 1:
        choose_backend()
        for number, place in places.items():
            yield run(experiment, settings, place, number)
        return
    share = cpu_share(max(usable_cpus() // processes, 1))
    context = get_context("spawn")
    with ProcessPoolExecutor(
        processes, context, _begin, (share,), max_tasks_per_child=_REPLICAS_PER_PROCESS
    ) as pool:
        waiting: list[Future[Replica]] = [
            pool.submit(run, experiment, settings, place, number) for number, place in places.items()
        ]
        try:
            for future in as_completed(waiting):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _begin(share: dict[str, str]) -> None:
    """Set up a process before it loads a back end."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    os.environ.update(share)
    logging.getLogger("dlscan").setLevel(logging.ERROR)
    choose_backend()
