"""A network drawn with letters."""

import textwrap
from collections.abc import Sequence
from typing import NamedTuple

from dlscan.analysis.columns.cells import one_line
from dlscan.analysis.networks.boxes import Box
from dlscan.analysis.networks.stages import Chain, Frame, Part, Tangle, Ways, begins, ends

_GAP = 2
_LONGEST_LINE, _SHORT_LINES = 44, (23, 16)


class _Block(NamedTuple):
    """Lines of one width; the column `middle` carries what goes in above and comes out below."""

    lines: list[str]
    middle: int

    @property
    def width(self) -> int:
        return len(self.lines[0])


def network_text(chain: Chain, width: int = 100) -> str:
    """Draw a network from top to bottom.

    Parameters
    ----------
    chain : Chain
        What to draw.
    width : int
        Letters of a line. Ways that do not fit beside one another stand below one another.
    """
    return "\n".join(line.rstrip() for line in _chain(chain, width).lines)


def _chain(chain: Chain, width: int, longest: int = _LONGEST_LINE) -> _Block:
    # boxes that follow one another are as wide as the widest
    least = max(
        (len(line) for part in chain if isinstance(part, Box) for line in _texts(part, longest)), default=1
    )
    return _above_one_another([_part(part, width, least, longest) for part in chain] or [_Block(["│"], 0)])


def _above_one_another(blocks: Sequence[_Block]) -> _Block:
    """Blocks with their middles in one column."""
    left = max(block.middle for block in blocks)
    right = max(block.width - block.middle for block in blocks)
    lines = [
        f"{' ' * (left - block.middle)}{line}{' ' * (right - block.width + block.middle)}"
        for block in blocks
        for line in block.lines
    ]
    return _Block(lines, left)


def _part(part: Part, width: int, least: int, longest: int) -> _Block:
    match part:
        case Box():
            return _box(_texts(part, longest), least, bool(part.takes), part.goes_on)
        case Ways(ways):
            for shorter in (longest, *_SHORT_LINES):
                drawn = [_chain(way, width, shorter) for way in ways]
                beside = _beside(drawn, not begins(ways), not ends(ways))
                if beside.width <= width:
                    return beside
            return _below([_chain(way, width, longest) for way in ways])
        case Frame(title, chain):
            return _framed(title, _chain(chain, width - 4, longest))
        case Tangle(boxes):
            return _listed(boxes)


def _texts(box: Box, longest: int) -> list[str]:
    texts = []
    for line in map(one_line, box.lines):
        # shape and weights stand below one another rather than being cut
        parts = line.split(" · ") if len(line) > longest else [line]
        texts += [piece for part in parts for piece in textwrap.wrap(part, longest)]
    return texts


def _box(texts: Sequence[str], least: int = 1, above: bool = True, below: bool = True) -> _Block:
    # odd, so that there is a middle
    width = max(least, *map(len, texts)) | 1
    half = "─" * (width // 2 + 1)
    top, bottom = "┴" if above else "─", "┬" if below else "─"
    lines = [f"┌{half}{top}{half}┐", *(f"│ {text:^{width}} │" for text in texts), f"└{half}{bottom}{half}┘"]
    return _Block(lines, width // 2 + 2)


def _framed(title: str, block: _Block) -> _Block:
    title = one_line(title)
    right = max(block.width, len(title) + 2) - block.width
    lines, width = [f"{line}{' ' * right}" for line in block.lines], block.width + right
    middle = block.middle + 2
    top, bottom = (
        f"{start}{'╌' * (middle - 1)}{knot}{'╌' * (width + 2 - middle)}{end}"
        for start, knot, end in ("╭┴╮", "╰┬╯")
    )
    heading = [f"╎ {title:<{width}} ╎"]
    if len(title) + 4 <= middle:
        top, heading = f"{top[:2]} {title} {top[len(title) + 4 :]}", []
    return _Block([top, *heading, *(f"╎ {line} ╎" for line in lines), bottom], middle)


def _beside(blocks: Sequence[_Block], above: bool, below: bool) -> _Block:
    """Blocks side by side, from one line above, if there is one, to one line below."""
    height = max(len(block.lines) for block in blocks)
    middles, columns, place = [], [], 0
    for block in blocks:
        middles.append(place + block.middle)
        place += block.width + _GAP
        wire = f"{' ' * block.middle}│{' ' * (block.width - block.middle - 1)}"
        columns.append([*block.lines, *[wire] * (height - len(block.lines))])
    rows = [(" " * _GAP).join(lines) for lines in zip(*columns, strict=True)]
    # where the line above and below goes on
    centre = (middles[0] + middles[-1]) // 2
    if above:
        rows.insert(0, _rail(middles, centre, len(rows[0]), above=True))
    if below:
        rows.append(_rail(middles, centre, len(rows[0]), above=False))
    return _Block(rows, centre)


def _rail(middles: Sequence[int], centre: int, width: int, above: bool) -> str:
    line = [" "] * width
    line[middles[0] : middles[-1] + 1] = "─" * (middles[-1] - middles[0] + 1)
    for middle in middles:
        line[middle] = "┬" if above else "┴"
    line[middles[0]], line[middles[-1]] = ("┌", "┐") if above else ("└", "┘")
    if len(middles) > 1:
        line[centre] = {"─": "┴" if above else "┬"}.get(line[centre], "┼")
    return "".join(line)


def _below(blocks: Sequence[_Block]) -> _Block:
    """Ways that are too wide to stand side by side, each with its number."""
    parts: list[_Block] = []
    for number, block in enumerate(blocks, 1):
        parts += [_ruled(f"way {number} of {len(blocks)}"), block]
    return _above_one_another([*parts, _ruled("together")])


def _ruled(words: str) -> _Block:
    return _Block([words.center(21, "╌")], 10)


def _listed(boxes: Sequence[Box]) -> _Block:
    """Boxes that say what they take."""
    lines = []
    for box in boxes:
        source = f"from {', '.join(box.takes)}" if box.takes else ""
        lines.append("  ".join(filter(None, (one_line(box.name), *box.lines, source))))
    return _box(lines)
