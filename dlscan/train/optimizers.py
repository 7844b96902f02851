"""The optimizers that `train.optimizer` names."""

from typing import Any

from dlscan.config import Train
from dlscan.models import backend, keras
from dlscan.train.schedules import Schedule, make_rate

# Optimizers that remember slopes for as long as their `beta_1` says.
_WITH_BETA = ("adam", "adamw", "nadam", "adamax", "lion")


def make_optimizer(train: Train, steps: int, beta_1: float | None = None) -> Any:
    """The optimizer of one network.

    Parameters
    ----------
    train : Train
        The experiment's `train` section.
    steps : int
        Batches in an epoch.
    beta_1 : float, optional
        Of those that have it.

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
    made = kinds[train.optimizer](**config)
    if isinstance(rate, Schedule):
        rate.attach(made)
    # slopes of a loss of ordinary size underflow in 16 bits
    return keras.optimizers.LossScaleOptimizer(made) if train.precision == "mixed_float16" else made


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
