"""Trainings on simulated devices that hold a network together; see `test_model_parallel.py`."""

import collections
import csv
import gc
import json
import math
import os
import signal
import sys
from pathlib import Path

import h5py
import jax
import numpy as np
from images import write_images

from dlscan.config import Model, experiment_from
from dlscan.models import keras
from dlscan.models.saved import read_network
from dlscan.prepare import prepare
from dlscan.record import PointPaths, Record
from dlscan.train import PointInfo, learner, scorers, train_points

# What a family is made of where these keys of all will not do; what it takes.
SMALL = {"filters": 4, "depth": 2, "head": [4], "width": 8}
OWN = {
    "branches": {
        "branches": {"a": {"family": "lenet", "filters": 4, "head": [4]}, "b": {"width": 5}},
        "head": [6],
    },
    "siamese": {"inputs": ["a", "b"], "body": {"family": "lenet", "filters": 4, "head": [4]}},
}
# Layers of one size, so that one of them is a small part of the whole.
WIDE = {"family": "dense", "width": 192, "depth": 5, "dropout": 0.2}
NARROW = {"family": "dense", "width": 12, "depth": 1, "dropout": 0.2, "batch_norm": True}
# Adam makes whole steps of gradients that are nothing but rounding.
HOW = {"epochs": 2, "optimizer": "sgd", "momentum": 0.9, "learning_rate": 0.01}


def on_device():
    """Bytes on the device that has most."""
    held = collections.defaultdict(dict)
    for array in jax.live_arrays():
        if not array.is_deleted():
            for shard in array.addressable_shards:
                # what was read has views of its parts
                held[shard.device][shard.data.unsafe_buffer_pointer()] = shard.data.nbytes
    return max((sum(sizes.values()) for sizes in held.values()), default=0)


class Watched:
    """The most that a device has had since, by what was done."""

    def __init__(self):
        self.most = collections.Counter()
        for owner, name, when in (
            (keras.Variable, "_direct_assign", "assigned"),
            (learner.Learner, "values", "read"),
            (learner.Learner, "resume", "resumed"),
            (learner.Learner, "save", "saved"),
            (scorers.NetworkScorer, "__call__", "scored"),
        ):
            self._watch(owner, name, when)

    def look(self, when):
        self.most[when] = max(self.most[when], on_device())

    def _watch(self, owner, name, when):
        call = getattr(owner, name)

        def watched(*given):
            found = call(*given)
            self.look(when)
            return found

        setattr(owner, name, watched)


def divided(experiment, devices, parallel="model"):
    own = {"devices": devices, "parallel": parallel} if devices > 1 else {}
    return {**experiment, "train": {**experiment["train"], **HOW, **own}}


def point(home, name, number=1):
    paths = PointPaths(home / name)
    paths.directory.mkdir()
    return paths, PointInfo(number, name, "toy", (), order_seed=1)


def told(paths):
    with paths.history.open(newline="") as file:
        rows = [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]
    with h5py.File(paths.predictions) as file:
        scores = file["scores"][:].tolist()
    return {"history": rows, "scores": scores, "device": Record.read(paths.record).device}


def train(points, on_step=None):
    return set(train_points(points, on_step).values())


def trained(home, name, *experiments, watch=None):
    """A training, stopped in its second epoch wherever there is another experiment to go on with."""

    def step(epoch, number, steps):
        if watch:
            watch.look("stepped")
        if going and (epoch, number) == (2, 2):
            os.kill(os.getpid(), signal.SIGTERM)

    own, going = point(home, name), list(experiments)
    while going:
        gc.collect()  # the networks of before
        own[0].config.write_text(json.dumps(going.pop(0)))
        assert train([own], step) == {"preempted" if going else "done"}
    return own[0]


def trainings(home):
    experiment = {**json.loads((home / "experiment.json").read_text()), "model": WIDE}
    one, four, data = divided(experiment, 1), divided(experiment, 4), divided(experiment, 2, "data")
    watch = Watched()
    paths = trained(home, "4", four, four, watch=watch)
    found = {"most": dict(watch.most)}
    weights = read_network(paths.best).trainable_variables
    # each with its momentum
    found["whole"] = 2 * sum(math.prod(each.shape) * 4 for each in weights)
    for name, stages in {"1": [one], "1 then 4": [one, four], "4 then data": [four, data]}.items():
        found[name] = told(trained(home, name, *stages))
    found["4"] = told(paths)
    for name in ("4", "1"):
        network = read_network(PointPaths(home / name).best)
        given = {own: np.ones((2, *tensor.shape[1:]), np.float32) for own, tensor in network.input.items()}
        found[name]["opened"] = np.ravel(network(given)).tolist()
    narrow = {**experiment, "model": NARROW}
    found["narrow"] = told(trained(home, "narrow", divided(narrow, 1)))
    pack = [point(home, f"packed {name}", number) for number, name in enumerate(("1", "narrow"), 1)]
    for (own, _), asked in zip(pack, (experiment, narrow), strict=True):
        own.config.write_text(json.dumps(divided(asked, 4)))
    assert train(pack) == {"done"}
    return found | {own.directory.name: told(own) for own, _ in pack}


def of_family(home, family):
    write_images(home)
    keys = {
        "inputs": ["a", "b", "v"] if family == "branches" else ["a", "v"],
        **{key: value for key, value in SMALL.items() if Model.applies(key, family)},
        **OWN.get(family, {}),
    }
    experiment = {
        "name": "toy",
        "data": {"raw": str(home / "raw"), "inputs": ["a", "b", "v"], "prepared": str(home / "prepared")},
        "model": {"family": family, **keys},
        "train": {"batch_size": 64, "learning_rate": 0.01},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(experiment, home / "toy.yaml"), processes=1)
    return {
        str(devices): told(trained(home, str(devices), divided(experiment, devices))) for devices in (1, 4)
    }


def main(home, asked):
    found = trainings(home) if asked == "trainings" else of_family(home, asked)
    (home / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
