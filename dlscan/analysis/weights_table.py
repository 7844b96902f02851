"""What the weights of events add up to, as text."""

from tabulate import tabulate

from dlscan.analysis.formats import one_line
from dlscan.dataset import SPLITS, Manifest


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
