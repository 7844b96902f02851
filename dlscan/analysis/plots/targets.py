"""The targets of a regression, such as the energy, and what models predict of them."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import ArrayLike

from dlscan.analysis.labels import Marked, called, merged
from dlscan.analysis.lookup import find
from dlscan.analysis.plots import Options, choice, style
from dlscan.analysis.plots.events import bin_edges
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, Predictions, predictions
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import Estimate, TruthBin, in_bins_of_truth

PANELS_PER_PAGE = 6
BINS = 10
# more bands than these hide each other
MOST_BANDS = 4
# lines in the legend of a panel
MOST_QUOTED = 10
NO_RATIO = "true values of 0 or less, which have no ratio, or fewer than 10 effective events"

# inches
PANEL_HEIGHT = 3.0
LEGEND_LINE = 0.19

# predictions, truth, weights
TargetValues = tuple[Floats, Floats, Floats]
Shown = choice.Shown[Predictions]
Model = choice.Model[Predictions]


@dataclasses.dataclass(frozen=True)
class Target:
    """A target and what it is called for people."""

    name: str
    title: Marked

    def events(self, found: Predictions) -> TargetValues | None:
        """Its predictions, truth and weights of a model, (N,) each; None for a model without it."""
        if self.name not in found.names:
            return None
        column = found.names.index(self.name)
        columns = found.predictions[:, column], found.targets[:, column], found.weights
        given, truth, weights = (each.astype(np.float64) for each in columns)
        return given, truth, weights


def read(points: Sequence[DonePoint], options: Options, most: int) -> tuple[Shown, list[Target]]:
    """The models of a picture, and the targets that `options.key` names, each of which has a panel.

    Raises
    ------
    ScanError
        If no point has predictions of targets.
    UsageError
        If there is no such target.
    """
    shown = choice.choose(points, predictions, options.most or most)
    names = dict.fromkeys(name for model in shown.models for name in model.content.names)
    labels = merged(model.point.labels for model in shown.models)
    known = {name: Target(name, called(name, labels)) for name in names}
    if options.key is None:
        return shown, list(known.values())
    asked = [find(name.strip(), known, "target") for name in options.key.split(",") if name.strip()]
    if not asked:
        raise UsageError(f"--key {options.key}: name a target; valid: {', '.join(known)}")
    return shown, [known[name] for name in dict.fromkeys(asked)]


def drawing_name(kind: str, options: Options, targets: Sequence[Target]) -> str:
    """What to call the file of a picture."""
    return kind if options.key is None else f"{kind}-{'-'.join(target.name for target in targets)}"


def binned(shown: Shown, target: Target, bins: str | None) -> dict[int, list[TruthBin]]:
    """The numbers in bins of the truth, which are the same for all models, by the position of the model."""
    events = {row: target.events(model.content) for row, model in enumerate(shown.models)}
    there = {row: found for row, found in events.items() if found is not None}
    edges = bin_edges(bins, np.concatenate([truth for _, truth, _ in there.values()]), BINS)
    return {
        row: in_bins_of_truth(found, truth, edges, weights) for row, (found, truth, weights) in there.items()
    }


def rows(shown: Shown, target: Target, bins: Mapping[int, Sequence[TruthBin]]) -> list[dict[str, Any]]:
    """The numbers behind a picture in bins of the truth, a line per model and bin."""
    return [own(shown.models[row], target) | _numbers(each) for row, found in bins.items() for each in found]


def own(model: Model, target: Target) -> dict[str, Any]:
    """What each line of the numbers behind a picture begins with."""
    return {
        "scan": model.point.scan,
        "point": model.point.record.point,
        "model": model.name,
        "target": target.name,
    }


def _numbers(each: TruthBin) -> dict[str, Any]:
    line: dict[str, Any] = {name: getattr(each, name) for name in ("low", "high", "mean", "events")}
    for name in ("median", "resolution", "bias", "mae", "rmse"):
        found = getattr(each, name)
        line[name] = None if found is None else found.value
        line[f"{name}_down"], line[f"{name}_up"] = (None, None) if found is None else (found.down, found.up)
        if name == "median":
            line["band_low"], line["band_high"] = each.band or (None, None)
    return line


def require_drawn(drawn: Sequence[Target], absent: Sequence[Target], why: str) -> str:
    """What to say of targets without a panel; empty where there is none.

    Raises
    ------
    ScanError
        If no target has one.
    """
    if not drawn:
        raise ScanError(f"there is nothing to draw: {why}")
    names = ", ".join(target.title for target in absent)
    return Marked(f"Not drawn: {names} ({why}).") if absent else ""


def panels(page: Figure, targets: Sequence[Target]) -> Iterator[tuple[Axes, Target]]:
    """The axes of each target on a page; several have its name above."""
    down, across = style.grid(len(targets))
    for place, target in enumerate(targets, 1):
        axes = page.add_subplot(down, across, place)
        if len(targets) > 1:
            axes.set_title(style.label(target.title))
        yield axes, target


def beside(row: int, models: int, bins: Sequence[TruthBin]) -> float:
    """How far the points of a model are shifted, so that many are side by side within a third of a bin."""
    if models <= MOST_BANDS:
        return 0.0
    step = min(each.high - each.low for each in bins) / 3 / models
    return step * (row - (models - 1) / 2)


def points(axes: Axes, places: ArrayLike, found: Sequence[Estimate | None], look: int, **more: Any) -> None:
    """Numbers with their error bars; gaps where there is none."""
    value, down, up = (
        np.array([np.nan if each is None else getattr(each, name) for each in found])
        for name in ("value", "down", "up")
    )
    line = style.line(look) | style.marker(look)
    axes.plot(places, value, **line | more)
    axes.vlines(places, value - down, value + up, color=line["color"], linewidth=1)


def legend_above(axes: Axes, lines: Sequence[Line2D], texts: Sequence[str], heading: str) -> None:
    """What is quoted of each model, above all that is drawn on the axes; of many nothing."""
    low, high = axes.get_ylim()
    low = max(low, 0.0)
    if len(texts) <= MOST_QUOTED:
        look: dict[str, Any] = {"loc": "upper right", "fontsize": 8, "title_fontsize": 8, "alignment": "left"}
        axes.legend(lines, texts, title=heading, **look)
        high += (high - low) * LEGEND_LINE * (len(texts) + 1.5) / PANEL_HEIGHT
    axes.set_ylim(low, high)


def height(models: int) -> float:
    """Of a panel with a legend above, inches."""
    return PANEL_HEIGHT + 0.6 + (LEGEND_LINE * models if models <= MOST_QUOTED else 0.0)


def not_quoted(models: int, what: str) -> str:
    """What to say where a legend has no numbers; empty where it has them."""
    return (
        "" if models <= MOST_QUOTED else f"With more than {MOST_QUOTED} models, {what} are in --data alone."
    )


def holes(found: Sequence[Any]) -> str:
    """What to say of bins with events that are not drawn; empty where there is none."""
    return f"Bins without a point have {NO_RATIO}." if any(each is None for each in found) else ""
