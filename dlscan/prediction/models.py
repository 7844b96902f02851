"""Trained models as functions of raw inputs; several are averaged."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan import tasks
from dlscan.analysis.points.done import DonePoint
from dlscan.config.task import Tasks
from dlscan.export import runner
from dlscan.tasks import CODE, Arrays
from dlscan.training import TrainedPoint
from dlscan.trees import Forest

Model = Callable[[Mapping[str, NDArray[Any]]], Arrays]


def of_point(point: DonePoint) -> Model:
    """The model of a point: from raw inputs by the network's names to what each head gives.

    Layers in a file of a user are loaded if it is a `TrainedPoint` whose files may be run.
    """
    trained = TrainedPoint.of(point).model()
    heads = tasks.make(Tasks.parse(point.record.task, "task"), point.record.classes).heads
    names = [head.name for head in heads]
    if isinstance(trained, Forest):
        forest = trained
        return lambda inputs: {
            names[0]: forest.scores(inputs) if forest.classes else forest.predictions(inputs)
        }
    return _of_network(trained, names)


def exported(path: Path, names: Sequence[str]) -> Model:
    """The model in an ONNX or a Keras file that `dlscan export` wrote, whose outputs have these names."""
    if path.suffix == ".onnx":
        return runner(path)
    from dlscan.models.saved import read_network

    return _of_network(read_network(path), names)


def _of_network(network: Any, names: Sequence[str]) -> Model:
    from dlscan.models import keras
    from dlscan.train.devices import sender
    from dlscan.train.steps import compiled

    call, send, taken = compiled(network), sender(), set(network.input)

    def apply(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        given = call(send({name: values for name, values in inputs.items() if name in taken})())
        found = given if isinstance(given, Mapping) else {names[0]: given}
        return {name: keras.ops.convert_to_numpy(tensor) for name, tensor in found.items()}

    return apply


def averaged(models: Sequence[Model]) -> Model:
    """The mean of what several models give, but for codes, which mean something else to each of them."""
    if len(models) == 1:
        return models[0]

    def apply(inputs: Mapping[str, NDArray[Any]]) -> Arrays:
        found = [model(inputs) for model in models]
        return {
            name: np.asarray(np.mean([each[name] for each in found], axis=0, dtype=np.float64), np.float32)
            for name in found[0]
            if name != CODE
        }

    return apply
