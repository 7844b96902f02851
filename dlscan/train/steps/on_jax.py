"""Steps on JAX."""

from collections.abc import Callable, Sequence
from typing import Any

import jax

from dlscan.models import keras
from dlscan.models.replicas import Replicas
from dlscan.train.objectives import Given
from dlscan.train.steps import Call, Called, Jit, Part, Steps, Streams, Taken, Trained, Who, chosen, in_order
from dlscan.train.steps.sharding import sharding_of
from dlscan.train.steps.spread import Spread, plain


def make_steps(points: Sequence[Trained], jit: Jit, devices: Replicas) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Jax(points, devices)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""
    call = jax.jit(lambda values, inputs: model.stateless_call(*values, inputs, training=False)[0])
    groups = model.trainable_variables, model.non_trainable_variables
    values = tuple([variable.value for variable in group] for group in groups)
    return lambda inputs: call(values, inputs)


def slopes(function: Callable[[dict[str, Any]], Any], at: dict[str, Any]) -> dict[str, Any]:
    """See `dlscan.train.steps.slopes`."""
    found: dict[str, Any] = jax.grad(lambda place: jax.numpy.sum(function(place)))(at)
    return found


class _Point:
    """A point whose variables are values that go in and come out, by the variable's number.

    Processes that train together must compile the same step: ids would give it another order in each.
    """

    def __init__(self, point: Trained) -> None:
        self._networks = {name: Called(network.training()) for name, network in point.networks.items()}
        self._parts, self._states = point.parts, point.states
        models = [network.model for network in self._networks.values()]
        owners = [*models, *(part.optimizer for part in point.parts if part.optimizer)]
        every = [*(variable for owner in owners for variable in owner.variables), *point.states]
        known = {id(variable): variable for variable in every}
        self._numbers = {one: number for number, one in enumerate(known)}
        self.variables = dict(enumerate(known.values()))

    def _keys(self, variables: Sequence[Any]) -> list[int]:
        return [self._numbers[id(variable)] for variable in variables]

    def train(self, values: dict[int, Any], given: dict[str, Given]) -> tuple[Any, dict[int, Any]]:
        """The numbers, and the values after the step."""
        told = []
        for part in self._parts:
            taken = []
            for _ in range(part.times):
                numbers, values = self._step_of(part, values, given)
                taken.append(numbers)
            told.append(taken[0])
        return jax.numpy.concatenate(in_order(told)), values

    def _step_of(self, part: Part, values: dict[int, Any], given: dict[str, Given]) -> Any:
        """The numbers of before a step of a part, and the values after it."""
        chosen, own = self._keys(part.variables), self._keys(part.optimizer.variables)
        slope = jax.grad(self._loss, has_aux=True)
        slopes, (numbers, values) = slope([values[one] for one in chosen], part, given, values)
        trained, after = part.optimizer.stateless_apply(
            [values[one] for one in own], slopes, [values[one] for one in chosen]
        )
        return numbers, values | dict(zip([*chosen, *own], [*trained, *after], strict=True))

    def look(self, values: dict[int, Any], given: dict[str, Given]) -> tuple[Any, Any, dict[int, Any]]:
        """The numbers, what the network gave, and the random states after that."""
        with self._scope(values) as scope:
            told = [part.objective(self._networks, given, False) for part in self._parts]
            # or every batch would be looked at with the same random numbers
            pairs = zip(self._keys(self._states), self._states, strict=True)
            states = {key: scope.get_current_value(one) for key, one in pairs}
        return jax.numpy.concatenate(in_order([part.numbers for part in told])), told[-1].raw, states

    def _loss(self, trainable: list[Any], part: Part, given: dict[str, Given], values: dict[int, Any]) -> Any:
        """What is differentiated by `trainable`, and the numbers and values that come with it."""
        with self._scope(values | dict(zip(self._keys(part.variables), trainable, strict=True))) as scope:
            told = part.objective(self._networks, given, True)
            loss = part.optimizer.scale_loss(told.loss)
            # random states and running means have moved on
            found = {key: scope.get_current_value(one) for key, one in self.variables.items()}
        return loss, (told.numbers, found)

    def _scope(self, values: dict[int, Any]) -> Any:
        """Where the variables are these values."""
        mapping = [(one, values[key]) for key, one in self.variables.items()]
        return keras.StatelessScope(mapping, collect_losses=True)


class _Jax:
    """Between steps the values live here: the steps write over the memory of those in Keras' variables."""

    one_length, as_one = True, False

    def __init__(self, points: Sequence[Trained], devices: Replicas) -> None:
        self._points = own = [_Point(point) for point in points]
        spread = Spread(network for point in points for network in point.networks.values())
        self._sharding = sharding = sharding_of(devices)

        def given(streams: Any) -> Any:
            return sharding.shared(spread.given(streams)) if sharding else spread.given(streams)

        def kept(points: Sequence[_Point], states: Any) -> Any:
            if sharding is None:
                return states
            return [sharding.kept(own, point.variables) for own, point in zip(states, points, strict=True)]

        def everywhere(values: Any) -> Any:
            return sharding.told(values) if sharding else values

        def train(states: Any, streams: Any, who: Who) -> tuple[Any, Any]:
            batches, points = given(streams), chosen(own, who)
            done = [point.train(values, batches) for point, values in zip(points, states, strict=True)]
            numbers = jax.numpy.stack([numbers for numbers, _ in done])
            return everywhere(numbers), kept(points, [own for _, own in done])

        def look_at(states: Any, streams: Any, who: Who) -> Any:
            batches, points = given(streams), chosen(own, who)
            told = [point.look(values, batches) for point, values in zip(points, states, strict=True)]
            numbers, raw, after = zip(*told, strict=True)
            return everywhere((jax.numpy.stack(numbers), list(raw))), kept(points, list(after))

        def look(states: Any, each: Any, whose: tuple[Who, ...]) -> Any:
            return [look_at(*batch) for batch in zip(states, each, whose, strict=True)]

        self._train, self._look = (
            jax.jit(train, donate_argnums=0, static_argnums=2),
            jax.jit(look, static_argnums=2),
        )
        self._states: Any = None

    def train(self, *batches: Taken) -> list[Any]:
        return [self._step(*batch) for batch in batches]

    def _step(self, streams: Streams, who: Who) -> Any:
        states = self._values()
        numbers, after = self._train(chosen(states, who), plain(streams), who)
        for place, values in zip(range(len(states)) if who is None else who, after, strict=True):
            states[place] = values
        return self._sharding.here(numbers) if self._sharding else numbers

    def look(self, *batches: Taken) -> list[tuple[Any, Any]]:
        states, whose = self._values(), tuple(who for _, who in batches)
        given = [plain(streams) for streams, _ in batches]
        found = self._look([chosen(states, who) for who in whose], given, whose)
        for who, (_, after) in zip(whose, found, strict=True):
            for place, values in zip(range(len(states)) if who is None else who, after, strict=True):
                states[place] = states[place] | values
        told = [own for own, _ in found]
        return [self._sharding.here(own) for own in told] if self._sharding else told

    def settle(self) -> None:
        if self._states is None:
            return
        for point, values in zip(self._points, self._states, strict=True):
            for key, variable in point.variables.items():
                variable.assign(self._sharding.settled(values[key]) if self._sharding else values[key])
        self._states = None

    def _values(self) -> Any:
        if self._states is None:
            self._states = [
                {key: variable.value for key, variable in point.variables.items()} for point in self._points
            ]
            if self._sharding:
                self._states = self._sharding.placed(self._states)
        return self._states
