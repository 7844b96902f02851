"""Steps on TensorFlow."""

import functools
import itertools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, cast

import tensorflow as tf

from dlscan import garbage
from dlscan.models import accelerator
from dlscan.models.replicas import Replicas
from dlscan.train.entries import Entries
from dlscan.train.nodes import here
from dlscan.train.objectives import EVENTS, Given, Told
from dlscan.train.steps import Call, Called, Jit, Part, Steps, Streams, Taken, Trained, Who, chosen, in_order
from dlscan.train.steps.across import are_parts, put_together
from dlscan.train.steps.mostly_zeros import MostlyZeros
from dlscan.train.steps.shares import shares, sharing, together
from dlscan.train.steps.spread import Spread, plain

Networks = Mapping[str, Any]
# of collectives, each known by its numbers in all processes; TensorFlow takes the first ones itself
_GROUP, _INSTANCES = 7001, itertools.count(7001)


def make_steps(points: Sequence[Trained], jit: Jit, devices: Replicas) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _TensorFlow(points, jit, devices)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""
    # TensorFlow tells functions apart by their code, and would warn that one is compiled for each network
    call = functools.partial(lambda inputs: model(inputs, training=False))
    return traced(call, jit=accelerator() is not None)


def slopes(function: Callable[[dict[str, Any]], Any], at: dict[str, Any]) -> dict[str, Any]:
    """See `dlscan.train.steps.slopes`."""
    with tf.GradientTape() as tape:
        tape.watch(at)
        total = tf.reduce_sum(function(at))
    return cast(dict[str, Any], tape.gradient(total, at))


class _TensorFlow:
    """All points in one graph; see `Steps`."""

    def __init__(self, points: Sequence[Trained], jit: Jit, devices: Replicas) -> None:
        self._points, self._devices = points, devices
        self._networks = [network for point in points for network in point.networks.values()]
        self._models = [
            {name: Called(network.training()) for name, network in point.networks.items()} for point in points
        ]
        self._spread = Spread(self._networks)
        # a function that XLA compiles runs on one device
        alone = not devices and here().count == 1
        self.one_length = (accelerator() is not None and alone) if jit == "auto" else jit
        # compiling one large function takes XLA longer than some small ones
        self.as_one = alone and not self.one_length
        # neither XLA nor a GPU has them
        self._has_products = not self.one_length and accelerator() is None and not devices
        # they give what the heads do, and no more
        self._has_products &= not any(network.shows_hidden for network in self._networks)
        self._mostly_zeros = functools.cache(lambda names: MostlyZeros(self._networks, names))
        self._train, self._look = self._graphs(self._step), self._graphs(self._numbers)

    def _graphs(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """A graph for each choice of points and devices of the batches, and for parts of these."""
        return functools.cache(lambda ways: traced(functools.partial(_each, function, ways), self.one_length))

    def train(self, *batches: Taken) -> list[Any]:
        calls = [batches] if self.as_one else [(batch,) for batch in batches]
        return [numbers for call in calls for numbers in self._told(self._train, call)]

    def look(self, *batches: Taken) -> list[tuple[Any, Any]]:
        return self._told(self._look, batches)

    def _told(self, function: Callable[..., Any], batches: Sequence[Taken]) -> list[Any]:
        """What a function that is compiled for each choice tells of batches."""
        ways = tuple((who, self._how(streams)) for streams, who in batches)
        return list(function(ways)([plain(streams) for streams, _ in batches]))

    def _how(self, streams: Streams) -> "_How":
        return _How(sharing(streams, self._devices), are_parts(streams))

    def settle(self) -> None:
        """Variables are changed in place."""

    def _step(self, who: Who, how: "_How", streams: Any) -> Any:
        told = []
        for point, (networks, given) in self._taking(streams, who):
            own = []
            for part in point.parts:
                taken = [_step_of(part, networks, given, how) for _ in range(part.times)]
                own.append(taken[0])
            told.append(tf.concat(in_order(own), axis=0))
        return tf.stack(told)

    def _numbers(self, who: Who, how: "_How", streams: Any) -> Any:
        told = [
            [_looked(part, networks, given, how.devices) for part in point.parts]
            for point, (networks, given) in self._taking(streams, who)
        ]
        numbers = [[_put_together(part.numbers, [], how.part)[0] for part in own] for own in told]
        rows = tf.stack([tf.concat(in_order(own), axis=0) for own in numbers])
        return rows, [own[-1].raw for own in told]

    def _taking(self, streams: Any, who: Who) -> Sequence[tuple[Trained, Any]]:
        """The points that take a batch, with what `_given` gives of each."""
        return chosen(list(zip(self._points, self._given(streams), strict=True)), who)

    def _given(self, streams: Mapping[str, Any]) -> list[tuple[dict[str, Any], dict[str, Given]]]:
        """The networks of each point, and the batches as they take them."""
        # what nobody takes in the end is no part of the graph
        dense = self._spread.given(streams)
        given = [(models, dense) for models in self._models]
        inputs, truth, weights = streams.get(EVENTS, ({}, {}, None))
        names = frozenset(name for name, values in inputs.items() if isinstance(values, Entries))
        if not names or not self._has_products or len(self._networks) > len(self._points):
            return given
        zeros = self._mostly_zeros(names)
        matrices = zeros.matrices(inputs, tf.shape(weights)[0]) if any(zeros.calls) else {}
        sparse = {**dense, EVENTS: Given(matrices, truth, weights)}
        return [
            own if call is None else (dict.fromkeys(own[0], call), sparse)
            for own, call in zip(given, zeros.calls, strict=True)
        ]


class _How(NamedTuple):
    """The devices that share a batch here, and whether it is a part of one that several processes share."""

    devices: Replicas
    part: bool


def _each(function: Callable[..., Any], ways: Sequence[tuple[Who, _How]], batches: Any) -> Any:
    """What a function finds of each batch, one after the other."""
    return [function(*way, streams) for way, streams in zip(ways, batches, strict=True)]


def _step_of(part: Part, networks: Networks, given: Mapping[str, Given], how: _How) -> Any:
    """Let a part take a step; the numbers of before it."""
    found, slopes = _slopes(part, networks, given, how.devices)
    numbers, slopes = _put_together(found.numbers, slopes, how.part)
    part.optimizer.apply(slopes, part.variables)
    return numbers


def _put_together(numbers: Any, slopes: Sequence[Any], part: bool) -> tuple[Any, list[Any]]:
    """See `dlscan.train.steps.across.put_together`."""

    def add(flat: Any) -> Any:
        return tf.raw_ops.CollectiveReduceV2(
            input=flat,
            group_size=here().count,
            group_key=_GROUP,
            # graphs are made in the same order everywhere
            instance_key=next(_INSTANCES),
            ordering_token=[],
            merge_op="Add",
            final_op="Id",
        )

    return put_together(numbers, slopes, part, add)


def _slopes(part: Part, networks: Networks, given: Mapping[str, Given], devices: Replicas) -> Any:
    """What a part finds of a batch, and the slopes of its loss."""
    if devices:
        found = []
        for device, share in zip(devices, shares(given, devices), strict=True):
            with tf.device(device):
                found.append(_slopes(part, networks, share, ()))
        return together([told for told, _ in found]), _mean_slopes([slopes for _, slopes in found])
    with tf.GradientTape() as tape:
        told = part.objective(networks, given, True)
        loss = part.optimizer.scale_loss(told.loss)
    return told, tape.gradient(loss, part.variables)


def _mean_slopes(slopes: Sequence[Sequence[Any]]) -> list[Any]:
    """The slopes of the mean loss, from those of the losses of shares; None where no loss has one."""
    return [
        None if own[0] is None else tf.add_n([tf.convert_to_tensor(slope) for slope in own]) / len(own)
        for own in zip(*slopes, strict=True)
    ]


def _looked(part: Part, networks: Networks, given: Mapping[str, Given], devices: Replicas) -> Told:
    """What a part finds of a batch that changes nothing."""
    if not devices:
        return part.objective(networks, given, False)
    found = []
    for device, share in zip(devices, shares(given, devices), strict=True):
        with tf.device(device):
            found.append(part.objective(networks, share, False))
    return together(found)


def traced(function: Callable[..., Any], jit: bool) -> Callable[..., Any]:
    """A function of batches, compiled by TensorFlow when it is first called."""
    if jit:
        return cast(Callable[..., Any], tf.function(function, autograph=False, jit_compile=True))
    known: list[Any] = []

    def any_length(tensor: Any) -> Any:
        return tf.TensorSpec([None, *tensor.shape[1:]], tensor.dtype)

    def call(*batch: Any) -> Any:
        tensors = tf.nest.flatten(batch)
        if not known:
            shapes = tf.nest.map_structure(any_length, batch)
            # by position: otherwise TensorFlow prints every batch into an error that it then catches
            packed = tf.function(
                lambda *each: function(*tf.nest.pack_sequence_as(shapes, each)), autograph=False
            )
            # one trace for all lengths: a short last batch would take another, as long as the first
            with garbage.no_search():
                known.append(packed.get_concrete_function(*tf.nest.flatten(shapes)))
        return known[0](*tensors)

    return call
