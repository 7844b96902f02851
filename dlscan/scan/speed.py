"""How long points take, alone and together, given how fast a machine is."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path

from dlscan.clock import duration
from dlscan.dataset import Manifest
from dlscan.errors import DlscanError
from dlscan.files import read_json, write_json
from dlscan.scan.costs import LOOK, Cost

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
        Seconds of a network beside its epochs: to build and to compile it.
    trees : float
        How many times as long boosted trees take as on a middling machine.
    """

    stream: float
    step: float
    network: float
    rate: float
    overlaps: bool
    startup: float
    setup: float
    trees: float = 1.0

    @classmethod
    def guess(cls, accelerated: bool, manifest: Manifest | None) -> "Speed":
        """That of a middling machine, as long as nothing has been measured."""
        stream = 1 / (_EVENT + (0 if manifest is None else manifest.event_bytes / _STREAM))
        if accelerated:
            return cls(stream, 6e-4, 2e-4, 5e-14, True, 10.0, 3.0)
        return cls(stream, 7e-4, 3e-4, 5e-12, False, 6.0, 2.0)

    def own(self, cost: Cost) -> float:
        """Seconds that a job spends on a point alone."""
        if cost.round:
            return self.trees * cost.epochs * cost.round
        batches = cost.epochs * (cost.steps + LOOK * cost.looks) + LOOK * cost.scored
        return self.setup + batches * self._compute(cost)

    def shared(self, costs: Sequence[Cost]) -> float:
        """Seconds that a job with these points spends on what they share."""
        first = costs[0]
        if first.round:
            return self.startup
        batches = max(cost.epochs for cost in costs) * (first.steps + first.looks) + first.scored
        return self.startup + batches * (self.step + first.batch_size / self.stream)

    def epoch(self, costs: Sequence[Cost]) -> float:
        """Seconds of an epoch of points that share a stream."""
        return costs[0].steps * self._batch(costs) + costs[0].looks * self._batch(costs, LOOK)

    def job(self, costs: Sequence[Cost]) -> float:
        """Seconds of a job that trains these points.

        Networks share a stream, which each leaves after its last epoch; trees are grown one after the other.
        """
        if costs[0].round:
            return self.startup + sum(map(self.own, costs))
        seconds = self.startup + len(costs) * self.setup + costs[0].scored * self._batch(costs, LOOK)
        before = 0
        left = sorted(costs, key=lambda cost: cost.epochs)
        while left:
            epochs = left[0].epochs
            seconds += (epochs - before) * self.epoch(left)
            before, left = epochs, [cost for cost in left if cost.epochs > epochs]
        return seconds

    def _batch(self, costs: Sequence[Cost], share: float = 1.0) -> float:
        streaming = costs[0].batch_size / self.stream
        working = self.step + share * sum(self._compute(cost) for cost in costs)
        return max(working, streaming) if self.overlaps else working + streaming

    def _compute(self, cost: Cost) -> float:
        return self.network + self.rate * cost.step


@dataclasses.dataclass(frozen=True)
class Trial:
    """What a short trial has measured.

    Attributes
    ----------
    dataset : str
        The dataset's `config_hash`.
    device : str
        What trained.
    seconds : float
        What it took.
    accelerated : bool
        Whether that is a GPU or its like.
    events_per_second : float
        Of the stream.
    smallest, largest : (float, float)
        Multiply-adds and seconds of a step of the smallest and of the largest network alone.
    several : (int, float)
        So many networks like the smallest, and seconds of their common step.
    startup : float
        Seconds of a job before it builds its first network.
    building : float
        Seconds to build and compile a network.
    """

    dataset: str
    device: str
    seconds: float
    accelerated: bool
    events_per_second: float
    smallest: tuple[float, float]
    largest: tuple[float, float]
    several: tuple[int, float]
    startup: float
    building: float

    @classmethod
    def read(cls, path: Path) -> "Trial | None":
        """The trial that `write` left; None if there is none that can be read."""
        try:
            value = read_json(path)
            pairs = {name: tuple(value[name]) for name in ("smallest", "largest", "several")}
            return cls(**(value | pairs))
        except (DlscanError, FileNotFoundError, KeyError, TypeError):
            return None

    def write(self, path: Path) -> None:
        """Write it down, whole."""
        write_json(path, dataclasses.asdict(self))

    @property
    def source(self) -> str:
        """What a statement rests on that rests on this."""
        return f"a trial of {duration(self.seconds)} on {self.device}"

    @property
    def speed(self) -> Speed:
        """Step seconds as fixed + rate * multiply-adds; of what is fixed, networks in a pack share a part."""
        (small, least), (large, most) = self.smallest, self.largest
        rate = max(most - least, 0.0) / (large - small) if large > small else 0.0
        fixed = max(least - rate * small, 0.0)
        count, together = self.several
        # what each further network adds is its own
        added = (together - least) / (count - 1) - rate * small
        network = min(max(added, 0.0), fixed)
        return Speed(
            stream=self.events_per_second,
            step=fixed - network,
            network=network,
            rate=rate,
            overlaps=self.accelerated,
            startup=self.startup,
            setup=self.building,
        )
