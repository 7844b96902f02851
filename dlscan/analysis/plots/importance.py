"""`importance`: how much each parameter of a scan matters for one number."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.compare.designs import Levels
from dlscan.analysis.compare.event_noise import EventNoise, event_noise
from dlscan.analysis.compare.importance import (
    DEGREE,
    SEED,
    TOGETHER,
    Importance,
    importances,
    levels,
    noise_shares,
)
from dlscan.analysis.labels import Marked, unicode_of
from dlscan.analysis.plots import Drawing, Options, style
from dlscan.analysis.plots.numbers import Numbers
from dlscan.analysis.plots.parameters import against, places_of
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import fold_of
from dlscan.analysis.points.results import Floats

MOST_TRAININGS = 2000
EVENTS, SEEDS, LEFT = "number of events", "other seeds", "left over"


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A bar per parameter: the fraction of the variance of `options.key` that it explains."""
    found, columns, present = against(points, options)
    kept = found.rows.take(present)
    entries = [found.entries[row] for row in present]
    # every training by itself: repeats tell how large the noise of training is. Folds have other events as
    # well, and tell no such thing.
    models = np.repeat(np.arange(len(entries)), [len(entry.repeats) for entry in entries])
    values = np.array([value for entry in entries for value in entry.repeats], dtype=np.float64)
    trainings = [point for entry in entries for point in entry.points]
    drawn, every = _drawn(len(values)), len(values)
    means = _over_folds([trainings[number] for number in drawn], models[drawn])
    models, values = models[drawn][np.argmax(means > 0, axis=1)], means @ values[drawn]
    noise = event_noise([trainings[number] for number in drawn], found.name)
    smooth: dict[str, bool] = {}
    codes = {}
    for name in [column.name for column in columns]:
        column = kept.columns[name]
        numbers, smooth[name] = levels(column.values, places_of(column))
        codes[name] = numbers[models]
    known = noise.unknown < len(drawn)
    covariance = means @ noise.covariance @ means.T if known else None
    bars, left = importances(codes, values, covariance, models)
    others = _others(left, *noise_shares(values, covariance, models))
    rows: list[dict[str, Any]] = [
        {
            "parameter": bar.name,
            "share": bar.share,
            "low": bar.low,
            "high": bar.high,
            "chance": bar.chance,
            "more_than_chance": bar.told,
        }
        for bar in bars
    ]
    rows += [{"parameter": f"({name})", "share": share} for name, share in others.items()]
    remarks = (
        f"From {len(drawn):,} of the {every:,} trainings, drawn at random." if len(drawn) < every else "",
        _not_known(found, noise, len(drawn)),
        f"As polynomials of degree {DEGREE}, of the logarithm where values span much: {names}."
        if (names := ", ".join(filter(smooth.get, smooth)))
        else "",
        f"{TOGETHER}: {alike} as a group."
        if (alike := ", ".join(bar.name for bar in bars if bar.share is None))
        else "",
    )
    return Drawing(f"importance-{found.name}", [_page(found, bars, others, len(entries), remarks)], rows)


def _drawn(trainings: int) -> Levels:
    """Which trainings are looked at: of many thousands some, whose noise is a matrix of all by all."""
    if trainings <= MOST_TRAININGS:
        return np.arange(trainings)
    return np.sort(np.random.default_rng(SEED).choice(trainings, MOST_TRAININGS, replace=False))


def _over_folds(trainings: Sequence[DonePoint], models: Levels) -> Floats:
    """The matrix that takes means over the folds of the same model and seed: a row of weights for each."""
    groups: dict[tuple[int, int, int], list[int]] = {}
    for number, (point, model) in enumerate(zip(trainings, models, strict=True)):
        alone = -1 if fold_of(point) else number
        groups.setdefault((int(model), point.record.seed, alone), []).append(number)
    means = np.zeros((len(groups), len(trainings)))
    for row, numbers in enumerate(groups.values()):
        means[row, numbers] = 1 / len(numbers)
    return means


def _others(left: float, events: float | None, seeds: float | None) -> dict[str, float]:
    """What no parameter explains, by where it comes from: no more than there is."""
    events = None if events is None else min(events, left)
    rest = left - (events or 0.0)
    seeds = None if seeds is None else min(seeds, rest)
    others = {EVENTS: events, SEEDS: seeds, LEFT: rest - (seeds or 0.0)}
    return {name: share for name, share in others.items() if share is not None}


def _not_known(found: Numbers, noise: EventNoise, trainings: int) -> str:
    """What to say of the noise from the number of events where not all of it is known."""
    if not found.column.about.split or not noise.apart + noise.unknown:
        return ""
    if noise.unknown == trainings:
        absent = f"The noise of {unicode_of(found.title)} from the finite number of events"
        return f"{absent} is unknown. It is included in 'left over'."
    parts = [
        f"for {noise.apart} of {trainings} trainings taken from their own intervals, as if independent"
        if noise.apart
        else "",
        f"for {noise.unknown} of {trainings} unknown" if noise.unknown else "",
    ]
    return f"Noise from the finite number of events: {'; '.join(filter(None, parts))}."


def _page(
    found: Numbers, bars: Sequence[Importance], others: dict[str, float], models: int, remarks: Sequence[str]
) -> Figure:
    names = [style.short(bar.name, 30) for bar in bars] + list(others)
    page = style.figure(8.4, 2.4 + 0.42 * len(names))
    axes = page.add_subplot()
    for row, bar in enumerate(bars):
        _bar(axes, row, bar)
    for row, share in enumerate(others.values(), len(bars)):
        axes.barh(row, share, height=0.5, color="#cfcfcf")
        _write(axes, share, row, f"{100 * share:.0f} %")
    axes.set_yticks(range(len(names)), names)
    axes.set_ylim(len(names) - 0.4, -0.6)
    axes.tick_params(axis="y", which="both", left=False, right=False)
    axes.grid(visible=False, axis="y")
    axes.set_xlim(0, 1.28)
    axes.set_xticks(np.arange(0, 1.01, 0.2), [f"{part} %" for part in range(0, 101, 20)])
    axes.set_xlabel(
        style.literal(Marked(f"Fraction of the variance of {found.axis} between {models} models"))
    )
    style.title(page, Marked(f"What matters for {found.title}"))
    seeds = "" if SEEDS in others else ", other seeds"
    style.footnote(
        page,
        "Bars: variance explained by each parameter alone, after subtracting noise. Error bars: 68 % "
        "interval. Vertical line: without any effect, all bars would stay below it in 95 % of scans.",
        "Noise: the finite number of events, which all models share, and other seeds. "
        f"Left over: interactions{seeds}.",
        *remarks,
    )
    return page


def _bar(axes: Axes, row: int, bar: Importance) -> None:
    if bar.share is None or bar.low is None or bar.high is None or bar.chance is None:
        _write(axes, 0, row, "confounded with other parameters, cannot be separated")
        return
    axes.barh(row, max(bar.share, 0.0), height=0.5, color=style.COLORS[0] if bar.told else "#b5c7d6")
    half = [[bar.share - bar.low], [bar.high - bar.share]]
    axes.errorbar([bar.share], [row], xerr=half, fmt="none", ecolor="#000000", elinewidth=1.1, capsize=2.5)
    axes.plot([bar.chance] * 2, [row - 0.36, row + 0.36], color=style.COLORS[6], linewidth=1.6)
    text = f"{100 * max(bar.share, 0.0):.0f} %" + ("" if bar.told else ", compatible with chance")
    _write(axes, max(bar.high, bar.chance), row, text)


def _write(axes: Axes, x: float, row: int, text: str) -> None:
    axes.annotate(text, (x, row), (6, 0), textcoords="offset points", va="center", fontsize=9)
