"""How the learning rate of one network changes while it trains."""

import math
from typing import Any

from dlscan.config import Train
from dlscan.models import keras

_SHARE = "learning_rate_share"


def make_rate(train: Train, steps: int) -> Any:
    """What an optimizer takes as its learning rate: a number, or a schedule of Keras.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    steps : int
        Batches in an epoch.
    """
    if not train.warm_up and train.schedule == "constant":
        return train.learning_rate
    if not train.warm_up and train.schedule == "cosine":
        return keras.optimizers.schedules.CosineDecay(train.learning_rate, decay_steps=steps * train.epochs)
    return Schedule(train, steps)


class Schedule(keras.optimizers.schedules.LearningRateSchedule):  # type: ignore[misc]
    """The learning rate of each step.

    It rises linearly over the first `warm_up` epochs: of their S steps the first has 1/S of `learning_rate`,
    the last all of it. With t epochs since then, as a fraction too, it is multiplied by

    - (1 + cos(pi t / (epochs - warm_up))) / 2 in `cosine`,
    - 1 / (1 + `schedule_rate` t) in `decay`,
    - `schedule_factor` to the power of the whole number in t / `schedule_every` in `step`,
    - the share that `lower` has left in `plateau`.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    steps : int
        Batches in an epoch.
    """

    def __init__(self, train: Train, steps: int) -> None:
        self._train, self._steps = train, steps
        self._share: Any = None

    def attach(self, optimizer: Any) -> None:
        """Keep what changes between epochs with the variables of the optimizer that has this schedule."""
        if self._train.schedule == "plateau":
            self._share = optimizer.add_variable((), initializer="ones", name=_SHARE)

    def __call__(self, step: Any) -> Any:
        """See Keras: the learning rate of a step, from 0."""
        train, ops = self._train, keras.ops
        warm = train.warm_up * self._steps
        step = ops.convert_to_tensor(step)
        rate = train.learning_rate * self._factor(ops.maximum(step - warm, 0))
        if not warm:
            return rate
        rising = train.learning_rate * (ops.cast(step, "float32") + 1) / warm
        return ops.where(step < warm, rising, rate)

    def _factor(self, since: Any) -> Any:
        """What the full learning rate is multiplied by so many steps after the warm-up."""
        train, ops = self._train, keras.ops
        epochs = ops.cast(since, "float32") / self._steps
        match train.schedule:
            case "cosine":
                whole = train.epochs - train.warm_up
                return (1 + ops.cos(math.pi * ops.minimum(epochs / whole, 1))) / 2
            case "decay":
                return 1 / (1 + train.schedule_rate * epochs)
            case "step":
                # whole numbers: a quotient just below one would be rounded to it
                times = since // (train.schedule_every * self._steps)
                return ops.power(train.schedule_factor, ops.cast(times, "float32"))
            case "plateau":
                return ops.convert_to_tensor(self._share)
        return ops.ones(())


def lower(optimizer: Any, factor: float) -> float:
    """Multiply the learning rate of an optimizer by `factor` from now on; what it is then."""
    (share,) = (variable for variable in optimizer.variables if variable.name == _SHARE)
    share.assign(share * factor)
    return float(keras.ops.convert_to_numpy(optimizer.learning_rate))
