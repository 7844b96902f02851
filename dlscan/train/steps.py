"""One training step of several networks on one batch: written for each back end as Keras advises.

`train_on_batch` would do the same for one network, but it waits for the result of each step and works out
anew each time what it was told before. All networks of a step are compiled as one: what they have in common,
their scaled inputs above all, is computed once, and small ones run beside each other.
"""

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, cast

from dlscan import garbage
from dlscan.models import accelerator, backend, keras
from dlscan.models.trunk import split
from dlscan.train.entries import dense
from dlscan.train.feed import Fed

Networks = Sequence[tuple[Any, Any]]
Jit = bool | Literal["auto"]
Call = Callable[[Any], Any]


class Steps(Protocol):
    """What a pack does with a batch; both return a tensor (K, 2) for its K networks without waiting for it.

    The numbers of a network are the mean over the batch of the loss of each event times its weight, and how
    many events have their highest score in the right class.
    """

    def train(self, fed: Fed) -> Any:
        """Let each optimizer take a step."""

    def look(self, fed: Fed) -> Any:
        """Change nothing."""

    def settle(self) -> None:
        """See to it that the variables hold what the steps have made of them."""


def steps(networks: Networks, jit: Jit = "auto") -> Steps:
    """The steps of networks.

    Parameters
    ----------
    networks : sequence of (keras.Model, keras.Optimizer)
        Each model takes raw inputs by name and gives a score per class; they have inputs, their scaling and
        classes in common. Each optimizer is built for the trainable variables of its model.
    jit : bool or "auto"
        Whether TensorFlow compiles by XLA; `auto` does so as Keras does, on accelerators alone.
    """
    kinds: dict[str, Callable[..., Steps]] = {"tensorflow": _TensorFlow, "jax": _Jax, "torch": _Torch}
    return kinds[backend()](networks, jit)


def compiled(model: Any) -> Call:
    """The function that calls a model whose weights stay as they are, for inputs on the device."""
    if backend() == "tensorflow":
        return _traced(lambda inputs: model(inputs, training=False), jit=accelerator() is not None)
    return _called_by_jax(model) if backend() == "jax" else _called_by_torch(model)


def _called_by_jax(model: Any) -> Call:
    import jax

    call = jax.jit(lambda values, inputs: model.stateless_call(*values, inputs, training=False)[0])
    groups = model.trainable_variables, model.non_trainable_variables
    values = tuple([variable.value for variable in group] for group in groups)
    return lambda inputs: call(values, inputs)


def _called_by_torch(model: Any) -> Call:
    import torch

    def call(inputs: Any) -> Any:
        with torch.no_grad():
            return model(inputs, training=False)

    return call


class _Measure:
    """Losses and right answers of networks for one batch."""

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
    def __init__(self, networks: Networks, jit: Jit) -> None:
        import tensorflow

        measure = _Measure(networks[0][0])

        def train(inputs: Any, labels: Any, weights: Any) -> Any:
            inputs = measure.dense(inputs, labels)
            told = []
            for network, optimizer in networks:
                variables = network.trainable_variables
                with tensorflow.GradientTape() as tape:
                    scores = network(inputs, training=True)
                    loss, numbers = measure(scores, labels, weights, network.losses)
                    loss = optimizer.scale_loss(loss)
                optimizer.apply(tape.gradient(loss, variables), variables)
                told.append(numbers)
            return tensorflow.stack(told)

        def look(inputs: Any, labels: Any, weights: Any) -> Any:
            inputs = measure.dense(inputs, labels)
            return tensorflow.stack(
                [
                    measure(network(inputs, training=False), labels, weights, network.losses)[1]
                    for network, _ in networks
                ]
            )

        jit = accelerator() is not None if jit == "auto" else jit
        self._train, self._look = _traced(train, jit), _traced(look, jit)

    def train(self, fed: Fed) -> Any:
        return self._train(fed.inputs, fed.labels, fed.weights)

    def look(self, fed: Fed) -> Any:
        return self._look(fed.inputs, fed.labels, fed.weights)

    def settle(self) -> None:
        """Variables are changed in place."""


def _traced(function: Callable[..., Any], jit: bool) -> Callable[..., Any]:
    """A function of batches, compiled by TensorFlow when it is first called."""
    import tensorflow

    compiled = tensorflow.function(function, autograph=False, jit_compile=jit)
    if jit:
        return cast(Callable[..., Any], compiled)
    traced: list[Any] = []

    def any_length(tensor: Any) -> Any:
        return tensorflow.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)

    def call(*batch: Any) -> Any:
        if not traced:
            # one trace for all lengths: a short last batch would take another, as long as the first
            with garbage.no_search():
                traced.append(
                    compiled.get_concrete_function(*tensorflow.nest.map_structure(any_length, batch))
                )
        return traced[0](*tensorflow.nest.flatten(batch))

    return call


class _Torch:
    """Nothing compiles here, so that inputs have to be scaled once for all networks by name."""

    def __init__(self, networks: Networks, jit: Jit) -> None:
        import torch

        self._measure = _Measure(networks[0][0])
        cut = [split(network) for network, _ in networks]
        self._trunk = cut[0][0]
        self._heads = [
            (head, network.trainable_variables, optimizer)
            for (_, head), (network, optimizer) in zip(cut, networks, strict=True)
        ]
        self._torch = torch

    def train(self, fed: Fed) -> Any:
        scaled, told = self._scaled(fed), []
        for head, variables, optimizer in self._heads:
            head.zero_grad()
            loss, numbers = self._numbers(head, scaled, fed, training=True)
            optimizer.scale_loss(loss).backward()
            with self._torch.no_grad():
                optimizer.apply([variable.value.grad for variable in variables], variables)
            told.append(numbers.detach())
        return self._torch.stack(told)

    def look(self, fed: Fed) -> Any:
        scaled = self._scaled(fed)
        with self._torch.no_grad():
            return self._torch.stack(
                [self._numbers(head, scaled, fed, training=False)[1] for head, _, _ in self._heads]
            )

    def settle(self) -> None:
        """Variables are changed in place."""

    def _scaled(self, fed: Fed) -> Any:
        with self._torch.no_grad():
            return self._trunk(self._measure.dense(fed.inputs, fed.labels))

    def _numbers(self, head: Any, scaled: Any, fed: Fed, training: bool) -> tuple[Any, Any]:
        scores = head(scaled, training=training)
        return self._measure(scores, fed.labels, fed.weights, head.losses)


class _Jax:
    """Between steps the values live here: the steps write over the memory of those in Keras' variables."""

    def __init__(self, networks: Networks, jit: Jit) -> None:
        import jax

        measure = _Measure(networks[0][0])

        def measured(trainable: Any, others: Any, network: Any, batch: Any, training: bool) -> Any:
            inputs, labels, weights = batch
            scores, others, losses = network.stateless_call(
                trainable, others, inputs, training=training, return_losses=True
            )
            loss, numbers = measure(scores, labels, weights, losses)
            return loss, (numbers, others)

        def scaled(trainable: Any, others: Any, own: Any, network: Any, optimizer: Any, batch: Any) -> Any:
            loss, told = measured(trainable, others, network, batch, True)
            with keras.StatelessScope(zip(optimizer.variables, own, strict=True)):
                return optimizer.scale_loss(loss), told

        def stepped(state: Any, network: Any, optimizer: Any, batch: Any) -> tuple[Any, Any]:
            trainable, others, own = state
            slope = jax.grad(scaled, has_aux=True)
            slopes, (numbers, others) = slope(trainable, others, own, network, optimizer, batch)
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
            return jax.numpy.stack(
                [
                    measured(trainable, others, network, batch, False)[1][0]
                    for (trainable, others, _), (network, _) in zip(states, networks, strict=True)
                ]
            )

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
