"""What a report says of networks that were trained against an adversary."""

from dlscan.analysis.columns.catalog import MODEL_NAME
from dlscan.analysis.columns.cells import UNICODE, entry
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.points.adversaries import purpose
from dlscan.analysis.points.parameters import differing
from dlscan.analysis.report.facts import Facts

_STRENGTH = "adversary.strength"


def against(facts: Facts) -> str:
    """What the choice of the best model does not look at; empty without an adversary.

    Another model is named only where the validation split says which: the test split chooses none.
    """
    name = purpose(facts.points)
    if not name or facts.choice is None or not any(facts.rows.columns[name].values):
        return ""
    columns, best = facts.models.columns, facts.choice.position
    column, quality = columns[name], columns[facts.task.headline]
    favours = ", and favours a low strength" if _STRENGTH in differing(facts.points) else ""
    found = (
        "These networks were trained against an adversary. The choice above does not look at what the "
        f"adversary is for{favours}. On the test split, the {unicode_of(column.title)} of the best model is "
        f"{entry(column, best, UNICODE)}"
    )
    validated = columns.get(f"val_{name}")
    if validated is None or not _ordered(validated):
        return f"{found}{_range(column)}."
    other = _ordered(validated)[-1]
    if other == best:
        return f"{found}; no other model goes farther."
    return (
        f"{found}; that of {columns[MODEL_NAME].values[other]}, which goes farthest on the validation split, "
        f"is {entry(column, other, UNICODE)}, with the {unicode_of(quality.title)} "
        f"{entry(quality, other, UNICODE)}."
    )


def _range(column: Column) -> str:
    """From where to where the numbers of all models go."""
    rows = sorted(_ordered(column), key=lambda row: column.values[row])
    if len(rows) < 2:
        return ""
    ends = " to ".join(entry(column, row, UNICODE) for row in (rows[0], rows[-1]))
    return f"; over all {len(rows)} models it ranges from {ends}"


def _ordered(column: Column) -> list[int]:
    """The rows that have a number, the worst first."""
    known = [row for row, value in reversed(list(enumerate(column.values))) if value is not None]
    return sorted(known, key=lambda row: column.about.goodness(column.values[row]))
