"""The history of a point: a row per epoch."""

import dataclasses
import math
import statistics
from collections.abc import Sequence
from pathlib import Path

from dlscan.files import write_text


@dataclasses.dataclass(frozen=True)
class Row:
    """One epoch.

    Attributes
    ----------
    epoch : int
        From 1.
    loss, accuracy, val_loss, val_accuracy : float
        Means over the events of the training split, as the epoch saw them, and of the validation split after.
        Losses are weighted by the events' weights, accuracies are not.
    seconds : float
        Training and validation together, of all networks that trained in this epoch.
    events_per_second : float
        Of training.
    networks : int
        How many trained in this epoch, on one stream.
    val_Mean_AUC : float or None
        Mean over the classes of the AUC against all others, validation split; None unless early stopping
        monitors it, or where no class has one.
    """

    epoch: int
    loss: float
    accuracy: float
    val_loss: float
    val_accuracy: float
    seconds: float
    events_per_second: float
    networks: int = 1
    val_Mean_AUC: float | None = None

    @property
    def finite(self) -> bool:
        """Whether both losses are still numbers."""
        return math.isfinite(self.loss) and math.isfinite(self.val_loss)

    def line(self, epochs: int) -> str:
        """The epoch as a line of a log."""
        area = "" if self.val_Mean_AUC is None else f"val_Mean_AUC {self.val_Mean_AUC:.4f} "
        return (
            f"epoch {self.epoch}/{epochs} loss {self.loss:.4g} accuracy {self.accuracy:.4g} "
            f"val_loss {self.val_loss:.4g} val_accuracy {self.val_accuracy:.4g} {area}"
            f"{self.seconds:.1f} s {self.events_per_second:,.0f} events/s"
        )


def write_csv(path: Path, history: Sequence[Row]) -> None:
    """Write a history whole; the numbers read back as they are. The checkpoint has them too."""
    names = [field.name for field in dataclasses.fields(Row)]
    # a column that no epoch has is none
    names = [name for name in names if any(getattr(row, name) is not None for row in history)]
    rows = [",".join(repr(getattr(row, name)) for name in names) for row in history]
    write_text(path, "\n".join([",".join(names), *rows]) + "\n", safe=False)


def summary(history: Sequence[Row], best_epoch: int) -> dict[str, float | None]:
    """The metrics of a record that come from its history; the best is that of the weights that are kept."""
    return {
        "initial_loss": history[0].loss,
        "final_loss": history[-1].loss,
        "initial_val_loss": history[0].val_loss,
        "final_val_loss": history[-1].val_loss,
        "best_val_loss": history[best_epoch - 1].val_loss,
    }


def speed(history: Sequence[Row]) -> dict[str, float]:
    """The times of a record."""
    return {
        "seconds_per_epoch": statistics.median(row.seconds for row in history),
        "train_seconds": sum(row.seconds / row.networks for row in history),
        "job_seconds": sum(row.seconds for row in history),
        "events_per_second": statistics.median(row.events_per_second for row in history),
    }
