"""Steps on TensorFlow."""

import functools
from collections.abc import Callable, Mapping
from typing import Any, cast

import tensorflow as tf

from dlscan import garbage
from dlscan.models import accelerator
from dlscan.train.entries import Entries
from dlscan.train.feed import Fed
from dlscan.train.steps import Call, Jit, Networks, Steps
from dlscan.train.steps.measure import Measure
from dlscan.train.steps.mostly_zeros import MostlyZeros


def make_steps(networks: Networks, jit: Jit) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _TensorFlow(networks, jit)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""
    return traced(lambda inputs: model(inputs, training=False), jit=accelerator() is not None)


class _TensorFlow:
    """All networks in one graph; see `Steps`."""

    def __init__(self, networks: Networks, jit: Jit) -> None:
        self._networks = networks
        self._measure = Measure(networks[0][0])
        self.one_length = accelerator() is not None if jit == "auto" else jit
        # neither XLA nor a GPU has them
        self._has_products = not self.one_length and accelerator() is None
        self._mostly_zeros = functools.cache(
            lambda names: MostlyZeros([network for network, _ in networks], names)
        )
        self._train, self._look = (
            traced(function, self.one_length) for function in (self._step, self._numbers)
        )

    def train(self, fed: Fed) -> Any:
        return self._train(fed.inputs, fed.labels, fed.weights)

    def look(self, fed: Fed) -> Any:
        return self._look(fed.inputs, fed.labels, fed.weights)

    def settle(self) -> None:
        """Variables are changed in place."""

    def _step(self, inputs: Any, labels: Any, weights: Any) -> Any:
        calls = self._calls(inputs, labels)
        told = []
        for (network, optimizer), call in zip(self._networks, calls, strict=True):
            variables = network.trainable_variables
            with tf.GradientTape() as tape:
                logits = call(training=True)
                loss, numbers = self._measure(logits, labels, weights, network.losses)
                loss = optimizer.scale_loss(loss)
            optimizer.apply(tape.gradient(loss, variables), variables)
            told.append(numbers)
        return tf.stack(told)

    def _numbers(self, inputs: Any, labels: Any, weights: Any) -> Any:
        logits = [call(training=False) for call in self._calls(inputs, labels)]
        told = [
            self._measure(own, labels, weights, network.losses)[1]
            for (network, _), own in zip(self._networks, logits, strict=True)
        ]
        return tf.stack(told), tf.nn.softmax(tf.stack(logits))

    def _calls(self, inputs: Mapping[str, Any], labels: Any) -> list[Callable[..., Any]]:
        """Each network on this batch; it remains to say whether in training."""
        networks = [network for network, _ in self._networks]
        # what nobody takes in the end is no part of the graph
        dense = self._measure.dense(inputs, labels)
        names = frozenset(name for name, values in inputs.items() if isinstance(values, Entries))
        if not names or not self._has_products:
            return [functools.partial(network, dense) for network in networks]
        zeros = self._mostly_zeros(names)
        matrices = zeros.matrices(inputs, tf.shape(labels)[0]) if any(zeros.calls) else {}
        return [
            functools.partial(network, dense) if call is None else functools.partial(call, matrices)
            for network, call in zip(networks, zeros.calls, strict=True)
        ]


def traced(function: Callable[..., Any], jit: bool) -> Callable[..., Any]:
    """A function of batches, compiled by TensorFlow when it is first called."""
    compiled = tf.function(function, autograph=False, jit_compile=jit)
    if jit:
        return cast(Callable[..., Any], compiled)
    known: list[Any] = []

    def any_length(tensor: Any) -> Any:
        return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)

    def call(*batch: Any) -> Any:
        if not known:
            # one trace for all lengths: a short last batch would take another, as long as the first
            with garbage.no_search():
                known.append(compiled.get_concrete_function(*tf.nest.map_structure(any_length, batch)))
        return known[0](*tf.nest.flatten(batch))

    return call
