"""What a report says of networks that were trained against an adversary."""

from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.points.adversaries import purpose
from dlscan.analysis.report.facts import Facts


def against(facts: Facts) -> str:
    """What the choice of the best model does not look at; empty without an adversary."""
    name = purpose(facts.points)
    if not name or facts.choice is None or not any(facts.rows.columns[name].values):
        return ""
    columns = facts.rows.columns
    column, quality, best = columns[name], columns[facts.task.headline], facts.points.index(facts.best)
    other = _farthest(columns.get(f"val_{name}", column))
    found = (
        "These networks were trained against an adversary. The choice above does not look at what the "
        "adversary is for, and favours a low strength. On the test split, the "
        f"{unicode_of(column.title)} of the best model is {entry(column, best, UNICODE)}"
    )
    if other == best:
        return f"{found}; no other model goes farther."
    return (
        f"{found}; that of {facts.name(facts.points[other])}, which goes farthest, is "
        f"{entry(column, other, UNICODE)}, with the {unicode_of(quality.title)} "
        f"{entry(quality, other, UNICODE)}."
    )


def _farthest(column: Column) -> int:
    """The row of the best number of a column."""
    known = [row for row, value in enumerate(column.values) if value is not None]
    return max(known, key=lambda row: column.about.goodness(column.values[row]))
