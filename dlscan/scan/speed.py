"""How long points take, alone and together, given how fast a machine is: pure."""

import dataclasses
from collections.abc import Sequence

from dlscan.dataset import Manifest
from dlscan.scan.costs import LOOK, Cost, event_bytes

# Bytes of dense events per second, and seconds per event however small it is.
_STREAM, _EVENT = 6e9, 5e-7


@dataclasses.dataclass(frozen=True)
class Speed:
    """How fast points are trained.

    Attributes
    ----------
    stream : float
        Events per second that the stream delivers.
    step : float
        Seconds of a step that the networks of a job share.
    network : float
        Seconds of a step for each network, however small.
    rate : float
        Seconds per multiply-add.
    overlaps : bool
        Whether the stream works while a step computes; on a processor the two share it.
    startup : float
        Seconds of a job before it builds its first network.
    setup : float
        Seconds of a network beside its epochs: to build, to compile, to judge it and to write what is left.
    """

    stream: float
    step: float
    network: float
    rate: float
    overlaps: bool
    startup: float
    setup: float

    @classmethod
    def guess(cls, accelerated: bool, manifest: Manifest | None) -> "Speed":
        """That of a middling machine, as long as nothing has been measured."""
        stream = 1 / (_EVENT + (0 if manifest is None else event_bytes(manifest) / _STREAM))
        if accelerated:
            return cls(stream, 6e-4, 2e-4, 5e-14, True, 10.0, 3.0)
        return cls(stream, 7e-4, 3e-4, 5e-12, False, 6.0, 2.0)

    def own(self, cost: Cost) -> float:
        """Seconds that a job spends on a point alone."""
        return self.setup + cost.epochs * (cost.steps + LOOK * cost.looks) * self._compute(cost)

    def shared(self, costs: Sequence[Cost]) -> float:
        """Seconds that a job with these points spends on what they share."""
        batches = max(cost.epochs for cost in costs) * (costs[0].steps + costs[0].looks)
        return self.startup + batches * (self.step + costs[0].batch_size / self.stream)

    def epoch(self, costs: Sequence[Cost]) -> float:
        """Seconds of an epoch of points that share a stream."""
        streaming = costs[0].batch_size / self.stream
        compute = sum(self._compute(cost) for cost in costs)
        looks = costs[0].looks * self._batch(compute * LOOK, streaming)
        return costs[0].steps * self._batch(compute, streaming) + looks

    def job(self, costs: Sequence[Cost]) -> float:
        """Seconds of a job that trains these points on one stream; each leaves it after its last epoch."""
        seconds, before = self.startup + len(costs) * self.setup, 0
        left = sorted(costs, key=lambda cost: cost.epochs)
        while left:
            epochs = left[0].epochs
            seconds += (epochs - before) * self.epoch(left)
            before, left = epochs, [cost for cost in left if cost.epochs > epochs]
        return seconds

    def _batch(self, compute: float, streaming: float) -> float:
        working = self.step + compute
        return max(working, streaming) if self.overlaps else working + streaming

    def _compute(self, cost: Cost) -> float:
        return self.network + self.rate * cost.step
