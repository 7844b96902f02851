"""The history of a point: a row per epoch."""

import dataclasses
import math
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlscan.config.labels import VALIDATION_AREA
from dlscan.files import write_text

# What is no column of a task, in the order of the file.
_OTHERS = ("seconds", "events_per_second", "networks")


@dataclasses.dataclass(frozen=True)
class Row:
    """One epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    values : mapping of str to (float or None)
        By the names of the task's curves: means over the events of the training split, as the epoch saw them,
        and with `val_` in front over those of the validation split after. Losses are weighted by the events'
        weights, the others are not. `val_Mean_AUC` only if early stopping monitors it; None where no class
        has one.
    seconds : float
        Training and validation together, of all networks that trained in this epoch.
    events_per_second : float
        Of training.
    networks : int
        How many trained in this epoch, on one stream.
    """

    epoch: int
    values: Mapping[str, float | None]
    seconds: float
    events_per_second: float
    networks: int = 1

    def __getitem__(self, column: str) -> float:
        """The value of a column that has one."""
        value = self.values[column]
        assert value is not None
        return value

    @classmethod
    def of(cls, flat: Mapping[str, Any]) -> "Row":
        """Read what `flat` gives."""
        values = {name: value for name, value in flat.items() if name not in ("epoch", *_OTHERS)}
        return cls(flat["epoch"], values, **{name: flat[name] for name in _OTHERS if name in flat})

    @property
    def flat(self) -> dict[str, Any]:
        """Every column by its name."""
        return {
            "epoch": self.epoch,
            **{name: value for name, value in self.values.items() if value is not None},
            **{name: getattr(self, name) for name in _OTHERS},
        }

    @property
    def finite(self) -> bool:
        """Whether both losses are still numbers."""
        return math.isfinite(self["loss"]) and math.isfinite(self["val_loss"])

    def line(self, epochs: int) -> str:
        """The epoch as a line of a log."""
        values = [
            f"{name} {value:.4f}" if name == VALIDATION_AREA else f"{name} {value:.4g}"
            for name, value in self.values.items()
            if value is not None
        ]
        return (
            f"epoch {self.epoch}/{epochs} {' '.join(values)} "
            f"{self.seconds:.1f} s {self.events_per_second:,.0f} events/s"
        )


def write_csv(path: Path, history: Sequence[Row], validates: bool = True) -> None:
    """Write a history whole; the numbers read back as they are. The checkpoint has them too.

    Without `validates`, what was looked at beside training was trained on too, and is left out.
    """
    flat = [row.flat for row in history]
    names = list(dict.fromkeys(name for row in flat for name in row))
    names = [name for name in names if validates or not name.startswith("val_")]
    names = [name for name in names if name not in _OTHERS] + [name for name in names if name in _OTHERS]
    rows = [",".join(repr(row[name]) if name in row else "" for name in names) for row in flat]
    write_text(path, "\n".join([",".join(names), *rows]) + "\n", safe=False)


def summary(history: Sequence[Row], best_epoch: int) -> dict[str, float | None]:
    """The metrics of a record that come from its history; the best is that of the weights that are kept."""
    return {
        "initial_loss": history[0]["loss"],
        "final_loss": history[-1]["loss"],
        "initial_val_loss": history[0]["val_loss"],
        "final_val_loss": history[-1]["val_loss"],
        "best_val_loss": history[best_epoch - 1]["val_loss"],
    }


def speed(history: Sequence[Row]) -> dict[str, float]:
    """The times of a record."""
    return {
        "seconds_per_epoch": statistics.median(row.seconds for row in history),
        "train_seconds": sum(row.seconds / row.networks for row in history),
        "job_seconds": sum(row.seconds for row in history),
        "events_per_second": statistics.median(row.events_per_second for row in history),
    }
