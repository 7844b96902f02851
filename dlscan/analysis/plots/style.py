"""How every picture looks and how it is saved: the one place for colours, sizes and file formats."""

import contextlib
import functools
import math
import re
import textwrap
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import matplotlib
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.backends.backend_pdf import PdfPages
from matplotlib.figure import Figure
from matplotlib.legend import Legend
from matplotlib.mathtext import MathTextParser
from matplotlib.ticker import LogLocator

from dlscan.analysis import labels
from dlscan.analysis.columns.cells import one_line
from dlscan.analysis.lookup import find
from dlscan.analysis.output import output
from dlscan.analysis.plots import STYLES, hep
from dlscan.analysis.plots.layout import Layout
from dlscan.errors import UsageError

Item = TypeVar("Item")

# Okabe and Ito's colours, which the colour blind tell apart, without their yellow, which nobody sees on
# white; dark and light ones take turns
COLORS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#000000", "#56b4e9", "#d55e00")
# what is of no single model: every colour above may be one
INK = "#26292c"
LINES: tuple[Any, ...] = ("-", (0, (5, 1.5)), (0, (1.2, 1.2)))
MARKERS = ("o", "s", "^", "D", "v", "P")

PLAIN_LOOKS, LOOKS = len(COLORS) * len(LINES), len(COLORS) * len(MARKERS)

NAME_WIDTH = 34
NAME_LINES = 4

# inches, at the legend's font size
LETTER_WIDTH = 0.075
LINE_HEIGHT = 0.15
LEGEND_GAP = 0.1
LEGEND_MARGIN = 0.9
TITLE_LETTER = 0.105
FOOTNOTE_LETTER = 0.068

# Any: every matplotlib knows other keys
SETTINGS: Any = {
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#dddddd",
    "grid.linewidth": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "lines.linewidth": 1.6,
    "savefig.dpi": 150,
    "pdf.fonttype": 42,
    # without it every SVG has other names inside
    "svg.hashsalt": "dlscan",
}

# a date or a version in the file would make the same picture another file tomorrow
METADATA: dict[str, dict[str, Any]] = {
    ".png": {"Software": None},
    ".pdf": {"CreationDate": None, "Creator": None, "Producer": None},
    ".svg": {"Date": None, "Creator": None},
}


@contextlib.contextmanager
def applied(name: str = "plain") -> Iterator[None]:
    """Draw and save within this: our settings, nobody's matplotlibrc, and everything as before afterwards.

    Parameters
    ----------
    name : str
        `plain`, or a style of mplhep.

    Raises
    ------
    UsageError
        If there is no such style, or mplhep is not installed.
    """
    name = find(name, STYLES, "style")
    with matplotlib.rc_context(), warnings.catch_warnings():
        # what an import of mplhep sets must not stay
        changed = {} if name == "plain" else hep.settings(name)
        matplotlib.rcdefaults()
        matplotlib.rcParams.update(SETTINGS | changed)
        # a letter that the font lacks becomes a box; the rest of the picture is worth having
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield


def figure(width: float, height: float, legend: Sequence[str] = ()) -> Figure:
    """An empty page that keeps `width` by `height` inches beside a legend with these names."""
    lines = [label(name).split("\n") for name in legend]
    beside = 0.0
    if lines:
        longest = max(len(labels.unicode_of(labels.Marked(line))) for name in lines for line in name)
        beside = LEGEND_MARGIN + LETTER_WIDTH * longest
        height = max(height, LEGEND_MARGIN + sum(LINE_HEIGHT * len(name) + LEGEND_GAP for name in lines))
    return Figure(figsize=(width + beside, height), layout=Layout(beside))


def line(number: int) -> dict[str, Any]:
    """Colour and line style of the line `number`; 21 in a row differ."""
    return {"color": color(number), "linestyle": LINES[number // len(COLORS) % len(LINES)]}


def curve(number: int) -> dict[str, Any]:
    """As `line`, with symbols from the 22nd on: 42 in a row differ."""
    look = line(number)
    return look | marker(number) | {"markevery": 0.1} if number % LOOKS >= PLAIN_LOOKS else look


def marker(number: int) -> dict[str, Any]:
    """The symbol that goes with `line(number)`, where single points are shown."""
    return {"marker": MARKERS[number // len(COLORS) % len(MARKERS)], "markersize": 4}


def color(number: int) -> str:
    """The colour of `line(number)`."""
    return COLORS[number % len(COLORS)]


def label(text: str) -> str:
    """A name as matplotlib prints it: wrapped, and a dollar is a dollar, not the start of a formula."""
    lines = _lines(text, NAME_WIDTH)
    if len(lines) > NAME_LINES:
        lines = [*lines[: NAME_LINES - 1], f"{lines[NAME_LINES - 1][: NAME_WIDTH - 2]} …"]
    return "\n".join(lines)


def literal(text: str) -> str:
    """`text` letter by letter, never read as a formula, unless it is a marked text."""
    return _checked(text) if isinstance(text, labels.Marked) else labels.literal(text)


def _lines(text: str, width: int) -> list[str]:
    """A text in lines of at most `width` letters, as matplotlib takes it; a formula is not cut."""
    if not isinstance(text, labels.Marked):
        return [literal(part) for part in textwrap.wrap(one_line(text), width)]
    # spaces within a formula do not part lines
    words = re.findall(r"(?:(?<!\\)\$.*?(?<!\\)\$|\S)+", _checked(text))
    lines, room = [""], width
    for word in words:
        length = len(labels.unicode_of(labels.Marked(word))) + 1
        if lines[-1] and length > room:
            lines, room = [*lines, ""], width
        lines[-1] += f" {word}" if lines[-1] else word
        room -= length
    return lines


@functools.cache
def _checked(text: labels.Marked) -> str:
    """A marked text without what a terminal would obey; its formulas can be drawn."""
    plain = one_line(text)
    if labels.unicode_of(text) != text:
        try:
            MathTextParser("path").parse(plain)
        except ValueError as error:
            reason = str(error).strip().splitlines()[-1]
            raise UsageError(f"data.labels: {text}: matplotlib cannot draw this formula ({reason})") from None
    return plain


def grid(panels: int) -> tuple[int, int]:
    """How many panels stand below and beside each other on a page."""
    across = math.ceil(math.sqrt(panels))
    return math.ceil(panels / across), across


def paged(items: Sequence[Item], per_page: int) -> list[tuple[Sequence[Item], str]]:
    """Pages of about as many `items` each, with what a title says of the page: ` (page 1 of 2)`."""
    pages = max(math.ceil(len(items) / per_page), 1)
    size = max(math.ceil(len(items) / pages), 1)
    parts = [items[first : first + size] for first in range(0, len(items), size)]
    return [
        (part, f" (page {number} of {len(parts)})" if len(parts) > 1 else "")
        for number, part in enumerate(parts, 1)
    ]


def short(name: str, width: int = 14) -> str:
    """A name where there is little room, such as at a tick."""
    if isinstance(name, labels.Marked):
        return literal(name if len(labels.unicode_of(name)) <= width else cut(labels.unicode_of(name), width))
    return literal(cut(name, width))


def cut(name: str, width: int = 60) -> str:
    """A name within a line of text."""
    name = one_line(name)
    return name if len(name) <= width else name[: width - 1] + "…"


def log_ticks() -> LogLocator:
    """Ticks at 1, 2 and 5 of a logarithmic axis of few decades."""
    return LogLocator(subs=(1, 2, 5))


def legend_outside(
    page: Figure, handles: Sequence[Artist], names: Sequence[str], heading: str | None = None
) -> Legend:
    """The legend of the whole page, at the right, outside the axes."""
    return page.legend(
        handles,
        [label(name) for name in names],
        title=heading,
        loc="outside right upper",
        labelspacing=0.8,
        borderaxespad=1.5,
        alignment="left",
    )


def title(page: Figure, text: str) -> None:
    """The heading of a page, beside its legend."""
    layout = page.get_layout_engine()
    room = page.get_figwidth() - (layout.beside if isinstance(layout, Layout) else 0.0)
    page.suptitle(_filled(room, text, TITLE_LETTER), x=0.02, ha="left", fontsize=12, fontweight="bold")


def label_page(page: Figure, text: str) -> None:
    """Put a line above the heading of a page, such as the name of an experiment."""
    # the heading is letter by letter already
    title_text = page.get_suptitle()
    title(page, text)
    page.suptitle(f"{page.get_suptitle()}\n{title_text}", x=0.02, ha="left", fontsize=12, fontweight="bold")


def footnote(page: Figure, *texts: str) -> None:
    """Remarks below the axes, a line or more each; empty ones are left out."""
    lines = [_filled(page.get_figwidth(), text, FOOTNOTE_LETTER) for text in texts if text]
    if lines:
        page.supxlabel("\n".join(lines), x=0.02, ha="left", fontsize=8.5, color="#444444")


def _filled(width: float, text: str, letter: float) -> str:
    """`text` in lines of at most `width` inches; letters are `letter` inches wide on average."""
    return "\n".join(_lines(text, int(width / letter)))


def note(axes: Axes, text: str) -> None:
    """A remark above the axes that a reader must not miss."""
    axes.set_title(text, fontsize=9, color="#555555", loc="left")


def require_format(path: Path) -> str:
    """The suffix of `path`, which says how to save; a `UsageError` if it is not one that we can."""
    suffix = path.suffix.lower()
    if suffix not in METADATA:
        raise UsageError(f"{path}: cannot draw {suffix or 'a file without suffix'!r}; use .png, .pdf or .svg")
    return suffix


def save(pages: Sequence[Figure], path: Path) -> list[Path]:
    """Save pages, each file whole or not at all; the same pages give the same bytes.

    Parameters
    ----------
    pages : sequence of Figure
        At least one.
    path : Path
        Its suffix chooses PNG, PDF or SVG.

    Returns
    -------
    list of Path
        `path`; or, for several pages of a format that holds one, `path` with -1, -2 ... before the suffix.
    """
    suffix = require_format(path)
    if suffix == ".pdf":
        with output(path) as temporary, PdfPages(temporary, metadata=METADATA[suffix]) as pdf:
            for page in pages:
                pdf.savefig(page)
        return [path]
    files = [path.with_name(f"{path.stem}-{number}{path.suffix}") for number in range(1, len(pages) + 1)]
    files = [path] if len(pages) == 1 else files
    for page, file in zip(pages, files, strict=True):
        with output(file) as temporary:
            page.savefig(temporary, format=suffix[1:], metadata=METADATA[suffix])
    return files
