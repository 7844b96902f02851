"""Which validation batches a pack looks at in one call: those of several folds, a few at a time."""

from collections.abc import Iterator, Mapping, Sequence

from dlscan.train.feed import Fed
from dlscan.train.folds import LeftOut

# Streams that are read side by side: each has a batch on the device and one on its way.
_MOST = 5


def side_by_side(every: Sequence[LeftOut], wanted: Sequence[LeftOut]) -> Iterator[list[LeftOut]]:
    """The choices of folds that are wanted, some at a time: each call is compiled for those that it looks at.

    Where some of them are finished, the others are looked at one by one, which is compiled once for each.
    """
    for first in range(0, len(every), _MOST):
        some = list(every[first : first + _MOST])
        left = [own for own in some if own in wanted]
        if left == some:
            yield some
        else:
            yield from ([own] for own in left)


def together(streams: Mapping[LeftOut, Iterator[Fed]]) -> Iterator[list[dict[LeftOut, Fed]]]:
    """The next batch of each stream: in one call while all have some, and then each in its own."""
    going = dict(streams)
    while going:
        batches = {own: fed for own, stream in going.items() if (fed := next(stream, None)) is not None}
        # each choice of streams would be compiled anew
        yield [batches] if len(batches) == len(streams) else [{own: fed} for own, fed in batches.items()]
        going = {own: going[own] for own in batches}
