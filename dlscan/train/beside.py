"""Networks that are trained beside that of a point, each with an optimizer and an objective of its own."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from dlscan.models import Network
from dlscan.train.objectives import EVENTS, NETWORK, Objective, Supervised
from dlscan.train.steps import Part, Trained


@dataclasses.dataclass(frozen=True)
class Other:
    """A network beside that of a point.

    Attributes
    ----------
    name : str
        By which objectives find it.
    network : Network
        It is in the checkpoint, and not in what is saved in the end.
    optimizer : keras.Optimizer
        Its own, not built yet.
    objective : Objective
        What it minimises.
    times : int
        Steps that it takes on each batch before that of the network of the point.
    """

    name: str
    network: Network
    optimizer: Any
    objective: Objective
    times: int = 1


@dataclasses.dataclass(frozen=True)
class Beside:
    """What is trained beside the network of a point.

    Attributes
    ----------
    others : sequence of Other
        In the order of their steps on a batch; the network of the point takes its own last.
    objective : callable
        From the loss of the heads of the network of the point, and the variable that counts the steps of its
        optimizer, to what it minimises.
    states : sequence of keras.Variable
        See `Trained`.
    unchanged : mapping of str to Network
        What objectives use too, without anything to train.
    optimizer : keras.Optimizer or None
        Of the network of the point, not built yet, where it is not that of the experiment alone.
    scored : Network or None
        What is scored in place of the network of the point, and shares its weights.
    keeps_last : bool
        Whether the network of the last epoch is kept, and not that of the best.
    shows_hidden : bool
        Whether objectives look at what the heads of the network of the point take.
    streams : sequence of str
        What batches objectives need beside those of the events.
    dataset : str
        The `config_hash` of the dataset of these; empty without any.
    joint : mapping of str to Network
        What objectives use too, and what is trained in the same step as the network of the point.
    """

    others: Sequence[Other]
    objective: Callable[[Supervised, Any], Objective]
    states: Sequence[Any] = ()
    unchanged: Mapping[str, Network] = dataclasses.field(default_factory=dict)
    optimizer: Any = None
    scored: Network | None = None
    keeps_last: bool = False
    shows_hidden: bool = False
    streams: Sequence[str] = ()
    dataset: str = ""
    joint: Mapping[str, Network] = dataclasses.field(default_factory=dict)

    @property
    def joint_variables(self) -> list[Any]:
        """What the optimizer of the network of the point trains beside this one."""
        return [variable for own in self.joint.values() for variable in own.model.trainable_variables]

    def trained(self, network: Network, optimizer: Any, supervised: Supervised) -> Trained:
        """What a step trains of the point, whose optimizer is built."""
        network = dataclasses.replace(network, shows_hidden=self.shows_hidden)
        parts = []
        for other in self.others:
            variables = other.network.model.trainable_variables
            other.optimizer.build(variables)
            parts.append(Part(variables, other.optimizer, other.objective, other.times))
        variables = [*network.model.trainable_variables, *self.joint_variables]
        parts.append(Part(variables, optimizer, self.objective(supervised, optimizer.iterations)))
        networks = {NETWORK: network, **{other.name: other.network for other in self.others}}
        return Trained(
            {**networks, **self.joint, **self.unchanged}, parts, self.states, (EVENTS, *self.streams)
        )
