"""Values that may stand for "missing", as text."""

from collections import defaultdict
from collections.abc import Mapping, Sequence

from dlscan.analysis.formats import one_line
from dlscan.dataset import Manifest, Placeholder

# so many features are named
_NAMED = 3


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
    if len(manifest.inputs[name].shape) > 1:
        return name  # cells of an image are measured together
    return known[number] if number < len(known) else f"{name}[{number}]"
