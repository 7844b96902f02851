"""Measure how training events are spread over bins, and what makes classes alike: a pass before the first."""

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Experiment
from dlscan.config.build import Problem
from dlscan.config.cuts import Cuts
from dlscan.config.resample import FLAT, Resample
from dlscan.dataset.resampled import Resampled
from dlscan.dataset.words import event_hashes
from dlscan.prepare.bins import bins_of
from dlscan.prepare.blocks import BadEvents, event_codes
from dlscan.prepare.draw import uniform
from dlscan.prepare.layout import Format, entry_names, roles_of
from dlscan.prepare.processes import RunTasks
from dlscan.prepare.selecting import Selected, numbers_of, select_events
from dlscan.prepare.tasks import Piece
from dlscan.raw import index_file, read_events
from dlscan.spelling import hint

# Training events whose numbers decide the edges of bins, about
_SAMPLED = 200_000

log = logging.getLogger("dlscan")
Floats = NDArray[np.float64]


@dataclasses.dataclass(frozen=True)
class LookTask:
    """Pieces of raw files of which only some numbers are read.

    Attributes
    ----------
    share : float
        Of the training events, those whose numbers are wanted.
    edges : tuple of ndarray or None
        Of the bins of each variable; None before they are known.
    """

    pieces: list[Piece]
    format: Format
    resample: Resample
    share: float
    edges: tuple[Floats, ...] | None


@dataclasses.dataclass(frozen=True)
class Looked:
    """Numbers of a sample (n, variables), or sums of weights and counts (classes, bins), and what failed."""

    sample: Floats
    sums: Floats
    counts: NDArray[np.int64]
    failed: bool


def resampling(
    experiment: Experiment,
    form: Format,
    classes: Sequence[str],
    tasks: list[list[Piece]],
    run: RunTasks,
    skip_bad: bool,
) -> Resampled:
    """Measure the training events, and decide what each counts.

    Raises
    ------
    ConfigError
        If there is no such class, or no bin has events of every class.
    """
    wanted = experiment.data.resample
    assert wanted is not None
    if wanted.to != FLAT and wanted.to not in classes:
        raise experiment.problem("data.resample.to", f"is no class; {hint(wanted.to, [FLAT, *classes])}")
    events = sum(piece.stop - piece.start for pieces in tasks for piece in pieces)
    share = min(1.0, _SAMPLED / max(events, 1))

    def look_at(edges: tuple[Floats, ...] | None) -> list[Looked]:
        asked = [LookTask(pieces, form, wanted, share, edges) for pieces in tasks]
        found: list[Looked] = run(look, asked, lambda result: None)
        return found

    edges = _edges(wanted, np.concatenate([part.sample for part in look_at(None)]))
    looked = look_at(edges)
    sums = sum((part.sums for part in looked[1:]), start=looked[0].sums)
    counts = sum((part.counts for part in looked[1:]), start=looked[0].counts)
    measured = counts.astype(np.float64) if wanted.by == "counts" else sums
    filled: NDArray[np.bool_] = np.all(measured > 0, axis=0, keepdims=True)[0]
    if not filled.any() and any(part.failed for part in looked) and not skip_bad:
        filled[...], measured = True, np.ones_like(measured)  # nothing is built: a file is bad
    if not filled.any():
        names = ", ".join(map(str, wanted.variables))
        raise experiment.problem(
            "data.resample", f"no bin of {names} has training events of every class; make bins wider"
        )
    _tell(wanted, classes, edges, measured, counts, filled)
    factors = _factors(measured, filled, None if wanted.to == FLAT else list(classes).index(wanted.to))
    if wanted.by == "counts":
        factors /= factors.max()
    names_ = tuple(map(str, wanted.variables))
    return Resampled(names_, *(tuple(map(_plain, each)) for each in (edges, measured, factors)))


def look(task: LookTask) -> Looked:
    """Read what decides of some pieces; a file that cannot be read is left to the first pass."""
    form = task.format
    names = [*form.selecting, *form.deciding, *(each.extra for each in task.resample.variables)]
    names += [] if form.weights is None else [form.number(form.weights).extra]
    types = dict.fromkeys(names)
    cut = {each.extra for each in Cuts.parse(list(form.cuts), "data.where").selections.values()}
    lists = {name: own for name, own in entry_names(form.recipes).items() if name in cut}
    recipes = {own: form.recipes[own] for own, _ in lists.values()}
    roles = {name: role for name, role in roles_of(recipes).items() if name not in types}
    bins = 0 if task.edges is None else math.prod(len(own) - 1 for own in task.edges)
    sample = [np.empty((0, len(task.resample.variables)))]
    sums, counts = np.zeros((form.classes, bins)), np.zeros((form.classes, bins), np.int64)
    failed = False
    for piece in task.pieces:
        try:
            index = index_file(piece.file.path, [*types, *roles], piece.file.roots, roles)
            blocks = read_events(piece.file.path, index, piece.start, piece.stop, types, recipes)
            for first, rows, block, made in blocks:
                passed = select_events(
                    form, {**numbers_of(made, lists), **block}, first, rows, piece.file.label
                )
                values, labels, weights, chosen = _training(task, piece, first, block, passed)
                if task.edges is None:
                    sample.append(values[chosen])
                    continue
                place: NDArray[np.int64] = labels * bins
                place = place + bins_of(list(values.T), task.edges)
                sums += np.bincount(place, weights, sums.size).reshape(sums.shape)
                counts += np.bincount(place, minlength=sums.size).reshape(sums.shape)
        except (OSError, RuntimeError, ValueError, BadEvents, Problem):
            failed = True  # reading all of it will name the file and the reason
    return Looked(np.concatenate(sample), sums, counts, failed)


def _training(
    task: LookTask, piece: Piece, first: int, block: dict[str, NDArray[Any]], selected: Selected
) -> tuple[Floats, NDArray[np.int64], Floats, NDArray[np.bool_]]:
    """Numbers, class and weight of the training events of a block, and which of them are in the sample."""
    form = task.format
    kept = first + np.flatnonzero(selected.kept)
    block = {name: values[selected.kept] for name, values in block.items()}
    train = event_codes(piece, kept, block, form) == 0
    numbers = [each.of(block[each.extra])[train].astype(np.float64) for each in task.resample.variables]
    weights = np.ones(int(train.sum()))
    if form.weights is not None:
        selection = form.number(form.weights)
        weights = selection.of(block[selection.extra])[train].astype(np.float64)
    finite = np.isfinite([*numbers, weights]).all(axis=0)
    values = np.array(numbers).T[finite]
    words = event_hashes(piece.file.name, kept[train][finite], form.split.seed, "resample")
    labels = selected.labels[selected.kept][train][finite].astype(np.int64)
    return values, labels, weights[finite], uniform(words) < task.share


def _edges(wanted: Resample, sample: Floats) -> tuple[Floats, ...]:
    edges = []
    for number, own in enumerate(wanted.bins):
        if isinstance(own, tuple):
            edges.append(np.array(own))
            continue
        # numbers that come often make fewer bins
        ranks = np.linspace(0, 1, own + 1)
        found = np.unique(np.quantile(sample[:, number], ranks)) if len(sample) else np.empty(0)
        edges.append(found if len(found) > 1 else np.array([0.0, 1.0]))
    return tuple(edges)


def _factors(measured: Floats, filled: NDArray[np.bool_], like: int | None) -> Floats:
    """What a weight is multiplied by: each class keeps its sum, and has the distribution of the target."""
    kept = np.where(filled, measured, 0.0)
    target = filled.astype(np.float64) if like is None else kept[like]
    target = target / target.sum()
    factors: Floats = np.zeros_like(measured)
    np.divide(target * measured.sum(axis=1, keepdims=True), kept, out=factors, where=kept > 0)
    return factors


def _tell(
    wanted: Resample,
    classes: Sequence[str],
    edges: Sequence[Floats],
    measured: Floats,
    counts: NDArray[np.int64],
    filled: NDArray[np.bool_],
) -> None:
    """Say which bins do not count, and an example."""
    empty = ~filled
    if not empty.any():
        return
    first = int(np.argmax(empty))
    places = np.unravel_index(first, [len(own) - 1 for own in edges])
    where = ", ".join(
        f"{name} {own[place]:g} to {own[place + 1]:g}"
        for name, own, place in zip(map(str, wanted.variables), edges, places, strict=True)
    )
    label = classes[int(np.argmin(measured[:, first] > 0))]
    lost = int(counts[:, empty].sum())
    log.warning(
        "data.resample: %s of %s bins have no events of some class, such as %s, which has none of %s; "
        "%s of %s training events there do not count",
        f"{int(empty.sum()):,}",
        f"{len(filled):,}",
        where,
        label,
        f"{lost:,}",
        f"{int(counts.sum()):,}",
    )


def _plain(values: Floats) -> tuple[float, ...]:
    return tuple(map(float, values))
