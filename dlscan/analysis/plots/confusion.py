"""`confusion`: as which class the events of each class are predicted, a panel per model."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from dlscan.analysis.labels import Marked, called, unicode_of
from dlscan.analysis.plots import Drawing, Options, choice, matrix, style, words
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import Floats, predictions
from dlscan.errors import UsageError
from dlscan.metrics import confusion, efficiency_estimate

MOST_MODELS = 4
MANY_CLASSES = 6

# inches
CELL = 0.74
TITLE_LETTER = 0.1


@dataclasses.dataclass(frozen=True)
class Matrix:
    """Sums of weights of the events of each class (row) predicted as each class (column)."""

    classes: tuple[str, ...]
    counts: Floats
    weighted: bool

    @property
    def shares(self) -> Floats:
        """The counts over the sum of their row; nan in a row without events.

        Negative weights may take one beyond 0 or 1, and it is then that.
        """
        totals = self.counts.sum(axis=1, keepdims=True)
        shares = np.divide(self.counts, totals, out=np.full_like(self.counts, np.nan), where=totals > 0)
        return np.asarray(np.clip(shares, 0.0, 1.0))


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """Panels of the best models by validation; many classes take a page each."""
    if options.key is not None:
        raise UsageError("confusion has no --key: it shows all classes")
    shown = choice.choose(points, _read, options.most or MOST_MODELS)
    large = max(len(model.content.classes) for model in shown.models) > MANY_CLASSES
    pages = style.paged(shown.models, 1 if large else 4)
    return Drawing(
        "confusion",
        [_page(part, shown.note, which) for part, which in pages],
        [row for model in shown.models for row in _rows(model)],
        shown.left_out,
    )


def _read(point: DonePoint) -> Matrix:
    scored = predictions(point)
    counts = confusion(scored.scores, scored.labels, scored.classes, scored.weights)
    return Matrix(scored.classes, counts, bool((scored.weights != 1).any()))


def _rows(model: choice.Model[Matrix]) -> list[dict[str, Any]]:
    table = model.content
    rows = []
    shares = table.shares
    for number, true in enumerate(table.classes):
        total = float(table.counts[number].sum())
        for other, taken in enumerate(table.classes):
            count = float(table.counts[number, other])
            # with weights the number of events is not what fluctuates; no interval is better than a wrong one
            found = efficiency_estimate(count, total) if total > 0 and not table.weighted else None
            rows.append(
                {
                    "scan": model.point.scan,
                    "point": model.point.record.point,
                    "model": model.name,
                    "true": true,
                    "predicted": taken,
                    "count": count,
                    "share": float(shares[number, other]) if total > 0 else None,
                    "share_down": None if found is None else found.down,
                    "share_up": None if found is None else found.up,
                }
            )
    return rows


def _page(models: Sequence[choice.Model[Matrix]], note: str, which: str) -> Figure:
    down, across = style.grid(len(models))
    size = max(len(model.content.classes) for model in models)
    side = max(CELL * size, 2.2)
    title = TITLE_LETTER * max(len(line) for model in models for line in style.label(model.name).split("\n"))
    page = style.figure((max(side, title) + 1.3) * across + 0.2, (side + 1.2) * down + 0.9)
    for place, model in enumerate(models, 1):
        _panel(page.add_subplot(down, across, place), model)
    weighted = any(model.content.weighted for model in models)
    what = "the sum of weights" if weighted else "the number of events"
    style.title(page, f"Confusion on the test split{which}")
    style.footnote(page, f"Fractions of the events of each true class, with {what} below.", note)
    return page


def _panel(axes: Axes, model: choice.Model[Matrix]) -> None:
    table = model.content
    shares = table.shares
    names = [style.short(called(name, model.point.labels)) for name in table.classes]
    matrix.cells(axes, shares, (0, 1), matrix.SHARES)
    for (row, column), share in np.ndenumerate(shares):
        text = (
            "-"
            if np.isnan(share)
            else f"{100 * share:.1f} %\n{words.count(float(table.counts[row, column]))}"
        )
        color = matrix.ink(share, 0, 1, matrix.SHARES)
        axes.text(column, row, text, ha="center", va="center", fontsize=8, color=color)
    tilted = max(len(unicode_of(Marked(name))) for name in names) > 6
    axes.set_xticks(
        range(len(names)), names, rotation=45 if tilted else 0, ha="right" if tilted else "center"
    )
    axes.set_yticks(range(len(names)), names)
    axes.set_xlabel("Predicted class")
    axes.set_ylabel("True class")
    axes.set_title(style.label(model.name))
