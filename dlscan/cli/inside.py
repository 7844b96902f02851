"""Events together with what a trained network does with them, for `dlscan show`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlscan.analysis.events.read import EventSet, read_events
from dlscan.analysis.labels import Marked, called, literal
from dlscan.analysis.points.done import DonePoint
from dlscan.config import load as load_experiment
from dlscan.config import network_name
from dlscan.errors import UsageError
from dlscan.notebook import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where the pictures go unless told otherwise, and what draws them.
Pictures = tuple[Path, "Callable[[], list[Figure]]"]


def features_of(
    scan: Path, number: int, depth_axis: int, *, label: str | None, count: int, split: str, seed: int
) -> Pictures:
    """The filters of first convolutions, and what they make of events."""
    point, network, shown = _read(scan, number, label, count, split, seed)
    from dlscan.models.inside import first_layers_of

    found = first_layers_of(network, _arrays(shown, network))
    if not found:
        raise UsageError(
            f"point {number} of {point.scan}: its network has no convolution whose filters could be drawn; "
            "dlscan show saliency works for every network"
        )

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_features

        pages = []
        names = {network_name(name): name for name in shown.manifest.inputs}
        for row, event in enumerate(shown.events):
            layers = [
                show_features.Layer(
                    layer.name,
                    tuple(names.get(name, name) for name in layer.inputs),
                    layer.kernel,
                    layer.maps[row],
                    event.inputs.get(names.get(layer.inputs[0], "")) if len(layer.inputs) == 1 else None,
                )
                for layer in found
            ]
            title = Marked(
                f"{called(event.label, point.labels)}, {literal(f'{event.file}, row {event.row}')}"
            )
            pages += show_features.draw(layers, title, depth_axis, point.labels)
        return pages

    return point.paths.scan / "plots" / f"features-{number}.png", draw


def saliency_of(
    scan: Path, number: int, depth_axis: int, *, label: str | None, count: int, split: str, seed: int
) -> Pictures:
    """Events, and how the winning score depends on them."""
    point, network, shown = _read(scan, number, label, count, split, seed)
    from dlscan.models.inside import saliency

    found = saliency(network, _arrays(shown, network))
    gradients = {
        name: found.gradients[network_name(name)]
        for name in shown.manifest.inputs
        if network_name(name) in found.gradients
    }
    verdicts = [
        _verdict(point, numbers, int(chosen))
        for numbers, chosen in zip(found.numbers, found.chosen, strict=True)
    ]

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_saliency

        return show_saliency.draw(shown, verdicts, gradients, depth_axis, point.labels)

    return point.paths.scan / "plots" / f"saliency-{number}.png", draw


def _verdict(point: DonePoint, numbers: Any, chosen: int) -> Marked:
    """What the network says of an event."""
    if len(numbers) == len(point.record.classes) and abs(float(np.sum(numbers)) - 1) < 1e-3:
        return Marked(f"score of {called(point.record.classes[chosen], point.labels)} {numbers[chosen]:.3f}")
    return Marked(f"prediction {numbers[chosen]:.4g}")


def _read(
    scan: Path, number: int, label: str | None, count: int, split: str, seed: int
) -> tuple[DonePoint, Any, EventSet]:
    loaded = load(scan)
    point = loaded.point(number)
    if point.record.model_file(point.paths) != point.paths.best:
        raise UsageError(
            f"point {number} of {point.scan}: boosted trees are no network; "
            "dlscan show model lists what they look at"
        )
    shown = read_events(load_experiment(point.paths.config), label, count, split, seed)
    return point, loaded.model(point), shown


def _arrays(shown: EventSet, network: Any) -> Mapping[str, Any]:
    """The events one behind the other, as the network takes them."""
    return {
        network_name(name): np.stack([event.inputs[name] for event in shown.events])
        for name in shown.manifest.inputs
        if network_name(name) in network.input
    }
