"""The `scan.halving` key: most points of a scan train for a part of their epochs only."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Annotated, Any

from dlscan.config.adversary import Adversary
from dlscan.config.build import Min, Problem
from dlscan.config.models import Model
from dlscan.config.task_kinds import Classify, Generate, Regress
from dlscan.config.train import EarlyStopping, Train

# The tasks whose losses are kept event by event for `racing`.
_RACED = (Classify.kind, Regress.kind)


@dataclasses.dataclass(frozen=True)
class Halving:
    """All points train for `first` epochs, and the best of every `factor` for `factor` times as many.

    So it goes on until `train.epochs`. With `racing` those go on too that are not significantly worse than
    the best.
    """

    first: Annotated[int, Min(1)]
    factor: Annotated[int, Min(2)] = 3
    racing: bool = False

    def plain(self) -> dict[str, Any]:
        """What reads back as this; plans had no `racing` before there was any."""
        return {name: value for name, value in vars(self).items() if name != "racing" or value}

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The epochs after which points are compared that have so many, in order."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.factor
        return tuple(found)

    def require_fit(
        self,
        points: Sequence[tuple[Train, Model]],
        adversary: Adversary,
        kinds: Collection[str],
        left_out: Collection[tuple[int, ...]] = (),
    ) -> None:
        """Check that points can be compared after these epochs, else a `Problem`.

        Parameters
        ----------
        points : sequence of (Train, Model)
            All of the scan that differ.
        adversary : Adversary
            Of the experiment.
        kinds : collection of str
            Of its tasks.
        left_out : collection of tuple of int
            The folds that validate, of every training.
        """
        if adversary.own is not None:
            raise Problem(
                "scan.halving",
                "compares points by their loss, which is lowest for a network that ignores its "
                "adversary; remove one of them",
            )
        trees = next((model.family for _, model in points if model.trainer == "trees"), None)
        if trees is not None:
            raise Problem(
                "scan.halving",
                f"is for networks, and the family {trees} is boosted trees; give these a scan of their own",
            )
        most = max(train.epochs for train, _ in points)
        if self.first >= most:
            raise Problem(
                "scan.halving.first", f"must be less than train.epochs, which is {most}, got {self.first}"
            )
        columns = list(dict.fromkeys(judged_by(train) for train, _ in points))
        if len(columns) > 1:
            raise Problem(
                "scan.halving",
                "compares points by train.early_stopping.monitor, which has to be the same for all: it is "
                f"{' and '.join(columns)}",
            )
        if self.racing:
            self._require_events(columns[0], kinds, left_out)
        losses = {(train.minimised, *_of_model(model)) for train, model in points}
        if Generate.kind in kinds and columns[0] == "val_loss":
            return  # the energy distance, whatever a generator minimises
        if columns[0].endswith("loss") and len(losses) > 1:
            raise Problem(
                "scan.halving",
                f"compares points by {columns[0]}, and different losses cannot be compared; "
                "set train.early_stopping.monitor to a column that is no loss",
            )

    def _require_events(
        self, column: str, kinds: Collection[str], left_out: Collection[tuple[int, ...]]
    ) -> None:
        """Check that points can be compared event by event."""
        other = next((kind for kind in kinds if kind not in _RACED), None)
        if other is not None:
            raise Problem(
                "scan.halving.racing",
                f"compares losses of single events, which are not kept for the task {other}; remove racing",
            )
        if column != "val_loss":
            raise Problem(
                "scan.halving.racing",
                f"compares losses of single events, and train.early_stopping.monitor is {column}; set it to "
                "val_loss, or remove racing",
            )
        folds = [fold for each in set(left_out) for fold in each]
        if len(folds) > len(set(folds)):
            raise Problem(
                "scan.halving.racing",
                "compares means over all folds, and cannot where these overlap; leave out one fold at a "
                "time, or remove racing",
            )


def _of_model(model: Model) -> tuple[object, ...]:
    """What of a model decides what its loss is: that of a variational autoencoder is a bound with weights."""
    return tuple(getattr(model.parameters, name, None) for name in ("beta", "sigma"))


def judged_by(train: Train) -> str:
    """The column of the history by which points are compared: always one of the validation split."""
    monitor = (train.early_stopping or EarlyStopping()).monitor
    return monitor if monitor.startswith("val_") else f"val_{monitor}"
