"""The ways to train a scan; `WAYS` is their registry."""

from __future__ import annotations

import dataclasses
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.cases import BATCH
from benchmarks.packs.scans import Scan
from benchmarks.packs.watch import Watched, watch
from dlscan.metrics import measure
from dlscan.record import Record


class Wrong(Exception):
    """Something else was trained than what was asked for."""


@dataclasses.dataclass(frozen=True)
class Trained:
    """One network, after training.

    Attributes
    ----------
    width, depth : int
        Of the network.
    parameters : int
        Trainable weights.
    epochs : int
        That it was trained.
    auc : float
        Mean over the classes, of the test split.
    beside : float or None
        Seconds of its job that were not training, this network's share, as dlscan notes it.
    pack : int
        Networks of its job.
    """

    width: int
    depth: int
    parameters: int
    epochs: int
    auc: float
    beside: float | None = None
    pack: int = 1


@dataclasses.dataclass(frozen=True)
class Place:
    """Where a way runs.

    Attributes
    ----------
    root : Path
        Of the generated files.
    cpus : frozenset of int
        For all its processes.
    """

    root: Path
    cpus: frozenset[int]


Run = Callable[[Scan, Place], tuple[Watched, list[Trained]]]


@dataclasses.dataclass(frozen=True)
class Way:
    """One row of the tables.

    Attributes
    ----------
    title : str
        For people.
    role : {"dlscan", "peer", "aside"}
        Who it is; what is aside takes no part in ratios.
    run : callable
        Trains a scan from nothing.
    """

    title: str
    role: str
    run: Run


def prepare(scan: Scan, place: Place) -> Watched:
    """Let dlscan make its dataset anew, as a user does."""
    experiment = scan.write(place.root, "prepare", {})
    shutil.rmtree(place.root / "prepared" / scan.case.name, ignore_errors=True)
    (place.root / "prepared").mkdir(exist_ok=True)
    return watch(
        [sys.executable, "-P", "-m", "dlscan", "prepare", str(experiment)],
        place.cpus,
        place.root / "prepare.log",
    )


def _dlscan(name: str, batch: Callable[[Scan, Place], dict[str, Any]]) -> Run:
    def run(scan: Scan, place: Place) -> tuple[Watched, list[Trained]]:
        experiment = scan.write(place.root, name, batch(scan, place))
        directory = place.root / "scans" / scan.name / name
        shutil.rmtree(directory, ignore_errors=True)
        command = [sys.executable, "-P", "-m", "dlscan", "scan", str(experiment)]
        watched = watch(command, place.cpus, place.root / f"{scan.name}-{name}.log")
        return watched, [_of_record(path) for path in sorted(directory.glob("points/*/record.json"))]

    return run


def _of_record(path: Path) -> Trained:
    record = Record.read(path)
    return Trained(
        width=record.params["model.width"],
        depth=record.params["model.depth"],
        parameters=record.model_parameters,
        epochs=record.epochs,
        auc=record.metrics["Mean_AUC"] or 0.0,
        beside=record.beside_seconds,
        pack=record.pack,
    )


def _keras(name: str, processes: bool = False, in_memory: bool = False) -> Run:
    def run(scan: Scan, place: Place) -> tuple[Watched, list[Trained]]:
        directory = place.root / "scans" / scan.name / name
        shutil.rmtree(directory, ignore_errors=True)
        directory.mkdir(parents=True)
        sample = scan.case.sample
        job = {
            "paths": [[str(path) for path in paths] for paths in scan.case.paths(place.root)],
            "inputs": sample.inputs,
            "sides": {side: [events.start, events.stop] for side, events in sample.sides.items()},
            "models": scan.models,
            "epochs": scan.epochs,
            "learning_rate": scan.learning_rate,
            "factor": scan.factor,
            "batch": BATCH,
            "workers": len(place.cpus),
            "processes": processes,
            "in_memory": in_memory,
        }
        (directory / "job.json").write_text(json.dumps(job), encoding="utf-8")
        command = [sys.executable, "-m", "benchmarks.packs.peer", str(directory / "job.json")]
        watched = watch(command, place.cpus, place.root / f"{scan.name}-{name}.log")
        trained = [
            _of_scores(directory / f"{number}.npz", width, depth, sample.labels)
            for number, (width, depth) in enumerate(scan.models, 1)
        ]
        return watched, trained

    return run


def _of_scores(path: Path, width: int, depth: int, labels: tuple[str, ...]) -> Trained:
    with np.load(path) as found:
        scores, answers = found["scores"], found["labels"]
        parameters, epochs = int(found["parameters"]), len(found["loss"])
    auc = measure(scores, answers, labels).values["Mean_AUC"] or 0.0
    return Trained(width, depth, parameters, epochs, auc)


WAYS: dict[str, Way] = {
    "pack": Way(
        "dlscan, all in one pack on all CPUs",
        "dlscan",
        _dlscan("pack", lambda scan, place: {"models_per_job": len(scan.models), "cpus": len(place.cpus)}),
    ),
    "auto": Way(
        "dlscan, `models_per_job: auto`, a slot for each CPU",
        "dlscan",
        _dlscan("auto", lambda *_: {"models_per_job": "auto"}),
    ),
    "single": Way(
        "dlscan, one point a job, a slot for each CPU",
        "dlscan",
        _dlscan("single", lambda *_: {"models_per_job": 1}),
    ),
    "alone": Way(
        "dlscan, one point a job on all CPUs, one after the other",
        "dlscan",
        _dlscan("alone", lambda scan, place: {"models_per_job": 1, "cpus": len(place.cpus)}),
    ),
    "keras": Way("Keras, h5py in a PyDataset, threads, one after the other", "peer", _keras("keras")),
    "keras-processes": Way(
        "Keras, h5py in a PyDataset, processes, one after the other",
        "peer",
        _keras("keras-processes", processes=True),
    ),
    "keras-memory": Way(
        "Keras, all events in memory, one after the other", "aside", _keras("keras-memory", in_memory=True)
    ),
}


def require_like(trained: list[Trained], scan: Scan, others: list[Trained] | None, within: float) -> None:
    """Check that a way has trained what the scan asks for.

    Parameters
    ----------
    trained : list of Trained
        What it has trained, in the order of the plan.
    scan : Scan
        What was asked for.
    others : list of Trained or None
        What a peer has trained.
    within : float
        How far the areas of two networks alike may be from each other.

    Raises
    ------
    Wrong
        If it has trained fewer networks, others, for fewer epochs, or worse.
    """
    found = [(one.width, one.depth) for one in trained]
    if found != scan.models:
        raise Wrong(f"{len(set(found) & set(scan.models))} of {len(scan.models)} networks were trained")
    for number, one in enumerate(trained):
        name = f"width {one.width}, depth {one.depth}"
        if one.epochs != scan.epochs:
            raise Wrong(f"{name}: {one.epochs} epochs of {scan.epochs}")
        if others is None:
            continue
        if one.parameters != others[number].parameters:
            raise Wrong(f"{name}: {one.parameters} weights, the peer's has {others[number].parameters}")
        if abs(one.auc - others[number].auc) > within:
            raise Wrong(f"{name}: an area of {one.auc:.3f}, the peer's is {others[number].auc:.3f}")
