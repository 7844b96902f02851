"""Whether two points were tested on the same events, and in which order: the one place that decides."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import fold_of
from dlscan.analysis.points.results import Predictions, predictions
from dlscan.dataset import Manifest, file_ids
from dlscan.errors import DlscanError, ScanError
from dlscan.tasks.metric import TaskMetrics

Integers = NDArray[np.int64]


class OtherEventsError(ScanError):
    """Two points were not tested on the same events, or it cannot be told."""


def aligned(point: DonePoint, scored: Predictions, reference: DonePoint, base: Predictions) -> Predictions:
    """The test events of `point` in the order of those of `reference`, their classes or targets as well.

    An event is what its raw file (name and checksum) and its row there say, so that a dataset and an index of
    the same raw files hold the same events, and so do datasets of other inputs.

    Parameters
    ----------
    point, reference : DonePoint
        Whose scores they are.
    scored, base : Predictions
        Of the test split.

    Returns
    -------
    Predictions
        Of `point`, without extras and sources.

    Raises
    ------
    OtherEventsError
        If classes, events, event weights or the truth differ, or older scores do not say where their events
        are from.
    """
    pair = f"{point.paths.directory} and {reference.paths.directory}"
    if set(scored.classes) != set(base.classes):
        raise OtherEventsError(f"{pair} have different classes")
    found = _reordered(scored.take(_order(point, scored, reference, base, pair)), base)
    if not np.array_equal(found.labels, base.labels):
        raise OtherEventsError(f"{pair} were tested on different events")
    if not np.array_equal(found.weights, base.weights):
        raise OtherEventsError(f"{pair} have different weights for the test events")
    for name in _other_truth(found, base):
        raise OtherEventsError(f"{pair} have different true values of {name} for the test events")
    return dataclasses.replace(found, extras={}, sources=None)


def _reordered(scored: Predictions, base: Predictions) -> Predictions:
    """Labels that count the classes as those of `base`, and columns in its order where they are the same."""
    numbers = np.array([base.classes.index(name) for name in scored.classes], np.int64)
    kept = {**scored.kept, "labels": numbers[scored.labels] if len(numbers) else scored.labels}
    metrics = []
    for own in scored.metrics:
        same = next((other for other in base.metrics if _same_names(own, other)), own)
        order = [own.names.index(name) for name in same.names]
        kept |= {name: kept[name][:, order] for name in own.columns if name in kept}
        metrics.append(same)
    return dataclasses.replace(scored, kept=kept, classes=base.classes, metrics=tuple(metrics))


def _same_names(one: TaskMetrics, other: TaskMetrics) -> bool:
    return one.kind == other.kind and set(one.names) == set(other.names)


def _other_truth(found: Predictions, base: Predictions) -> list[str]:
    """The columns of the truth, beside labels and weights, that both have and that differ."""
    different = []
    for array in {name for each in base.metrics for name in each.truth} & {*found.columns}:
        mine, theirs = found.columns[array], base.columns[array]
        for name in [name for name in mine if name in theirs]:
            one, other = found.kept[array][:, mine.index(name)], base.kept[array][:, theirs.index(name)]
            if not np.array_equal(one, other, equal_nan=True):
                different.append(name)
    return different


def events_of(points: Sequence[DonePoint]) -> tuple[dict[str | None, str], str]:
    """What to call the events that points were tested on, and why these differ.

    Datasets with the same hash hold the same events; of each other dataset one point is looked at.

    Returns
    -------
    names : dict
        By `config_hash` of the dataset; empty where all were tested on the same.
    reason : str
        Why two points do not compare; empty likewise.
    """
    by_dataset = {point.record.dataset.get("config_hash"): point for point in reversed(points)}
    groups: list[list[str | None]] = []
    reason = ""
    for key in reversed(by_dataset) if len(by_dataset) > 1 else ():
        for group in groups:
            why = _unlike(by_dataset[key], by_dataset[group[0]])
            if not why:
                group.append(key)
                break
            reason = reason or why
        else:
            groups.append([key])
    if len(groups) < 2:
        return {}, ""
    called = [Path(by_dataset[keys[0]].record.dataset.get("path") or "unknown").name for keys in groups]
    twice = {name for name in called if called.count(name) > 1}
    names = {
        key: f"{name} ({str(keys[0])[:6]})" if name in twice else name
        for name, keys in zip(called, groups, strict=True)
        for key in keys
    }
    return names, reason


def _unlike(point: DonePoint, reference: DonePoint) -> str:
    try:
        aligned(point, predictions(point), reference, predictions(reference))
    except DlscanError as error:
        return str(error)
    return ""


def _order(
    point: DonePoint, scored: Predictions, reference: DonePoint, base: Predictions, pair: str
) -> Integers:
    """Where each event of `base` is among those of `scored`."""
    if _same_dataset(point, reference):
        # scores without sources, of validation or of older versions, are in the order of the dataset
        if scored.sources is None or base.sources is None:
            if fold_of(point) != fold_of(reference):
                raise OtherEventsError(f"{pair} were validated on different folds")
            if len(scored.labels) != len(base.labels):
                raise OtherEventsError(f"{pair} were tested on different events")
            return np.arange(len(base.labels))
        if np.array_equal(scored.sources, base.sources):
            return np.arange(len(base.labels))
    mine, theirs = _keys(point, scored, reference, base)
    order, wanted = np.argsort(mine), np.argsort(theirs)
    if not np.array_equal(mine[order], theirs[wanted]):
        common = len(np.intersect1d(mine, theirs))
        raise OtherEventsError(
            f"{pair} were tested on different events: {len(mine):,} and {len(theirs):,}, with {common:,} in "
            "common"
        )
    places = np.empty(len(theirs), np.int64)
    places[wanted] = order
    return places


def _keys(
    point: DonePoint, scored: Predictions, reference: DonePoint, base: Predictions
) -> tuple[Integers, Integers]:
    """A number for each event of both, the same for the same row of the same raw file."""
    sources = _sources(point, scored), _sources(reference, base)
    if _same_dataset(point, reference):
        # its files have the same numbers
        numbers = [source[:, 0].astype(np.int64) for source in sources]
    else:
        files = _files(point, scored), _files(reference, base)
        _, same = np.unique(np.concatenate(files), axis=0, return_inverse=True)
        parts = np.split(same.reshape(-1), [len(files[0])])
        numbers = [part[source[:, 0]] for part, source in zip(parts, sources, strict=True)]
    mine, theirs = ((number << 32) | source[:, 1] for number, source in zip(numbers, sources, strict=True))
    return mine, theirs


def _same_dataset(one: DonePoint, other: DonePoint) -> bool:
    return one.record.dataset.get("config_hash") == other.record.dataset.get("config_hash")


def _sources(point: DonePoint, scored: Predictions) -> NDArray[np.uint32]:
    if scored.sources is None:
        raise _unknown(point, "its scores do not say which raw file and row each event is from")
    return scored.sources


def _files(point: DonePoint, scored: Predictions) -> NDArray[np.uint8]:
    """What each raw file is, by its number in the dataset; in the manifest for scores of older versions."""
    files = scored.files
    if files is None:
        path = Path(point.record.dataset.get("path", ""))
        try:
            manifest = Manifest.read(path)
        except (DlscanError, OSError):
            raise _unknown(point, f"its scores do not name raw files, and {path} has no dataset") from None
        if manifest.config_hash != point.record.dataset.get("config_hash"):
            raise _unknown(
                point, f"its scores do not name raw files, and {path} has been prepared again since"
            )
        files = file_ids(manifest.sources)
    if len(scored.labels) and int(_sources(point, scored)[:, 0].max()) >= len(files):
        raise ScanError(f"{point.paths.predictions}: damaged: an event is from a raw file that is not listed")
    return files


def _unknown(point: DonePoint, reason: str) -> OtherEventsError:
    return OtherEventsError(
        f"{point.paths.directory}: the test events cannot be compared with those of another dataset: {reason}"
        " (an older version of dlscan wrote them; train the point again)"
    )
