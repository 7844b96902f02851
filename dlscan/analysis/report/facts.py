"""Everything that a report is about, read once."""

import dataclasses
import datetime
import functools
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dlscan.analysis.columns.catalog import MODEL_NAME, describe
from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import distinct_names
from dlscan.analysis.labels import Labels, called, merged, unicode_of
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.events import different_events
from dlscan.analysis.points.ranked import ranked_models, ranking_key
from dlscan.analysis.points.records import read
from dlscan.analysis.points.results import Predictions, predictions
from dlscan.analysis.points.tasks import caller, kinds_of, metrics_of
from dlscan.analysis.report.states import Unfinished, read_plan, unfinished
from dlscan.analysis.tables.best import Choice, choose
from dlscan.analysis.tables.rows import Rows, rows_of
from dlscan.errors import DlscanError
from dlscan.many import each
from dlscan.spelling import plural
from dlscan.tasks.metric import TaskMetrics


@dataclasses.dataclass(frozen=True)
class ReportedScan:
    """A scan: what it wanted, and what of it is there.

    Attributes
    ----------
    name : str
        As `DonePoint.scan`, or of the directory where no point is done.
    plan : dict
        The content of `plan.json`; empty with `plan_error` if that cannot be read.
    """

    name: str
    directory: Path
    plan: dict[str, Any]
    plan_error: str
    points: tuple[DonePoint, ...]
    unfinished: tuple[Unfinished, ...]

    @property
    def not_done(self) -> list[Unfinished]:
        """The unfinished points without those that halving has paused or stopped."""
        return [point for point in self.unfinished if point.state != "paused"]


@dataclasses.dataclass(frozen=True)
class Facts:
    """What a report is about.

    Attributes
    ----------
    points : tuple of DonePoint
        All finished points.
    rows : Rows
        The same with the columns of the table, a line per point.
    models : Rows
        A line per model: its repeats and folds together.
    choice : Choice or None
        The best of `models` on the validation split; None if none has a number of it, or they are not
        comparable: then see `choices`.
    notes : tuple of str
        What reading the records had to say of the whole, a sentence each.
    problems : list of str
        What could not be read, a line each; those who read more add to it.
    """

    scans: tuple[ReportedScan, ...]
    points: tuple[DonePoint, ...]
    rows: Rows
    models: Rows
    choice: Choice | None
    notes: tuple[str, ...] = ()
    problems: list[str] = dataclasses.field(default_factory=list)
    _of_files: set[str] = dataclasses.field(default_factory=set)

    @property
    def best(self) -> DonePoint:
        """The first training of the best model on the validation split, or without a choice of the first."""
        return self.leading[0]

    @property
    def best_name(self) -> str:
        """What to call the best model."""
        return str(self.models.columns[MODEL_NAME].values[self._ranked[0]])

    @property
    def how_many(self) -> str:
        """`4 models`, or `8 trainings of 4 models`."""
        number = len(self.models.models)
        models = f"{number:,} {plural(number, 'model')}"
        return f"{len(self.points):,} trainings of {models}" if self.models.repeated else models

    @property
    def ranked(self) -> tuple[DonePoint, ...]:
        """All points, model by model: from the best on validation down, those without a number last."""
        return tuple(point for row in self._ranked for point in self.models.models[row])

    @property
    def leading(self) -> tuple[DonePoint, ...]:
        """The first training of each model, in the same order."""
        return tuple(self.models.models[row][0] for row in self._ranked)

    @functools.cached_property
    def _ranked(self) -> list[int]:
        """Positions of the models, from the best on validation down."""
        rows = {model[0].paths.directory: row for row, model in enumerate(self.models.models)}
        return [rows[self.points[first].paths.directory] for first, *_ in ranked_models(self.points)]

    @functools.cached_property
    def different_events(self) -> str:
        """The sets of events that the points were tested on; empty if it is one."""
        return different_events(self.points)

    @functools.cached_property
    def comparable(self) -> bool:
        """Whether the points were tested on the same events, and have learned the same kind of thing."""
        return len({_alike(point) for point in self.points}) < 2

    @functools.cached_property
    def choices(self) -> tuple[tuple[Choice, DonePoint], ...]:
        """The best by validation of each group of models that compare."""
        found = []
        first = [model[0] for model in self.models.models]
        for alike in dict.fromkeys(map(_alike, first)):
            own = [row for row, point in enumerate(first) if _alike(point) == alike]
            if ranking_key([first[row] for row in own]) is not None:
                choice = choose(self.models.take(own))
                found.append((choice, first[own[choice.position]]))
        return tuple(found)

    @property
    def created(self) -> str:
        """When the newest of the points ended: the same scans make the same page."""
        return moment(max(point.record.ended for point in self.points))

    @functools.cached_property
    def names(self) -> dict[Path, str]:
        """What to call each point, by its directory."""
        called = distinct_names(self.points)
        return {point.paths.directory: name for point, name in zip(self.points, called, strict=True)}

    def name(self, point: DonePoint) -> str:
        """What to call a point."""
        return self.names[point.paths.directory]

    @functools.cached_property
    def task(self) -> TaskMetrics:
        """That of the best point, with the classes or targets of all."""
        kind = metrics_of([self.best])[0].kind
        return next(task for task in metrics_of(self.points) if task.kind == kind)

    @functools.cached_property
    def headline(self) -> Column:
        """The column of the test split that stands for all; without entries where no point has it."""
        name = self.task.headline
        if name in self.rows.columns:
            return self.rows.columns[name]
        metric = describe(name, [self.task], caller(self.points))
        return Column(name, metric.kind, (None,) * len(self.points), metric.about)

    @functools.cached_property
    def labels(self) -> Labels:
        """`data.labels` of all scans."""
        return merged(point.labels for point in self.points)

    def called(self, name: str) -> str:
        """What to call a class or a dataset."""
        return unicode_of(called(name, self.labels))

    @property
    def chosen_by(self) -> str:
        """What the best was chosen by, in words; only where there is a choice."""
        return "" if self.choice is None else unicode_of(self.choice.column.full_title)

    def scores(self, point: DonePoint) -> Predictions | None:
        """The test scores of a point; if they cannot be read, None and a line in `problems`."""
        try:
            return predictions(point)
        except DlscanError as error:
            self.report_problem(str(error))
            return None

    def report_problem(self, text: str) -> None:
        """Note what could not be read: a line per file, the first that is said of it."""
        place = text.partition(": ")[0]
        if place not in self._of_files:
            self._of_files.add(place)
            self.problems.append(text)


def gather(directories: Sequence[Path], labels: Mapping[Path, Mapping[str, str]] | None = None) -> Facts:
    """Read scans.

    Raises
    ------
    ScanError
        If a directory is no scan, or no point of any scan is done.
    """
    directories = list({directory.resolve(): directory for directory in directories}.values())
    found = read(directories, labels)
    found.tell()
    points = found.points
    scans = tuple(_scan(directory, points) for directory in directories)
    models = rows_of(points)
    facts = Facts(scans, points, rows_of(points, each=True), models, None, _notes(found.notes))
    if facts.comparable and ranking_key(points) is not None:
        facts = dataclasses.replace(facts, choice=choose(models))
    for text in (*found.left_out, *(scan.plan_error for scan in scans if scan.plan_error)):
        facts.report_problem(text)
    expected = [path for point in points for path in (point.paths.predictions, point.paths.history)]
    for path, there in zip(expected, each(Path.exists, expected), strict=True):
        if not there:
            facts.report_problem(f"{path}: no such file")
    return facts


def _alike(point: DonePoint) -> tuple[str, ...]:
    """What must be the same for two points to be compared: the events, and what was learned."""
    return (point.events, *kinds_of(point))


def moment(iso: str) -> str:
    """`2026-11-21 02:39 UTC` of a time in a record; as it stands if it is none."""
    try:
        return datetime.datetime.fromisoformat(iso).astimezone(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC")
    except ValueError:
        return iso


def _notes(said: Sequence[str]) -> tuple[str, ...]:
    return tuple(f"{text[0].upper()}{text[1:]}." for text in said)


def _scan(directory: Path, points: Sequence[DonePoint]) -> ReportedScan:
    place = (directory / "points").resolve()
    # each resolved once: a slow file system is asked about every part of a path
    parents = {parent: parent.resolve() for parent in {point.paths.directory.parent for point in points}}
    own = tuple(point for point in points if parents[point.paths.directory.parent] == place)
    plan, plan_error = read_plan(directory)
    missing = unfinished(directory, plan, {point.paths.directory.name for point in own})
    name = own[0].scan if own else str(plan.get("name", directory.resolve().name))
    return ReportedScan(name, directory, plan, plan_error, own, tuple(missing))
