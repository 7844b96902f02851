"""Distribute items over packs of about equal load: pure."""

import dataclasses
import heapq
import math
from collections import defaultdict
from collections.abc import Sequence


@dataclasses.dataclass(frozen=True)
class Item:
    """What is distributed.

    Attributes
    ----------
    index : int
        Its place in the order to keep.
    load : float
        How long it takes, in any unit.
    memory : int
        Bytes.
    """

    index: int
    load: float
    memory: int


@dataclasses.dataclass
class _Pack:
    items: list[Item] = dataclasses.field(default_factory=list)
    load: float = 0.0
    memory: int = 0

    def fits(self, item: Item, memory: float) -> bool:
        # what fits nowhere is tried alone
        return not self.items or self.memory + item.memory <= memory

    def add(self, item: Item) -> None:
        self.items.append(item)
        self.load += item.load
        self.memory += item.memory


def distribute(
    items: Sequence[Item], most: int, fewest: int = 1, memory: float = math.inf
) -> list[list[int]]:
    """Distribute items over as few packs as they fit in, but not fewer than `fewest`.

    The largest item goes first, each into the pack with the least load that can take it. Where `most` and
    `memory` refuse none, no pack gets more than 4/3 of what the largest has in the best way to do it.

    Parameters
    ----------
    items : sequence of Item
        In the order to keep where load and memory do not tell them apart.
    most : int
        Items in a pack.
    fewest : int
        Packs.
    memory : float
        Bytes that the items of a pack may take together.

    Returns
    -------
    list of list of int
        The indices of each pack in order, packs in the order of their first index.
    """
    count = max(fewest, math.ceil(len(items) / most))
    while len(packs := _distributed(items, most, count, memory)) > count:
        # again with as many packs as it took, which spreads the load better
        count = len(packs)
    return sorted(sorted(indices) for indices in _in_order(packs) if indices)


def _distributed(items: Sequence[Item], most: int, count: int, memory: float) -> list[_Pack]:
    packs = [_Pack() for _ in range(count)]
    heap = [(0.0, number) for number in range(count)]
    for item in sorted(items, key=lambda item: (-item.load, -item.memory, item.index)):
        refused = []
        while heap and not packs[heap[0][1]].fits(item, memory):
            refused.append(heapq.heappop(heap))
        if heap:
            _, number = heapq.heappop(heap)
        else:
            number = len(packs)
            packs.append(_Pack())
        pack = packs[number]
        pack.add(item)
        for entry in refused:
            heapq.heappush(heap, entry)
        if len(pack.items) < most:
            heapq.heappush(heap, (pack.load, number))
    return packs


def _in_order(packs: Sequence[_Pack]) -> list[list[int]]:
    """The indices of packs, equal items exchanged so that neighbours stay together."""
    alike: dict[tuple[float, int], list[int]] = defaultdict(list)
    holders: dict[tuple[float, int], list[int]] = defaultdict(list)
    for number, pack in enumerate(packs):
        for item in pack.items:
            alike[item.load, item.memory].append(item.index)
            holders[item.load, item.memory].append(number)
    found: list[list[int]] = [[] for _ in packs]
    for kind, indices in alike.items():
        for index, number in zip(sorted(indices), holders[kind], strict=True):
            found[number].append(index)
    return found
