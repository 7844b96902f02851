"""What people write today: a loop over models, each fed by h5py through a keras.utils.PyDataset.

`python -m benchmarks.packs.peer JOB` trains the networks of a job, given as JSON, one after the other in this
process and leaves the scores of the test split of each beside it. No batch is on disk in the order in which
it is needed: each consists of slices of a file of each class, mixed.
"""

from __future__ import annotations

import json
import math
import sys
from pathlib import Path
from typing import Any

import keras
import numpy as np

from benchmarks.slices import Group, Labels, Plan, read, read_shuffled

Shapes = dict[str, tuple[int, ...]]


class Events(keras.utils.PyDataset):
    """Batches of one side of the split; those of training in another order each epoch."""

    def __init__(self, plan: Plan, shuffled: bool, **how: Any) -> None:
        super().__init__(**how)
        self.plan, self.read = plan, read_shuffled if shuffled else read
        self.epoch = 0
        self.groups: list[Group] = plan.groups(0)

    def __len__(self) -> int:
        return len(self.groups)

    def __getitem__(self, number: int) -> tuple[dict[str, Any], Labels]:
        return self.read(self.groups[number], self.plan.inputs)

    def on_epoch_end(self) -> None:
        """Deal the slices out anew."""
        self.epoch += 1
        self.groups = self.plan.groups(self.epoch)


class Sides:
    """The splits of a job as what `fit` takes."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._paths = [[Path(path) for path in paths] for paths in job["paths"]]
        self.inputs: Shapes = {name: tuple(shape) for name, shape in job["inputs"].items()}

    def plan(self, side: str) -> Plan:
        """How one side of the split is read: batches of all classes alike."""
        events = range(*self._job["sides"][side])
        rows = self._job["batch"] // len(self._paths)
        return Plan(self._paths, self.inputs, events, rows, scattered=True)

    def streamed(self, side: str) -> Events:
        """Batches, read while the network trains."""
        how = {"workers": self._job["workers"], "use_multiprocessing": self._job["processes"]}
        return Events(self.plan(side), side == "train", **how)

    def loaded(self, side: str) -> tuple[dict[str, Any], Labels]:
        """All events at once."""
        parts = [read(group, self.inputs) for group in self.plan(side).groups(0)]
        arrays = {name: np.concatenate([part[0][name] for part in parts]) for name in self.inputs}
        return arrays, np.concatenate([part[1] for part in parts])


def build(inputs: Shapes, width: int, depth: int, classes: int, factor: float) -> Any:
    """The network that dlscan calls dense: layers of each input for itself, then one over all."""
    layers = keras.layers
    raw = {name: keras.Input(shape, name=name) for name, shape in inputs.items()}
    branches = []
    for name, shape in inputs.items():
        tensor = raw[name] if factor == 1 else layers.Rescaling(factor)(raw[name])
        tensor = layers.Reshape((math.prod(shape),))(tensor)
        for _ in range(depth):
            tensor = layers.Dense(width, activation="relu")(tensor)
        branches.append(tensor)
    merged = layers.Concatenate()(branches) if len(branches) > 1 else branches[0]
    return keras.Model(raw, layers.Dense(classes, activation="softmax")(merged))


def train(job: dict[str, Any], out: Path) -> None:
    """Train and evaluate every network of `job`; leave `NUMBER.npz` and `NUMBER.keras` in `out`."""
    sides = Sides(job)
    arrays = {side: sides.loaded(side) for side in job["sides"]} if job["in_memory"] else None
    for number, (width, depth) in enumerate(job["models"], 1):
        keras.utils.clear_session()
        keras.utils.set_random_seed(number)
        network = build(sides.inputs, width, depth, len(job["paths"]), job["factor"])
        adam = keras.optimizers.Adam(job["learning_rate"])
        network.compile(adam, "sparse_categorical_crossentropy", metrics=["accuracy"])
        # the best weights stay in memory and come back at the end, as dlscan keeps those of the best epoch
        best = keras.callbacks.EarlyStopping("val_loss", patience=job["epochs"], restore_best_weights=True)
        how = {"epochs": job["epochs"], "callbacks": [best], "verbose": 2}
        if arrays is not None:
            how |= {"batch_size": job["batch"], "validation_data": arrays["validation"]}
            history = network.fit(*arrays["train"], **how)
            scores, labels = network.predict(arrays["test"][0], job["batch"], verbose=0), arrays["test"][1]
        else:
            test = sides.streamed("test")
            history = network.fit(
                sides.streamed("train"), validation_data=sides.streamed("validation"), **how
            )
            labels = np.concatenate([group_labels(group) for group in test.groups])
            scores = network.predict(test, verbose=0)
        network.save(out / f"{number}.keras")
        np.savez(
            out / f"{number}.npz",
            scores=scores,
            labels=labels,
            parameters=network.count_params(),
            loss=history.history["loss"],
        )


def group_labels(group: Group) -> Labels:
    """Labels of a group that is not shuffled."""
    return np.repeat(np.arange(len(group), dtype=np.int32), [stop - start for _, start, stop in group])


if __name__ == "__main__":
    given = Path(sys.argv[1])
    train(json.loads(given.read_text(encoding="utf-8")), given.parent)
