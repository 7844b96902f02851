"""What the weights of a network add to what it minimises."""

from collections.abc import Iterable
from typing import Any

from dlscan.config import Train
from dlscan.models import keras


class Penalty:
    """`train.l1` times the sum of |w|, and `train.l2` times the sum of w^2, over all kernels.

    A kernel is what multiplies something: all weights that have two axes or more, but for biases. What shifts
    and scales has one.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    variables : iterable of keras.Variable
        The trainable ones of the network.
    """

    def __init__(self, train: Train, variables: Iterable[Any]) -> None:
        self._l1, self._l2 = train.l1, train.l2
        self._kernels = [one for one in variables if len(one.shape) > 1 and "bias" not in one.name]

    @classmethod
    def of(cls, train: Train, variables: Iterable[Any]) -> "Penalty | None":
        """None where there is none."""
        return cls(train, variables) if train.l1 or train.l2 else None

    def __call__(self) -> Any:
        """The penalty of the weights as they are."""
        total = keras.ops.zeros(())
        for kernel in self._kernels:
            values = keras.ops.convert_to_tensor(kernel)
            if self._l1:
                total = total + self._l1 * keras.ops.sum(keras.ops.abs(values))
            if self._l2:
                total = total + self._l2 * keras.ops.sum(keras.ops.square(values))
        return total
