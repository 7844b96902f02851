"""A trained model as text: the layers of a network, the cuts of boosted trees."""

import shutil
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tabulate import tabulate

from dlscan.trees import Forest

# letters of a line where no terminal has a width
_WIDTH = 100


def text_of(model: Any, file: Path) -> Iterator[str]:
    """The parts of what `dlscan show model` prints of the model in a file; loads Keras for a network."""
    return _of_trees(model) if isinstance(model, Forest) else _of_network(model, file)


def _of_trees(forest: Forest) -> Iterator[str]:
    from dlscan.trees.describe import depth, uses

    rows = [[use.name, f"{use.values:,}", f"{use.cuts:,}", f"{100 * use.gain:.1f} %"] for use in uses(forest)]
    yield _table(["Input", "Values", "Cuts", "Gain"], rows, 1)
    yield (
        f"\n{forest.rounds:,} rounds, {len(forest.starts) - 1:,} trees, {forest.leaves:,} leaves; at most "
        f"{depth(forest)} cuts from root to leaf"
    )


def _of_network(network: Any, file: Path) -> Iterator[str]:
    from dlscan.analysis.networks import drawing_of
    from dlscan.analysis.networks.text import network_text
    from dlscan.models.saved import layers_of, meetings, trainable_parameters

    width = shutil.get_terminal_size((_WIDTH, 0)).columns if sys.stdout.isatty() else _WIDTH
    yield f"{network_text(drawing_of(file), width)}\n"
    layers = layers_of(network)
    rows = [
        [
            layer.name,
            layer.kind,
            "x".join("?" if length is None else str(length) for length in layer.shape) or "1",
            f"{layer.parameters:,}",
            "-" if layer.flops is None else f"{layer.flops:,}",
        ]
        for layer in layers
    ]
    yield _table(["Layer", "Kind", "Output", "Parameters", "FLOPs"], rows, 2)
    total = sum(layer.parameters for layer in layers)
    operations = [layer.flops for layer in layers if layer.flops is not None]
    known = f"{sum(operations):,}" if len(operations) == len(layers) else "an unknown number of"
    for number, meeting in enumerate(meetings(network)):
        yield f"{'' if number else chr(10)}{meeting}"
    yield (
        f"\n{total:,} parameters, {trainable_parameters(network):,} of them trained; "
        f"{known} floating-point operations per event"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]], texts: int) -> str:
    align = ["left"] * texts + ["right"] * (len(header) - texts)
    return tabulate(rows, header, disable_numparse=True, colalign=align)
