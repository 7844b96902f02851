"""What stands below each picture: what it shows, with the numbers that matter."""

import math
from collections.abc import Callable, Sequence

import numpy as np

from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.columns.names import varying_columns
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.plots import Options, words
from dlscan.analysis.plots.events import event_number
from dlscan.analysis.points.adversaries import purpose
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.models import groups
from dlscan.analysis.report.effects import effects
from dlscan.analysis.report.facts import Facts
from dlscan.analysis.report.matters import extremes
from dlscan.analysis.report.words import counted, named, percent
from dlscan.metrics import Estimate, accuracy, calibration_error, confusion

Caption = Callable[[Facts, Sequence[DonePoint], Options], str]


def of_all(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """For a picture of one number of all models: where it is highest and lowest."""
    column = facts.headline
    known = [(value, row) for row, value in enumerate(column.values) if value is not None]
    if not known:
        return ""
    (_, low), (_, high) = min(known), max(known, key=lambda each: (each[0], -each[1]))
    return (
        f"The {unicode_of(column.title)} on the test split ranges from {entry(column, low, UNICODE)} "
        f"({facts.name(facts.points[low])}) to {entry(column, high, UNICODE)} "
        f"({facts.name(facts.points[high])}). The {column.about.best_is} of many values is partly due to "
        "chance. The best model is chosen on the validation split."
    )


def importance(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """Where each parameter is at its worst and at its best, on average."""
    if facts.choice is None:
        return ""
    column = facts.choice.column
    parts = [extremes(each, column) for each in effects(facts.models, column)]
    if not parts:
        return ""
    return (
        f"On average the {unicode_of(column.full_title)} is {'; '.join(parts)}. "
        "Where a bar does not reach beyond its line, such a difference is compatible with noise."
    )


def network(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How to read the boxes."""
    (point,) = drawn
    return (
        f"{point.record.model_parameters:,} parameters. Each box is a layer, with what happens to its "
        "result, the shape of the result for one event, and its weights. Stages that repeat are drawn once."
    )


def roc(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How many events of which class the curves are made of."""
    scored = facts.scores(drawn[0])
    if scored is None:
        return ""
    counts = np.bincount(scored.labels, minlength=len(scored.classes))
    events = [
        f"{int(count):,} {facts.called(name)}" for name, count in zip(scored.classes, counts, strict=True)
    ]
    return f"{counted(len(scored.labels), 'test event')}: {named(events, 12)}."


def history(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """Which epoch of each model was kept."""
    kept = [
        f"{facts.name(point)} keeps epoch {point.record.best_epoch} of {point.record.epochs}"
        f"{_loss(point.record.metrics.get('best_val_loss'))}"
        for point in drawn
    ]
    against = ["adversary.kind" in point.record.params for point in drawn]
    how = []
    if not all(against):
        how.append("The best epoch is chosen by val_loss, or by train.early_stopping.monitor if set.")
    if any(against):
        how.append("With an adversary the last epoch is kept.")
    return f"{named(kept)}. {' '.join(how)}"


def dependence(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How much the scores of each model depend on the nuisance."""
    column = facts.rows.columns[purpose(facts.points)]
    parts = [
        f"{entry(column, facts.points.index(point), UNICODE)} for {facts.name(point)}" for point in drawn
    ]
    return f"The {unicode_of(column.title)} is {named(parts)}; 0 would be none."


def price(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """What the picture of quality and dependence is for."""
    return "Models on the line are beaten by no other in both. Which of them to take is for you to decide."


def confused(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How often the best model is right, and its most frequent error."""
    scored = facts.scores(drawn[0])
    if scored is None or not len(scored.labels):
        return ""
    matrix = confusion(scored.scores, scored.labels, scored.classes, scored.weights)
    totals = matrix.sum(axis=1)
    shares = np.clip(matrix / np.where(totals > 0, totals, math.nan)[:, None], 0.0, 1.0)
    right = accuracy(scored.scores, scored.labels, scored.weights)
    events = counted(len(scored.labels), "test event")
    if right is None:
        return f"The weights of the {events} do not add up to more than 0."
    text = f"The class with the highest score is correct for {percent(right, 1)} of {events}"
    np.fill_diagonal(shares, math.nan)
    if np.isfinite(shares).any():
        true, taken = np.unravel_index(int(np.nanargmax(shares)), shares.shape)
        text += (
            f". The most frequent error: {percent(shares[true, taken], 1)} of "
            f"{facts.called(scored.classes[int(true)])} are classified as "
            f"{facts.called(scored.classes[int(taken)])}"
        )
    return f"{text}."


def calibration(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """The expected calibration error of the best model."""
    scored = facts.scores(drawn[0])
    error = None if scored is None else calibration_error(scored.scores, scored.labels, scored.weights)
    if error is None:
        return ""
    return (
        "Where the network gives its class a score of 90 %, it should be right in 90 % of the events. For "
        f"{facts.name(drawn[0])} these two differ by {error.value:.3f} ± {(error.up + error.down) / 2:.3f} "
        "on average (expected calibration error)."
    )


def pareto(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How large the networks are, and the best one among them."""
    sizes = sorted(drawn[model[0]].record.model_parameters for model in groups(drawn))
    best = facts.best.record.model_parameters
    smaller = sum(size < best for size in sizes)
    if sizes[0] == sizes[-1]:
        return f"{'All networks have' if len(sizes) > 1 else 'The network has'} {best:,} parameters."
    return (
        f"The networks have {sizes[0]:,} to {sizes[-1]:,} parameters; the best on the validation split has "
        f"{best:,}, and {smaller} of {len(sizes)} are smaller."
    )


def parameters(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """Which parameters vary."""
    names = varying_columns(drawn)
    return f"What varies: {named(names, 12)}." if names else ""


def energy(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """What the events are binned in, and its range."""
    scored = facts.scores(drawn[0])
    if scored is None or options.by is None:
        return ""
    values = event_number(options.by).take(scored.extras)
    return (
        f"{counted(len(values), 'test event')} in bins of {facts.called(options.by)}, which ranges from "
        f"{np.nanmin(values):.4g} to {np.nanmax(values):.4g}. dlscan report --by takes another variable."
    )


def response(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """What the line and its band are."""
    scored = facts.scores(drawn[0])
    events = "" if scored is None else f"{counted(len(scored), 'test event')}. "
    return f"{events}A point is the median in its bin, and the band holds the middle 68 % of the events."


def resolution(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """The resolution of the best model over all events."""
    found = _of_targets(facts, drawn[0], "Resolution")
    return f"Over all test events the resolution of {facts.name(drawn[0])} is {found}." if found else ""


def residuals(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """Mean absolute error and bias of the best model."""
    error, bias = (_of_targets(facts, drawn[0], what) for what in ("MAE", "Bias"))
    return (
        f"{facts.name(drawn[0])} has a mean absolute error of {error} and a bias of {bias}." if error else ""
    )


def generated(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How well a classifier tells the events of the best model from real ones."""
    name = "Twosample_AUC"
    value, ends = drawn[0].record.metrics.get(name), drawn[0].record.errors.get(name)
    if value is None or ends is None:
        return ""
    area = words.measured(Estimate(value, *ends))
    return (
        f"A classifier trained to tell events of {facts.name(drawn[0])} from real ones has an AUC of "
        f"{area}; 0.5 would be perfect."
    )


def _of_targets(facts: Facts, point: DonePoint, what: str) -> str:
    """A metric of each target of a point with its interval; a target without it is left out."""
    scored = facts.scores(point)
    said = []
    for name in () if scored is None else scored.names:
        value = point.record.metrics.get(f"{name}_{what}")
        ends = point.record.errors.get(f"{name}_{what}")
        if value is not None and ends is not None:
            said.append(f"{words.measured(Estimate(value, *ends))} ({unicode_of(facts.called(name))})")
    return named(said, 12)


def anomaly(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """How well the error of a reconstruction tells anomalies."""
    metrics, errors = drawn[0].record.metrics, drawn[0].record.errors
    areas = [
        f"{words.measured(Estimate(float(metrics[column] or 0), *errors[column]))} "
        f"({unicode_of(facts.called(name))})"
        for name, column in facts.task.parts.items()
        if column in errors
    ]
    if not areas:
        return "Events that the network gives back badly are on the right."
    return (
        f"Events that the network gives back badly are taken for anomalies. Area under the ROC curve: "
        f"{named(areas, 12)}."
    )


def code(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """What the axes are."""
    width = drawn[0].record.params.get("model.code")
    return f"The code of {facts.name(drawn[0])} has {counted(width, 'number')}." if width else ""


def overlaid(facts: Facts, drawn: Sequence[DonePoint], options: Options) -> str:
    """What to look for."""
    metrics = drawn[0].record.metrics
    text = "Where the network does better on training events than on test events, it is overtrained."
    final, kept = metrics.get("final_loss"), metrics.get("best_val_loss")
    if final is None or kept is None:
        return text
    return (
        f"{text} The last training loss is {final:.4f}, the validation loss of the kept weights {kept:.4f}."
    )


def _loss(value: float | None) -> str:
    return "" if value is None else f" (validation loss {value:.4f})"
