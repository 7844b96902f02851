"""The optimizers that `train.optimizer` names."""

from collections.abc import Collection, Mapping
from typing import Any

from dlscan.config import Train
from dlscan.models import backend, keras
from dlscan.train.schedules import Schedule, make_rate

# Optimizers that remember slopes for as long as their `beta_1` says.
_WITH_BETA = ("adam", "adamw", "nadam", "adamax", "lion")
# How much longer steps of a width's logarithm are than those of other weights. With steps of a learning rate
# it would take thousands to cells of 1 % of their scale, and until then codes are worth less than they cost.
STRIDE = 10.0


def make_optimizer(
    train: Train,
    steps: int,
    beta_1: float | None = None,
    body: Collection[Any] = (),
    log_sigma: Collection[Any] = (),
) -> Any:
    """The optimizer of one network.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    steps : int
        Batches in an epoch.
    beta_1 : float, optional
        Of those that have it.
    body : collection of keras.Variable
        Those that have the learning rate of the body, `train.body_rate`.
    log_sigma : collection of keras.Variable
        Those whose steps are `STRIDE` times as long.

    Returns
    -------
    keras.Optimizer
        Not built yet.
    """
    rate = make_rate(train, steps)
    config = {"learning_rate": rate, "global_clipnorm": train.clip_norm}
    if train.applies("momentum", train.optimizer):
        config["momentum"] = train.momentum
    if beta_1 is not None and train.optimizer in _WITH_BETA:
        config["beta_1"] = beta_1
    if train.weight_decay is not None:
        config["weight_decay"] = train.weight_decay
    kinds = {cls.__name__.lower(): cls for cls in vars(keras.optimizers).values() if isinstance(cls, type)}
    if backend() == "tensorflow":
        kinds["adam"] = FusedAdam
    kind = kinds[train.optimizer]
    shares = dict.fromkeys(map(id, log_sigma), STRIDE)
    if train.body_rate is not None:
        shares |= dict.fromkeys(map(id, body), train.body_rate)
    made = _scaled(kind)(config, shares) if shares else kind(**config)
    if isinstance(rate, Schedule):
        rate.attach(made)
    # slopes of a loss of ordinary size underflow in 16 bits
    return keras.optimizers.LossScaleOptimizer(made) if train.precision == "mixed_float16" else made


def _scaled(kind: Any) -> Any:
    """An optimizer that takes shorter or longer steps, each by its factor, with some of its variables.

    A step is the learning rate times what the optimizer makes of the gradients, and so is what weight decay
    takes away: another learning rate is another length of the step. So this is the same for all optimizers
    and back ends. (`ftrl` alone adds up learning rates in its state.)
    """

    class Scaled(kind):  # type: ignore[misc]
        def __init__(self, config: Mapping[str, Any], shares: Mapping[int, float]) -> None:
            super().__init__(**config)
            self._shares = shares

        def apply(self, grads: Any, trainable_variables: Any = None) -> None:
            """See Keras."""
            known = self._trainable_variables if trainable_variables is None else trainable_variables
            scaled = [variable for variable in known if id(variable) in self._shares]
            # not what is there in memory, which PyTorch changes in place
            before = [keras.ops.add(variable, 0.0) for variable in scaled]
            super().apply(grads, trainable_variables)
            for variable, value in zip(scaled, before, strict=True):
                variable.assign(value + self._shares[id(variable)] * (variable - value))

    return Scaled


class FusedAdam(keras.optimizers.Adam):  # type: ignore[misc]
    """Keras' Adam with one operation of TensorFlow in place of its arithmetic on each variable.

    In small networks that is most of what there is to compile.
    """

    def apply(self, grads: Any, trainable_variables: Any = None) -> None:
        """See Keras."""
        import tensorflow as tf

        # once for all variables: TensorFlow would not see that it is the same for each
        step = tf.cast(self.iterations.value + 1, "float32")
        self._powers = tf.pow(self.beta_1, step), tf.pow(self.beta_2, step)
        try:
            super().apply(grads, trainable_variables)
        finally:
            # they belong to a graph, and would keep it
            del self._powers

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        """See Keras."""
        import tensorflow as tf

        place, kind = self._get_variable_index(variable), variable.dtype
        first, second = self._powers
        tf.raw_ops.ResourceApplyAdam(
            var=variable.handle,
            m=self._momentums[place].value.handle,
            v=self._velocities[place].value.handle,
            beta1_power=tf.cast(first, kind),
            beta2_power=tf.cast(second, kind),
            lr=tf.cast(learning_rate, kind),
            beta1=self.beta_1,
            beta2=self.beta_2,
            epsilon=self.epsilon,
            grad=tf.cast(tf.convert_to_tensor(gradient), kind),
        )
