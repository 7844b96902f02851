"""Steps on JAX."""

from collections.abc import Sequence
from typing import Any

import jax

from dlscan.models import keras
from dlscan.train.objectives import Given
from dlscan.train.steps import Call, Jit, Part, Steps, Streams, Trained
from dlscan.train.steps.spread import Spread


def make_steps(points: Sequence[Trained], jit: Jit) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Jax(points)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""
    call = jax.jit(lambda values, inputs: model.stateless_call(*values, inputs, training=False)[0])
    groups = model.trainable_variables, model.non_trainable_variables
    values = tuple([variable.value for variable in group] for group in groups)
    return lambda inputs: call(values, inputs)


class _Point:
    """A point whose variables are values that go in and come out."""

    def __init__(self, point: Trained) -> None:
        self._networks = {name: network.training() for name, network in point.networks.items()}
        self._parts = point.parts
        of_networks = [variable for network in self._networks.values() for variable in network.variables]
        of_optimizers = [
            variable for part in point.parts if part.optimizer for variable in part.optimizer.variables
        ]
        self.variables = list({id(variable): variable for variable in of_networks + of_optimizers}.values())
        places = {id(variable): place for place, variable in enumerate(self.variables)}
        self._chosen = [[places[id(variable)] for variable in part.variables] for part in point.parts]
        self._own = [
            [places[id(variable)] for variable in part.optimizer.variables] if part.optimizer else []
            for part in point.parts
        ]

    def train(self, values: list[Any], given: dict[str, Given]) -> tuple[Any, list[Any]]:
        """The numbers, and the values after the step."""
        told = []
        for part, chosen, own in zip(self._parts, self._chosen, self._own, strict=True):
            slope = jax.grad(self._scaled, has_aux=True)
            slopes, (numbers, values) = slope(
                [values[place] for place in chosen], values, part, chosen, given
            )
            trained, after = part.optimizer.stateless_apply(
                [values[place] for place in own], slopes, [values[place] for place in chosen]
            )
            values = list(values)
            for place, value in zip([*chosen, *own], [*trained, *after], strict=True):
                values[place] = value
            told.append(numbers)
        return jax.numpy.concatenate(told), values

    def look(self, values: list[Any], given: dict[str, Given]) -> tuple[Any, Any]:
        with keras.StatelessScope(zip(self.variables, values, strict=True), collect_losses=True):
            told = [part.objective(self._networks, given, False) for part in self._parts]
        return jax.numpy.concatenate([part.numbers for part in told]), told[-1].raw

    def _scaled(
        self, trainable: list[Any], values: list[Any], part: Part, chosen: list[int], given: dict[str, Given]
    ) -> tuple[Any, tuple[Any, list[Any]]]:
        """What is differentiated by `trainable`, and the numbers and values that come with it."""
        values = list(values)
        for place, value in zip(chosen, trainable, strict=True):
            values[place] = value
        with keras.StatelessScope(zip(self.variables, values, strict=True), collect_losses=True) as scope:
            told = part.objective(self._networks, given, True)
            loss = part.optimizer.scale_loss(told.loss)
            # random states and running means have moved on
            found = [scope.get_current_value(variable) for variable in self.variables]
        return loss, (told.numbers, found)


class _Jax:
    """Between steps the values live here: the steps write over the memory of those in Keras' variables."""

    one_length = True

    def __init__(self, points: Sequence[Trained]) -> None:
        self._points = own = [_Point(point) for point in points]
        spread = Spread(points[0].networks.values())

        def given(streams: Any) -> dict[str, Given]:
            return {
                name: Given(spread(inputs, weights), truth, weights)
                for name, (inputs, truth, weights) in streams.items()
            }

        def train(states: Any, streams: Any) -> tuple[Any, Any]:
            batches = given(streams)
            done = [point.train(values, batches) for point, values in zip(own, states, strict=True)]
            return jax.numpy.stack([numbers for numbers, _ in done]), [values for _, values in done]

        def look(states: Any, streams: Any) -> Any:
            batches = given(streams)
            told = [point.look(values, batches) for point, values in zip(own, states, strict=True)]
            return jax.numpy.stack([numbers for numbers, _ in told]), [raw for _, raw in told]

        self._train, self._look = jax.jit(train, donate_argnums=0), jax.jit(look)
        self._states: Any = None

    def train(self, streams: Streams) -> Any:
        numbers, self._states = self._train(self._values(), _plain(streams))
        return numbers

    def look(self, streams: Streams) -> Any:
        return self._look(self._values(), _plain(streams))

    def settle(self) -> None:
        if self._states is None:
            return
        for point, values in zip(self._points, self._states, strict=True):
            for variable, value in zip(point.variables, values, strict=True):
                variable.assign(value)
        self._states = None

    def _values(self) -> Any:
        if self._states is None:
            self._states = [[variable.value for variable in point.variables] for point in self._points]
        return self._states


def _plain(streams: Streams) -> dict[str, Any]:
    return {name: (fed.inputs, fed.truth, fed.weights) for name, fed in streams.items()}
