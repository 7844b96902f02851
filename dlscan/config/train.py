"""The `train` section: how one network is trained."""

import dataclasses
from typing import Annotated, Any, Literal

from dlscan.config.build import Above, Below, Min, Problem, build_fields, join, plain
from dlscan.config.curves import known_columns
from dlscan.config.losses import Loss
from dlscan.config.units import Duration

# Keys that only some trainings have: what decides that, and its values that have them.
FOR_SOME = {
    "gamma": ("loss", ("focal",)),
    "momentum": ("optimizer", ("sgd", "rmsprop")),
    "schedule_rate": ("schedule", ("decay",)),
    "schedule_every": ("schedule", ("step",)),
    "schedule_factor": ("schedule", ("step", "plateau")),
    "schedule_patience": ("schedule", ("plateau",)),
}
# Schedules whose learning rates depend on how many epochs there are.
BY_EPOCHS = ("cosine",)


@dataclasses.dataclass(frozen=True)
class EarlyStopping:
    """Stop when `monitor` has not improved by more than `min_delta` for `patience` epochs.

    What counts is its mean over the last `window` epochs. The best epoch is the last one of the best window.
    """

    monitor: str = "val_loss"
    patience: Annotated[int, Min(1)] = 10
    min_delta: Annotated[float, Min(0)] = 0.0
    window: Annotated[int, Min(1)] = 1

    @classmethod
    def parse(cls, value: Any, key: str) -> "EarlyStopping":
        """Read the mapping; the letters of a column may be small or capital ones."""
        rule: EarlyStopping = build_fields(cls, value, key)
        known = {name.lower(): name for name in known_columns()}
        return dataclasses.replace(rule, monitor=known.get(rule.monitor.lower(), rule.monitor))


@dataclasses.dataclass(frozen=True)
class Train:
    """How one network is trained.

    `loss` is what it minimises, `gamma` the power of the loss `focal`. `label_smoothing` moves that share of
    the right class to all classes. `l1` and `l2` are what the sum of |w| and of w^2 over all kernels adds.
    `body_rate` times `learning_rate` is that of all layers but the head. `momentum` is for sgd and rmsprop.
    The learning rate rises over `warm_up` epochs and then falls as `schedule` says: by `schedule_rate` in
    `decay`, by `schedule_factor` every `schedule_every` epochs in `step`, and after `schedule_patience`
    epochs without improvement in `plateau`.
    `weight_decay` takes that share of every weight, times the learning rate, away in each step, apart from
    the gradient; null is what the optimizer does by itself. `clip_norm` limits the norm of a network's whole
    gradient. `keep_checkpoint` keeps the last epoch of a point that is done, to train on. `precision` is what
    hidden layers compute in, a policy of Keras. `gpu_memory` is what the process takes of a GPU: what it
    needs as it needs it, all that the framework takes by itself, or at most a share. `jit` is whether
    TensorFlow compiles by XLA: `auto` on accelerators. `devices` train a network together: in
    `parallel` by data each on its share of every batch, by model each with its part of every weight.
    """

    epochs: Annotated[int, Min(1)] = 100
    batch_size: Annotated[int, Min(1)] = 1024
    loss: Loss = Loss()
    gamma: Annotated[float, Min(0)] = 2.0
    label_smoothing: Annotated[float, Min(0), Below(1)] = 0.0
    l1: Annotated[float, Min(0)] = 0.0
    l2: Annotated[float, Min(0)] = 0.0
    optimizer: Literal[
        "adam", "adamw", "nadam", "adamax", "sgd", "rmsprop", "adagrad", "adadelta", "ftrl", "lion"
    ] = "adam"
    learning_rate: Annotated[float, Above(0)] = 0.001
    momentum: Annotated[float, Min(0), Below(1)] = 0.0
    body_rate: Annotated[float, Above(0)] | None = None
    schedule: Literal["constant", "cosine", "decay", "step", "plateau"] = "constant"
    schedule_rate: Annotated[float, Min(0)] = 0.1
    schedule_every: Annotated[int, Min(1)] = 10
    schedule_factor: Annotated[float, Above(0), Below(1)] = 0.5
    schedule_patience: Annotated[int, Min(1)] = 5
    warm_up: Annotated[int, Min(0)] = 0
    clip_norm: Annotated[float, Above(0)] | None = None
    weight_decay: Annotated[float, Min(0)] | None = None
    early_stopping: EarlyStopping | None = EarlyStopping()
    time_limit: Duration | None = None
    keep_checkpoint: bool = False
    seed: Annotated[int, Min(0), Below(2**32)] = 1
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "float32"
    gpu_memory: Literal["growth", "all"] | Annotated[float, Above(0), Below(1)] = "growth"
    jit: Literal["auto"] | bool = "auto"
    devices: Literal["all"] | Annotated[int, Min(1)] = 1
    parallel: Literal["data", "model"] = "data"

    @classmethod
    def parse(cls, value: Any, key: str) -> "Train":
        """Read the mapping; what it says must fit together."""
        train: Train = build_fields(cls, value, key)
        for name, (deciding, having) in FOR_SOME.items():
            kind = getattr(train, deciding)
            if getattr(train, name) != getattr(cls, name) and not cls.applies(name, kind):
                verb = "have" if len(having) > 1 else "has"
                message = f"only {' and '.join(having)} {verb} {name}, but {key}.{deciding} is {kind}"
                raise Problem(join(key, name), message)
        if train.warm_up >= train.epochs:
            message = f"must be less than {key}.epochs, which is {train.epochs}, got {train.warm_up}"
            raise Problem(join(key, "warm_up"), message)
        if train.parallel == "model":
            if train.devices == 1:
                message = f"model divides a network over {key}.devices, which is 1; set it to 2 or all"
                raise Problem(join(key, "parallel"), message)
        elif train.devices != "all" and train.batch_size % train.devices:
            message = f"must share {key}.batch_size evenly, which is {train.batch_size}, got {train.devices}"
            raise Problem(join(key, "devices"), message)
        return train

    def plain(self) -> dict[str, Any]:
        """The mapping that `parse` reads back; without what came later and is seldom used."""
        own = {field.name: plain(getattr(self, field.name)) for field in dataclasses.fields(self)}
        return {name: value for name, value in own.items() if name != "body_rate" or value is not None}

    @property
    def minimised(self) -> tuple[object, ...]:
        """What the loss in the history is: numbers of different ones cannot be compared."""
        gamma = self.gamma if self.applies("gamma", self.loss) else None
        return self.loss, gamma, self.label_smoothing

    @staticmethod
    def decided_by(name: str) -> str:
        """The key that decides whether there is the key `name`; any will do for what is always there."""
        return FOR_SOME[name][0] if name in FOR_SOME else "optimizer"

    @staticmethod
    def applies(name: str, kind: Any) -> bool:
        """Whether a training has the key `name` where the key that decides is `kind`."""
        return name not in FOR_SOME or str(kind).lower() in FOR_SOME[name][1]
