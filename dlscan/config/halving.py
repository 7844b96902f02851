"""The `scan.halving` key: most points of a scan train for a part of their epochs only."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Annotated

from dlscan.config.adversary import Adversary
from dlscan.config.build import Min, Problem
from dlscan.config.models import Model
from dlscan.config.task_kinds import Generate
from dlscan.config.train import EarlyStopping, Train


@dataclasses.dataclass(frozen=True)
class Halving:
    """All points train for `first` epochs, and the best of every `factor` for `factor` times as many.

    So it goes on until `train.epochs`.
    """

    first: Annotated[int, Min(1)]
    factor: Annotated[int, Min(2)] = 3

    def rungs(self, epochs: int) -> tuple[int, ...]:
        """The epochs after which points are compared that have so many, in order."""
        found, rung = [], self.first
        while rung < epochs:
            found.append(rung)
            rung *= self.factor
        return tuple(found)

    def require_fit(
        self, points: Sequence[tuple[Train, Model]], adversary: Adversary, kinds: Collection[str]
    ) -> None:
        """Check that points can be compared after these epochs, else a `Problem`; `kinds` are of tasks."""
        if adversary.own is not None:
            raise Problem(
                "scan.halving",
                "compares points by their loss, which is least for a network that does not heed its "
                "adversary; leave out one of them",
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
        losses = {(train.minimised, *_of_model(model)) for train, model in points}
        if Generate.kind in kinds and columns[0] == "val_loss":
            return  # the energy distance, whatever a generator minimises
        if columns[0].endswith("loss") and len(losses) > 1:
            raise Problem(
                "scan.halving",
                f"compares points by {columns[0]}, and different losses cannot be compared; "
                "set train.early_stopping.monitor to a column that is no loss",
            )


def _of_model(model: Model) -> tuple[object, ...]:
    """What of a model decides what its loss is: that of a variational autoencoder is a bound with weights."""
    return tuple(getattr(model.parameters, name, None) for name in ("beta", "sigma"))


def judged_by(train: Train) -> str:
    """The column of the history by which points are compared: always one of the validation split."""
    monitor = (train.early_stopping or EarlyStopping()).monitor
    return monitor if monitor.startswith("val_") else f"val_{monitor}"
