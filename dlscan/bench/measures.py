"""One measurement at a time: the stream, training, and both together."""

import itertools
import statistics
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Literal

from dlscan.bench.gpu import GpuUse
from dlscan.bench.keep import keep
from dlscan.bench.limits import memory_rate
from dlscan.models.replicas import Replicas
from dlscan.stream import Batch, Batches
from dlscan.train.feed import Fed, Feed
from dlscan.train.pack import Pack, TrainingBatch

# Training alone goes round and round on so much: more than a cache holds, less than a laptop has.
_KEPT_BYTES = 2**29
_FEWEST, _MOST = 2, 32
# The limits of memory take no long look.
_LIMIT_SHARE = 0.2
_RING_BATCHES = 4


class Measures:
    """Networks that train together, a stream, and how long to look at each; all give events per second.

    Attributes
    ----------
    first_batch : float
        Seconds from opening the stream to its first batch.
    waited, taken : float
        Seconds that training on the stream has waited for batches, and that it has taken in all.
    gpu_training, gpu_both : GpuUse
        How busy the GPU was.
    """

    def __init__(
        self, batches: Batches, batch_size: int, pack: Pack, seconds: float, devices: Replicas = ()
    ) -> None:
        self._batches, self._pack, self._seconds = batches, pack, seconds
        self._batch_size = min(batch_size, batches.events)
        self.event_bytes = batches.manifest.event_bytes
        self._epochs = itertools.count()
        self._feed = Feed(pack.learners[0].task, devices)
        self.waited = self.taken = 0.0
        self.gpu_training, self.gpu_both = GpuUse(), GpuUse()
        started = time.perf_counter()
        next(self._stream())
        self.first_batch = time.perf_counter() - started
        self._fed = self._warm()

    def memory_set(self) -> float:
        """Write zeros, with as many processes as the stream has."""
        return self._memory("set")

    def memory_copy(self) -> float:
        """Copy, with as many processes as the stream has."""
        return self._memory("copy")

    def stream(self) -> float:
        """Take batches and drop them."""
        return self._rate(self._stream(), len)[0]

    def training(self) -> float:
        """Train on batches that are in memory, or on the device."""
        with self.gpu_training:
            return self._rate(itertools.cycle(self._fed), self._step)[0]

    def both(self) -> float:
        """Train on the stream."""
        waiting = _Waiting(self._stream())
        with self.gpu_both:
            rate, taken = self._rate(self._feed(waiting, self._pack.one_length), self._step)
        self.waited += waiting.seconds
        self.taken += taken
        return rate

    def _memory(self, kind: Literal["set", "copy"]) -> float:
        # as much as a ring, so that caches help no more than they help the stream
        size = _RING_BATCHES * self._batch_size * self.event_bytes
        processes = max(self._batches.workers, 1)
        return memory_rate(kind, processes, size, self._seconds * _LIMIT_SHARE) / self.event_bytes

    def _stream(self) -> Iterator[Batch]:
        for number in self._epochs:
            yield from self._batches.epoch(number)

    def _warm(self) -> list[Fed]:
        """Have all that a back end compiles compiled; returns whole batches to train on."""
        most = min(max(_KEPT_BYTES // (self._batch_size * self.event_bytes), _FEWEST), _MOST)
        whole = (batch for batch in self._stream() if len(batch) == self._batch_size)
        kept = [keep(batch, len(batch)) for batch in itertools.islice(whole, most)]
        # the last batch of an epoch is another shape
        short = self._batches.events % self._batch_size
        every_length = [*kept, keep(kept[0], short)] if short else kept
        for fed in self._feed(every_length, self._pack.one_length):
            self._step(fed)
        self._pack.wait()
        return list(self._feed(kept, self._pack.one_length))

    def _step(self, fed: Fed) -> int:
        self._pack.train(TrainingBatch(fed))
        return fed.events

    def _rate(self, items: Iterable[Any], use: Callable[[Any], int]) -> tuple[float, float]:
        """Use items until the time is up; gives events per second, and the seconds that it took."""
        events, started = 0, time.perf_counter()
        for item in items:
            events += use(item)
            if time.perf_counter() - started >= self._seconds:
                break
        self._pack.wait()
        taken = time.perf_counter() - started
        return events / taken, taken


class _Waiting:
    """The batches of a stream, and the seconds that their taker has waited for them."""

    def __init__(self, batches: Iterator[Batch]) -> None:
        self._batches, self.seconds = batches, 0.0

    def __iter__(self) -> Iterator[Batch]:
        return self

    def __next__(self) -> Batch:
        started = time.perf_counter()
        batch = next(self._batches)
        self.seconds += time.perf_counter() - started
        return batch


def measured(measures: Measures, rounds: int, on_round: Callable[[int], None]) -> dict[str, float]:
    """Medians over rounds in which everything is measured in turn.

    What a machine gives changes within seconds, and only figures of the same seconds compare.

    Parameters
    ----------
    measures : Measures
        What to measure.
    rounds : int
        How often.
    on_round : callable
        Called with the number of rounds that are done.

    Returns
    -------
    dict of str to float
        Events per second by the names of the methods of `Measures`.
    """
    every = {
        method.__name__: method
        for method in (
            measures.memory_set,
            measures.memory_copy,
            measures.stream,
            measures.training,
            measures.both,
        )
    }
    rates: dict[str, list[float]] = {name: [] for name in every}
    for number in range(rounds):
        on_round(number)
        for name, method in every.items():
            rates[name].append(method())
    on_round(rounds)
    return {name: statistics.median(values) for name, values in rates.items()}
