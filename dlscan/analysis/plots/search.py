"""`search`: the best of one number so far, over the points of a scan and over what they cost."""

import dataclasses
from collections.abc import Collection, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.plots.numbers import (
    Number,
    Numbers,
    chance_note,
    default_key,
    good_limits,
    numbers,
    outside_note,
)
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.planned import planned
from dlscan.analysis.points.results import Floats
from dlscan.analysis.points.stopped_models import stopped_models
from dlscan.errors import UsageError
from dlscan.spelling import agree, counted

# scans whose points were drawn without a look at results: any order is as good as theirs
_AT_RANDOM = ("random",)
# what a unit of the time is called, its seconds, and from how many seconds on it is used
_UNITS = (("Hours", 3600, 7200), ("Minutes", 60, 120), ("Seconds", 1, 0))
# shares of the orders between which the band of such a scan lies
_BAND = (0.16, 0.84)
_ROUNDING = 1e-12


@dataclasses.dataclass(frozen=True)
class Course:
    """What a scan had reached after each of its models.

    Attributes
    ----------
    name : str
        Of the scan, with its method.
    entries : list of (Number or None)
        Its models, in the order of their points; None is one that `scan.halving` has stopped.
    hours : ndarray, shape (N,)
        Of training until the end of each, one after the other.
    best, low, high : ndarray, shape (N,)
        The best so far, and a band around it; nan where none is finished so far.
    """

    name: str
    entries: list[Number | None]
    hours: Floats
    best: Floats
    low: Floats
    high: Floats


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A line per scan: the best `options.key` so far, over models and over hours of training."""
    found = numbers(points, options.key or default_key(points), parameters=False)
    scans: dict[str, list[Number]] = {}
    for entry in found.entries:
        if entry.value is not None:
            scans.setdefault(entry.points[0].scan, []).append(entry)
    if not scans:
        raise UsageError(f"no point has a value for {found.name}; choose another --key")
    drawn = {name: {point.record.point for point in points if point.scan == name} for name in scans}
    courses = [_course(name, entries, found, drawn[name]) for name, entries in scans.items()]
    rows = [
        {
            **entry.identity,
            "tried": number,
            "hours": course.hours[number - 1],
            found.name: entry.value,
            "best": course.best[number - 1],
            "low": course.low[number - 1],
            "high": course.high[number - 1],
        }
        for course in courses
        for number, entry in enumerate(course.entries, 1)
        if entry is not None
    ]
    return Drawing(f"search-{found.name}", [_page(found, courses)], rows)


def _course(scan: str, entries: Sequence[Number], found: Numbers, drawn: Collection[int]) -> Course:
    directory = entries[0].points[0].paths.scan
    method = planned(directory).method
    tried: list[tuple[int, float, Number | None]] = [
        (
            min(point.record.point for point in entry.points),
            sum(point.record.train_seconds for point in entry.points),
            entry,
        )
        for entry in entries
    ]
    tried += [(model.number, model.seconds, None) for model in stopped_models(directory, drawn)]
    tried.sort(key=lambda model: model[0])
    ordered = [entry for _, _, entry in tried]
    goodness = found.column.about.goodness
    values = np.array([np.nan if entry is None else float(entry.value or 0.0) for entry in ordered])
    # what was stopped counts as worse than all that is finished
    worths = np.array([-np.inf if np.isnan(value) else goodness(value) for value in values])
    hours = np.cumsum([seconds for _, seconds, _ in tried]) / 3600
    name = f"{scan} ({method})" if method else scan
    if method in _AT_RANDOM:
        shares = (0.5, *_BAND)
        middle, *ends = (_best_of(values[np.argsort(-worths)], share) for share in shares)
        low, high = np.minimum(*ends), np.maximum(*ends)
        # in any order they cost the same on average
        hours = np.arange(1, len(values) + 1) * hours[-1] / len(values)
        return Course(name, ordered, hours, middle, low, high)
    first = [int(np.argmax(worths[: number + 1])) for number in range(len(worths))]
    best = [ordered[number] for number in first]
    halves = np.array([(0.0, 0.0) if entry is None else entry.halves for entry in best])
    return Course(
        name, ordered, hours, values[first], values[first] - halves[:, 0], values[first] + halves[:, 1]
    )


def _best_of(ranked: Floats, share: float) -> Floats:
    """What the best of the first n reaches in this share of all orders, for each n; the best value first.

    It is nan where that is one without a value: these come last.
    """
    count = len(ranked)
    found = []
    for tried in range(1, count + 1):
        # that the k best are all among those not tried yet
        none, reached = 1.0, 0
        while 1 - none < share - _ROUNDING:
            none *= (count - tried - reached) / (count - reached)
            reached += 1
        found.append(ranked[reached - 1])
    return np.array(found)


def _page(found: Numbers, courses: Sequence[Course]) -> Figure:
    names = [course.name for course in courses]
    page = style.figure(9.0, 4.4, names if len(names) > 1 else [])
    left, right = page.subplots(1, 2, sharey=True)
    longest = max(course.hours[-1] for course in courses) * 3600
    called, unit = next((word, seconds) for word, seconds, least in _UNITS if longest >= least)
    for number, course in enumerate(courses):
        tried = np.arange(1, len(course.best) + 1)
        for axes, x in ((left, tried), (right, course.hours * 3600 / unit)):
            _line(axes, x, course, number)
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    left.set_xlabel("Models tried")
    right.xaxis.set_major_locator(MaxNLocator(6))
    right.set_xlabel(f"{called} of training, one after the other")
    left.set_ylabel(style.literal(found.axis))
    every = [entry for course in courses for entry in course.entries]
    values = [float(entry.value or 0.0) for entry in every if entry is not None]
    limits = good_limits(values, found.column.about)
    left.set_ylim(limits)
    style.title(page, Marked(f"Best {found.title} so far"))
    style.footnote(
        page,
        f"Crosses: each model. {_lines_note(found, names)}",
        _stopped_note(every),
        chance_note(found),
        outside_note(values, limits),
    )
    if len(names) > 1:
        handles = [Line2D([], [], **style.line(number)) for number in range(len(names))]
        style.legend_outside(page, handles, names)
    return page


def _lines_note(found: Numbers, names: Sequence[str]) -> str:
    """What lines and bands are, which depends on how the points of a scan were chosen."""
    at_random = sum("(random)" in name for name in names)
    random = "median over all orders of its points; band: 68 % of the orders."
    if at_random == len(names):
        return f"Line: the best so far, {random}"
    note = f"Line: the best so far. {found.note.replace('Error bars', 'Band')}".strip()
    return f"{note} Of a random search: {random}" if at_random else note


def _stopped_note(entries: Sequence[Number | None]) -> str:
    """How many models have no cross."""
    count = sum(entry is None for entry in entries)
    if not count:
        return ""
    were = agree(count, "was", "were")
    return f"{counted(count, 'model')} of {len(entries)} {were} paused or stopped by scan.halving: no cross."


def _line(axes: Axes, x: Any, course: Course, number: int) -> None:
    color = style.color(number)
    axes.fill_between(x, course.low, course.high, step="post", color=color, alpha=0.18, linewidth=0)
    axes.step(x, course.best, where="post", **style.line(number))
    values = [np.nan if entry is None else float(entry.value or 0.0) for entry in course.entries]
    axes.plot(x, values, linestyle="none", marker="x", markersize=3, color=color, alpha=0.6)
