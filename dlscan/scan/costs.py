"""What a point costs: counted from its network and the shapes of the dataset, before anything is trained."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config import Experiment, Model, in_common
from dlscan.config.labels import VALIDATION_AREA
from dlscan.config.models import NetworkSize, trainer_of
from dlscan.config.share import FRACTION, Share
from dlscan.config.task import Tasks
from dlscan.dataset import Manifest, taken
from dlscan.scan.plan import Plan
from dlscan.scan.sizes import asked_of, network_sizes
from dlscan.scan.space import Point

# The backward pass computes the slopes of the weights and those of the values: twice a forward pass.
_TRAINING = 3
# A look at a batch goes forward only.
LOOK = 1 / _TRAINING
# Training events that are scored in the end, at most so many and so many times those of test: the sample of
# `dlscan.train.evaluate`, which loads Keras.
_SAMPLE, _SAMPLE_FACTOR = 50_000, 2
# Events whose scores wait in memory to be written, as there.
_BUFFERED = 32_768
# Arrays as large as the scores of a split while a network is measured, each of up to 8 bytes a number.
_MEASURING = 4 * 8
# Of the weights: their values, their slopes, and two of the same size that an optimizer remembers.
_COPIES = 4
# What is kept of the forward pass has slopes too.
_KEPT = 2
_FLOAT = 4


@dataclasses.dataclass(frozen=True)
class Cost:
    """What training one point takes.

    Attributes
    ----------
    step : float
        Multiply-adds of a training step; 0 if there is no dataset to tell the shapes of inputs.
    steps, looks : int
        Training batches and validation batches of an epoch.
    scored : int
        Batches that are scored in the end.
    epochs : int
        At most.
    batch_size : int
        Events.
    memory : int
        Bytes beside the batch itself: weights, slopes, optimizer, values between the layers, and scores that
        wait to be written.
    round : float
        Seconds of an epoch of boosted trees on a middling machine; 0 for a network.
    outputs : int
        Numbers that the model gives for an event.
    """

    step: float
    steps: int
    looks: int
    scored: int
    epochs: int
    batch_size: int
    memory: int
    round: float = 0.0
    outputs: int = 1


def sections(plan: Plan, point: Point) -> dict[str, Any]:
    """The sections of the experiment that a point's training reads, as plain values."""
    return _sections(plan.experiment.at(point.params))


def is_of_trees(plan: Plan, point: Point) -> bool:
    """Whether a point is boosted trees rather than a network."""
    return trainer_of(plan.family(point)) == "trees"


def costs_of(plan: Plan, points: Sequence[Point], manifest: Manifest | None) -> list[tuple[str, Cost]]:
    """What each point costs, and what points have to have in common with it to share a job: equal texts do.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    points : sequence of Point
        Their networks are measured together.
    manifest : Manifest or None
        Of the dataset. Without one the shapes of inputs are unknown, and only epochs tell points apart.
    """
    found, networks = [], []
    for point in points:
        experiment = plan.experiment.at(point.params)
        values = _sections(experiment)
        found.append((in_common(values), _without_network(values, manifest)))
        if manifest is not None:
            networks.append(asked_of(experiment, manifest))
    if manifest is None:
        return found
    sizes = network_sizes(networks, plan.directory)
    return [(common, _with(size, cost)) for (common, cost), size in zip(found, sizes, strict=True)]


def cost(values: Mapping[str, Any], manifest: Manifest | None, size: NetworkSize | None = None) -> Cost:
    """What a point costs.

    Parameters
    ----------
    values : mapping
        Its `sections`.
    manifest : Manifest or None
        Of the dataset, see `costs_of`.
    size : NetworkSize, optional
        Of its network; by default by the formula of its family, which has to have one.
    """
    bare = _without_network(values, manifest)
    return bare if manifest is None else _with(size or network_size(values, manifest), bare)


def _without_network(values: Mapping[str, Any], manifest: Manifest | None) -> Cost:
    """What a point costs whatever its network is."""
    train = values["train"]
    epochs, batch_size = train["epochs"], train["batch_size"]
    if manifest is None:
        return Cost(0.0, 1, 0, 0, epochs, batch_size, 0)
    events = _events(values["data"], manifest)
    if trainer_of(values["model"]["family"]) == "trees":
        # these load numpy, which `dlscan status` does not wait for
        from dlscan import tasks
        from dlscan.trees.costs import round_seconds, trees_of

        # what events take in memory, the points of a job share
        parameters = Model.parse(values["model"], "model").parameters
        heads = tasks.make(Tasks.parse(values["task"], "task"), manifest.classes).heads
        seconds = round_seconds(parameters, manifest, trees_of(heads))
        return Cost(0.0, 1, 0, 0, epochs, events, 0, seconds)
    batch = min(batch_size, events)
    return Cost(
        step=0.0,
        steps=math.ceil(events / batch),
        looks=math.ceil(manifest.splits["validation"].events / batch),
        scored=math.ceil(_scored_events(manifest) / batch),
        epochs=epochs,
        batch_size=batch,
        memory=_FLOAT * _waiting_scores(values, manifest),
        outputs=_outputs(values, manifest),
    )


def _with(size: NetworkSize, cost: Cost) -> Cost:
    """The cost with that of a network."""
    batch = cost.batch_size
    kept = _FLOAT * (_COPIES * size.weights + _KEPT * batch * size.values)
    step = float(_TRAINING * size.multiplications * batch)
    return dataclasses.replace(cost, step=step, memory=cost.memory + kept)


def network_size(values: Mapping[str, Any], manifest: Manifest) -> NetworkSize:
    """What the network of a point with these `sections` takes, by the formula of its family."""
    own = Model.parse(dict(values["model"]), "model")
    shapes = [shaped.shape for shaped in taken(own, manifest.inputs).values()]
    size = own.size(shapes, _outputs(values, manifest))
    assert size is not None
    return size


def _sections(experiment: Experiment) -> dict[str, Any]:
    values = experiment.plain()
    return {
        name: values[name]
        for name in ("data", "task", "model", "train", "stream", "adversary")
        if name in values
    }


def _outputs(values: Mapping[str, Any], manifest: Manifest) -> int:
    has_sigmas = values["train"]["loss"] == "gaussian_nll"
    return Tasks.parse(values["task"], "task").outputs(len(manifest.classes), has_sigmas)


def measuring_bytes(manifest: Manifest, outputs: int) -> int:
    """What measuring the scores of one network takes; those of a pack are measured one after the other."""
    events = max(split.events for name, split in manifest.splits.items() if name != "train")
    return _MEASURING * events * (outputs + 1)


def _waiting_scores(values: Mapping[str, Any], manifest: Manifest) -> int:
    """Numbers: what the network gives of each event, and its loss."""
    train, outputs = values["train"], _outputs(values, manifest)
    largest = max(manifest.splits[name].events for name in ("test", "validation"))
    waiting = min(largest, _BUFFERED) * (outputs + 1)
    if (train["early_stopping"] or {}).get("monitor") == VALIDATION_AREA:
        # those of a whole epoch, and their copy while the batches are put together
        waiting = max(waiting, 2 * manifest.splits["validation"].events * len(manifest.classes))
    return waiting


def _scored_events(manifest: Manifest) -> int:
    """Of test, of validation and of a sample of train."""
    splits = manifest.splits
    test = splits["test"].events
    return test + splits["validation"].events + min(splits["train"].events, _SAMPLE, _SAMPLE_FACTOR * test)


def _events(data: Mapping[str, Any], manifest: Manifest) -> int:
    """Training events of an epoch."""
    counts = manifest.splits["train"].counts
    if data.get("fraction") is not None:
        share = Share.parse(data["fraction"], FRACTION)
        counts = tuple(map(share.of, counts))
    return max(counts) * len(counts) if data["balance"] == "oversample" else sum(counts)
