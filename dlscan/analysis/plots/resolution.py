"""`resolution`: half the 68 % width of prediction / truth in bins of the truth, with a calorimeter's fit."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.labels import Marked
from dlscan.analysis.plots import Drawing, Options, style, targets, words
from dlscan.analysis.plots.targets import MOST_BANDS, Shown, Target
from dlscan.analysis.points.done import DonePoint
from dlscan.metrics import ResolutionFit, TruthBin, fit_resolution

MOST_MODELS = 6
CURVE_POINTS = 200
FORMULA = "a / √E ⊕ b ⊕ c / E"
PARAMETERS = ("stochastic", "constant", "noise")

Bins = Mapping[int, Sequence[TruthBin]]
Fits = Mapping[int, ResolutionFit | None]


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """A panel per target; points and a fitted line per model, the parameters in the panel's legend."""
    shown, asked = targets.read(points, options, MOST_MODELS)
    bins = {target: targets.binned(shown, target, options.bins) for target in asked}
    fits = {target: {row: _fit(found) for row, found in bins[target].items()} for target in asked}
    drawn = [target for target in asked if _is_there(bins[target])]
    absent = targets.require_drawn(
        drawn, [target for target in asked if target not in drawn], targets.NO_RATIO
    )
    pages = [
        _page(shown, part, bins, fits, absent, which)
        for part, which in style.paged(drawn, targets.PANELS_PER_PAGE)
    ]
    rows = []
    for target in asked:
        for row, found in bins[target].items():
            numbers = _numbers(fits[target][row])
            rows += [line | numbers for line in targets.rows(shown, target, {row: found})]
    return Drawing(targets.drawing_name("resolution", options, asked), pages, rows, shown.left_out)


def _is_there(bins: Bins) -> bool:
    return any(each.resolution is not None for found in bins.values() for each in found)


def _fit(bins: Sequence[TruthBin]) -> ResolutionFit | None:
    there = [(each.mean, each.resolution) for each in bins if each.resolution is not None]
    return fit_resolution([mean for mean, _ in there], [found for _, found in there])


def _numbers(fit: ResolutionFit | None) -> dict[str, float | int | None]:
    """What the fit of a model tells, the same in each of its lines."""
    line: dict[str, float | int | None] = {}
    for name in PARAMETERS:
        found = None if fit is None else getattr(fit, name)
        line[name] = None if found is None else found.value
        line[f"{name}_down"], line[f"{name}_up"] = (None, None) if found is None else (found.down, found.up)
    return line | {"chi2": None if fit is None else fit.chi2, "degrees": None if fit is None else fit.degrees}


def _page(
    shown: Shown,
    asked: Sequence[Target],
    bins: Mapping[Target, Bins],
    fits: Mapping[Target, Fits],
    absent: str,
    which: str,
) -> Figure:
    names = [model.name for model in shown.models]
    down, across = style.grid(len(asked))
    page = style.figure(5.4 * across + 0.2, targets.height(len(names)) * down + 0.8, names)
    handles = [Line2D([], [], **style.line(look), **style.marker(look)) for look in shown.looks]
    for axes, target in targets.panels(page, asked):
        for row, found in bins[target].items():
            _line(axes, found, fits[target][row], row, len(names), shown.looks[row])
        fitted = fits[target]
        targets.legend_above(
            axes, [handles[row] for row in fitted], list(map(_text, fitted.values())), FORMULA
        )
        axes.set_xlabel(style.literal(Marked(f"True {target.title}")))
        axes.set_ylabel("Half 68 % width of prediction / truth")
    style.title(page, f"Resolution on the test split{which}")
    style.footnote(
        page,
        shown.note,
        f"Lines: fit of {FORMULA}, added in quadrature, to the points; E is the true value, in its unit.",
        "Error bars and intervals: statistical uncertainty (68 %)."
        + (" Models are shifted sideways." if len(names) > MOST_BANDS else ""),
        targets.not_quoted(len(names), "the parameters"),
        targets.holes(
            [each.resolution for target in asked for found in bins[target].values() for each in found]
        ),
        absent,
    )
    style.legend_outside(page, handles, names)
    return page


def _line(
    axes: Axes, bins: Sequence[TruthBin], fit: ResolutionFit | None, row: int, models: int, look: int
) -> None:
    shift = targets.beside(row, models, bins)
    places = np.array([each.mean for each in bins])
    targets.points(axes, places + shift, [each.resolution for each in bins], look, linestyle="none")
    if fit is not None:
        there = [each.mean for each in bins if each.resolution is not None]
        energies = np.geomspace(min(there), max(there), CURVE_POINTS)
        axes.plot(energies + shift, fit.at(energies), **style.line(look))


def _text(fit: ResolutionFit | None) -> str:
    if fit is None:
        return "no fit to fewer than 3 points"
    found = (fit.stochastic, fit.constant, fit.noise)
    texts = (words.measured(each) for each in found)
    return ", ".join(
        f"{name} {text if text[0] in '<>' else f'= {text}'}" for name, text in zip("abc", texts, strict=True)
    )
