"""What a pack is trained on next: batches on the device, some of them together."""

import collections
from collections.abc import Iterable, Iterator, Mapping

from dlscan.stream import Batch
from dlscan.train.feed import Fed, Feed
from dlscan.train.pack import Pack, TrainingBatch
from dlscan.train.passes import Delivered


def turns(
    feed: Feed, delivered: Iterable[Delivered], beside: Iterator[Mapping[str, Fed]], pack: Pack
) -> Iterator[dict[int, TrainingBatch]]:
    """The batches of each call of `Pack.train`, by their place in the pass.

    Parameters
    ----------
    feed : Feed
        Brings them to the device.
    delivered : iterable of Delivered
        As a pass gives them.
    beside : iterator of mapping of str to Fed
        What other streams give with each.
    pack : Pack
        Says whether batches are taken together that may be.
    """
    notes: collections.deque[tuple[int, int | None, int]] = collections.deque()

    def noted() -> Iterator[Batch]:
        """The batches alone: what else is known of one waits, because others may be ahead on the way."""
        for place, fold, batch, rest in delivered:
            notes.append((place, fold, rest))
            yield batch
            del batch  # or its slot would be lent for longer

    batches: dict[int, TrainingBatch] = {}
    for fed in feed(noted(), pack.one_length):
        place, fold, rest = notes.popleft()
        batches[place] = TrainingBatch(fed, fold, next(beside))
        if not (rest and pack.together):
            yield batches
            batches.clear()
