"""`calibration`: how often models are right, over the highest score."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from dlscan.analysis.plots import Drawing, Options, choice, style
from dlscan.analysis.plots.events import bin_count
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.results import predictions
from dlscan.errors import ScanError, UsageError
from dlscan.metrics import Estimate, Reliability, calibration_error, reliability

MOST_MODELS = 4
BINS = 15

Content = tuple[Reliability, Estimate]


def draw(points: Sequence[DonePoint], options: Options) -> Drawing:
    """Fraction of right decisions over the highest score, a line per model, and how often each score is."""
    if options.key is not None:
        raise UsageError("calibration has no --key: it uses the highest score, whatever the class")
    bins = bin_count(options.bins, BINS)

    def read(point: DonePoint) -> Content:
        scored = predictions(point)
        error = calibration_error(scored.scores, scored.labels, scored.weights, bins)
        if error is None:
            raise ScanError(
                f"{point.paths.predictions}: no event in the test split, or their weights add up to 0 or less"
            )
        return reliability(scored.scores, scored.labels, bins, scored.weights), error

    shown = choice.choose(points, read, options.most or MOST_MODELS)
    rows = [row for model in shown.models for row in _rows(model)]
    return Drawing("calibration", [_page(shown)], rows, shown.left_out)


def _rows(model: choice.Model[Content]) -> list[dict[str, Any]]:
    found, error = model.content
    columns = {
        "low": found.edges[:-1],
        "high": found.edges[1:],
        "confidence": found.confidence,
        "correct": found.correct,
        "correct_down": found.down,
        "correct_up": found.up,
        "weight": found.weight,
    }
    own = {
        "scan": model.point.scan,
        "point": model.point.record.point,
        "model": model.name,
        "calibration_error": error.value,
    }
    lines = zip(*(values.tolist() for values in columns.values()), strict=True)
    return [own | dict(zip(columns, line, strict=True)) for line in lines]


def _page(shown: choice.Shown[Content]) -> Figure:
    names = [model.name for model in shown.models]
    errors = [model.content[1] for model in shown.models]
    page = style.figure(5.4, 6.6, names)
    upper, lower = page.subplots(2, 1, sharex=True, height_ratios=(3.2, 1))
    upper.plot([0, 1], [0, 1], color="#999999", linewidth=0.9, linestyle=(0, (4, 2)))
    start, lines = 1.0, []
    for number, model in zip(shown.looks, shown.models, strict=True):
        found, _ = model.content
        there = found.weight > 0
        look = style.line(number)
        bars = upper.errorbar(
            found.confidence[there], found.correct[there], (found.down[there], found.up[there]),
            **look, **style.marker(number), elinewidth=1,
        )  # fmt: skip
        lines.append(bars.lines[0])
        share = found.weight / found.weight.sum()
        lower.stairs(np.where(share > 0, share, np.nan), found.edges, **look | {"linewidth": 1.4})
        start = min(start, float(found.edges[:-1][there][0]))
    upper.set_xlim(start, 1)
    upper.set_ylim(0 if start < 0.3 else None, 1.02)
    upper.set_ylabel("Fraction of correct events")
    labels = [f"{error.value:.4f} ± {error.up:.4f}" for error in errors]
    upper.legend(lines, labels, title="Calibration error", loc="best", fontsize=8)
    lower.set_yscale("log")
    lower.set_ylabel("Fraction of events")
    lower.set_xlabel("Highest score")
    style.title(page, "Calibration on the test split")
    style.footnote(
        page,
        shown.note,
        "Dashed: perfect calibration. Above it a model is underconfident, below it overconfident.",
        "Error bars: statistical uncertainty (68 %).",
    )
    handles = [Line2D([], [], **style.line(number), **style.marker(number)) for number in shown.looks]
    style.legend_outside(page, handles, names)
    return page
