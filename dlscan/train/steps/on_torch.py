"""Steps on PyTorch."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch

from dlscan.models import keras, trunks
from dlscan.models.network import taken_by
from dlscan.models.replicas import Replicas
from dlscan.train.objectives import Given, Told
from dlscan.train.steps import Call, Called, Jit, Part, Steps, Streams, Taken, Trained, Who, chosen, in_order
from dlscan.train.steps.across import are_parts, put_together
from dlscan.train.steps.shares import shares, sharing, together
from dlscan.train.steps.spread import Spread


def make_steps(points: Sequence[Trained], jit: Jit, devices: Replicas) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Torch(points, devices)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""

    def call(inputs: Any) -> Any:
        with torch.no_grad():
            return model(inputs, training=False)

    return call


def slopes(function: Callable[[dict[str, Any]], Any], at: dict[str, Any]) -> dict[str, Any]:
    """See `dlscan.train.steps.slopes`."""
    places = {name: tensor.detach().requires_grad_() for name, tensor in at.items()}
    found = torch.autograd.grad(function(places).sum(), list(places.values()), create_graph=True)
    return dict(zip(places, found, strict=True))


class _Torch:
    """Nothing compiles here, so that the inputs of points with one network are scaled once for all."""

    one_length = as_one = False

    def __init__(self, points: Sequence[Trained], devices: Replicas) -> None:
        self._devices = devices
        networks = [network for point in points for network in point.networks.values()]
        self._spread = Spread(networks)
        self._trunks = trunks(networks) if len(networks) == len(points) else []
        self._points = [
            (
                {
                    name: Called(network.body() if self._trunks else network.training())
                    for name, network in point.networks.items()
                },
                point.parts,
            )
            for point in points
        ]

    def train(self, *batches: Taken) -> list[Any]:
        return [self._step(*batch) for batch in batches]

    def _step(self, streams: Streams, who: Who) -> Any:
        given, devices, told = self._given(streams), sharing(streams, self._devices), []
        of_part = are_parts(streams)
        for networks, parts in chosen(self._points, who):
            own = []
            for each in parts:
                taken = [_step_of(each, networks, given, devices, of_part) for _ in range(each.times)]
                own.append(taken[0])
            told.append(torch.cat(in_order(own)))
        return torch.stack(told)

    def look(self, *batches: Taken) -> list[tuple[Any, Any]]:
        return [self._numbers_of(*batch) for batch in batches]

    def _numbers_of(self, streams: Streams, who: Who) -> tuple[Any, Any]:
        given, devices = self._given(streams), sharing(streams, self._devices)
        of_part = are_parts(streams)
        with torch.no_grad():
            told = [
                [_told(each, networks, given, False, devices) for each in parts]
                for networks, parts in chosen(self._points, who)
            ]
            numbers = [[put_together(each.numbers, [], of_part, _added)[0] for each in own] for own in told]
            return torch.stack([torch.cat(in_order(own)) for own in numbers]), [own[-1].raw for own in told]

    def settle(self) -> None:
        """Variables are changed in place."""

    def _given(self, streams: Streams) -> dict[str, Given]:
        given = {}
        with torch.no_grad():
            for name, fed in streams.items():
                inputs = self._spread(fed.inputs, fed.weights)
                scaled = [trunk(taken_by(trunk, inputs)) for trunk in self._trunks] or [inputs]
                merged = {key: tensor for part in scaled for key, tensor in part.items()}
                given[name] = Given(merged, fed.truth, fed.weights)
        return given


def _step_of(
    part: Part, networks: Mapping[str, Called], given: Mapping[str, Given], devices: Replicas, of_part: bool
) -> Any:
    """Let a part take a step; the numbers of before it."""
    for network in networks.values():
        network.model.zero_grad()
    found = _told(part, networks, given, True, devices)
    part.optimizer.scale_loss(found.loss).backward()
    with torch.no_grad():
        slopes = [variable.value.grad for variable in part.variables]
        numbers, slopes = put_together(found.numbers.detach(), slopes, of_part, _added)
        part.optimizer.apply(slopes, part.variables)
    return numbers


def _added(flat: Any) -> Any:
    torch.distributed.all_reduce(flat)
    return flat


def _told(
    part: Part, networks: Mapping[str, Called], given: Mapping[str, Given], training: bool, devices: Replicas
) -> Told:
    """What a part finds of a batch.

    On another device than theirs, Keras computes with copies of the variables, and PyTorch differentiates
    through these: variables get the slopes of all shares.
    """
    if not devices:
        return part.objective(networks, given, training)
    found = []
    for device, share in zip(devices, shares(given, devices), strict=True):
        with keras.device(device):
            there = keras.tree.map_structure(functools.partial(torch.Tensor.to, device=device), share)
            found.append(part.objective(networks, there, training))
    return together(found)
