"""The numbers of a sample of events as text."""

import math
from collections.abc import Sequence

import numpy as np
from tabulate import tabulate

from dlscan.analysis.columns.cells import one_line
from dlscan.analysis.events.manifest_text import flow_text, placeholders_text, weights_texts
from dlscan.analysis.events.sample import Floats, InputSample, Sample
from dlscan.dataset import SPLITS, Manifest


def sample_text(sample: Sample) -> str:
    """Events of each class and split; sums and occupancies of inputs; features of vectors; targets."""
    parts = [
        *filter(None, [flow_text(sample.manifest)]),
        _counts(sample.manifest),
        *filter(None, weights_texts(sample.manifest, sample.weights)),
        f"{len(sample):,} events of split {sample.split}, drawn at random; mean ± spread over events:",
        _sums(sample),
        *(_features(sample, part) for part in sample.inputs if part.is_vector),
        *([_targets(sample)] if sample.targets else []),
        *filter(None, [_placeholders(sample)]),
    ]
    return "\n\n".join(parts)


def _counts(manifest: Manifest) -> str:
    rows = [
        [one_line(label), *(f"{manifest.splits[split].counts[number]:,}" for split in SPLITS)]
        for number, label in enumerate(manifest.classes)
    ]
    rows.append(["all", *(f"{manifest.splits[split].events:,}" for split in SPLITS)])
    return _aligned(rows, ["Class", *SPLITS], left=1)


def _sums(sample: Sample) -> str:
    rows = []
    for part in sample.inputs:
        shape = "x".join(map(str, sample.manifest.inputs[part.name].shape)) or "1"
        for label, chosen in sample.classes.items():
            # the values of a vector are of different kinds: their sum means nothing
            total = "-" if part.is_vector else _spread(part.sums[chosen])
            filled = f"{_spread(100 * part.occupancy[chosen])} %"
            rows.append([one_line(part.name), shape, one_line(label), f"{chosen.sum():,}", filled, total])
    return _aligned(rows, ["Input", "Shape", "Class", "Events", "Non-zero", "Sum"], left=3)


def _features(sample: Sample, part: InputSample) -> str:
    rows = [
        [one_line(name), *(_spread(values[chosen]) for chosen in sample.classes.values())]
        for name, values in part.features.items()
    ]
    text = _aligned(rows, [one_line(part.name), *map(one_line, sample.classes)], left=1)
    more = math.prod(part.shape) - len(part.features)
    return f"{text}\n... and {more} more" if more > 0 else text


def _targets(sample: Sample) -> str:
    rows = [
        [one_line(name), f"{values.min():.4g}", f"{values.max():.4g}"]
        + [_spread(values[chosen]) for chosen in sample.classes.values()]
        for name, values in sample.targets.items()
    ]
    return _aligned(rows, ["Target", "Lowest", "Highest", *map(one_line, sample.classes)], left=1)


def _placeholders(sample: Sample) -> str:
    names = {
        part.name: [name.removeprefix("mean ") for name in [*part.features][1:]]
        if sample.manifest.inputs[part.name].masked
        else [*part.features]
        for part in sample.inputs
        if part.is_vector
    }
    return placeholders_text(sample.manifest, names)


def _spread(values: Floats) -> str:
    known = values[~np.isnan(values)]
    return f"{np.mean(known):.4g} ± {np.std(known):.2g}" if len(known) else "-"


def _aligned(rows: Sequence[Sequence[str]], header: Sequence[str], left: int) -> str:
    sides = ["left"] * left + ["right"] * (len(header) - left)
    return tabulate(rows, header, colalign=sides, disable_numparse=True)
