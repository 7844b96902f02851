"""What trained models give for raw files that they have never seen."""

import contextlib
import dataclasses
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np

import dlscan
from dlscan.analysis.points.done import DonePoint
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DlscanError
from dlscan.metrics import Measured
from dlscan.prediction.applied import Applied, task_of
from dlscan.prediction.models import Model, averaged
from dlscan.prediction.outputs import About, Output
from dlscan.prediction.parts import EVENTS, Parts
from dlscan.prediction.truth import Truth
from dlscan.prepare.new_files import NewFiles, check_new_files, find_new_files
from dlscan.prepare.new_index import Place, index_new_files
from dlscan.stream import Batch, Batches
from dlscan.tasks import Arrays, Task
from dlscan.train.to_score import events_at_once

Progress = Callable[[str, int, int], None]


@dataclasses.dataclass(frozen=True)
class Predicted:
    """What was written.

    Attributes
    ----------
    paths : tuple of Path
        Of the outputs.
    events : int
        In it.
    left_out : int
        Events of the files that did not pass `data.where`.
    files : int
        Files that were read.
    bad : dict of Path to str
        Files that were not, and why.
    known : int
        Files that belong to the dataset of the points: most of their events were trained on.
    measured : Measured or None
        The numbers of these events, as for test; None where it is not known what they are.
    unmeasured : str
        Why there are none although it is known; else empty.
    """

    paths: tuple[Path, ...]
    events: int
    left_out: int
    files: int
    bad: dict[Path, str]
    known: int
    measured: Measured | None
    unmeasured: str = ""


def predict(
    points: Sequence[DonePoint | Path],
    paths: Sequence[Path],
    outputs: Sequence[Output],
    skip_bad: bool = False,
    workers: int | Literal["auto"] = "auto",
    replace: bool = False,
    progress: Progress = lambda what, done, total: None,
) -> Predicted:
    """Write what the models of points give for the events of raw files.

    Interrupted, the same call goes on where it was.

    Parameters
    ----------
    points : sequence of DonePoint or Path
        Of one scan, or files that `dlscan export` wrote; what several give is averaged.
    paths : sequence of Path
        Files, and directories of files.
    outputs : sequence of Output
        What is written, at least one: see `docs/predict.md`. What is done is kept beside the first of them.
    skip_bad : bool
        Leave bad files out instead of stopping.
    workers : int or "auto"
        Processes that read ahead.
    replace : bool
        Whether files that are written may be there already.
    progress : callable
        Called now and then with (what, done, total).

    Raises
    ------
    UsageError
        If an output is there, or cannot be written so, or the points have learned different things.
    BadFilesError
        If a file cannot be used, unless `skip_bad`.
    DataError
        If the dataset of the points is gone.
    """
    target = outputs[0].path
    applied = [Applied.of(point) for point in points]
    task, experiment, manifest = task_of(applied), applied[0].experiment, _manifest(applied)
    files = find_new_files(paths, target)
    for output in outputs:
        output.require(files, replace)
    found = check_new_files(experiment, manifest, files, task.extras, skip_bad)
    for output in outputs:
        output.path.parent.mkdir(parents=True, exist_ok=True)
    truth = Truth.of(task, experiment.data.weights, found)
    total = sum(layout.events for layout in found.layouts.values())
    with Parts.of(target, _identity(applied, found)) as parts:
        last = parts.last()
        with tempfile.TemporaryDirectory(prefix="dlscan-predict-") as place:
            index = index_new_files(experiment, manifest, found, Path(place), Place(*last) if last else None)
            before, rest = parts.events, index.splits["test"].events
            progress("predict", before, before + rest)
            if rest:
                model = averaged([each.model() for each in applied])
                with Batches(
                    place,
                    split="test",
                    batch_size=events_at_once(manifest),
                    workers=workers,
                    shuffle=False,
                    extras=True,
                ) as batches:
                    for done in _score(batches, model, task, truth, parts):
                        progress("predict", before + done, before + rest)
        measured = _measure(task, truth, parts) if truth.measurable and parts.paths else None
        events = parts.events
        if not events:
            raise DlscanError(f"{target}: not written: no event of these files passes data.where")
        about = About(
            _attributes(applied, task),
            tuple(file.path for file in found.files),
            {found.files.index(file): layout.events for file, layout in found.layouts.items()},
        )
        # all of them are whole before the first one is in its place
        with contextlib.ExitStack() as stack:
            for output in outputs:
                stack.enter_context(output.written(parts, about))
        parts.remove()
    bad = {file.path: reason for file, reason in found.bad.items()}
    raw = experiment.data.raw.resolve()
    trained = {raw / source.file for source in manifest.sources}
    known = sum(file.path.resolve() in trained for file in found.layouts)
    return Predicted(
        tuple(output.path for output in outputs),
        events,
        total - events,
        len(found.layouts),
        bad,
        known,
        measured,
        truth.unmeasured,
    )


def _score(batches: Batches, model: Model, task: Task, truth: Truth, parts: Parts) -> Iterator[int]:
    """Score batches, and give how many events are written after each part."""
    waiting: list[Arrays] = []
    done = count = full = 0
    for batch in batches.epoch(0, last=True):
        full = max(full, len(batch))  # only the last one is shorter
        waiting.append(_of_batch(batch, full, model, task, truth))
        count += len(batch)
        del batch  # or its memory would be lent while the next one is read
        if count >= EVENTS:
            parts.add(_together(waiting))
            done, count = done + count, 0
            waiting.clear()
            yield done
        else:
            yield done + count
    if waiting:
        parts.add(_together(waiting))


def _of_batch(batch: Batch, full: int, model: Model, task: Task, truth: Truth) -> Arrays:
    size = len(batch)
    _require_finite(batch)
    inputs = batch.by_network_name()
    if size < full:  # a new shape would be compiled anew
        inputs = {name: _padded(values, full) for name, values in inputs.items()}
    final = {name: values[:size] for name, values in model(inputs).items()}
    assert batch.sources is not None
    made: Arrays = {"sources": np.array(batch.sources)}
    made |= task.predicted(final)
    if truth.labels:
        made["labels"] = np.array(batch.labels)
    if truth.targets:
        made["targets"] = task.truth(batch.labels, batch.extras)["predictions"]
    if truth.weights is not None:
        made["weights"] = np.array(batch.extras[truth.weights], np.float32).reshape(size)
    elif truth.weighed and (truth.labels or truth.targets):
        made["weights"] = np.ones(size, np.float32)
    return made


def _require_finite(batch: Batch) -> None:
    """Check inputs: a network may make a usual score of a value that is nan."""
    for name, values in batch.inputs.items():
        with np.errstate(over="ignore", invalid="ignore"):
            # a sum is one pass over memory, and tells of nearly every batch that nothing is wrong
            if np.isfinite(np.sum(values)) or np.isfinite(values).all():
                continue
        row = int(np.argmin(np.isfinite(values).reshape(len(batch), -1).all(axis=1)))
        assert batch.sources is not None
        number, place = batch.sources[row]
        raise DataError(f"{name} is not finite in row {place} of file {number + 1} of those given")


def _padded(values: Any, full: int) -> Any:
    return np.concatenate([values, np.zeros((full - len(values), *values.shape[1:]), values.dtype)])


def _together(waiting: Sequence[Arrays]) -> Arrays:
    return {name: np.concatenate([each[name] for each in waiting]) for name in waiting[0]}


def _measure(task: Task, truth: Truth, parts: Parts) -> Measured | None:
    names = {"weights", *(("labels",) if truth.labels else ())}
    names |= {"scores"} if "classify" in task.kinds else set()
    names |= {"errors"} if "reconstruct" in task.kinds else set()
    names |= {"predictions", "targets"} if "regress" in task.kinds else set()
    kept = {name: parts.read(name) for name in names}
    with contextlib.suppress(KeyError):
        kept["sigmas"] = parts.read("sigmas")
    if truth.labels:
        # those of no class have scores, but no truth
        own = kept["labels"] >= 0
        kept = {name: values[own] for name, values in kept.items()}
    return task.measure(kept) if len(kept["weights"]) else None


def _manifest(applied: Sequence[Applied]) -> Manifest:
    """The manifest of the dataset that models were trained on: it says what the inputs are."""
    for each in applied:
        path = Path(each.dataset["path"])
        try:
            manifest = Manifest.read(path)
        except DataError as error:
            raise DataError(f"{error}; its manifest.json says what the inputs are") from None
        if manifest.config_hash != each.dataset["config_hash"]:
            raise DataError(
                f"{each.name}: {path} has been prepared again since, with other events or "
                "splits; train it again, or prepare the original dataset again"
            )
    return manifest


def _identity(applied: Sequence[Applied], found: NewFiles) -> dict[str, Any]:
    """What decides predictions, down to the last digit; events are known by the numbers of files."""
    return {
        "dlscan": dlscan.__version__,
        "models": [each.identity for each in applied],
        "files": [[file.name, *file.stat(), file in found.layouts] for file in found.files],
        "truth": [found.known, *found.extras],
    }


def _attributes(applied: Sequence[Applied], task: Task) -> dict[str, Any]:
    targets = [name for head in task.heads for name in head.targets]
    return {
        "classes": list(applied[0].classes),
        "task": list(task.kinds),
        "scan": applied[0].scan,
        "points": [each.point for each in applied],
        "dlscan": dlscan.__version__,
        **({"targets": targets} if targets else {}),
    }
