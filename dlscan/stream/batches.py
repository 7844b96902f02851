"""`Batches`: the events of a split, batch by batch."""

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType, TracebackType
from typing import Literal

from dlscan.config.augment import Step
from dlscan.config.share import Share
from dlscan.dataset import Manifest, SameDataset
from dlscan.errors import StreamError
from dlscan.stream import options
from dlscan.stream.augmented import Augmentation, AugmentedSource
from dlscan.stream.batch import Batch
from dlscan.stream.cache import SplitCache
from dlscan.stream.memory import MemoryBudget
from dlscan.stream.planner import Delivery, EpochPlanner
from dlscan.stream.request import ReadRequest
from dlscan.stream.ring import Ring
from dlscan.stream.share import Choice
from dlscan.stream.slots import SlotLayout
from dlscan.stream.split_on_disk import SplitOnDisk
from dlscan.stream.worker_pool import EventSource


class Batches:
    """Stream a split of a dataset.

    Every event of the split comes exactly once an epoch (unless rarer classes are oversampled), in an order
    that depends on seed and epoch only. Arrays may be kept: their memory is used again when they are dropped.

    Parameters
    ----------
    prepared : str or Path
        The directory of what `dlscan prepare` made: a dataset, or the index of a raw directory.
    split : {"train", "validation", "test"}
        Which events.
    batch_size : int
        Events per batch; the last one of an epoch may be shorter.
    workers : int or "auto"
        Processes that read ahead; 0 reads in this one.
    seed : int
        Of the order.
    shuffle : bool or "once"
        False gives the order of the disk, the same each epoch (but with `oversample`, which draws). "once"
        is a random order, the same each epoch: that of the disk in a dataset, whose events are stored
        shuffled, and that of epoch 0 in an index.
    balance : {"none", "weights", "oversample"}
        `weights` gives each class the same total weight; `oversample` repeats events of rarer classes, and
        with event weights gives each class the same total weight too.
    extras : bool or collection of str
        Deliver extras and sources too, or the extras with these names alone.
    patience : float
        Seconds after which a worker that does not answer is taken to hang.
    memory : int, optional
        Bytes that batches may take; by default half of what is free, which is seldom used up.
    cache : {"none", "ram"}
        `ram` keeps the encoded events of the split in memory: they are read from disk once.
    transport : {"dense", "sparse"}
        `sparse` delivers inputs that are stored sparse as `Batch.sparse`, for who can use the entries alone.
    event_weights : str, optional
        The extra that holds a weight per event, which multiplies that of its class.
    dataset : str, optional
        The `config_hash` of the dataset that this must be.
    inputs : bool
        False leaves out the inputs, which are then not read.
    classes : collection of str
        The labels of those that count, all without any: their weights are balanced among themselves, and
        events of others weigh nothing.
    others : bool
        Whether events of other classes are delivered all the same.
    left_out : collection of int
        In a dataset with folds those, from 1, that validation is made of; by default the first.
    augment : mapping of str to tuple of Step
        What is done to the events of inputs, as `data.augment` of an experiment; anew in each epoch.
    share : Share, optional
        The share of the events of each class that is delivered; by default all. Weights of classes stay
        those of all events.

    Attributes
    ----------
    manifest : Manifest
        Of the dataset.
    events : int
        Events delivered in an epoch.
    steps : int
        Batches in an epoch.
    workers : int
        Processes that read ahead.
    mixing : int or None
        Events of an index among which batches are drawn, on which their order depends; less where memory is
        short. None before the first epoch, and where the order is that of seed and epoch alone.
    class_weights : tuple of float
        What `balance` multiplies the weights of the events of each class by.

    Raises
    ------
    UsageError
        If an argument is wrong, or `memory` is too small for a batch.
    DataError
        If there is no dataset, or another than `dataset`, or `event_weights` are not finite or cannot be
        balanced. While iterating, if the dataset is replaced by another.
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
        shuffle: bool | Literal["once"] = True,
        balance: Literal["none", "weights", "oversample"] = "none",
        extras: bool | Collection[str] = False,
        patience: float = 600.0,
        memory: int | None = None,
        cache: Literal["none", "ram"] = "none",
        transport: Literal["dense", "sparse"] = "dense",
        event_weights: str | None = None,
        dataset: str | None = None,
        inputs: bool = True,
        left_out: Collection[int] = (),
        classes: Collection[str] = (),
        others: bool = False,
        augment: Mapping[str, tuple[Step, ...]] = MappingProxyType({}),
        share: Share | None = None,
    ) -> None:
        chosen = {"split": split, "balance": balance, "cache": cache, "transport": transport}
        options.require_valid(
            chosen, {"batch_size": (batch_size, 1), "seed": (seed, 0), "workers": (workers, 0)}
        )
        self._directory = Path(prepared).resolve()
        self.manifest = Manifest.read(Path(prepared)).leaving_out(left_out)
        self._same = SameDataset(Path(prepared).absolute(), dataset or self.manifest.config_hash)
        self._same.require()
        self._split, self._extras, self._patience = split, extras, patience
        self._cache = SplitCache() if cache == "ram" else None
        self._event_weights = event_weights
        options.require_weights(self.manifest, event_weights)
        self._sparse = options.sparse_inputs(self.manifest, cache) if transport == "sparse" else ()
        self._share = None if share is None or share.share == 1 else share
        self._classes = tuple(self.manifest.number_of(name) for name in classes) if not others else ()
        of_classes = self.manifest.splits[split].counts
        counts = [of_classes[number] for number in self._classes or range(len(of_classes))]
        counts = [count for count in counts if count]
        options.require_events(self.manifest, split, counts, classes)
        counts = counts if self._share is None else list(map(self._share.of, counts))
        self.events = max(counts) * len(counts) if balance == "oversample" else sum(counts)
        self.steps = -(-self.events // batch_size)
        self._same_order = shuffle == "once"
        shuffled = self.manifest.raw is not None if self._same_order else bool(shuffle)
        self.class_weights = self.manifest.class_weights(balance, self._event_weights, classes)
        self.workers = (
            options.auto_workers(self.manifest, self.events, shuffled) if workers == "auto" else workers
        )
        files = tuple(source.file for source in self.manifest.sources)
        choice = None if self._share is None else Choice(self._share, files)
        self._delivery = Delivery(
            *(min(batch_size, self.events), seed, shuffled, balance == "oversample", self.workers),
            self._classes,
            choice,
        )
        self._augmentation = Augmentation.of(augment, self.manifest, seed, balance == "oversample")
        augmented = self._augmentation is not None
        self._layout = SlotLayout.of(
            self.manifest, self._delivery.batch_size, extras, self._sparse, inputs, augmented
        )
        self._planner: EpochPlanner | None = None
        self._ring: Ring | None = None
        self._turn = 0
        self._wanted: int | None = None
        self.mixing: int | None = None
        self._budget = MemoryBudget(memory, self._layout)
        self._source = SplitOnDisk(
            self._directory,
            self.manifest,
            self._same,
            split,
            self._layout,
            self._sparse,
            event_weights,
            self.class_weights,
        )

    def __enter__(self) -> "Batches":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    @property
    def waited(self) -> float:
        """Seconds that the caller has waited for batches in the latest epoch."""
        return self._ring.waited if self._ring else 0.0

    def require_same(self) -> None:
        """Check that the directory still holds the dataset that this stream began with.

        Each epoch does so at its start and at its end; call it after an epoch that you have left early.

        Raises
        ------
        DataError
            If it holds another one, or none.
        """
        self._same.require()

    def mix(self, events: int | None) -> bool:
        """Draw batches as another stream of these events did.

        Parameters
        ----------
        events : int or None
            Its `mixing`; nothing has to be done for None, or in the order of the disk.

        Returns
        -------
        bool
            False if memory is too small for that; nothing has changed then.
        """
        same = events in (None, self.mixing) or not self._delivery.shuffle
        if same or self.manifest.raw is None:
            return True
        with contextlib.nullcontext(self) if self._cache is None else self._uncached() as batches:
            planner = batches._make_planner()
            assert events is not None
            planner.mix(events)
            if not batches._budget.holds(planner):
                return False
        self.close()
        self._wanted = events
        return True

    def close(self) -> None:
        """End the workers. An epoch that is under way cannot go on; a new one starts new workers."""
        self._turn += 1
        if self._ring is not None:
            self._ring.close()
        self._ring = self._planner = None
        if self._cache is not None:
            self._cache.close()

    def epoch(self, number: int, last: bool = False) -> Iterator[Batch]:
        """The batches of epoch `number`, from 0; leaving the loop early is fine.

        A new epoch ends the one before: its iterator cannot go on. While the last batches are delivered the
        next epoch is read ahead, unless this is the `last` one.
        """
        self._turn += 1
        return self._read(number, last, self._turn)

    def _read(self, number: int, last: bool, turn: int) -> Iterator[Batch]:
        self._check(turn)
        try:
            self._same.require()
            if self._planner is None or self._ring is None:
                self._planner = self._make_planner()
                self._ring = self._make_ring(self._planner)
                if self._cache is None:
                    self.mixing = self._planner.mixing
            for arrays in self._ring.batches(number, self._requests(self._planner), self._sizes(), last):
                batch = Batch.of(arrays)
                self._source.require_finite(batch.weights)
                del arrays  # the caller alone decides how long a slot is lent
                yield batch
                del batch
                self._check(turn)
            self._same.require()
        except GeneratorExit:
            raise  # the loop was left; what was read ahead is taken back by the next epoch
        except BaseException:
            # an interrupt may have come between any two steps: nothing in the ring can be relied on
            if turn == self._turn:
                self.close()
            raise

    def _check(self, turn: int) -> None:
        if turn != self._turn:
            raise StreamError(
                "this iterator is no longer valid: a newer epoch was started, or the stream was closed"
            )

    def _sizes(self) -> Iterator[int]:
        size = self._delivery.batch_size
        return (min(size, self.events - start) for start in range(0, self.events, size))

    def _make_planner(self) -> EpochPlanner:
        if self._cache is not None:
            self._fill(self._cache)
        return self._source.planner(self._delivery, self._cache)

    def _fill(self, cache: SplitCache) -> None:
        """Read the whole split into memory."""
        if self.manifest.raw is None:
            self._source.copy_to(cache)
            return
        with self._uncached() as batches:
            batches._wanted = self._wanted
            events = self.manifest.splits[self._split].events
            cache.encode((batch.arrays() for batch in batches.epoch(0, last=True)), self.manifest, events)
            self.mixing = batches.mixing

    def _uncached(self) -> "Batches":
        """The same events, not kept in memory: what the cache is filled from."""
        delivery = self._delivery
        return Batches(
            self._directory,
            self._split,
            delivery.batch_size,
            self.workers,
            delivery.seed,
            delivery.shuffle,
            extras=bool(self._extras) or self._event_weights is not None or self._augmentation is not None,
            patience=self._patience,
            memory=self._budget.bytes,
            dataset=self.manifest.config_hash,
            left_out=self.manifest.left_out,
            share=self._share,
        )

    def _requests(self, planner: EpochPlanner) -> Callable[[int], Iterator[ReadRequest]]:
        def of_first(_: int) -> Iterator[ReadRequest]:
            return planner.requests(0)

        augmentation, requests = self._augmentation, of_first if self._same_order else planner.requests
        return requests if augmentation is None else augmentation.requests(requests)

    def _make_ring(self, planner: EpochPlanner) -> Ring:
        if self._wanted is not None:
            planner.mix(self._wanted)
        slots = self._budget.slots(planner)
        source: EventSource = planner.source
        if self._augmentation is not None:
            source = AugmentedSource(source, self._augmentation, self._sparse)
        return Ring(source, self._layout, slots, planner.needed, self.workers, self._patience)
