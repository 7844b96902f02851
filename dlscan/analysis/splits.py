"""What has to be said below a table: which split its numbers are from, and why some are missing."""

from collections import Counter
from collections.abc import Sequence

from dlscan.analysis.column import Column
from dlscan.analysis.records import DonePoint

SPLIT_WORDS = {"test": "test split", "validation": "validation split", "train": "training split"}
_MOST_REASONS = 3


def split_note(columns: Sequence[Column]) -> list[str]:
    """`AUC, test_*: test split; val_*, best_val_loss: validation split`, or nothing to say."""
    parts = []
    for split, words in SPLIT_WORDS.items():
        families: dict[str, list[str]] = {}
        for column in columns:
            if column.about.split == split:
                families.setdefault(column.about.family, []).append(column.name)
        if families:
            # one of a kind goes by its own name, except that an AUC is an AUC
            names = [
                members[0] if len(members) == 1 and "*" in family else family
                for family, members in families.items()
            ]
            parts.append(f"{', '.join(names)}: {words}")
    return ["; ".join(parts)] if parts else []


def missing_notes(columns: Sequence[Column], models: Sequence[Sequence[DonePoint]]) -> list[str]:
    """For each column with missing entries of which a record tells the reason, a line with the reasons."""
    notes = []
    for column in columns:
        reasons = reasons_of(column, models)
        if reasons:
            count = sum(reasons.values())
            notes.append(f"{column.name} is missing for {count} of {len(models)} models: {spoken(reasons)}")
    if len(notes) > _MOST_REASONS:
        more = len(notes) - _MOST_REASONS
        notes[_MOST_REASONS:] = [f"{more} more columns have missing entries; `--list` shows why"]
    return notes


def spoken(reasons: Counter[str]) -> str:
    """The most frequent reason, and how many others there are."""
    if not reasons:
        return ""
    others = len(reasons) - 1
    more = f"; and {others} other reason{'s' if others > 1 else ''}" if others else ""
    return reasons.most_common(1)[0][0] + more


def reasons_of(column: Column, models: Sequence[Sequence[DonePoint]]) -> Counter[str]:
    """Why entries of a column are missing, with the number of models of each reason."""
    found: Counter[str] = Counter()
    for value, points in zip(column.values, models, strict=True):
        if value is None:
            reasons = (point.record.reasons.get(column.name) for point in points)
            found.update(filter(None, [next(filter(None, reasons), None)]))
    return found
