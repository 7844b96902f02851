"""A network as a picture: boxes from top to bottom, ways side by side, repeated stages in frames."""

import dataclasses
import functools
import math
import textwrap
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.patches import FancyBboxPatch
from matplotlib.textpath import TextPath

from dlscan.analysis.columns.cells import one_line
from dlscan.analysis.networks import drawing_of
from dlscan.analysis.networks.boxes import Box
from dlscan.analysis.networks.stages import Chain, Frame, Part, Tangle, Ways, begins, ends
from dlscan.analysis.plots import style
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError

# inches
_PAD, _GAP_ABOVE, _GAP_BESIDE, _FRAME = 0.11, 0.2, 0.22, 0.14
_LINE = {0: 0.19, 1: 0.155, 2: 0.155}
_SIZES = {0: 9.5, 1: 8.0, 2: 8.0}
_HEADING = 0.5
_LONGEST_LINE = 40
# a chain that is higher goes on in a column beside
_COLUMN = 6.5
_WIRE = "#5b6470"

# background and edge of a box, by its role
_COLORS = {
    "input": ("#ffffff", "#5b6470"),
    "dense": ("#fdeccb", "#c98500"),
    "convolution": ("#d3e6f5", "#0072b2"),
    "pooling": ("#eaf4fb", "#56b4e9"),
    "sequence": ("#d3efe6", "#009e73"),
    "attention": ("#f6e0ec", "#b3558a"),
    "merge": ("#eceff1", "#78828c"),
    "other": ("#f5f5f5", "#8a8f94"),
    "output": ("#fbdccb", "#d55e00"),
}


@dataclasses.dataclass(frozen=True)
class _Place:
    """What was laid out: its size, and the middle line where ways enter above and leave below."""

    width: float
    height: float
    middle: float


def draw(chain: Chain, title: str) -> Figure:
    """Draw a network.

    Parameters
    ----------
    chain : Chain
        As `dlscan.analysis.networks.drawing_of` gives it.
    title : str
        Of the picture.

    Returns
    -------
    Figure
        As large as the network needs. Call it within `style.applied`.
    """
    columns = _columns(chain)
    sizes = [_size_of_chain(column) for column in columns]
    width = sum(size.width for size in sizes) + 3 * _GAP_BESIDE * (len(sizes) - 1) + 2 * _PAD
    # from column to column a line goes around
    around = _GAP_ABOVE if len(columns) > 1 else 0.0
    height = max(size.height for size in sizes) + 2 * (_PAD + around)
    room = max(width, _width(title, 12, bold=True) + 4 * _PAD)
    page = Figure(figsize=(room, height + _HEADING))
    axes = page.add_axes((0, 0, 1, height / (height + _HEADING)))
    axes.set(xlim=(0, room), ylim=(height, 0))
    axes.set_axis_off()
    page.suptitle(style.literal(title), x=2 * _PAD / room, ha="left", fontsize=12, fontweight="bold")
    left, before = _PAD + (room - width) / 2, None
    for column, size in zip(columns, sizes, strict=True):
        if before is not None:
            _around(axes, before, (left + size.middle, _PAD + around), left - 1.5 * _GAP_BESIDE)
        _draw_chain(axes, column, left, _PAD + around)
        before = left + size.middle, _PAD + around + size.height
        left += size.width + 3 * _GAP_BESIDE
    return page


def of_point(point: DonePoint) -> Figure:
    """Draw the network of a finished point.

    Raises
    ------
    UsageError
        If it has none: boosted trees are no network.
    ScanError
        If its file is missing or damaged.
    """
    file = point.record.model_file(point.paths)
    if file != point.paths.best:
        raise UsageError(f"point {point.record.point} of {point.scan}: boosted trees are not a network")
    point.record.require_whole(file)
    return draw(drawing_of(file), f"Point {point.record.point} of {point.scan}: {point.record.name}")


def _columns(chain: Chain) -> list[Chain]:
    """The chain in pieces of about one height."""
    # ways stay with the box that they end in
    pieces: list[list[Part]] = []
    for part in chain:
        if pieces and isinstance(pieces[-1][-1], Ways):
            pieces[-1].append(part)
        else:
            pieces.append([part])
    heights = [sum(_size(part).height + _GAP_ABOVE for part in piece) for piece in pieces]
    count = max(1, round(sum(heights) / _COLUMN))
    if not heights or 2 * max(heights) > sum(heights):
        count = 1  # the rest would stand alone beside one that is higher
    most = sum(heights) / count
    columns: list[list[Part]] = [[]]
    filled = 0.0
    for piece, height in zip(pieces, heights, strict=True):
        if columns[-1] and len(columns) < count and filled + height / 2 > most:
            columns.append([])
            filled = 0.0
        columns[-1] += piece
        filled += height
    return [tuple(column) for column in columns]


@functools.cache
def _width(text: str, size: float, bold: bool = False) -> float:
    """Of a line, in inches."""
    path = TextPath(
        (0, 0), style.literal(text), size=size, prop=FontProperties(weight="bold" if bold else "normal")
    )
    return float(path.get_extents().width) / 72 if text.strip() else 0.0


def _texts(box: Box) -> list[tuple[str, int]]:
    """The lines of a box and how each is written: 0 the title, 1 details, 2 numbers."""
    found = []
    for number, line in enumerate(box.lines):
        look = 0 if number == 0 else (2 if number == len(box.lines) - 1 else 1)
        found += [(piece, look) for piece in textwrap.wrap(one_line(line), _LONGEST_LINE)]
    return found


def _width_of_box(box: Box) -> float:
    return max(_width(text, _SIZES[look], look == 0) for text, look in _texts(box)) + 2 * _PAD


def _width_of_boxes(chain: Chain) -> float:
    """Boxes that follow one another are as wide as the widest."""
    return max((_width_of_box(part) for part in chain if isinstance(part, Box)), default=0.0)


def _size(part: Part, width: float = 0.0) -> _Place:
    match part:
        case Box():
            width = max(width, _width_of_box(part))
            height = sum(_LINE[look] for _, look in _texts(part)) + 1.4 * _PAD
            return _Place(width, height, width / 2)
        case Ways(ways):
            return _size_of_ways(ways)
        case Frame(title, chain):
            inner = _size_of_chain(chain)
            width = max(inner.width, _width(title, 8.5) + 0.3) + 2 * _FRAME
            middle = inner.middle + (width - inner.width) / 2
            return _Place(width, inner.height + 2 * _FRAME + 0.16, middle)
        case Tangle(boxes):
            lines = _tangled(boxes)
            width = max(_width(line, 8.0) for line in lines) + 2 * _PAD
            return _Place(width, len(lines) * _LINE[1] + 2 * _PAD, width / 2)


def _size_of_chain(chain: Chain) -> _Place:
    wide = _width_of_boxes(chain)
    sizes = [_size(part, wide) for part in chain]
    if not sizes:
        return _Place(0.1, 0.0, 0.05)
    left = max(size.middle for size in sizes)
    right = max(size.width - size.middle for size in sizes)
    height = sum(size.height for size in sizes) + _GAP_ABOVE * (len(sizes) - 1)
    return _Place(left + right, height, left)


def _size_of_ways(ways: Sequence[Chain]) -> _Place:
    sizes = [_size_of_chain(way) for way in ways]
    width = sum(size.width for size in sizes) + _GAP_BESIDE * (len(sizes) - 1)
    last = width - sizes[-1].width + sizes[-1].middle
    middle = (sizes[0].middle + last) / 2
    height = max(size.height for size in sizes)
    height += (0 if begins(ways) else _GAP_ABOVE) + (0 if ends(ways) else _GAP_ABOVE)
    # what comes above and below stands in the middle
    return _Place(width, height, middle)


def _draw_chain(axes: Axes, chain: Chain, left: float, top: float) -> None:
    """Draw the parts of a chain, and what connects them."""
    middle, wide = left + _size_of_chain(chain).middle, _width_of_boxes(chain)
    for number, part in enumerate(chain):
        size = _size(part, wide)
        if number:
            _wire(axes, [(middle, top), (middle, top + _GAP_ABOVE)], arrow=not isinstance(part, Ways | Frame))
            top += _GAP_ABOVE
        _draw(axes, part, middle - size.middle, top, size)
        top += size.height


def _draw(axes: Axes, part: Part, left: float, top: float, size: _Place) -> None:
    match part:
        case Box():
            _draw_box(axes, part, left, top, size)
        case Ways(ways):
            _draw_ways(axes, ways, left, top, size)
        case Frame(title, chain):
            _rounded(axes, left, top, size, "#fafbfc", "#b6bcc2", "--")
            axes.text(
                left + _FRAME / 2, top + 0.13, style.literal(title), fontsize=8.5, style="italic", va="center"
            )
            inner = _size_of_chain(chain)
            start = top + _FRAME + 0.16
            middle = left + size.middle
            _wire(axes, [(middle, top), (middle, start)], arrow=not isinstance(chain[0], Ways))
            _draw_chain(axes, chain, middle - inner.middle, start)
            _wire(axes, [(middle, start + inner.height), (middle, top + size.height)], arrow=False)
        case Tangle(boxes):
            _rounded(axes, left, top, size, *_COLORS["other"])
            for number, line in enumerate(_tangled(boxes)):
                place = top + _PAD + (number + 0.5) * _LINE[1]
                axes.text(left + _PAD, place, style.literal(line), fontsize=8, va="center")


def _draw_box(axes: Axes, box: Box, left: float, top: float, size: _Place) -> None:
    _rounded(axes, left, top, size, *_COLORS[box.role])
    top += 0.7 * _PAD
    for text, look in _texts(box):
        weight = "bold" if look == 0 else "normal"
        color = "#4a5058" if look == 2 else style.INK
        place = left + size.width / 2, top + _LINE[look] / 2
        axes.text(
            *place,
            style.literal(text),
            fontsize=_SIZES[look],
            weight=weight,
            color=color,
            ha="center",
            va="center",
        )
        top += _LINE[look]


def _draw_ways(axes: Axes, ways: Sequence[Chain], left: float, top: float, size: _Place) -> None:
    middle, bottom = left + size.middle, top + size.height
    first = top if begins(ways) else top + _GAP_ABOVE
    last = bottom if ends(ways) else bottom - _GAP_ABOVE
    for way in ways:
        own = _size_of_chain(way)
        place = left + own.middle
        # ways that begin the network end together, others begin together
        start = last - own.height if begins(ways) else first
        if not begins(ways):
            _wire(axes, [(middle, top), (place, top), (place, first)], arrow=bool(way))
        if not ends(ways):
            _wire(axes, [(place, start + own.height), (place, bottom), (middle, bottom)], arrow=False)
        _draw_chain(axes, way, left, start)
        left += own.width + _GAP_BESIDE


def _rounded(
    axes: Axes, left: float, top: float, size: _Place, face: str, edge: str, line: str = "-"
) -> None:
    round_ = 0.06
    axes.add_patch(
        FancyBboxPatch(
            (left + round_, top + round_),
            size.width - 2 * round_,
            size.height - 2 * round_,
            boxstyle=f"round,pad={round_},rounding_size={round_}",
            facecolor=face,
            edgecolor=edge,
            linewidth=1.0,
            linestyle=line,
            zorder=2 if line == "-" else 0,
        )
    )


def _wire(axes: Axes, places: Sequence[tuple[float, float]], arrow: bool) -> None:
    axes.plot(*zip(*places, strict=True), color=_WIRE, linewidth=1.1, zorder=1, solid_joinstyle="round")
    (x, y), (from_x, from_y) = places[-1], places[-2]
    if arrow and math.hypot(x - from_x, y - from_y) > 0:
        axes.annotate(
            "",
            (x, y),
            (from_x, from_y),
            arrowprops={"arrowstyle": "-|>", "color": _WIRE, "shrinkA": 0, "shrinkB": 0, "mutation_scale": 8},
        )


def _around(axes: Axes, start: tuple[float, float], end: tuple[float, float], between: float) -> None:
    """From the bottom of a column to the top of the next."""
    below, above = start[1] + _GAP_ABOVE, end[1] - _GAP_ABOVE
    places = [start, (start[0], below), (between, below), (between, above), (end[0], above), end]
    _wire(axes, places, arrow=True)


def _tangled(boxes: Sequence[Box]) -> list[str]:
    return [
        one_line(
            f"{box.name}: {', '.join(box.lines)}" + (f", from {', '.join(box.takes)}" if box.takes else "")
        )
        for box in boxes
    ]
