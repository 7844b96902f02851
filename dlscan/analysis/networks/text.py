"""A network drawn with letters."""

import textwrap
from collections.abc import Sequence

from dlscan.analysis.columns.cells import one_line
from dlscan.analysis.networks.boxes import Box
from dlscan.analysis.networks.stages import Chain, Frame, Part, Tangle, Ways, begins, ends

# Lines of one width; the middle column carries what goes in above and comes out below.
Block = list[str]

_GAP = 2
_LONGEST_LINE, _SHORT_LINES = 44, (23, 16)


def network_text(chain: Chain, width: int = 100) -> str:
    """Draw a network from top to bottom.

    Parameters
    ----------
    chain : Chain
        What to draw.
    width : int
        Letters of a line. Ways that do not fit beside one another stand below one another.
    """
    lines = _chain(chain, width)
    return "\n".join(line.rstrip() for line in lines)


def _chain(chain: Chain, width: int, longest: int = _LONGEST_LINE) -> Block:
    # boxes that follow one another are as wide as the widest
    least = max(
        (len(line) for part in chain if isinstance(part, Box) for line in _texts(part, longest)), default=1
    )
    blocks = [_part(part, width, least, longest) for part in chain] or [["│"]]
    widest = max(len(block[0]) for block in blocks)
    return [line for block in blocks for line in _centred(block, widest)]


def _part(part: Part, width: int, least: int, longest: int) -> Block:
    match part:
        case Box():
            return _box(_texts(part, longest), least, bool(part.takes), part.goes_on)
        case Ways(ways):
            for shorter in (longest, *_SHORT_LINES):
                drawn = [_chain(way, width, shorter) for way in ways]
                if sum(len(block[0]) + _GAP for block in drawn) - _GAP <= width:
                    return _beside(drawn, not begins(ways), not ends(ways))
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


def _box(texts: Sequence[str], least: int = 1, above: bool = True, below: bool = True) -> Block:
    # odd, so that there is a middle
    width = max(least, *map(len, texts)) | 1
    half = "─" * (width // 2 + 1)
    top, bottom = "┴" if above else "─", "┬" if below else "─"
    return [f"┌{half}{top}{half}┐", *(f"│ {text:^{width}} │" for text in texts), f"└{half}{bottom}{half}┘"]


def _framed(title: str, block: Block) -> Block:
    width = max(len(block[0]), len(title) + 2) | 1
    middle = width // 2 + 1
    top = f"╭{'╌' * middle}┴{'╌' * middle}╮"
    top = f"{top[:2]} {one_line(title)} {top[len(title) + 4 :]}" if len(title) + 4 <= middle else top
    heading = [] if len(title) + 4 <= middle else [f"╎ {title:^{width}} ╎"]
    body = [f"╎ {line} ╎" for line in _centred(block, width)]
    return [top, *heading, *body, f"╰{'╌' * middle}┬{'╌' * middle}╯"]


def _beside(blocks: Sequence[Block], above: bool, below: bool) -> Block:
    """Blocks side by side, from one line above, if there is one, to one line below."""
    height = max(map(len, blocks))
    middles, place = [], 0
    for block in blocks:
        middles.append(place + len(block[0]) // 2)
        place += len(block[0]) + _GAP
    full = [[*block, *[_centred(["│"], len(block[0]))[0]] * (height - len(block))] for block in blocks]
    rows = [(" " * _GAP).join(lines) for lines in zip(*full, strict=True)]
    width = len(rows[0])
    # the middle of the whole, where the line goes on
    shift = (middles[0] + middles[-1]) // 2
    left = max(0, (width - 1 - shift) - shift)
    right = max(0, shift - (width - 1 - shift))
    middles = [left + middle for middle in middles]
    rows = [f"{' ' * left}{row}{' ' * right}" for row in rows]
    centre, width = left + shift, width + left + right
    if above:
        rows.insert(0, _rail(middles, centre, width, above=True))
    if below:
        rows.append(_rail(middles, centre, width, above=False))
    return rows


def _rail(middles: Sequence[int], centre: int, width: int, above: bool) -> str:
    line = [" "] * width
    line[middles[0] : middles[-1] + 1] = "─" * (middles[-1] - middles[0] + 1)
    for middle in middles:
        line[middle] = "┬" if above else "┴"
    line[middles[0]], line[middles[-1]] = ("┌", "┐") if above else ("└", "┘")
    if len(middles) > 1:
        line[centre] = {"─": "┴" if above else "┬"}.get(line[centre], "┼")
    return "".join(line)


def _below(blocks: Sequence[Block]) -> Block:
    """Ways that are too wide to stand side by side, each with its number."""
    lines: Block = []
    width = max(20, *(len(block[0]) for block in blocks)) | 1
    for number, block in enumerate(blocks, 1):
        heading = f"way {number} of {len(blocks)}"
        lines += [heading.center(width, "╌"), *_centred(block, width)]
    return [*lines, "together".center(width, "╌")]


def _listed(boxes: Sequence[Box]) -> Block:
    """Boxes that say what they take."""
    lines = []
    for box in boxes:
        source = f"from {', '.join(box.takes)}" if box.takes else ""
        lines.append("  ".join(filter(None, (one_line(box.name), *box.lines, source))))
    return _box(lines)


def _centred(block: Block, width: int) -> Block:
    side = (width - len(block[0])) // 2
    return [f"{' ' * side}{line}{' ' * (width - side - len(line))}" for line in block]
