"""From scans to the files of a picture."""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.output import file_name, home, output
from dlscan.analysis.plots import COMPARING, KINDS, NEEDS, ONLY_FOR, Drawing, Options, style
from dlscan.analysis.points.done import DonePoint, point_of
from dlscan.analysis.points.events import choose_events, different_events
from dlscan.analysis.points.records import load
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.table import ordered
from dlscan.analysis.tables.where import select
from dlscan.errors import UsageError
from dlscan.tasks.metric import TaskMetrics

log = logging.getLogger("dlscan")

_WORDS = {
    "scores": "scores of classes",
    "predictions": "predictions of targets",
    "twosample": "generated events",
    "errors": "reconstructions of events",
    "codes": "codes of events",
}


def plot(
    kind: str,
    scans: Sequence[Path],
    options: Options,
    file: Path | None = None,
    *,
    only: Sequence[str] = (),
    where: str | None = None,
    data: Path | None = None,
    labels: Mapping[Path, Mapping[str, str]] | None = None,
) -> list[Path]:
    """Draw a picture of finished points of `scans`.

    Parameters
    ----------
    kind : str
        One of `KINDS`.
    scans : sequence of Path
        Directories of scans.
    options : Options
        What to draw.
    file : Path, optional
        Where to, as PNG, PDF or SVG by its suffix; by default a PNG in the folder `plots` of `home(scans)`.
    only : sequence of str
        Draw these points alone, in this order: `7`, `SCAN:7`.
    where : str, optional
        Draw only the points for which this expression holds: see `select`.
    data : Path, optional
        Write the numbers behind the picture here, as CSV with every digit.
    labels : mapping, optional
        Of classes and datasets: see `load`.

    Returns
    -------
    list of Path
        The files written: more than one when several pages do not fit into one file.

    Raises
    ------
    UsageError
        If the key, a column to sort by, a point or the file's format does not exist, or the kind has no use
        for an option.
    ScanError
        If no point is done, or none has what the picture needs.
    """
    if file is not None:
        style.require_format(file)
    _require_used(kind, options)
    points = selected(load(scans, labels), only, where)
    with style.applied(options.style):
        drawing = draw(kind, points, options)
        written = style.save(drawing.pages, file or home(scans) / "plots" / f"{file_name(drawing.name)}.png")
    if data is not None:
        from dlscan.analysis.tables.frame import csv

        with output(data) as temporary:
            temporary.write_text(csv(drawing.data), encoding="utf-8")
        written.append(data)
    return written


def draw(kind: str, points: Sequence[DonePoint], options: Options) -> Drawing:
    """The picture of `points`, in the order and with the label that `options` ask for.

    Call it, and save its pages, within `style.applied(options.style)`.
    """
    fit = fitting(kind, points)
    if len(fit) < len(points):
        others = len(points) - len(fit)
        log.warning("left out %d of %d models: they have no %s", others, len(points), _WORDS[NEEDS[kind]])
    require_comparable(kind, fit)
    drawing = KINDS[kind](ordered(fit, options.sort), options)
    _tell(drawing)
    if options.label is not None:
        for page in drawing.pages:
            style.label_page(page, options.label)
    return drawing


def _tell(drawing: Drawing) -> None:
    """Say in the log what a picture does not show."""
    reasons = list(drawing.left_out.values())
    if len(reasons) == 1:
        log.warning("left out: %s", reasons[0])
    elif reasons:
        names = ", ".join(drawing.left_out)
        log.warning("left out %d models (%s); the first because: %s", len(reasons), names, reasons[0])
    for text in drawing.remarks:
        log.warning("%s", text)


def fitting(kind: str, points: Sequence[DonePoint]) -> list[DonePoint]:
    """The points whose task has what this kind of picture needs.

    Raises
    ------
    UsageError
        If none has; the message says which pictures fit.
    """
    needed = NEEDS.get(kind)
    if needed is None:
        return list(points)
    there = [point for point in points if fits(kind, point)]
    if not there:
        tasks = metrics_of(points)
        fit = [
            name
            for name in KINDS
            if NEEDS.get(name) in (None, *(key for each in tasks for key in _arrays(each)))
        ]
        raise UsageError(
            f"plot {kind} does not fit {' or '.join(each.phrase for each in tasks)}: it needs "
            f"{_WORDS[needed]}; plots that fit: {', '.join(fit)}"
        )
    return there


def _arrays(task: TaskMetrics) -> set[str]:
    """What a task keeps of events."""
    return {*task.needed, *task.columns}


def require_comparable(kind: str, points: Sequence[DonePoint]) -> None:
    """Check that a picture compares only models that were tested on the same events.

    Raises
    ------
    UsageError
        If it would compare others.
    """
    events = different_events(points) if kind in COMPARING else ""
    if events:
        raise UsageError(
            f"plot {kind} compares models, and these were tested on different events ({events}); "
            f"{choose_events(points)}"
        )


def fits(kind: str, point: DonePoint) -> bool:
    """Whether the task of a point has what this kind of picture needs."""
    needed = NEEDS.get(kind)
    return needed is None or any(needed in _arrays(task) for task in metrics_of([point]))


def selected(
    points: Sequence[DonePoint], only: Sequence[str] = (), where: str | None = None
) -> list[DonePoint]:
    """The points that `only` names, in that order, and for which `where` holds."""
    found = [point_of(points, text, "--point") for text in only] if only else list(points)
    # a point that is named twice is drawn once
    found = list({id(point): point for point in found}.values())
    if where is None:
        return found
    found = [found[number] for number in select(where, columns_of(found))]
    if not found:
        raise UsageError(f"--where {where!r}: no finished model matches this")
    return found


def _require_used(kind: str, options: Options) -> None:
    for name, kinds in ONLY_FOR.items():
        if kind not in kinds and getattr(options, name) != getattr(Options, name):
            option = name.replace("_", "-")
            raise UsageError(f"plot {kind} has no use for --{option}; it is for {', '.join(kinds)}")
