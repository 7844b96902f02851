"""When to stop, and which epoch was the best: pure numbers."""

import dataclasses
from typing import Any

from dlscan.config import EarlyStopping


@dataclasses.dataclass
class Stopping:
    """What early stopping remembers from one epoch to the next.

    Attributes
    ----------
    monitor : str
        The column of the history that decides: less is better for a loss, more for the others.
    patience : int or None
        Epochs without improvement after which to stop; None never stops, but still knows the best epoch.
    min_delta : float
        What the monitor must change by to count as an improvement.
    best : float or None
        The best value so far.
    best_epoch : int
        Its epoch, from 1; 0 before the first.
    wait : int
        Epochs since then.
    """

    monitor: str = "val_loss"
    patience: int | None = None
    min_delta: float = 0.0
    best: float | None = None
    best_epoch: int = 0
    wait: int = 0

    @classmethod
    def of(cls, rule: EarlyStopping | None) -> "Stopping":
        """Start by the experiment's rule; without one the epoch of the least validation loss is the best."""
        return cls() if rule is None else cls(rule.monitor, rule.patience, rule.min_delta)

    @property
    def stop(self) -> bool:
        """Whether patience is at its end."""
        return self.patience is not None and self.wait >= self.patience

    def update(self, epoch: int, value: float) -> None:
        """Take in the monitor's value of an epoch."""
        if self.best is None or self._gain(value) > self.min_delta:
            self.best, self.best_epoch, self.wait = value, epoch, 0
        else:
            self.wait += 1

    def resumed(self, state: dict[str, Any]) -> "Stopping":
        """The same rule with what `state` remembers."""
        return dataclasses.replace(self, **{key: state[key] for key in ("best", "best_epoch", "wait")})

    def state(self) -> dict[str, Any]:
        """What `resumed` reads, as plain JSON."""
        return {"best": self.best, "best_epoch": self.best_epoch, "wait": self.wait}

    def _gain(self, value: float) -> float:
        assert self.best is not None
        return self.best - value if self.monitor.endswith("loss") else value - self.best
