"""Trained models as functions of raw inputs; several are averaged."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan import tasks
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import require_takes_events
from dlscan.config.task import Tasks
from dlscan.errors import UsageError
from dlscan.tasks import CODE, Arrays, Task
from dlscan.training import TrainedPoint
from dlscan.trees import Forest

Model = Callable[[Mapping[str, NDArray[Any]]], Arrays]


def task_of(points: Sequence[DonePoint]) -> Task:
    """What all points have learned.

    Raises
    ------
    UsageError
        If that is not the same.
    """
    for point in points:
        require_takes_events(point)
    first = points[0].record
    for point in points[1:]:
        if (point.record.task, point.record.classes) != (first.task, first.classes):
            raise UsageError(
                f"points {points[0].record.point} and {point.record.point} have learned different things, "
                "and cannot be averaged"
            )
    return tasks.make(Tasks.parse(first.task, "task"), first.classes)


def load(point: DonePoint) -> Model:
    """The model of a point: from raw inputs by the network's names to what each head gives.

    Layers in a file of a user are loaded if it is a `TrainedPoint` whose files may be run.
    """
    trained = TrainedPoint.of(point).model()
    names = [head.name for head in task_of([point]).heads]
    if isinstance(trained, Forest):
        forest = trained
        return lambda inputs: {
            names[0]: forest.scores(inputs) if forest.classes else forest.predictions(inputs)
        }
    from dlscan.models import keras
    from dlscan.train.devices import sender
    from dlscan.train.steps import compiled

    call, send, taken = compiled(trained), sender(), set(trained.input)

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
