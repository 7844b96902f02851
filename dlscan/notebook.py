"""Scans in a notebook or a script: what `dlscan.load` gives.

The command line builds its tables and pictures with the same functions. This module stands above all floors
but the command line, because it alone hands out both numbers, which never need Keras, and networks, which do.
"""

import dataclasses
import os
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from dlscan import config
from dlscan.analysis.lookup import find, split_names
from dlscan.analysis.plots import KINDS, Drawing, Options
from dlscan.analysis.points import records, results
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.tables.best import choose
from dlscan.analysis.tables.rows import rows_of
from dlscan.analysis.tables.table import table
from dlscan.config import naming, scans_and_labels
from dlscan.errors import ScanError
from dlscan.spelling import counted, hint
from dlscan.training import TrainedPoint

# options of the table that may be written with commas, as on the command line
_LISTS = ("name", "pivot")

# a point is named by its number; by itself where several scans have one of that number
Which = int | DonePoint
Points = Which | Sequence[Which] | None


def load(*scans: str | os.PathLike[str]) -> "Scan":
    """Read what the finished points of scans left behind.

    Parameters
    ----------
    *scans : str or path
        Directories of scans, their experiment files, or the beginnings of either.

    Returns
    -------
    Scan
        As the scans are now; load them again to see points that are done later.

    Raises
    ------
    ScanError
        If there is no such scan, or no point of any is done.
    """
    paths = [naming.found(Path(scan)) for scan in scans]
    directories, labels = scans_and_labels(paths)
    files = [path for path in paths if naming.is_file_name(path)]
    own = frozenset(source for file in files for source in config.load(file).sources)
    return Scan(tuple(directories), tuple(records.load(directories, labels)), own)


@dataclasses.dataclass(frozen=True, repr=False)
class Scan:
    """The finished points of a scan, or of several.

    Attributes
    ----------
    directories : tuple of Path
        Of the scans.
    points : tuple of DonePoint
        Scan by scan, by number within each: `.record` holds parameters, metrics and provenance, `.paths`
        where the files are.
    own_files : frozenset of str
        The files with functions of the experiments that the scans were named by.
    plot : Plots
        Pictures: `scan.plot.roc([3, 7])`.
    """

    directories: tuple[Path, ...]
    points: tuple[DonePoint, ...]
    own_files: frozenset[str] = frozenset()

    @property
    def plot(self) -> "Plots":
        """Pictures of these points, one method per kind of `dlscan plot`."""
        return Plots(self)

    def point(self, which: Which) -> DonePoint:
        """The finished point with a number.

        Raises
        ------
        ScanError
            If no finished point has it, or points of several scans.
        """
        if isinstance(which, DonePoint):
            return which
        found = [point for point in self.points if point.record.point == which]
        if len(found) > 1:
            raise ScanError(
                f"point {which} exists in each of {', '.join(point.scan for point in found)}; pass the "
                "point itself, one of scan.points"
            )
        if not found:
            where = " and ".join(map(str, self.directories))
            numbers = _ranges({point.record.point for point in self.points})
            raise ScanError(f"{where}: no finished point {which}; finished: {numbers}; see dlscan status")
        return found[0]

    def best(self, key: str | None = None) -> DonePoint:
        """The point that is best by a number of the validation split: `val_auc`, `val_loss` ...

        By default the one that the task chooses by: `val_Mean_AUC`, or of a regression the mean absolute
        error. Repeats are judged by their mean, and the first of them stands for all.

        Raises
        ------
        UsageError
            If there is no such number, or it is one of the test split: that is for showing what was chosen.
        """
        rows = rows_of(self.points)
        return rows.models[choose(rows, key).position][0]

    def table(
        self,
        columns: str | Sequence[str] | None = None,
        sort: str | Sequence[str] = (),
        where: str | None = None,
        **options: Any,
    ) -> pd.DataFrame:
        """The table of `dlscan table`.

        Parameters
        ----------
        columns, sort : str or sequence of str
            As on the command line: `"Width,-Ele_AUC"`, or a list of names.
        where : str, optional
            Only the models for which this expression holds: `"Width >= 64 and Ele_AUC > 0.9"`.
        **options
            Whatever else `dlscan.analysis.tables.table.table` takes.

        Returns
        -------
        DataFrame
            A row per model; every digit, in columns of the types `Int64`, `Float64`, `boolean`, `string`.
        """
        shown = None if columns is None else _names(columns)
        options = {name: _names(value) if name in _LISTS else value for name, value in options.items()}
        return table(self.points, shown, _names(sort), where, **options).frame

    def history(self, which: Which) -> pd.DataFrame:
        """A row per epoch of a point: `epoch`, `loss`, `val_loss`, `accuracy` ... of its `history.csv`."""
        return TrainedPoint.of(self.point(which)).history

    def predictions(self, which: Which, split: str = "test") -> results.Predictions:
        """What a point gave for the events of a split: `.labels` (N,), `.classes` and more.

        Of a classification `.scores` (N, C); of a regression `.predictions` and `.targets` (N, T), `.names`.
        """
        return TrainedPoint.of(self.point(which)).predictions(split)

    def model(self, which: Which, trust_files: bool = False) -> Any:
        """The trained network of a point as a Keras model that takes raw events; loads Keras.

        For boosted trees a `dlscan.trees.Forest`, without Keras: its `scores` takes raw events too. Layers
        that are defined in a file, which has to be run to load them, are loaded if the scan was named by an
        experiment file that has the file too, else only with `trust_files`.
        """
        return self.trained(self.point(which), trust_files).model()

    def trained(self, point: DonePoint, trust_files: bool = False) -> TrainedPoint:
        """A point of the scan, with consent to run the files that its layers are in, if there is any."""
        own = {source.get("path") for source in point.record.sources.values()} <= self.own_files
        return TrainedPoint.of(point, trust_files or own)

    def __len__(self) -> int:
        return len(self.points)

    def __repr__(self) -> str:
        names = dict.fromkeys(point.scan for point in self.points)
        varied = dict.fromkeys(key for point in self.points for key in point.record.varied)
        number = self.points[0].record.point
        plot = "roc" if any(metrics.kind == "classify" for metrics in metrics_of(self.points)) else "response"
        return (
            f"Scan {', '.join(names)}: {counted(len(self), 'finished point')}"
            f" in {', '.join(map(str, self.directories))}\n"
            f"  varies {', '.join(varied) or 'nothing'}\n"
            f"  has .table() .plot.{plot}() .best() "
            f".history({number}) .predictions({number}) .model({number})"
        )


class Plots:
    """Pictures of the points of a scan: `plots.KIND(points, **options)` for each KIND of `dlscan plot`.

    `points` are numbers of points, all without it; options are those of the command line with an underscore
    for the hyphen. What comes back is a matplotlib figure, or a list of them where there are several pages.
    """

    def __init__(self, scan: Scan) -> None:
        self._scan = scan

    def __getattr__(self, kind: str) -> Any:
        # only for what is no kind: those are methods, set below
        raise AttributeError(f"no plot {kind!r}; {hint(kind, KINDS)}")

    def numbers(self, kind: str, points: Points = None, **options: Any) -> pd.DataFrame:
        """The numbers behind the picture `kind`, as `dlscan plot --data` writes them."""
        return self._draw(find(kind, KINDS, "plot"), points, options)[0].data

    def _draw(self, kind: str, which: Points, given: dict[str, Any]) -> tuple[Drawing, Any]:
        # matplotlib, not for those who want a table
        from dlscan.analysis.plots import notebook, style
        from dlscan.analysis.plots.drawing import draw, selected

        where = given.pop("where", None)
        options = _options(given)
        chosen: Sequence[DonePoint] = self._scan.points
        if which is not None:
            chosen = [self._scan.point(one) for one in (which if isinstance(which, Sequence) else [which])]
        with style.applied(options.style):
            drawing = draw(kind, selected(chosen, where=where), options)
            pages = [notebook.displayable(page, options.style) for page in drawing.pages]
        return drawing, pages[0] if len(pages) == 1 else pages


def _method(kind: str) -> Callable[..., Any]:
    def draw(self: Plots, points: Points = None, **options: Any) -> Any:
        return self._draw(kind, points, options)[1]

    draw.__name__ = kind
    draw.__doc__ = f"Draw `dlscan plot {kind}` of some points, by default all: a figure, or a list of them."
    return draw


# methods and not a lookup: a notebook offers them when one types `scan.plot.`
for _kind in KINDS:
    setattr(Plots, _kind, _method(_kind))


def _options(given: Mapping[str, Any]) -> Options:
    """Options by name, each as a person would write it in Python or on the command line."""
    fields = {field.name: field for field in dataclasses.fields(Options)}
    values: dict[str, Any] = {}
    for name, value in given.items():
        field = fields[find(name, fields, "option")]
        if isinstance(field.default, tuple):
            value = tuple(_names(value))
        elif field.type == str | None and value is not None:
            value = str(value) if isinstance(value, str | int | float) else ",".join(map(str, value))
        values[field.name] = value
    return Options(**values)


def _names(value: str | Sequence[str]) -> list[str]:
    return split_names(value) if isinstance(value, str) else list(value)


def _ranges(numbers: Collection[int]) -> str:
    """`1 to 4, 7`."""
    starts = sorted(number for number in numbers if number - 1 not in numbers)
    ends = sorted(number for number in numbers if number + 1 not in numbers)
    return ", ".join(str(a) if a == b else f"{a} to {b}" for a, b in zip(starts, ends, strict=True))
