"""One training step, and one look at the validation split: written for each back end as Keras advises.

`train_on_batch` would do the same, but it waits for the result of each step and works out anew each time what
it was told before.
"""

from collections.abc import Callable
from typing import Any, Protocol

from dlscan.models import accelerator, backend, keras
from dlscan.train.entries import dense
from dlscan.train.feed import Fed


class Steps(Protocol):
    """What a learner does with a batch; both return a tensor of two numbers without waiting for it.

    They are the mean over the batch of the loss of each event times its weight, and the number of events
    whose class has the highest score.
    """

    def train(self, fed: Fed) -> Any:
        """Take a step of the optimizer."""

    def look(self, fed: Fed) -> Any:
        """Change nothing."""

    def settle(self) -> None:
        """See to it that the variables hold what the steps have made of them."""


def steps(network: Any, optimizer: Any) -> Steps:
    """The steps of a network.

    Parameters
    ----------
    network : keras.Model
        Takes raw inputs by name, gives a score per class.
    optimizer : keras.Optimizer
        Built for its trainable variables.
    """
    kinds: dict[str, Callable[[Any, Any], Steps]] = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}
    return kinds[backend()](network, optimizer)


class _Measure:
    """Loss and right answers of a network for one batch."""

    def __init__(self, network: Any) -> None:
        self._shapes = {tensor.name: tuple(tensor.shape[1:]) for tensor in network.inputs}
        self._loss = keras.losses.SparseCategoricalCrossentropy()

    def dense(self, inputs: Any, labels: Any) -> dict[str, Any]:
        return dense(inputs, self._shapes, keras.ops.shape(labels)[0])

    def __call__(self, scores: Any, labels: Any, weights: Any, losses: list[Any]) -> tuple[Any, Any]:
        """The loss and both numbers; `losses` are those that layers add."""
        loss = sum(losses, start=self._loss(labels, scores, sample_weight=weights))
        best = keras.ops.cast(keras.ops.argmax(scores, axis=-1), labels.dtype)
        hits = keras.ops.sum(keras.ops.cast(best == labels, "float32"))
        return loss, keras.ops.stack([loss, hits])


class _TensorFlow:
    def __init__(self, network: Any, optimizer: Any) -> None:
        import tensorflow

        measure = _Measure(network)
        variables = network.trainable_variables

        def train(inputs: Any, labels: Any, weights: Any) -> Any:
            inputs = measure.dense(inputs, labels)
            with tensorflow.GradientTape() as tape:
                loss, numbers = measure(network(inputs, training=True), labels, weights, network.losses)
            optimizer.apply(tape.gradient(loss, variables), variables)
            return numbers

        def look(inputs: Any, labels: Any, weights: Any) -> Any:
            scores = network(measure.dense(inputs, labels), training=False)
            return measure(scores, labels, weights, network.losses)[1]

        # as Keras does: XLA pays on accelerators alone
        how = {"autograph": False, "jit_compile": accelerator() is not None}
        self._train, self._look = (tensorflow.function(step, **how) for step in (train, look))

    def train(self, fed: Fed) -> Any:
        return self._train(fed.inputs, fed.labels, fed.weights)

    def look(self, fed: Fed) -> Any:
        return self._look(fed.inputs, fed.labels, fed.weights)

    def settle(self) -> None:
        """Variables are changed in place."""


class _Torch:
    def __init__(self, network: Any, optimizer: Any) -> None:
        import torch

        self._network, self._optimizer = network, optimizer
        self._measure = _Measure(network)
        self._no_grad: Callable[[], Any] = torch.no_grad

    def train(self, fed: Fed) -> Any:
        self._network.zero_grad()
        loss, numbers = self._numbers(fed, training=True)
        loss.backward()
        variables = self._network.trainable_variables
        with self._no_grad():
            self._optimizer.apply([variable.value.grad for variable in variables], variables)
        return numbers.detach()

    def look(self, fed: Fed) -> Any:
        with self._no_grad():
            return self._numbers(fed, training=False)[1]

    def settle(self) -> None:
        """Variables are changed in place."""

    def _numbers(self, fed: Fed, training: bool) -> tuple[Any, Any]:
        inputs = self._measure.dense(fed.inputs, fed.labels)
        scores = self._network(inputs, training=training)
        return self._measure(scores, fed.labels, fed.weights, self._network.losses)


class _Jax:
    """Between steps the values live here: the steps write over the memory of those in Keras' variables."""

    def __init__(self, network: Any, optimizer: Any) -> None:
        import jax

        measure = _Measure(network)

        def measured(trainable: Any, others: Any, batch: Any, training: bool) -> tuple[Any, Any]:
            inputs, labels, weights = batch
            scores, others, losses = network.stateless_call(
                trainable, others, measure.dense(inputs, labels), training=training, return_losses=True
            )
            loss, numbers = measure(scores, labels, weights, losses)
            return loss, (numbers, others)

        def train(state: Any, batch: Any) -> tuple[Any, Any]:
            trainable, others, own = state
            slopes, (numbers, others) = jax.grad(measured, has_aux=True)(trainable, others, batch, True)
            trainable, own = optimizer.stateless_apply(own, slopes, trainable)
            return numbers, (trainable, others, own)

        def look(state: Any, batch: Any) -> Any:
            return measured(state[0], state[1], batch, False)[1][0]

        self._train, self._look = jax.jit(train, donate_argnums=0), jax.jit(look)
        self._variables = network.trainable_variables, network.non_trainable_variables, optimizer.variables
        self._state: Any = None

    def train(self, fed: Fed) -> Any:
        numbers, self._state = self._train(self._values(), (fed.inputs, fed.labels, fed.weights))
        return numbers

    def look(self, fed: Fed) -> Any:
        return self._look(self._values(), (fed.inputs, fed.labels, fed.weights))

    def settle(self) -> None:
        if self._state is None:
            return
        for variables, values in zip(self._variables, self._state, strict=True):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(value)
        self._state = None

    def _values(self) -> Any:
        if self._state is None:
            self._state = tuple([variable.value for variable in group] for group in self._variables)
        return self._state
