"""What a manifest says of weights, and of values that may stand for "missing", as text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from tabulate import tabulate

from dlscan.analysis.columns.cells import one_line
from dlscan.config.resample import WEIGHT
from dlscan.dataset import SPLITS, Manifest, Placeholder

# so many features are named
_NAMED = 3


def flow_text(manifest: Manifest) -> str:
    """A line for each cut: the events of each class that are left after it.

    Parameters
    ----------
    manifest : Manifest
        Of the dataset.

    Returns
    -------
    str
        Empty where all events of all files are in the dataset.
    """
    if not manifest.flow:
        return ""
    first = manifest.flow[0]
    columns = [*range(len(manifest.classes)), *([len(manifest.classes)] if first[-1] else [])]
    names = [*manifest.classes, "no class"]
    rows = [["all events", *(f"{first[column]:,}" for column in columns), f"{sum(first):,}", ""]]
    for text, counts in zip(manifest.config.get("where", ()), manifest.flow[1:], strict=True):
        kept = f"{100 * sum(counts) / max(sum(first), 1):.3g} %"
        listed = (f"{counts[column]:,}" for column in columns)
        rows.append([one_line(text), *listed, f"{sum(counts):,}", kept])
    header = ["Cut", *(one_line(names[column]) for column in columns), "all", "kept"]
    table = tabulate(rows, header, colalign=["left"] + ["right"] * (len(columns) + 2), disable_numparse=True)
    left_out = manifest.flow[-1][-1]
    column = manifest.config.get("labels", {}).get("column")
    if left_out:
        table += f"\n{left_out:,} events of no class ({one_line(str(column))}) are left out"
    return table


def weights_text(manifest: Manifest, name: str | None) -> str:
    """A line per class: sum, fraction below zero, and what so many events are worth.

    Parameters
    ----------
    manifest : Manifest
        Of the dataset.
    name : str or None
        The extra that weighs events.

    Returns
    -------
    str
        Empty if none does, or if an older version did not measure it.
    """
    if name is None or name not in manifest.weights:
        return ""
    splits = manifest.weights[name].splits
    rows = []
    for label, class_name in enumerate(manifest.classes):
        events = sum(manifest.splits[split].counts[label] for split in SPLITS)
        negative = sum(splits[split].negative[label] for split in SPLITS)
        rows.append(
            [
                one_line(class_name),
                f"{splits['train'].total[label]:.4g}",
                f"{100 * negative / events:.3g} %" if events else "-",
                *(f"{splits[split].effective(label):,.0f}" for split in SPLITS),
            ]
        )
    header = [f"Weights {one_line(name)}", "Sum (train)", "Negative"]
    header += [f"Effective events ({SPLITS[0]})", *(f"({split})" for split in SPLITS[1:])]
    table = tabulate(rows, header, colalign=["left"] + ["right"] * 5, disable_numparse=True)
    return f"{table}\neffective events: (sum of weights)^2 / sum of squared weights"


def entries_text(manifest: Manifest) -> str:
    """A line for each input of which something was left out or put in: entries beyond `longest`, and nan.

    Parameters
    ----------
    manifest : Manifest
        Of the dataset.

    Returns
    -------
    str
        Empty if there is nothing to say.
    """
    lines = []
    events = [
        sum(own.counts[label] for own in manifest.splits.values()) for label in range(len(manifest.classes))
    ]
    for name, made in manifest.made.items():
        if any(made.cut_events):
            longest = manifest.inputs[name].shape[0]
            of_classes = zip(manifest.classes, made.cut_events, made.cut_entries, events, strict=True)
            parts = [
                f"{one_line(label)} {cut:,} events ({100 * cut / count:.3g} %), {entries:,} entries"
                for label, cut, entries, count in of_classes
                if cut
            ]
            lines.append(f"{one_line(name)}: cut to {longest:,} entries: {'; '.join(parts)}")
        if made.filled:
            lines.append(
                f"{one_line(name)}: {made.filled:,} numbers were nan and are {made.recipe['fill']:g} now"
            )
    return "\n".join(lines)


def weights_texts(manifest: Manifest, name: str | None) -> list[str]:
    """`weights_text` of the extra that weighs events, and of what resampling makes of it."""
    made = [WEIGHT] if manifest.resampled is not None and WEIGHT in manifest.extras else []
    return [weights_text(manifest, each) for each in [name, *made]]


def placeholders_text(manifest: Manifest, names: Mapping[str, Sequence[str]]) -> str:
    """A line for each value of an input that is repeated, far from all others, and may stand for "missing".

    Parameters
    ----------
    manifest : Manifest
        Of the dataset.
    names : mapping of str to sequence of str
        Those of the features of inputs, as far as they are known.

    Returns
    -------
    str
        Empty if there is none.
    """
    lines = []
    for name in manifest.inputs:
        same: dict[float, list[Placeholder]] = defaultdict(list)
        for found in manifest.statistics[name].placeholders:
            same[found.value].append(found)
        for value, group in same.items():
            features = [_feature(manifest, name, names.get(name, ()), found.feature) for found in group]
            listed = ", ".join(map(one_line, features[:_NAMED]))
            more = f" and {len(group) - _NAMED} more features" if len(group) > _NAMED else ""
            most = max(found.share for found in group)
            share = f"{'up to ' if len(group) > 1 else ''}{100 * most:.3g} %"
            lines.append(
                f"Note: {listed}{more}: {share} of the values are {value:g}, far from all others. "
                "If that stands for a missing value, replace it: networks take it for a number."
            )
    return "\n".join(lines)


def _feature(manifest: Manifest, name: str, known: Sequence[str], number: int) -> str:
    if not manifest.inputs[name].by_feature:
        return name  # cells of an image are measured together
    return known[number] if number < len(known) else f"{name}[{number}]"
