"""The `train` section: how one network is trained."""

import dataclasses
from typing import Annotated, Any, ClassVar, Literal

from dlscan.config.build import Above, Below, Min, Problem, build_fields, join
from dlscan.config.units import Duration

WITH_MOMENTUM = ("sgd", "rmsprop")


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs."""

    monitor: Literal["val_loss", "val_accuracy", "val_Mean_AUC", "loss", "accuracy"] = "val_loss"
    patience: Annotated[int, Min(1)] = 10
    min_delta: Annotated[float, Min(0)] = 0.0


@dataclasses.dataclass(frozen=True)
class Train:
    """How one network is trained.

    `momentum` is for sgd and rmsprop. `schedule: cosine` lets the learning rate fall to zero over `epochs`.
    `weight_decay` takes that share of every weight, times the learning rate, away in each step, apart from
    the gradient; null is what the optimizer does by itself. `clip_norm` limits the norm of a network's whole
    gradient. `keep_checkpoint` keeps the last epoch of a point that is done, to train on. `precision` is what
    hidden layers compute in, a policy of Keras. `gpu_memory` is what the process takes of a GPU: what it
    needs as it needs it, all that the framework takes by itself, or at most a share. `jit` is whether
    TensorFlow compiles by XLA: `auto` on accelerators.
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
    weight_decay: Annotated[float, Min(0)] | None = None
    early_stopping: EarlyStopping | None = EarlyStopping()
    time_limit: Duration | None = None
    keep_checkpoint: bool = False
    seed: Annotated[int, Min(0), Below(2**32)] = 1
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    gpu_memory: Literal["growth", "all"] | Annotated[float, Above(0), Below(1)] = "growth"
    jit: Literal["auto"] | bool = "auto"

    # the key that decides which others there are
    kind: ClassVar = "optimizer"

    @classmethod
    def parse(cls, value: Any, key: str) -> "Train":
        """Read the mapping; what it says of the optimizer must fit together."""
        train: Train = build_fields(cls, value, key)
        if train.momentum and train.optimizer not in WITH_MOMENTUM:
            having = " and ".join(WITH_MOMENTUM)
            message = f"only {having} have momentum, but train.optimizer is {train.optimizer}"
            raise Problem(join(key, "momentum"), message)
        return train

    @staticmethod
    def applies(name: str, optimizer: Any) -> bool:
        """Whether training by an optimizer has the key `name`."""
        return name != "momentum" or str(optimizer).lower() in WITH_MOMENTUM
