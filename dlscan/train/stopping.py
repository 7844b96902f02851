"""When to stop, which epoch was the best, and when there is no progress: pure numbers."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Any

from dlscan.config import EarlyStopping, Train
from dlscan.config.labels import VALIDATION_AREA


@dataclasses.dataclass
class Stopping:
    """What early stopping remembers from one epoch to the next.

    Attributes
    ----------
    monitor : str
        The column of the history that decides.
    less_is_better : bool
        Which way it improves.
    patience : int or None
        Epochs without improvement after which to stop; None never stops, but still knows the best epoch.
    min_delta : float
        What the monitor must change by to count as an improvement.
    window : int
        The monitor counts as its mean over so many epochs, the present one and those before it.
    best : float or None
        The best value so far.
    best_epoch : int
        Its epoch, from 1, the last of the window; 0 before the first.
    wait : int
        Epochs since then.
    recent : list of float
        The monitor in the last epochs, those that the window of the next one reaches back to.
    """

    monitor: str = "val_loss"
    less_is_better: bool = True
    patience: int | None = None
    min_delta: float = 0.0
    window: int = 1
    best: float | None = None
    best_epoch: int = 0
    wait: int = 0
    recent: Sequence[float] = ()

    @classmethod
    def of(cls, rule: EarlyStopping | None, columns: Mapping[str, bool]) -> "Stopping":
        """Start by the experiment's rule; without one the epoch of the least validation loss is the best.

        Parameters
        ----------
        rule : EarlyStopping or None
            The key of the experiment.
        columns : mapping of str to bool
            The columns of the history, and whether less is better.
        """
        if rule is None:
            return cls()
        return cls(rule.monitor, columns[rule.monitor], rule.patience, rule.min_delta, rule.window)

    @classmethod
    def last(cls) -> "Stopping":
        """Never stop, and keep the last epoch, which counts as the best."""
        return cls(min_delta=-math.inf)

    @property
    def monitors_area(self) -> bool:
        """Whether the mean AUC of validation decides, which is not worked out otherwise."""
        return self.monitor == VALIDATION_AREA

    @property
    def stop(self) -> bool:
        """Whether patience is at its end."""
        return self.patience is not None and self.wait >= self.patience

    def update(self, epoch: int, value: float) -> bool:
        """Take in the monitor's value of an epoch; whether that is an improvement."""
        last = [*self.recent, value]
        # as many as there are, in the first epochs
        self.recent, mean = last[max(len(last) + 1 - self.window, 0) :], math.fsum(last) / len(last)
        improved = self.best is None or self._gain(mean) > self.min_delta
        if improved:
            self.best, self.best_epoch, self.wait = mean, epoch, 0
        else:
            self.wait += 1
        return improved

    def resumed(self, state: dict[str, Any]) -> "Stopping":
        """The same rule with what `state` remembers."""
        known = {key: state[key] for key in ("best", "best_epoch", "wait")}
        # those of older versions have no window
        return dataclasses.replace(self, **known, recent=list(state.get("recent", ())))

    def state(self) -> dict[str, Any]:
        """What `resumed` reads, as plain JSON."""
        return {
            "best": self.best,
            "best_epoch": self.best_epoch,
            "wait": self.wait,
            "recent": list(self.recent),
        }

    def _gain(self, value: float) -> float:
        assert self.best is not None
        return self.best - value if self.less_is_better else value - self.best


@dataclasses.dataclass
class Plateau:
    """When the learning rate is lowered in `schedule: plateau`.

    Attributes
    ----------
    patience : int or None
        Epochs without improvement after which it is; None never lowers it.
    warm_up : int
        The first epochs, which do not count.
    wait : int
        Epochs that have counted since the last improvement, or since it was lowered.
    """

    patience: int | None = None
    warm_up: int = 0
    wait: int = 0

    @classmethod
    def of(cls, train: Train) -> "Plateau":
        """Start by the experiment's schedule."""
        return cls(train.schedule_patience if train.schedule == "plateau" else None, train.warm_up)

    def update(self, epoch: int, improved: bool) -> bool:
        """Take in whether an epoch was an improvement; whether to lower the learning rate behind it."""
        self.wait = 0 if improved or epoch <= self.warm_up else self.wait + 1
        if self.patience is None or self.wait < self.patience:
            return False
        self.wait = 0
        return True
