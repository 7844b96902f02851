"""How the boxes of a network follow one another: in chains, side by side, and again and again.

Most networks are chains of boxes and of ways side by side that end in one box: branches, residual blocks,
inception. What is neither is kept as a list of boxes that say what they take.
"""

import dataclasses
from collections.abc import Collection, Mapping, Sequence
from typing import Union

from dlscan.analysis.networks.boxes import Box

_START, _END = "", "\0"
# boxes in a row that are alike are drawn once from so many on; stages of several boxes from two on
_MANY = 3


@dataclasses.dataclass(frozen=True)
class Ways:
    """Chains side by side, from what is above all of them to what is below; an empty one goes straight on."""

    ways: tuple["Chain", ...]


@dataclasses.dataclass(frozen=True)
class Frame:
    """A chain within a frame.

    Attributes
    ----------
    title : str
        What it is: the name of a network within the network, or `3 times`.
    """

    title: str
    chain: "Chain"


@dataclasses.dataclass(frozen=True)
class Tangle:
    """Boxes that are connected in another way: each stands behind those that it takes."""

    boxes: tuple[Box, ...]


Part = Union[Box, Ways, Frame, Tangle]  # noqa: UP007  # names that come later
Chain = tuple[Part, ...]


def stages_of(boxes: Sequence[Box]) -> Chain:
    """The chain from the inputs of a network to its ends."""
    return _from_start(boxes, {box.name: set(box.takes) or {_START} for box in boxes})


def _from_start(boxes: Sequence[Box], takes: Mapping[str, Collection[str]]) -> Chain:
    taken = {name for names in takes.values() for name in names}
    to_end = {box.name for box in boxes if box.name not in taken}
    names = [*(box.name for box in boxes), _END]
    return _chain(names, {**takes, _END: to_end}, {box.name: box for box in boxes})[:-1]


def begins(ways: Sequence[Chain]) -> bool:
    """Whether ways begin with inputs, so that nothing is above them."""
    return all(way and not boxes_in(way)[0].takes for way in ways)


def ends(ways: Sequence[Chain]) -> bool:
    """Whether ways end a network, so that nothing is below them."""
    return all(way and not boxes_in(way)[-1].goes_on for way in ways)


def boxes_in(part: Part | Chain) -> list[Box]:
    """Every box, in the order in which they are drawn."""
    match part:
        case Box():
            return [part]
        case Tangle(boxes):
            return list(boxes)
        case Ways(ways):
            return [box for way in ways for box in boxes_in(way)]
        case Frame(chain=chain):
            return boxes_in(chain)
    return [box for each in part for box in boxes_in(each)]


def _chain(names: Sequence[str], takes: Mapping[str, Collection[str]], boxes: Mapping[str, Box]) -> Chain:
    """The parts between a start and the last of `names`, which every way ends in; that comes last."""
    parts: list[Part] = []
    place = {name: number for number, name in enumerate(names)}
    reaches = [
        max((place[user] for user in names if name in takes[user]), default=0) for name in [_START, *names]
    ]
    first, farthest = 0, reaches[0]
    before = _START
    for number, name in enumerate(names):
        # nothing that comes before it goes past it
        if farthest <= number:
            parts += _between(names[first:number], before, name, takes, boxes)
            parts.append(_boxed(boxes[name]) if name != _END else Tangle(()))
            first, before = number + 1, name
        farthest = max(farthest, reaches[number + 1])
    return _repeats(parts)


def _between(
    names: Sequence[str],
    start: str,
    end: str,
    takes: Mapping[str, Collection[str]],
    boxes: Mapping[str, Box],
) -> list[Part]:
    """What is between two boxes that all ways go through."""
    if not names:
        return []
    groups = _groups(names, takes)
    straight = start in takes[end]
    if len(groups) == 1 and not straight:
        return [Tangle(tuple(boxes[name] for name in names))]
    ways = []
    for group in groups:
        own = {name: {other if other in group else _START for other in takes[name]} for name in group}
        own[_END] = {name for name in group if name in takes[end]}
        ways.append(_chain([*group, _END], own, boxes)[:-1])
    return [Ways((*ways, *([()] if straight else [])))]


def _groups(names: Sequence[str], takes: Mapping[str, Collection[str]]) -> list[list[str]]:
    """The names that are connected with one another."""
    group = {name: {name} for name in names}
    for name in names:
        for other in takes[name]:
            if other in group and group[other] is not group[name]:
                joined = group[other] | group[name]
                group |= dict.fromkeys(joined, joined)
    seen: dict[int, list[str]] = {}
    for name in names:
        seen.setdefault(id(group[name]), []).append(name)
    return list(seen.values())


def _boxed(box: Box) -> Part:
    """A box, or a network within the network as a frame: what it takes is above the frame."""
    if not box.inner:
        return box
    own = [_within(inner) for inner in box.inner if inner.role != "input" or inner.details]
    inside = {inner.name for inner in own}
    takes = {inner.name: {n if n in inside else _START for n in inner.takes} for inner in own}
    return Frame(box.title, _from_start(own, takes))


def _within(box: Box) -> Box:
    """A box of a network within a network, which has no end of its own."""
    return dataclasses.replace(box, goes_on=True, role="dense" if box.role == "output" else box.role)


def _repeats(parts: Sequence[Part]) -> Chain:
    """The same with stages that repeat within a frame."""
    alike = [_alike(part) for part in parts]
    found: list[Part] = []
    here = 0
    while here < len(parts):
        length, times = _longest_repeat(alike, here)
        if times > 1:
            found.append(Frame(f"{times} times", tuple(parts[here : here + length])))
            here += length * times
        else:
            found.append(parts[here])
            here += 1
    return tuple(found)


def _longest_repeat(alike: Sequence[object], here: int) -> tuple[int, int]:
    """The stage that begins here and repeats over the most parts: its parts, and how often it comes."""
    best = 1, 1
    for length in range(1, (len(alike) - here) // 2 + 1):
        stage, times = alike[here : here + length], 1
        while alike[here + times * length : here + (times + 1) * length] == stage:
            times += 1
        if times >= (_MANY if length == 1 else 2) and times * length > best[0] * best[1]:
            best = length, times
    return best


def _alike(part: Part) -> object:
    """The same for two parts that do the same."""
    match part:
        case Box():
            return part.title, part.role, part.details, part.shape, part.parameters
        case Ways(ways):
            return "ways", tuple(tuple(map(_alike, way)) for way in ways)
        case Frame(title, chain):
            return title, tuple(map(_alike, chain))
        case Tangle(boxes):
            return "tangle", tuple(box.name for box in boxes)
