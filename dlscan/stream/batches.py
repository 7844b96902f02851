"""`Batches`: the events of a split, batch by batch."""

import collections
import dataclasses
import math
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dlscan.dataset import SPLITS, Manifest
from dlscan.errors import StreamError, UsageError
from dlscan.machine import usable_cpus
from dlscan.stream.plan import Epoch, Oversampled, Shuffled, Stored, block_events
from dlscan.stream.reader import Arrays, Reader, Source
from dlscan.stream.ring import Ring
from dlscan.stream.slots import SlotLayout

# Below this many dense bytes an epoch is read in less time than a process takes to start.
_SMALL_EPOCH = 64 * 2**20
_MOST_WORKERS = 8
BALANCES = ("none", "weights", "oversample")


@dataclasses.dataclass(frozen=True)
class Batch:
    """Some events.

    Attributes
    ----------
    inputs : dict of str to ndarray of float32, each (B, ...)
        Raw values.
    labels : ndarray of int32, (B,)
        Indices of the classes.
    weights : ndarray of float32, (B,)
        The weight of each event in the loss.
    extras : dict of str to ndarray, each (B, ...)
        Only with `extras=True`.
    sources : ndarray of uint32, (B, 2), or None
        Number of the raw file in the manifest, and row in it; only with `extras=True`.
    """

    inputs: dict[str, NDArray[np.float32]]
    labels: NDArray[np.int32]
    weights: NDArray[np.float32]
    extras: dict[str, NDArray[Any]]
    sources: NDArray[np.uint32] | None

    def __len__(self) -> int:
        return len(self.labels)


class Batches:
    """Stream a split of a prepared dataset.

    Every event of the split comes exactly once an epoch (unless rarer classes are oversampled), in an order
    that depends on seed and epoch only. Arrays may be kept: their memory is used again when they are dropped.

    Parameters
    ----------
    prepared : str or Path
        The dataset's directory.
    split : {"train", "validation", "test"}
        Which events.
    batch_size : int
        Events per batch; the last one of an epoch may be shorter.
    workers : int or "auto"
        Processes that read ahead; 0 reads in this one.
    seed : int
        Of the order.
    shuffle : bool
        False gives the order of the disk, the same each epoch.
    balance : {"none", "weights", "oversample"}
        `weights` gives each class the same total weight; `oversample` repeats events of rarer classes.
    extras : bool
        Deliver extras and sources too.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.

    Attributes
    ----------
    manifest : Manifest
        Of the dataset.
    events : int
        Events delivered in an epoch.
    steps : int
        Batches in an epoch.

    Raises
    ------
    DataError
        If there is no dataset.
    StreamError
        While iterating, if a file cannot be read or a worker dies; it names the file.

    Examples
    --------
    ::

        with Batches("prepared/lcd", split="train", batch_size=1024, workers=2, seed=1) as batches:
            for batch in batches.epoch(0):
                batch.inputs["ECAL"], batch.labels, batch.weights
    """

    def __init__(
        self,
        prepared: str | Path,
        split: str = "train",
        batch_size: int = 1024,
        workers: int | Literal["auto"] = "auto",
        seed: int = 1,
        shuffle: bool = True,
        balance: Literal["none", "weights", "oversample"] = "none",
        extras: bool = False,
        patience: float = 600.0,
    ) -> None:
        if split not in SPLITS:
            raise UsageError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        if balance not in BALANCES:
            raise UsageError(f"balance must be one of {', '.join(BALANCES)}, got {balance!r}")
        for name, number, least in (
            ("batch_size", batch_size, 1),
            ("seed", seed, 0),
            ("workers", workers, 0),
        ):
            if number != "auto" and number < least:
                raise UsageError(f"{name} must be at least {least}, got {number}")
        self.manifest = Manifest.read(Path(prepared))
        info = self.manifest.splits[split]
        self._batch_size, self._seed, self._shuffle, self._patience = batch_size, seed, shuffle, patience
        counts = [count for count in info.counts if count]
        self.events = max(counts) * len(counts) if balance == "oversample" else info.events
        self._layout = SlotLayout.of(self.manifest, min(batch_size, self.events), extras)
        columns = tuple(field.name for field in self._layout.fields if field.name not in ("rows", "weights"))
        weights = self._class_weights() if balance == "weights" else (1.0,) * len(self.manifest.classes)
        self._source = Source(Path(prepared).resolve(), info.shards, columns, weights)
        self._labels = Reader(self._source).labels() if balance == "oversample" else None
        self._stored_events = info.events
        self._block = block_events(sum(s.size for s in info.shards) / max(info.events, 1), batch_size)
        self.steps = -(-self.events // batch_size)
        self._workers = self._auto_workers() if workers == "auto" else workers
        self._ring: Ring | None = None
        self._pending: collections.deque[tuple[int, int]] = collections.deque()
        self._turn = 0

    def __enter__(self) -> "Batches":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End the workers. An epoch that is under way cannot go on; a new one starts new workers."""
        self._turn += 1
        if self._ring is not None:
            self._ring.close()
            self._ring = None
            self._pending.clear()

    def epoch(self, number: int) -> Iterator[Batch]:
        """The batches of epoch `number`, from 0; leaving the loop early is fine.

        A new epoch ends the one before: its iterator cannot go on.
        """
        self._turn += 1
        plan = self._plan(number)
        if self._workers == 0:
            return self._read_here(plan, self._turn)
        return self._read_ahead(plan, self._turn)

    def _plan(self, epoch: int) -> Epoch:
        if self._labels is not None:
            return Oversampled(self._labels, self._batch_size, self._seed, epoch)
        if not self._shuffle:
            return Stored(self._stored_events, self._batch_size)
        return Shuffled(self._stored_events, self._batch_size, self._block, self._seed, epoch)

    def _read_here(self, plan: Epoch, turn: int) -> Iterator[Batch]:
        reader = Reader(self._source)
        for step in range(plan.steps):
            self._check(turn)
            rows = plan.rows(step)
            arrays = self._layout.allocate(len(rows))
            del arrays["rows"]
            reader.fill(rows, arrays)
            yield _batch(arrays)

    def _read_ahead(self, plan: Epoch, turn: int) -> Iterator[Batch]:
        self._check(turn)
        if self._ring is None:
            self._ring = Ring(self._source, self._layout, self._workers, self._patience)
        self._forget_pending()
        asked = 0
        try:
            while asked < plan.steps or self._pending:
                while asked < plan.steps and self._ring.can_ask():
                    rows = plan.rows(asked)
                    self._pending.append((self._ring.ask(rows), len(rows)))
                    asked += 1
                slot, events = self._pending[0]
                self._ring.wait_for(slot)
                self._pending.popleft()
                yield _batch(self._ring.lend(slot, events))
                self._check(turn)
        except GeneratorExit:
            raise  # the loop was left; what was read ahead is taken back by the next epoch
        except BaseException:
            # an interrupt may have come between any two steps: nothing in the ring can be relied on
            if turn == self._turn:
                self.close()
            raise

    def _check(self, turn: int) -> None:
        if turn != self._turn:
            raise StreamError("this epoch was ended by a newer one, or by closing the stream")

    def _forget_pending(self) -> None:
        """Take back what was read ahead for an epoch that nobody went on with."""
        assert self._ring is not None
        while self._pending:
            slot, _ = self._pending[0]
            self._ring.wait_for(slot)
            self._pending.popleft()
            self._ring.give_back(slot)

    def _class_weights(self) -> tuple[float, ...]:
        """Weights of the training split, for all splits: a loss must mean the same everywhere."""
        counts = self.manifest.splits["train"].counts
        present = sum(count > 0 for count in counts)
        return tuple(sum(counts) / (present * count) if count else 0.0 for count in counts)

    def _auto_workers(self) -> int:
        """None for what is small, one for what is read in order to evaluate, else all CPUs but one."""
        event = sum(4 * math.prod(column.shape) for column in self.manifest.inputs.values())
        if self.events * event < _SMALL_EPOCH:
            return 0
        if not self._shuffle:
            return 1
        return min(_MOST_WORKERS, max(1, usable_cpus() - 1))


def _batch(arrays: Arrays) -> Batch:
    def below(kind: str) -> Arrays:
        return {name.removeprefix(kind): array for name, array in arrays.items() if name.startswith(kind)}

    return Batch(
        below("inputs/"), arrays["labels"], arrays["weights"], below("extras/"), arrays.get("sources")
    )
