"""The `train` section: how one network is trained."""

import dataclasses
from typing import Annotated, Literal

from dlscan.config.build import Above, Below, Min
from dlscan.config.units import Duration


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs."""

    monitor: Literal["val_loss", "val_accuracy", "loss", "accuracy"] = "val_loss"
    patience: Annotated[int, Min(1)] = 10
    min_delta: Annotated[float, Min(0)] = 0.0


@dataclasses.dataclass(frozen=True)
class Train:
    """How one network is trained.

    `momentum` is for sgd and rmsprop. `schedule: cosine` lets the learning rate fall to zero over `epochs`.
    `clip_norm` limits the norm of a network's whole gradient.
    """

    epochs: Annotated[int, Min(1)] = 100
    batch_size: Annotated[int, Min(1)] = 1024
    optimizer: Literal[
        "adam", "adamw", "nadam", "adamax", "sgd", "rmsprop", "adagrad", "adadelta", "ftrl", "lion"
    ] = "adam"
    learning_rate: Annotated[float, Above(0)] = 0.001
    momentum: Annotated[float, Min(0), Below(1)] = 0.0
    schedule: Literal["constant", "cosine"] = "constant"
    clip_norm: Annotated[float, Above(0)] | None = None
    early_stopping: EarlyStopping | None = EarlyStopping()
    time_limit: Duration | None = None
    seed: Annotated[int, Min(0), Below(2**32)] = 1
