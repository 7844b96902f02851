"""What has to be said below a table: splits, what is missing and why, uncertainties."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from dlscan.analysis.columns.column import Column
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.folds import folds_missing, folds_of, validated_apart
from dlscan.analysis.points.losses import different_losses, is_loss
from dlscan.spelling import agree, counted

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


def losses_note(columns: Sequence[Column], models: Sequence[Sequence[DonePoint]]) -> list[str]:
    """That losses of different kinds are no numbers to compare, or nothing to say."""
    names = [column.name for column in columns if is_loss(column.name)]
    different = different_losses(point for points in models for point in points) if names else ""
    return [f"{', '.join(names)}: of {different}"] if different else []


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
    more = f"; and {counted(others, 'other reason')}" if others else ""
    return reasons.most_common(1)[0][0] + more


def reasons_of(column: Column, models: Sequence[Sequence[DonePoint]]) -> Counter[str]:
    """Why entries of a column are missing, with the number of models of each reason."""
    found: Counter[str] = Counter()
    for value, points in zip(column.values, models, strict=True):
        if value is None:
            reasons = (point.record.reasons.get(column.name) for point in points)
            found.update(filter(None, [next(filter(None, reasons), None)]))
    return found


def presented(columns: Sequence[Column], errors: bool) -> list[Column]:
    """The columns with the one uncertainty that each entry can show.

    Spreads over repeats, unless `errors` asks for the intervals; the spreads are then columns of their own.
    """
    shown: list[Column] = []
    for column in columns:
        if column.errors is None:
            shown.append(column)
        elif not errors:
            shown.append(dataclasses.replace(column, errors=None))
        else:
            shown.append(dataclasses.replace(column, spreads=None))
            if column.spreads is not None:
                about = dataclasses.replace(
                    column.about, meaning="standard deviation over the trainings of a model"
                )
                shown.append(Column(f"{column.name}_Spread", "spread", column.spreads, about))
    return shown


def folds_note(models: Sequence[Sequence[DonePoint]]) -> list[str]:
    """That some models were not validated by all folds, or on other events than others are."""
    missing = folds_missing(models)
    less = sum(map(bool, missing))
    apart = validated_apart(models)
    notes = [apart] if apart else []
    if not less:
        return notes
    every = max(count + len(folds_of(points)) for count, points in zip(missing, models, strict=True) if count)
    return [
        f"{less} of {len(models)} models {agree(less, 'is', 'are')} not yet validated by all "
        f"{every} folds: their means are of fewer events",
        *notes,
    ]


def uncertainty_note(columns: Sequence[Column], errors: bool, over: str = "repeats") -> list[str]:
    """What `+-` means in a table, if it stands there; that it does not, if `errors` asks for it.

    `over` says what the trainings of a model differ in.
    """
    interval = any(column.errors is not None for column in columns)
    spread = any(column.spreads is not None for column in columns)
    if interval and spread:
        return [f"+-: statistical uncertainty (68 %), else standard deviation over {over}"]
    if interval:
        return ["+-: statistical uncertainty (68 %)"]
    missing = ["No number here has an uncertainty on record; `dlscan evaluate` adds them to older records"]
    return [*([f"+-: standard deviation over {over}"] if spread else []), *(missing if errors else [])]
