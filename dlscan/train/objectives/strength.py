"""How much what works against a network counts."""

from typing import Any

from dlscan.models import keras


class Strength:
    """How much it counts in the next step of a network; true if it ever counts.

    It rises linearly over the first steps: of S the first has 1/S of it, the last all of it.

    Parameters
    ----------
    full : float
        After these steps.
    rising : int
        How many there are.
    taken : keras.Variable
        The number of steps that the optimizer of the network has taken.
    """

    def __init__(self, full: float, rising: int, taken: Any) -> None:
        self._full, self._rising, self._taken = full, rising, taken

    def __bool__(self) -> bool:
        return self._full > 0

    def __call__(self) -> Any:
        """A number, or a tensor () where it changes."""
        if not self._rising:
            return self._full
        share = (keras.ops.cast(self._taken.value, "float32") + 1) / self._rising
        return self._full * keras.ops.minimum(share, 1.0)
