"""Measure finished points again from the scores that they left: no network, no Keras."""

import dataclasses
import signal
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any

from dlscan import tasks
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import SplitNotKept, read_predictions
from dlscan.config.folds import ALL_TRAIN, FOLD, NONE
from dlscan.config.task import Tasks
from dlscan.errors import DlscanError, ScanError
from dlscan.files import read_json, write_json
from dlscan.machine import usable_cpus
from dlscan.metrics import Measured
from dlscan.record import PointPaths, require_whole

# Below this a process takes longer to start than a point to measure.
_POINTS_PER_PROCESS = 8


@dataclasses.dataclass(frozen=True)
class Evaluated:
    """What came of a point.

    Attributes
    ----------
    changed : bool
        Whether the record says something else now.
    problem : str
        Why it could not be measured; empty if it was.
    """

    changed: bool
    problem: str = ""


def evaluate(
    points: Sequence[DonePoint], on_point: Callable[[int], None] | None = None, processes: int | None = None
) -> list[Evaluated]:
    """Measure points from their `predictions.h5`, and write each record whole where it changes.

    What only training knows (`test_loss`, the history's numbers, times) stays. A point whose scores cannot be
    read keeps its record.

    Parameters
    ----------
    points : sequence of DonePoint
        As `load` gives them.
    on_point : callable, optional
        Called with the number of points that are measured, after each.
    processes : int, optional
        That measure; by default as many as there are CPUs, and one for a few points.

    Returns
    -------
    list of Evaluated
        An entry per point, in order.
    """
    paths = [point.paths for point in points]
    count = min(usable_cpus(), -(-len(paths) // _POINTS_PER_PROCESS)) if processes is None else processes
    results = []
    for result in _run(paths, count):
        results.append(result)
        if on_point is not None:
            on_point(len(results))
    return results


def _run(paths: Sequence[PointPaths], processes: int) -> Iterator[Evaluated]:
    if processes <= 1:
        yield from map(_evaluate, paths)
        return
    # forked threads of HDF5 and BLAS are not to be trusted
    with ProcessPoolExecutor(processes, get_context("spawn"), _ignore_interrupts) as pool:
        try:
            yield from pool.map(_evaluate, paths)
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def _ignore_interrupts() -> None:
    """Ctrl-C reaches all processes of a terminal; the one that started these ends them."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


def _evaluate(paths: PointPaths) -> Evaluated:
    if not paths.predictions.exists():
        return Evaluated(False, f"{paths.predictions.name} is missing")
    try:
        # not through `Record`: what a newer version wrote beside must survive
        record: dict[str, Any] = read_json(paths.record)
        measured = _measure(paths, record)
    except (DlscanError, OSError) as error:
        problem = str(error)
        return Evaluated(
            False, problem if str(paths.directory) in problem else f"{paths.directory}: {problem}"
        )
    new = record | {
        "metrics": record["metrics"] | measured.values,
        "errors": record.get("errors", {}) | measured.errors,
        "reasons": record.get("reasons", {}) | measured.reasons,
    }
    for name, value in new["metrics"].items():
        # a number that was missing, or is so now
        new["errors" if value is None else "reasons"].pop(name, None)
    if new == record:
        return Evaluated(False)
    write_json(paths.record, new)
    return Evaluated(True)


def _measure(paths: PointPaths, record: dict[str, Any]) -> Measured:
    require_whole(paths.predictions, record.get("files", {}).get(paths.predictions.name))
    test = read_predictions(paths.predictions)
    if list(test.classes) != list(record["classes"]):
        raise ScanError(
            f"{paths.predictions}: scores of {', '.join(test.classes)}, "
            f"but the record is of {', '.join(record['classes'])}"
        )
    task = tasks.make(Tasks.parse(record.get("task", "classify"), "task"), test.classes)
    measured = task.measure(test.kept)
    try:
        kept = read_predictions(paths.predictions, "validation")
    except SplitNotKept:
        all_train = record.get("params", {}).get(FOLD) == NONE
        why = ALL_TRAIN if all_train else "the scores of this split were not kept; train the point again"
        for name in task.measure_validation(test.kept).values:
            if record["metrics"].get(name) is None:
                measured.add(name, None, why)
        return measured
    return measured | task.measure_validation(kept.kept)
