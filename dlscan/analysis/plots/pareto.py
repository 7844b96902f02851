"""`pareto`: one number of the models over what they cost, and those that no other beats at both."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter

from dlscan.analysis.columns.cells import cell
from dlscan.analysis.labels import Marked, unicode_of
from dlscan.analysis.plots import Drawing, Options, style, words
from dlscan.analysis.plots.numbers import Number, Numbers, chance_note, default_key, numbers
from dlscan.analysis.points.done import DonePoint
from dlscan.errors import UsageError
from dlscan.spelling import agree, counted

DEFAULT_COST = "Parameters"
# what people call them, as the columns are called
COSTS = {"flops": "FLOPs", "time": "Train_Seconds", "parameters": "Parameters"}
MOST_NAMED = 25

OTHERS: Any = {"color": "#9a9a9a", "marker": "o", "linestyle": "none", "markersize": 4.5}
# more error bars would hide the models
MOST_BARS = 300
MANY: Any = {"markersize": 2.5, "alpha": 0.5}
FRONT: Any = {"color": style.INK, "marker": "D", "linestyle": "none", "markersize": 6.5}


@dataclasses.dataclass(frozen=True)
class Candidate:
    """A model: what it costs and what it is worth."""

    cost: float
    value: float
    entry: Number
    on_front: bool = False


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """The column `options.key` over the column `options.by`; the front is drawn and its models are named."""
    key, by = options.key or default_key(points), options.by or DEFAULT_COST
    by = COSTS.get(by.casefold(), by)
    found, cost = numbers(points, key, parameters=False), numbers(points, by)
    if len(found.entries) != len(cost.entries):
        # one of the two differs between repeats, which then stand singly
        found, cost = numbers(points, key, parameters=False, each=True), numbers(points, by, each=True)
    places = [
        Candidate(float(price.value), float(entry.value), entry)
        for price, entry in zip(cost.entries, found.entries, strict=True)
        if price.value is not None and entry.value is not None
    ]
    if not places:
        raise UsageError(f"no point has both {found.name} and {cost.name}")
    goodness = found.column.about.goodness
    best = set(front([(place.cost, goodness(place.value)) for place in places]))
    places = [dataclasses.replace(place, on_front=number in best) for number, place in enumerate(places)]
    rows = [
        {
            **place.entry.identity,
            cost.name: place.cost,
            found.name: place.value,
            **dataclasses.asdict(place.entry.interval),
            "on_front": place.on_front,
        }
        for place in places
    ]
    return Drawing(f"pareto-{found.name}-{cost.name}", [_page(found, cost, places)], rows)


def front(pairs: Sequence[tuple[float, float]]) -> list[int]:
    """Positions of the pairs (cost, worth) that no other is better than in one and as good in the other.

    By rising cost; of equal pairs the first.
    """
    ranked = sorted(range(len(pairs)), key=lambda number: (pairs[number][0], -pairs[number][1]))
    kept: list[int] = []
    for number in ranked:
        if not kept or pairs[number][1] > pairs[kept[-1]][1]:
            kept.append(number)
    return kept


def _page(found: Numbers, cost: Numbers, places: Sequence[Candidate]) -> Figure:
    best = sorted((place for place in places if place.on_front), key=lambda place: place.cost)
    others = [place for place in places if not place.on_front]
    named = list(enumerate(best, 1))[-MOST_NAMED:]
    names = [f"{number}: {place.entry.name}, {cell(place.value, found.column)}" for number, place in named]
    grey = ["other models"] if others else []
    page = style.figure(7.2, 5.0, [*grey, *names])
    axes = page.add_subplot()
    many = len(others) > MOST_BARS
    for group, look in ((others, OTHERS | MANY if many else OTHERS), (best, FRONT)):
        halves = np.array([place.entry.halves for place in group]).reshape(-1, 2).T
        prices, values = [place.cost for place in group], [place.value for place in group]
        bars = None if many and group is others else halves
        axes.errorbar(prices, values, bars, elinewidth=0.9, zorder=2, **look)
    steps = [place.cost for place in best], [place.value for place in best]
    axes.step(*steps, where="post", color=FRONT["color"], linewidth=1.4, zorder=1)
    axes.margins(y=0.08)
    _scale(axes, [place.cost for place in places])
    _number(axes, best, found.column.about.best_is == "highest")
    axes.set_xlabel(style.literal(cost.axis))
    axes.set_ylabel(style.literal(found.axis))
    style.title(page, Marked(f"{found.heading} over {cost.column.title} of {counted(len(places), 'model')}"))
    without = "The other models are drawn without their error bars." if many and found.note else ""
    style.footnote(
        page,
        chance_note(found),
        f"{found.note} {without}".strip(),
        _pack_note(cost),
        _missing(found, cost, len(places)),
    )
    handles = [Line2D([], [], **OTHERS) for _ in grey] + [Line2D([], [], **FRONT) for _ in names]
    heading = f"{len(best)} on the front" + ("" if len(best) == len(named) else f", {len(named)} named")
    style.legend_outside(page, handles, [*grey, *names], heading)
    return page


def _number(axes: Axes, best: Sequence[Candidate], high_is_good: bool) -> None:
    """Number the models of the front, the last first; where they are close, some go without."""
    axes.autoscale_view()
    seen: list[tuple[float, float]] = []
    look: Any = {"color": FRONT["color"], "fontweight": "bold", "fontsize": 9, "ha": "right"}
    for number, place in reversed(list(enumerate(best, 1))):
        where = (place.cost, place.value)
        x, y = axes.transAxes.inverted().transform(axes.transData.transform(where))
        if any(abs(x - left) < 0.035 and abs(y - below) < 0.05 for left, below in seen):
            continue
        seen.append((x, y))
        shift, side = (5, "bottom") if high_is_good else (-5, "top")
        axes.annotate(str(number), where, (-5, shift), textcoords="offset points", va=side, **look)


def _scale(axes: Axes, prices: Sequence[float]) -> None:
    """A logarithmic axis where costs differ by much, with ticks that are read."""
    formatter = FuncFormatter(lambda value, _: words.thousands(value))
    if min(prices) <= 0 or max(prices) < 8 * min(prices):
        axes.set_xlim(left=min(0.0, min(prices)))
        axes.margins(x=0.08)
        axes.xaxis.set_major_formatter(formatter)
        return
    axes.set_xscale("log")
    if max(prices) < 1000 * min(prices):
        axes.xaxis.set_major_locator(style.log_ticks())
    axes.xaxis.set_major_formatter(formatter)
    axes.xaxis.set_minor_formatter(NullFormatter())


def _pack_note(cost: Numbers) -> str:
    """That networks which train together have their time together."""
    packed = any(point.record.pack > 1 for entry in cost.entries for point in entry.points)
    if cost.name != COSTS["time"] or not packed:
        return ""
    return "Models trained together, in a pack, count an equal share of its time each, whatever their size."


def _missing(found: Numbers, cost: Numbers, drawn: int) -> str:
    count = len(found.entries) - drawn
    if not count:
        return ""
    without = f"no {unicode_of(found.title)} or no {unicode_of(cost.title)}"
    return f"{counted(count, 'model')} {agree(count, 'has', 'have')} {without}."
