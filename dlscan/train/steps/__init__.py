"""One training step of several networks on one batch: written for each back end as Keras advises.

`train_on_batch` would do the same for one network, but it waits for the result of each step and works out
anew each time what it was told before. All networks of a step are compiled as one: what they have in common,
their scaled inputs above all, is computed once, and small ones run beside each other. A module for each back
end has `make_steps` and `compiled`.
"""

import importlib
from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol

from dlscan.models import backend
from dlscan.models.trunk import logits
from dlscan.train.feed import Fed

Networks = Sequence[tuple[Any, Any]]
Jit = bool | Literal["auto"]
Call = Callable[[Any], Any]


class Steps(Protocol):
    """What a pack does with a batch, without waiting for it; K is the number of its networks.

    Both tell of each network two numbers, a tensor (K, 2): the mean over the batch of the loss of each event
    times its weight, and how many events have their highest score in the right class. Both are those of
    logits, before the softmax.

    Attributes
    ----------
    one_length : bool
        Whether they are compiled for one number of entries of sparse inputs.
    """

    one_length: bool

    def train(self, fed: Fed) -> Any:
        """Let each optimizer take a step; the numbers of before it."""

    def look(self, fed: Fed) -> Any:
        """Change nothing; the numbers, and the scores (K, B, C) of each network."""

    def settle(self) -> None:
        """See to it that the variables hold what the steps have made of them."""


def steps(networks: Networks, jit: Jit = "auto") -> Steps:
    """The steps of networks.

    Parameters
    ----------
    networks : sequence of (keras.Model, keras.Optimizer)
        Each model takes raw inputs by name and gives a score per class; they have inputs, their scaling and
        classes in common. Each optimizer is built for the trainable variables of its model.
    jit : bool or "auto"
        Whether TensorFlow compiles by XLA; `auto` does so as Keras does, on accelerators alone.
    """
    without_softmax = [(logits(network), optimizer) for network, optimizer in networks]
    made: Steps = _own().make_steps(without_softmax, jit)
    return made


def compiled(model: Any) -> Call:
    """The function that calls a model whose weights stay as they are, for inputs on the device."""
    call: Call = _own().compiled(model)
    return call


def _own() -> Any:
    """The module of the back end in use."""
    return importlib.import_module(f"dlscan.train.steps.on_{backend()}")
