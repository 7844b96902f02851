"""Steps on PyTorch."""

from collections.abc import Sequence
from typing import Any

import torch

from dlscan.train.objectives import Given
from dlscan.train.steps import Call, Jit, Steps, Streams, Trained
from dlscan.train.steps.spread import Spread


def make_steps(points: Sequence[Trained], jit: Jit) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Torch(points)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""

    def call(inputs: Any) -> Any:
        with torch.no_grad():
            return model(inputs, training=False)

    return call


class _Torch:
    """Nothing compiles here, so that the inputs of points with one network are scaled once for all."""

    one_length = False

    def __init__(self, points: Sequence[Trained]) -> None:
        first = points[0].networks
        self._spread = Spread(first.values())
        self._trunk = next(iter(first.values())).trunk() if len(first) == 1 else None
        self._points = [
            (
                {
                    name: network.training() if self._trunk is None else network.body()
                    for name, network in point.networks.items()
                },
                point.parts,
            )
            for point in points
        ]

    def train(self, streams: Streams) -> Any:
        given, told = self._given(streams), []
        for networks, parts in self._points:
            own = []
            for part in parts:
                for network in networks.values():
                    network.zero_grad()
                found = part.objective(networks, given, True)
                part.optimizer.scale_loss(found.loss).backward()
                with torch.no_grad():
                    part.optimizer.apply([variable.value.grad for variable in part.variables], part.variables)
                own.append(found.numbers.detach())
            told.append(torch.cat(own))
        return torch.stack(told)

    def look(self, streams: Streams) -> Any:
        given = self._given(streams)
        with torch.no_grad():
            told = [
                [part.objective(networks, given, False) for part in parts] for networks, parts in self._points
            ]
            numbers = torch.stack([torch.cat([part.numbers for part in own]) for own in told])
            return numbers, [own[-1].raw for own in told]

    def settle(self) -> None:
        """Variables are changed in place."""

    def _given(self, streams: Streams) -> dict[str, Given]:
        given = {}
        with torch.no_grad():
            for name, fed in streams.items():
                inputs = self._spread(fed.inputs, fed.weights)
                scaled = inputs if self._trunk is None else self._trunk(inputs)
                given[name] = Given(scaled, fed.truth, fed.weights)
        return given
