"""An experiment of the sections of a file, all of whose combinations fit."""

import contextlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from dlscan.config.build import Collected, Problem, build, build_fields
from dlscan.config.combinations import Combination, Combinations
from dlscan.config.experiment import Experiment
from dlscan.config.fitting import SECTIONS
from dlscan.config.folds import ALL_TRAIN, FOLD, NONE
from dlscan.config.models import Model
from dlscan.config.scan import ScanOptions
from dlscan.config.train import Train
from dlscan.config.trainings import SEED

# What must fit the task.
_FOR_THE_TASK = ("model.family", "train.loss", "train.label_smoothing", "train.early_stopping")


def built(top: dict[str, Any], found: Collected) -> Experiment:
    """Build what a file says.

    Parameters
    ----------
    top : dict
        The sections.
    found : Collected
        Problems that were found before.

    Raises
    ------
    Problem
        Everything that is wrong at once.
    """
    combinations: Combinations | None = None
    experiment: Experiment | None = None
    if top.get("adversary") and isinstance(train := top.get("train", {}), dict):
        # the epoch with the least loss is one that does not heed the adversary
        top = {**top, "train": {"early_stopping": None, **train}}
    with found.collecting():
        combinations = _combinations(top)
    # what is there for some points alone is not for the file without them
    fitted = {name: combinations.base(name) for name in SECTIONS if name in top} if combinations else {}
    with found.collecting():
        experiment = build_fields(Experiment, {**top, **fitted}, "")
    name = top.get("name")
    if isinstance(name, str) and (name in (".", "..") or re.search(r"[/\0\n]", name)):
        found.problems.append(Problem("name", f"must be usable as a directory's name, got {name!r}"))
    wrong = {problem.key.partition(".")[0] for problem in found.problems}
    if combinations and not wrong & {"scan", *SECTIONS}:
        with found.collecting():
            points = combinations.examples
            each = {(point.train, point.model, point.data.fold == NONE): point for point in reversed(points)}
            for (train, model, _), point in each.items() if experiment else ():
                with found.collecting(), _of_combination(point.params):
                    experiment.task.require_fit(train, model)
                    _require_no_validation(experiment, point.data.fold, train)
                    has_folds = experiment.data.folds is not None
                    point.adversary.require_fit(experiment.task, train, model, has_folds)
                    model.require_inputs(experiment.data.inputs)
            if experiment:
                _require_validation(experiment, points)
                _require_quantiles(points)
                _require_divided(experiment, [model for _, model, _ in each])
            if experiment and experiment.scan.halving:
                pairs = list(dict.fromkeys((train, model) for train, model, _ in each))
                kinds = [task.kind for task in experiment.task.all]
                folds = [point.data.left_out for point in points]
                experiment.scan.halving.require_fit(pairs, experiment.adversary, kinds, folds)
            if experiment:
                asked = [train.devices for train, *_ in each if train.devices != "all"]
                batch = experiment.batch.with_gpus(max(asked, default=1), "gpus" in top.get("batch", {}))
                experiment = replace(experiment, batch=batch)
    found.settle()
    assert combinations is not None
    assert experiment is not None
    return replace(experiment, combinations=combinations)


def _require_divided(experiment: Experiment, models: Sequence[Model]) -> None:
    """Check that there are networks to divide over devices, if the file says so."""
    if experiment.train.parallel == "model" and not any(model.reads("train.parallel") for model in models):
        families = " and ".join(dict.fromkeys(str(model.family) for model in models))
        raise Problem("train.parallel", f"model divides networks over devices, not {families}; remove it")


def _require_no_validation(experiment: Experiment, fold: object, train: Train) -> None:
    """Check that what is trained on all folds needs no events that validate."""
    if experiment.scan.refit and experiment.data.folds is None:
        raise Problem("scan.refit", "trains the best model on all folds, and there are none; set data.folds")
    if fold == NONE and train.early_stopping is not None:
        raise Problem(
            "data.fold",
            "none: all folds train, so early stopping has no validation events; set "
            "train.early_stopping: null and train.epochs",
        )
    if train.schedule == "plateau" and (fold == NONE or experiment.scan.refit):
        key = "data.fold" if fold == NONE else "scan.refit"
        raise Problem(
            key, "all folds train, so the schedule plateau has no validation events; choose another"
        )


def _require_quantiles(points: Sequence[Combination]) -> None:
    """Check that no input is scaled by quantiles where they are not known: they cannot be merged of folds."""
    for point in points:
        scaled = [name for name, own in point.data.normalize.items() if own.kind == "quantile"]
        count = len(point.data.left_out)
        if scaled and count > 1:
            raise Problem(
                "data.normalize",
                f"quantiles of {' and '.join(scaled)} are known with one fold left out, not with {count}; "
                "choose another normalisation, or leave out one fold",
            )


def _require_validation(experiment: Experiment, points: Sequence[Combination]) -> None:
    """Check that points which are compared have events to be compared on, and the same ones."""
    scan = experiment.scan
    if scan.folds is not None and experiment.data.fold == NONE:
        raise Problem(
            "data.fold", "none: all folds train, but scan.folds leaves some out; remove one of them"
        )
    comparing = {"halving": scan.halving, "search": scan.search, "refit": scan.refit}
    wanting = next((name for name, value in comparing.items() if value), None)
    if wanting is not None and any(point.data.fold == NONE for point in points):
        raise Problem(
            "data.fold", f"none: {ALL_TRAIN}, and scan.{wanting} compares points there; remove one of them"
        )
    if scan.search is not None and FOLD in scan.dimensions:
        raise Problem(
            "scan.search",
            f"would choose the fold with the easiest events; replace {FOLD} by scan.folds: true",
        )
    folds: dict[str, set[tuple[int, ...]]] = {}
    for point in points if scan.halving is not None else ():
        others = {key: value for key, value in point.params.items() if key not in (FOLD, SEED)}
        folds.setdefault(repr(sorted(others.items())), set()).add(point.data.left_out)
    if len(set(map(frozenset, folds.values()))) > 1:
        raise Problem(
            "scan.halving",
            f"compares points on the same events, and {FOLD} is not the same for all; replace it by "
            "scan.folds: true",
        )


@contextlib.contextmanager
def _of_combination(params: Mapping[str, Any]) -> Iterator[None]:
    """Name the point in what is wrong with it, if one of these keys that it sets is about that."""
    try:
        yield
    except Problem as problem:
        about = {key: value for key, value in params.items() if key.startswith(_FOR_THE_TASK)}
        if len(about) < 2:
            raise
        name = ", ".join(f"{key}={value}" for key, value in about.items())
        raise Problem("scan", f"{name}: {problem}") from None


def _combinations(top: Mapping[str, Any]) -> Combinations | None:
    """The points of the scan; None if `scan`, `model` or `train` is wrong in a way that hides them."""
    sections = {name: top.get(name, {}) for name in SECTIONS}
    sections["adversary"] = sections["adversary"] or {}
    if not all(isinstance(section, dict) for section in sections.values()):
        return None
    try:
        scan: ScanOptions = build(ScanOptions, top.get("scan", {}), "scan")
    except Problem:
        return None  # it is said when the whole is built
    return Combinations(sections, scan)
