"""Steps on simulated devices, written to a file; see `test_replicas.py`."""

import csv
import json
import os
import signal
import sys
from pathlib import Path

import h5py
import numpy as np

from dlscan.config import Train
from dlscan.errors import DlscanError
from dlscan.models import Network, backend, keras
from dlscan.models import replicas as module
from dlscan.models.replicas import replicas, require_replicable
from dlscan.record import PointPaths, Record
from dlscan.tasks.classify import Classification
from dlscan.train import PointInfo, train_point
from dlscan.train.devices import sender
from dlscan.train.entries import Entries
from dlscan.train.feed import Fed
from dlscan.train.objectives import Told, supervised
from dlscan.train.steps import Part, Trained, steps

ops = keras.ops
TASK = Classification(("a", "b"))
EVENTS = 24


def simulate(count):
    if backend() == "tensorflow":
        import tensorflow as tf

        (processor,) = tf.config.list_physical_devices("CPU")
        own = [tf.config.LogicalDeviceConfiguration() for _ in range(count)]
        tf.config.set_logical_device_configuration(processor, own)
    if backend() == "torch":
        # PyTorch takes all of them for the one processor
        module._torch = lambda: [f"cpu:{number}" for number in range(count)]


def network(width, seed, normed=False, name="net"):
    inputs = keras.Input((6,), name="x")
    body = keras.layers.Dense(
        width, "tanh", kernel_initializer=keras.initializers.GlorotUniform(seed), kernel_regularizer="l2"
    )(inputs)
    if normed:
        body = keras.layers.Dropout(0.5, seed=3)(keras.layers.BatchNormalization()(body))
    kernel = keras.initializers.GlorotUniform(seed + 1)
    scores = keras.layers.Dense(2, kernel_initializer=kernel, name=name)(body)
    return Network(keras.Model({"x": inputs}, scores), {"x": inputs}, {"scores": scores}, {"scores": scores})


def point(width, seed, **options):
    train, own = Train(l2=0.01), network(width, seed, **options)
    optimizer = keras.optimizers.Adam(0.01)
    optimizer.build(own.model.trainable_variables)
    return Trained.single(own, optimizer, supervised(TASK, train, {}, own.model.trainable_variables))


class Squares:
    """Two streams: what they are told apart by is the mean over both."""

    def __call__(self, networks, batches, training):
        says = [networks["network"](batches[name].inputs, training=training)["scores"] for name in batches]
        loss = sum(ops.mean(ops.square(own - 1)) for own in says)
        return Told(loss, ops.stack([loss, ops.sum(says[0])]), {"scores": says[0]})


def parts():
    own = network(4, 1)
    variables = own.model.trainable_variables
    found = []
    for chosen in (variables[:2], variables[2:]):
        optimizer = keras.optimizers.SGD(0.1)
        optimizer.build(chosen)
        found.append(Part(chosen, optimizer, Squares()))
    return [Trained({"network": own}, found)]


def batch(events, rng, sparse=False):
    values = rng.normal(size=(events, 6)).astype(np.float32)
    arrays = {
        "inputs": {"x": values},
        "labels": np.eye(2, dtype=np.float32)[rng.integers(2, size=events)],
        "weights": rng.uniform(0.5, 2, events).astype(np.float32),
    }
    if sparse:
        values[rng.random(values.shape) < 0.5] = 0
        rows, index = np.nonzero(values)
        filled = Entries(*(np.zeros(4 * events * 6, kind) for kind in (np.int32, np.int32, np.float32)))
        for there, own in zip(filled, (rows, index, values[rows, index]), strict=True):
            there[: len(own)] = own
        filled.rows[len(rows) :] = events
        arrays["inputs"]["x"] = filled
    return arrays


def fed(arrays, devices):
    send = sender(devices)
    x = arrays["inputs"]["x"]
    flat = dict(zip(("rows", "index", "value"), x, strict=True)) if isinstance(x, Entries) else {"x": x}
    sent = send(
        {**flat, "labels": arrays["labels"].argmax(1).astype(np.int32), "weights": arrays["weights"]}
    )()
    inputs = Entries(sent["rows"], sent["index"], sent["value"]) if isinstance(x, Entries) else sent["x"]
    return Fed({"x": inputs}, {"scores": sent["labels"]}, sent["weights"], len(arrays["weights"]))


def plain(values):
    return np.concatenate([np.ravel(ops.convert_to_numpy(value)) for value in values]).tolist()


def measured(points, lengths, devices, sparse=False, streams=("events",)):
    rng = np.random.default_rng(0)
    made = steps(points, devices=devices)
    told = []
    for events in lengths:
        given = {name: fed(batch(events, rng, sparse), devices) for name in streams}
        told.extend(made.train((given, None)))
    ((looked, raw),) = made.look((given, None))
    made.settle()
    variables = [
        variable for own in points for net in own.networks.values() for variable in net.model.variables
    ]
    heads = [own["scores"] for own in raw]
    return {
        "told": plain(told),
        "looked": plain([looked]),
        "raw": plain(heads),
        "weights": plain(variables),
    }


CASES = {
    "pack": lambda devices: measured([point(8, 1), point(5, 2)], [EVENTS] * 2, devices),
    "entries": lambda devices: measured([point(8, 1)], [EVENTS] * 2, devices, sparse=True),
    # of the second, two devices have no equal shares
    "short": lambda devices: measured([point(8, 1)], [EVENTS, 7], devices),
    "parts": lambda devices: measured(parts(), [EVENTS] * 2, devices, streams=("events", "noise")),
}
ON_JAX = {"normed": lambda devices: measured([point(8, 1, normed=True)], [EVENTS] * 2, devices)}


def asked(count, **options):
    return replicas(Train(**{"batch_size": EVENTS, "devices": count, **options}))


def device_in_use():
    if backend() == "torch":
        from keras.src.backend.torch.core import get_device

        return get_device()
    return ops.zeros(()).device


def placed():
    """How many devices compute, and what each has of a batch."""
    if backend() == "jax":
        values = fed(batch(EVENTS, np.random.default_rng(0)), asked(4)).inputs["x"]
        return {
            "devices": len({shard.device for shard in values.addressable_shards}),
            "events": values.addressable_shards[0].data.shape[0],
        }
    seen = []

    class Seen(Squares):
        def __call__(self, networks, batches, training):
            seen.append(device_in_use())
            return super().__call__(networks, batches, training)

    own = network(4, 1)
    optimizer = keras.optimizers.SGD()
    optimizer.build(own.model.trainable_variables)
    given = {"events": fed(batch(EVENTS, np.random.default_rng(0)), ())}
    steps([Trained.single(own, optimizer, Seen())], devices=asked(4)).train((given, None))
    return {"devices": len(set(seen)), "events": EVENTS // len(seen)}


def trained(home):
    """Histories and scores of trainings, some of which stop in the second epoch and go on elsewhere."""
    experiment = json.loads((home / "experiment.json").read_text())
    found = {}
    for name, counts in {"1": [1], "2 then 1": [2, 1], "1 then 4": [1, 4]}.items():
        paths = PointPaths(home / name)
        paths.directory.mkdir()
        for count in counts:
            train = {**experiment["train"], "epochs": 2, "devices": count}
            paths.config.write_text(json.dumps({**experiment, "train": train}))
            stop = None if count == counts[-1] else lambda epoch, step, steps: terminate(epoch, step)
            outcome = train_point(paths, PointInfo(1, name, "toy", ()), stop)
            assert outcome == ("preempted" if stop else "done")
        with paths.history.open(newline="") as file:
            rows = list(csv.DictReader(file))
        with h5py.File(paths.predictions) as file:
            scores = file["scores"][:].tolist()
        columns = ("loss", "accuracy", "val_loss", "val_accuracy")
        found[name] = {
            "history": [[float(row[key]) for key in columns] for row in rows],
            "scores": scores,
            "device": Record.read(paths.record).device,
        }
    return found


def terminate(epoch, step):
    if (epoch, step) == (2, 2):
        os.kill(os.getpid(), signal.SIGTERM)


def refused():
    asking = {"too many": lambda: asked(5), "uneven": lambda: asked("all", batch_size=10)}
    if backend() == "tensorflow":
        asking["compiled"] = lambda: asked(2, jit=True)
        mixed = Train(precision="mixed_float16")
        asking["precision"] = lambda: require_replicable({"network": network(4, 1)}, mixed, asked(2))
    if backend() != "jax":
        asking["normed"] = lambda: require_replicable(
            {"network": network(4, 1, normed=True)}, Train(), asked(2)
        )
    found = {}
    for name, ask in asking.items():
        try:
            ask()
        except DlscanError as error:
            found[name] = str(error)
    return found


def main(home):
    simulate(4)
    found = {"refused": refused(), "placed": placed(), "trained": trained(home)}
    for name, case in (CASES | ON_JAX if backend() == "jax" else CASES).items():
        counts = (1, 2, 4) if name == "pack" else (1, 2)
        found[name] = {str(count): case(asked(count)) for count in counts}
    (home / "found.json").write_text(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
