"""Steps on PyTorch."""

from typing import Any

import torch

from dlscan.models.trunk import split
from dlscan.train.feed import Fed
from dlscan.train.steps import Call, Jit, Networks, Steps
from dlscan.train.steps.measure import Measure


def make_steps(networks: Networks, jit: Jit) -> Steps:
    """See `dlscan.train.steps.steps`."""
    return _Torch(networks)


def compiled(model: Any) -> Call:
    """See `dlscan.train.steps.compiled`."""

    def call(inputs: Any) -> Any:
        with torch.no_grad():
            return model(inputs, training=False)

    return call


class _Torch:
    """Nothing compiles here, so that inputs have to be scaled once for all networks by name."""

    one_length = False

    def __init__(self, networks: Networks) -> None:
        self._measure = Measure(networks[0][0])
        cut = [split(network) for network, _ in networks]
        self._trunk = cut[0][0]
        self._heads = [
            (head, network.trainable_variables, optimizer)
            for (_, head), (network, optimizer) in zip(cut, networks, strict=True)
        ]

    def train(self, fed: Fed) -> Any:
        scaled, told = self._scaled(fed), []
        for head, variables, optimizer in self._heads:
            head.zero_grad()
            loss, numbers, _ = self._numbers(head, scaled, fed, training=True)
            optimizer.scale_loss(loss).backward()
            with torch.no_grad():
                optimizer.apply([variable.value.grad for variable in variables], variables)
            told.append(numbers.detach())
        return torch.stack(told)

    def look(self, fed: Fed) -> Any:
        scaled = self._scaled(fed)
        with torch.no_grad():
            told = [self._numbers(head, scaled, fed, training=False) for head, _, _ in self._heads]
            _, numbers, logits = zip(*told, strict=True)
            return torch.stack(numbers), torch.softmax(torch.stack(logits), dim=-1)

    def settle(self) -> None:
        """Variables are changed in place."""

    def _scaled(self, fed: Fed) -> Any:
        with torch.no_grad():
            return self._trunk(self._measure.dense(fed.inputs, fed.labels))

    def _numbers(self, head: Any, scaled: Any, fed: Fed, training: bool) -> tuple[Any, Any, Any]:
        logits = head(scaled, training=training)
        return *self._measure(logits, fed.labels, fed.weights, head.losses), logits
