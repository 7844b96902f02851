"""What a step asks an objective."""

from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

# The network of a point that has one, and the stream of the events that it is trained on.
NETWORK, EVENTS = "network", "events"


class Given(NamedTuple):
    """A batch as an objective gets it.

    Attributes
    ----------
    inputs : object
        What the networks of the point take: tensors (B, ...) by name, perhaps scaled already. A back end may
        have a form of its own for them; an objective hands them on to networks as they are.
    truth : dict of str to tensor, (B, ...) each
        What is to be learned, by the name of the head.
    weights : tensor of float32, (B,)
        Of the events in the loss.
    """

    inputs: Any
    truth: dict[str, Any]
    weights: Any


class Told(NamedTuple):
    """What an objective found.

    Attributes
    ----------
    loss : tensor, ()
        What its part minimises: the mean over the events of the batch.
    numbers : tensor, (M,)
        For the history: first a loss, the mean over the events of the batch, then sums over them. A network
        beside that of the point tells sums alone. See `Curve` of what is a mean over some events.
    raw : dict of str to tensor, (B, ...) each
        What the network gave, by the name of the head.
    """

    loss: Any
    numbers: Any
    raw: dict[str, Any]


class Objective(Protocol):
    """What a part of the variables of a point minimises."""

    def __call__(self, networks: Mapping[str, Any], batches: Mapping[str, Given], training: bool) -> Told:
        """Loss and numbers.

        Parameters
        ----------
        networks : mapping of str to callable
            As `network(inputs, training=...)`; `network.losses` are then those that its layers add.
        batches : mapping of str to Given
            By the name of the stream.
        training : bool
            Whether it is for a step, or to look.
        """
