"""What every task says of itself."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import Curve
from dlscan.config.losses import Loss
from dlscan.metrics import Measured

Arrays = dict[str, NDArray[Any]]


class Standard(NamedTuple):
    """Mean and standard deviation of what a head predicts, over the training split: one for every number.

    Losses see numbers less the mean, over the standard deviation, which is 1 where all numbers are the same.
    """

    mean: tuple[float, ...]
    std: tuple[float, ...]


# By the name of the head; heads that predict no numbers have none.
Standards = Mapping[str, Standard]


@dataclasses.dataclass(frozen=True)
class Head:
    """A last layer of a network.

    Attributes
    ----------
    name : str
        What it gives: `scores`, `predictions`.
    size : int
        How many numbers per event.
    targets : tuple of str
        What each of them is, if it is a number in a unit; empty for scores.
    weight : float
        Of its loss among those of several heads.
    loss : Loss or None
        What it minimises, if that is not `train.loss`.
    are_rates : bool
        Whether the numbers are positive: what losses see is the logarithm of each, over its mean.
    """

    name: str
    size: int
    targets: tuple[str, ...] = ()
    weight: float = 1.0
    loss: Loss | None = None
    are_rates: bool = False

    @property
    def aside(self) -> str:
        """What a network calls it that is given it beside inputs, none of which is called so."""
        return f"net-{self.name}"


class OnAllClasses:
    """What most tasks have in common: they are trained on events of every class, and judged one by one."""

    train_on: tuple[str, ...] = ()
    given: tuple[Head, ...] = ()
    beside: tuple[Head, ...] = ()
    compares = False

    def is_trained(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """All of them; see `Task`."""
        return np.ones(len(labels), bool)

    def compared(self, kept: Mapping[str, NDArray[Any]], training: Mapping[str, NDArray[Any]]) -> Arrays:
        """Nothing; see `Task`."""
        return {}

    def predicted(self, final: Arrays) -> Arrays:
        """Nothing; see `Task`."""
        return {}


class Task(Protocol):
    """What a network learns.

    Attributes
    ----------
    kinds : tuple of str
        Of the tasks that it consists of, as in the experiment file.
    heads : tuple of Head
        What a network gives.
    given : tuple of Head
        What it is given beside inputs: numbers of events, which `truth` tells too.
    beside : tuple of Head
        What networks give that are trained with it.
    curves : tuple of Curve
        The columns of a history that steps tell, the loss first.
    columns : dict of str to bool
        All columns that early stopping may monitor, and whether less is better.
    """

    @property
    def kinds(self) -> tuple[str, ...]: ...

    @property
    def heads(self) -> tuple[Head, ...]: ...

    @property
    def given(self) -> tuple[Head, ...]: ...

    @property
    def beside(self) -> tuple[Head, ...]: ...

    @property
    def curves(self) -> tuple[Curve, ...]: ...

    @property
    def columns(self) -> dict[str, bool]: ...

    @property
    def train_on(self) -> tuple[str, ...]:
        """The classes whose events are trained on; none of them stands for all."""

    @property
    def compares(self) -> bool:
        """Whether there is anything that `compared` tells."""

    def is_trained(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """Which events with these labels (B,) are of the classes that are trained on."""

    @property
    def extras(self) -> tuple[str, ...]:
        """The datasets of `data.extras` that training needs of every event."""

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """What is to be learned of events, (B, ...) each, by the name of the head.

        Parameters
        ----------
        labels : ndarray of int32, (B,)
            Indices of the classes.
        extras : mapping of str to ndarray, each (B, ...)
            What the events carry along: `extras` at least.
        """

    def predicted(self, final: Arrays) -> Arrays:
        """What `dlscan predict` writes of events, (B, ...) each, of what a model gives."""

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """What `predictions.h5` holds of events beside labels and weights, (B, ...) each.

        Parameters
        ----------
        final, raw : dict of str to ndarray
            What the network gives, and what its losses see, by the name of the head.
        truth : dict of str to ndarray
            As above.
        losses : ndarray of float32, (B,), optional
            The loss of each event that was minimised, if it is another than usual for this task.
        """

    def compared(self, kept: Mapping[str, NDArray[Any]], training: Mapping[str, NDArray[Any]]) -> Arrays:
        """What else `predictions.h5` holds of a split once it is known what it holds of training events.

        Parameters
        ----------
        kept, training : mapping of str to ndarray, (N, ...) each
            What it holds of the split, and of a sample of the training split.
        """

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """The numbers of the test split, see docs/evaluate.md.

        Parameters
        ----------
        kept : mapping of str to ndarray, (N, ...) each
            What `predictions.h5` holds of the split: `labels`, `weights`, and what was `written`.

        Raises
        ------
        DataError
            If what the network gave is nan, or a weight is not finite.
        """

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """The numbers of the validation split, which a choice among models may look at; as `measure`."""
