"""One training step of several points on one batch: back ends only differentiate and apply.

What is minimised is in `dlscan.train.objectives`. `train_on_batch` would do the same for one network, but it
waits for the result of each step and works out anew each time what it was told before. All points of a step
are compiled as one: what they have in common, their scaled inputs above all, is computed once, and small
networks run beside each other. A module for each back end has `make_steps`, `compiled` and `slopes`.
"""

import dataclasses
import importlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeVar

from dlscan.models import Network, backend
from dlscan.models.network import taken_by
from dlscan.models.replicas import Replicas
from dlscan.train.feed import Fed
from dlscan.train.objectives import EVENTS, NETWORK, Objective

Jit = bool | Literal["auto"]
Call = Callable[[Any], Any]
Point = TypeVar("Point")
# Batches by the name of their stream.
Streams = Mapping[str, Fed]
# The positions of some points of a pack; None is all.
Who = tuple[int, ...] | None
# Batches, and the points that take them.
Taken = tuple[Streams, Who]


@dataclasses.dataclass(frozen=True)
class Part:
    """Variables that one optimizer changes to make one objective smaller.

    Attributes
    ----------
    variables : sequence of keras.Variable
        Of one or several networks.
    optimizer : keras.Optimizer
        Built for them; None where there are no steps to take.
    objective : Objective
        What to make smaller.
    times : int
        Steps on each batch, one after the other; the numbers are those of before the first.
    """

    variables: Sequence[Any]
    optimizer: Any
    objective: Objective
    times: int = 1


@dataclasses.dataclass(frozen=True)
class Trained:
    """What a step trains of one point.

    Attributes
    ----------
    networks : mapping of str to Network
        By name.
    parts : sequence of Part
        They take their steps one after the other, each with what the one before has changed. The last one is
        that of the network that is to be kept.
    states : sequence of keras.Variable
        What objectives change beside the variables of networks: states of random numbers.
    streams : sequence of str
        What batches objectives need.
    """

    networks: Mapping[str, Network]
    parts: Sequence[Part]
    states: Sequence[Any] = ()
    streams: Sequence[str] = (EVENTS,)

    @classmethod
    def single(cls, network: Network, optimizer: Any, objective: Objective) -> "Trained":
        """One network that makes one objective smaller."""
        return cls({NETWORK: network}, [Part(network.model.trainable_variables, optimizer, objective)])


class Called:
    """A network in a step: it takes its own inputs of those of a batch, which others may need too."""

    def __init__(self, model: Any) -> None:
        self.model = model

    @property
    def losses(self) -> Any:
        """Those that layers add."""
        return self.model.losses

    def __call__(self, inputs: Mapping[str, Any], training: bool) -> Any:
        return self.model(taken_by(self.model, inputs), training=training)


class Steps(Protocol):
    """What a pack does with batches, without waiting for it; K is the number of its points.

    Both tell of each batch, and of each point M numbers, a tensor (K, M): those of the objective of its last
    part, and then those of the others in their order, see `Told`. With some positions they are about these
    points alone. A small network needs less time for a batch than it takes to ask it, so that a call takes
    several.

    Attributes
    ----------
    one_length : bool
        Whether they are compiled for one number of entries of sparse inputs.
    as_one : bool
        Whether the training batches of a call are compiled as one; otherwise each by itself.
    """

    one_length: bool
    as_one: bool

    def train(self, *batches: Taken) -> list[Any]:
        """Let each optimizer take a step with each batch, in their order; the numbers of before it."""

    def look(self, *batches: Taken) -> list[tuple[Any, Any]]:
        """Change nothing; of each batch the numbers, and what the networks of last parts gave, by head."""

    def settle(self) -> None:
        """See to it that the variables hold what the steps have made of them."""


def steps(points: Sequence[Trained], jit: Jit = "auto", devices: Replicas = ()) -> Steps:
    """The steps of points.

    Parameters
    ----------
    points : sequence of Trained
        Scaled inputs with one name in several of their networks are the same.
    jit : bool or "auto"
        Whether TensorFlow compiles by XLA; `auto` does so as Keras does, on accelerators alone.
    devices : Replicas
        Those that share every batch, if there are several.
    """
    made: Steps = _own().make_steps(points, jit, devices)
    return made


def in_order(numbers: Sequence[Any]) -> list[Any]:
    """What the parts of a point tell, in the order of `Steps`."""
    return [numbers[-1], *numbers[:-1]]


def chosen(points: Sequence[Point], who: Who) -> Sequence[Point]:
    """The points at these positions."""
    return points if who is None else [points[position] for position in who]


def compiled(model: Any) -> Call:
    """The function that calls a model whose weights stay as they are, for inputs on the device.

    It takes those of the model among others.
    """
    call: Call = _own().compiled(model)
    return lambda inputs: call(taken_by(model, inputs))


def slopes(function: Callable[[dict[str, Any]], Any], at: dict[str, Any]) -> dict[str, Any]:
    """The slopes of the sum of a function of tensors by name, which can be differentiated once more."""
    found: dict[str, Any] = _own().slopes(function, at)
    return found


def _own() -> Any:
    """The module of the back end in use."""
    return importlib.import_module(f"dlscan.train.steps.on_{backend()}")
