"""Events together with what a trained network does with them, for `dlscan show`."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dlscan import tasks
from dlscan.analysis.events.read import EventSet, read_events
from dlscan.analysis.labels import Marked, called, literal
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import metrics_of, require_takes_events
from dlscan.config import load as load_experiment
from dlscan.config import mask_name, network_name
from dlscan.config.task_kinds import Generate
from dlscan.errors import UsageError
from dlscan.notebook import load
from dlscan.tasks.generate import CONDITION

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# Where the pictures go unless told otherwise, and what draws them.
Pictures = tuple[Path, "Callable[[], list[Figure]]"]


def features_of(scan: Path, number: int, depth_axis: int, **which: Any) -> Pictures:
    """The filters of first convolutions, and what they make of the events that `which` says, see `_read`."""
    point, network, shown = _read(scan, number, **which)
    from dlscan.models.inside import first_layers_of

    arrays = _arrays(shown, network)
    found = first_layers_of(network, arrays)
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
                    arrays[layer.inputs[0]][row] if len(layer.inputs) == 1 else None,
                )
                for layer in found
            ]
            title = Marked(
                f"{called(event.label, point.labels)}, {literal(f'{event.file}, row {event.row}')}"
            )
            pages += show_features.draw(layers, title, depth_axis, point.labels)
        return pages

    return point.paths.scan / "plots" / f"features-{number}.png", draw


def saliency_of(scan: Path, number: int, depth_axis: int, **which: Any) -> Pictures:
    """The events that `which` says, see `_read`, and how the winning score depends on them."""
    point, network, shown = _read(scan, number, **which)
    if _reconstructs(point):
        raise UsageError(
            f"point {number} of {point.scan}: an autoencoder has no scores or predictions; "
            "dlscan show reconstruction shows what it gives"
        )
    from dlscan.models.inside import saliency

    found = saliency(network, _arrays(shown, network))
    # of entries that are there: those are the first
    gradients = {
        name: [
            own[: len(event.inputs[name])] if column.masked else own
            for own, event in zip(found.gradients[network_name(name)], shown.events, strict=True)
        ]
        for name, column in shown.manifest.inputs.items()
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


def reconstruction_of(scan: Path, number: int, depth_axis: int, **which: Any) -> Pictures:
    """The events that `which` says, see `_read`, what an autoencoder gives back, and the difference."""
    point, network, shown = _read(scan, number, **which)
    if not _reconstructs(point):
        raise UsageError(
            f"point {number} of {point.scan}: it has learned {_phrase(point)}, and cannot reconstruct events"
        )
    from dlscan.models.inside import reconstructed

    found = reconstructed(network, _arrays(shown, network))

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_reconstruction

        pages = []
        for row, event in enumerate(shown.events):
            images = [
                show_reconstruction.Image(
                    name,
                    found.events[network_name(name)][row].reshape(column.shape),
                    found.given[network_name(name)][row].reshape(column.shape),
                )
                for name, column in shown.manifest.inputs.items()
                if network_name(name) in found.events
            ]
            where = literal(f"{event.file}, row {event.row}")
            error = f"mean squared error {found.errors[row]:.4g}"
            title = Marked(f"{called(event.label, point.labels)}, {where}: {error}")
            pages.append(show_reconstruction.draw(images, title, depth_axis, point.labels))
        return pages

    return point.paths.scan / "plots" / f"reconstruction-{number}.png", draw


def generated_of(scan: Path, number: int, depth_axis: int, **which: Any) -> Pictures:
    """The events that `which` says, see `_read`, and such as a generator makes with the same conditions."""
    point, network, shown = _read(scan, number, makes=True, **which)
    from dlscan.models.makers import made_by

    experiment = load_experiment(point.paths.config)
    classes = shown.manifest.classes
    known = tasks.of(experiment, classes).truth(
        np.array([classes.index(event.label) for event in shown.events], np.int32),
        {name: np.stack([event.extras[name] for event in shown.events]) for name in shown.events[0].extras},
    )
    made = made_by(network, known, len(shown.events), which["seed"])

    def draw() -> "list[Figure]":
        from dlscan.analysis.plots import show_generated

        names = {name: network_name(name) for name in shown.manifest.inputs if network_name(name) in made}
        (task,) = experiment.task.all
        assert isinstance(task, Generate)
        numbers = task.condition.numbers
        pairs = []
        for row, event in enumerate(shown.events):
            values = known[CONDITION][row][: len(numbers)] if known else ()
            words = [literal(f"{name} = {value:.4g}") for name, value in zip(numbers, values, strict=True)]
            words += [called(event.label, point.labels)] if task.condition.by_class else []
            pairs.append(
                show_generated.Pair(
                    {name: event.inputs[name] for name in names},
                    {name: made[own][row] for name, own in names.items()},
                    ", ".join(words),
                )
            )
        return show_generated.draw(
            pairs, f"Events of the {shown.split} split and generated ones", depth_axis, point.labels
        )

    return point.paths.scan / "plots" / f"generated-{number}.png", draw


def _reconstructs(point: DonePoint) -> bool:
    return any(task.kind == "reconstruct" for task in metrics_of([point]))


def _phrase(point: DonePoint) -> str:
    return " and ".join(task.phrase for task in metrics_of([point]))


def _verdict(point: DonePoint, numbers: Any, chosen: int) -> Marked:
    """What the network says of an event."""
    if len(numbers) == len(point.record.classes) and abs(float(np.sum(numbers)) - 1) < 1e-3:
        return Marked(f"score of {called(point.record.classes[chosen], point.labels)} {numbers[chosen]:.3f}")
    return Marked(f"prediction {numbers[chosen]:.4g}")


def _read(
    scan: Path,
    number: int,
    *,
    label: str | None,
    count: int,
    split: str,
    seed: int,
    trust_files: bool,
    makes: bool = False,
) -> tuple[DonePoint, Any, EventSet]:
    """The point, its network, which takes events or makes them, and the events that were asked for."""
    loaded = load(scan)
    point = loaded.point(number)
    if point.record.model_file(point.paths) != point.paths.best:
        raise UsageError(
            f"point {number} of {point.scan}: boosted trees are not a network; "
            "dlscan show model lists the inputs that they use"
        )
    if not makes:
        require_takes_events(point)
    elif not any(task.kind == Generate.kind for task in metrics_of([point])):
        raise UsageError(
            f"point {number} of {point.scan}: it has learned {_phrase(point)}, and cannot generate events"
        )
    shown = read_events(load_experiment(point.paths.config), label, count, split, seed)
    return point, loaded.model(point, trust_files), shown


def _arrays(shown: EventSet, network: Any) -> Mapping[str, Any]:
    """The events one behind the other, as the network takes them: padded, with masks, where rows may miss."""
    arrays: dict[str, Any] = {}
    for name, column in shown.manifest.inputs.items():
        if network_name(name) not in network.input:
            continue
        each = [event.inputs[name] for event in shown.events]
        if column.masked:
            rows = np.array([len(entries) for entries in each])
            arrays[mask_name(name)] = np.arange(column.shape[0]) < rows[:, None]
            each = [_padded(entries, column.shape) for entries in each]
        arrays[network_name(name)] = np.stack(each)
    return arrays


def _padded(entries: Any, shape: tuple[int, ...]) -> Any:
    padded = np.zeros(shape, np.float32)
    padded[: len(entries)] = entries
    return padded
