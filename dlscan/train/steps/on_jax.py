"""Steps on JAX."""

from typing import Any

import jax

from dlscan.models import keras
from dlscan.train.feed import Fed
from dlscan.train.steps import Call, Jit, Networks, Steps
from dlscan.train.steps.measure import Measure


def make_steps(networks: Networks, jit: Jit) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Jax(networks)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""
    call = jax.jit(lambda values, inputs: model.stateless_call(*values, inputs, training=False)[0])
    groups = model.trainable_variables, model.non_trainable_variables
    values = tuple([variable.value for variable in group] for group in groups)
    return lambda inputs: call(values, inputs)


class _Jax:
    """Between steps the values live here: the steps write over the memory of those in Keras' variables."""

    one_length = True

    def __init__(self, networks: Networks) -> None:
        measure = Measure(networks[0][0])

        def measured(trainable: Any, others: Any, network: Any, batch: Any, training: bool) -> Any:
            inputs, labels, weights = batch
            logits, others, losses = network.stateless_call(
                trainable, others, inputs, training=training, return_losses=True
            )
            loss, numbers = measure(logits, labels, weights, losses)
            return loss, (numbers, others, logits)

        def scaled(trainable: Any, others: Any, own: Any, network: Any, optimizer: Any, batch: Any) -> Any:
            loss, told = measured(trainable, others, network, batch, True)
            with keras.StatelessScope(zip(optimizer.variables, own, strict=True)):
                return optimizer.scale_loss(loss), told

        def stepped(state: Any, network: Any, optimizer: Any, batch: Any) -> tuple[Any, Any]:
            trainable, others, own = state
            slope = jax.grad(scaled, has_aux=True)
            slopes, (numbers, others, _) = slope(trainable, others, own, network, optimizer, batch)
            trainable, own = optimizer.stateless_apply(own, slopes, trainable)
            return numbers, (trainable, others, own)

        def spread(batch: Any) -> Any:
            inputs, labels, weights = batch
            return measure.dense(inputs, labels), labels, weights

        def train(states: Any, batch: Any) -> tuple[Any, Any]:
            batch = spread(batch)
            done = [stepped(state, *pair, batch) for state, pair in zip(states, networks, strict=True)]
            return jax.numpy.stack([numbers for numbers, _ in done]), [state for _, state in done]

        def look(states: Any, batch: Any) -> Any:
            batch = spread(batch)
            told = [
                measured(trainable, others, network, batch, False)[1]
                for (trainable, others, _), (network, _) in zip(states, networks, strict=True)
            ]
            numbers, _, logits = zip(*told, strict=True)
            return jax.numpy.stack(numbers), jax.nn.softmax(jax.numpy.stack(logits))

        self._train, self._look = jax.jit(train, donate_argnums=0), jax.jit(look)
        self._variables = [
            (network.trainable_variables, network.non_trainable_variables, optimizer.variables)
            for network, optimizer in networks
        ]
        self._states: Any = None

    def train(self, fed: Fed) -> Any:
        numbers, self._states = self._train(self._values(), (fed.inputs, fed.labels, fed.weights))
        return numbers

    def look(self, fed: Fed) -> Any:
        return self._look(self._values(), (fed.inputs, fed.labels, fed.weights))

    def settle(self) -> None:
        if self._states is None:
            return
        for groups, state in zip(self._variables, self._states, strict=True):
            for variables, values in zip(groups, state, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)
        self._states = None

    def _values(self) -> Any:
        if self._states is None:
            self._states = [
                tuple([variable.value for variable in group] for group in groups)
                for groups in self._variables
            ]
        return self._states
