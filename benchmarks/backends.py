"""`python -m benchmarks.backends`: do the steps of all back ends that are installed give the same numbers?"""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np

BACKENDS = ("tensorflow", "jax", "torch")
REGRESS = {"kind": "regress", "targets": {"Energy": "energy", "Depth": "depth[:,1]"}}
# by name: the key `task`, and keys of `train`
CASES: dict[str, tuple[Any, dict[str, Any]]] = {
    "classify": ("classify", {}),
    "classify focal, label smoothing, l1, l2": (
        "classify",
        {"loss": "focal", "label_smoothing": 0.1, "l1": 1e-3, "l2": 1e-3},
    ),
    "regress": (REGRESS, {}),
    "regress huber": (REGRESS, {"loss": "huber"}),
    "regress gaussian_nll": (REGRESS, {"loss": "gaussian_nll"}),
    "classify and regress": (["classify", REGRESS], {}),
}
CLOSE = 1e-5


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "--child", type=click.Path(path_type=Path), hidden=True, help="Take the steps, in this directory."
)
def main(child: Path | None) -> None:
    """Take one step of each task with each back end, and compare what it tells and what the weights are then.

    Networks start from the same weights and see the same batch. Exits with 1 if two back ends differ by more
    than one part in 100,000.
    """
    if child is not None:
        print(json.dumps({name: steps(child, *case) for name, case in CASES.items()}))
        return
    with tempfile.TemporaryDirectory() as place:
        prepared(Path(place))
        found = {
            backend: taken(Path(place), backend)
            for backend in BACKENDS
            if importlib.util.find_spec(backend) is not None
        }
    first, *others = found
    worst = 0.0
    for name in CASES:
        for other in others:
            one, two = (np.array(found[backend][name]) for backend in (first, other))
            apart = float(np.max(np.abs(one - two) / np.maximum(np.abs(one), 1e-2)))
            worst = max(worst, apart)
            click.echo(f"{name}: {first} and {other} differ by {apart:.1e} at most, in {len(one)} numbers")
    if not others:
        raise click.ClickException(f"only {first} is installed: there is nothing to compare")
    sys.exit(worst > CLOSE)


def experiment(place: Path, task: Any, train: dict[str, Any]) -> Any:
    """The experiment of a case."""
    from dlscan.config import experiment_from

    content = {
        "name": "one",
        "data": {
            "raw": str(place / "raw"),
            "classes": {"A": "A", "B": "B", "C": "C"},
            "inputs": ["cells", "image"],
            "extras": ["energy", "depth"],
            "prepared": str(place / "prepared"),
            "normalize": {"image": "log"},
        },
        "task": task,
        "model": {"width": 16, "depth": 2, "batch_norm": True},
        "train": {"batch_size": 64, "optimizer": "sgd", "learning_rate": 0.01, **train},
        "stream": {"workers": 0},
    }
    return experiment_from(content, place / "one.yaml")


def prepared(place: Path) -> None:
    """Simulate and prepare the events."""
    from dlscan.prepare import prepare

    for label, name in enumerate("ABC"):
        (place / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        with h5py.File(place / "raw" / name / "one.h5", "w") as file:
            file["cells"] = rng.normal(label, 1, (200, 5)).astype(np.float32)
            file["image"] = rng.exponential(1.0, (200, 4, 4)).astype(np.float32)
            file["energy"] = rng.uniform(10, 110, 200)
            file["depth"] = rng.normal(1e-3, 1e-4, (200, 2))
    prepare(experiment(place, "classify", {}), processes=1)


def taken(place: Path, backend: str) -> dict[str, list[float]]:
    """What a process with this back end finds."""
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.backends", "--child", str(place)],
        env={**os.environ, "KERAS_BACKEND": backend, "CUDA_VISIBLE_DEVICES": ""},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise click.ClickException(f"{backend}: {done.stderr.strip()[-2000:]}")
    return dict(json.loads(done.stdout.strip().splitlines()[-1]))


def steps(place: Path, task: Any, train: dict[str, Any]) -> list[float]:
    """Numbers before and after a step, and the weights after it."""
    from dlscan import models, tasks
    from dlscan.models import keras
    from dlscan.stream.standards import standards
    from dlscan.train.feed import Feed
    from dlscan.train.learner import Learner
    from dlscan.train.objectives import EVENTS
    from dlscan.train.steps import steps as steps_of
    from dlscan.train.streams import open_stream

    one = experiment(place, task, train)
    with open_stream(one, "train") as batches:
        learned, dataset = tasks.of(one, batches.manifest.classes), batches.manifest.config_hash
        found = standards(one, learned, dataset)
        network = models.construct(
            one.model, batches.manifest, one.data.normalize, one.train.seed, task=learned, standards=found
        )
        weights = np.random.default_rng(0)
        for variable in network.model.trainable_variables:
            variable.assign(weights.normal(0, 0.3, variable.shape).astype(np.float32))
        learner = Learner(network, learned, one.train, dataset, batches.steps, found)
        made = steps_of([learner.trained])
        (fed, *_) = Feed(learned)(batches.epoch(0), made.one_length)
        batch = {EVENTS: fed}, None
        told = [made.look(batch)[0][0], made.train(batch)[0], made.look(batch)[0][0]]
        numbers = [keras.ops.convert_to_numpy(each)[0] for each in told]
        made.settle()
    after = [
        keras.ops.convert_to_numpy(variable).reshape(-1) for variable in network.model.trainable_variables
    ]
    return [float(number) for number in np.concatenate([*numbers, *after])]


if __name__ == "__main__":
    main()
