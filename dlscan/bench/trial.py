"""A short trial of a scan: in a process of its own, so that whoever asks loads no Keras and holds no GPU."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.batch import LocalSlots
from dlscan.config import Experiment
from dlscan.dataset import Manifest, fits
from dlscan.errors import DlscanError, ScanError
from dlscan.process import answer_of
from dlscan.scan.costs import Cost, cost
from dlscan.scan.sizes import asked_of, network_sizes
from dlscan.scan.space import Point
from dlscan.scan.speed import Trial

# It takes a small part of that, unless a machine is busy or a network slow to compile.
_PATIENCE = 300.0


def trial(experiment: Experiment, points: Sequence[Point], patience: float = _PATIENCE) -> Trial:
    """Measure here, in about 15 s, how fast points are trained.

    Parameters
    ----------
    experiment : Experiment
        Its dataset must be prepared.
    points : sequence of Point
        Of its scan; the smallest and the largest network are tried.
    patience : float
        Seconds after which it is given up.

    Raises
    ------
    DlscanError
        If there is no dataset, or the trial fails or takes too long; the message says why.
    """
    manifest = Manifest.of(experiment)
    fits.require(manifest, experiment)
    experiments = [experiment.at(point.params) for point in points]
    sizes = network_sizes([asked_of(each, manifest) for each in experiments], experiment.directory)
    costs = {
        point.number: cost(each.plain(), manifest, size)
        for point, each, size in zip(points, experiments, sizes, strict=True)
    }
    smallest, largest = _extremes(points, costs)
    asked = {
        "file": str(experiment.file),
        "smallest": experiment.at(smallest.params).plain(),
        "largest": experiment.at(largest.params).plain(),
        "sources": {path: source.plain() for path, source in experiment.sources.items()},
    }
    started = time.monotonic()
    found: dict[str, Any] = json.loads(_answer(asked, _slot(experiment), patience))
    for name, point in (("smallest", smallest), ("largest", largest)):
        found[name] = costs[point.number].step, found[name]
    found["several"] = tuple(found["several"])
    return Trial(**found, dataset=manifest.config_hash, seconds=time.monotonic() - started)


def _extremes(points: Sequence[Point], costs: Mapping[int, Cost]) -> tuple[Point, Point]:
    """The smallest and the largest of those with the batch size that most have."""
    sizes = [costs[point.number].batch_size for point in points]
    usual = max(sizes, key=sizes.count)
    alike = [point for point in points if costs[point.number].batch_size == usual]
    by_step = sorted(alike, key=lambda point: costs[point.number].step)
    return by_step[0], by_step[-1]


def _slot(experiment: Experiment) -> dict[str, str]:
    """What a job finds in its environment, where that is decided here."""
    if experiment.batch.system != "local":
        return {}
    slots = LocalSlots(experiment.batch)
    return slots.environments(slots.slots)[0]


def _answer(asked: object, environment: Mapping[str, str], patience: float) -> str:
    try:
        began = repr(time.monotonic())
        return answer_of("dlscan.bench.rehearsal", asked, environment, patience, [began])
    except DlscanError as error:
        raise ScanError(f"the trial failed: {error}") from None


__all__ = ["Trial", "trial"]
