"""The models of a table: a line for each point, or for the repeats of one together."""

import dataclasses
from collections import Counter
from collections.abc import Sequence

from dlscan.analysis.columns.catalog import MODEL_NAME, SCAN
from dlscan.analysis.columns.column import Columns
from dlscan.analysis.columns.names import TRAININGS, model_names, names_by, varying_columns
from dlscan.analysis.columns.of_points import columns_of
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.models import groups
from dlscan.analysis.tables.repeats import merged
from dlscan.analysis.tables.where import select
from dlscan.errors import UsageError

_MOST_NAMES = 3


@dataclasses.dataclass(frozen=True)
class Rows:
    """Models with all columns that there are for them.

    Attributes
    ----------
    models : tuple of tuple of DonePoint
        The points of each line: one, or the repeats of a model.
    columns : Columns
        With an entry per line.
    """

    models: tuple[tuple[DonePoint, ...], ...]
    columns: Columns

    @property
    def points(self) -> list[DonePoint]:
        """All points of all lines."""
        return [point for model in self.models for point in model]

    @property
    def repeated(self) -> bool:
        """Whether some line stands for several repeats."""
        return any(len(model) > 1 for model in self.models)

    @property
    def varying(self) -> list[str]:
        """The columns of the parameters that a scan varies or in which these models differ."""
        return varying_columns(self.points, self.columns.parameters)

    def take(self, positions: Sequence[int]) -> "Rows":
        """The lines at `positions`, in that order."""
        return Rows(
            tuple(self.models[position] for position in positions),
            self.columns.take(positions),
        )


def rows_of(
    points: Sequence[DonePoint], name: Sequence[str] = (), where: str | None = None, *, each: bool = False
) -> Rows:
    """The models of `points`.

    Parameters
    ----------
    points : sequence of DonePoint
        As `load` gives them.
    name : sequence of str
        The parameters that models are named by, instead of those that the scan varies.
    where : str, optional
        Only the models for which this expression holds; where repeats share a line, it is the line that is
        judged, because a choice among repeats by their result would raise the mean.
    each : bool
        Whether repeats stand singly.

    Raises
    ------
    UsageError
        If there is no such parameter, the expression is none, or no model is left.
    """
    together = [[number] for number in range(len(points))] if each else groups(points)
    repeated = len(together) < len(points)
    names = names_by(points, name) if name else model_names(points, with_seed=not repeated)
    columns = columns_of(points, names)
    if repeated and name and len(set(names)) > len({names[first] for first, *_ in together}):
        raise UsageError(f"--name {','.join(name)}: repeats are combined into one row; add --repeats each")
    columns = merged(columns, together, points)
    rows = Rows(tuple(tuple(points[number] for number in group) for group in together), columns)
    if where is None:
        return rows
    rows = rows.take(select(where, rows.columns))
    if not rows.models:
        raise UsageError(f"--where {where!r}: no finished model matches this")
    return rows


def naming_note(rows: Rows, name: Sequence[str]) -> list[str]:
    """A line about names that stand for several models, if `--name` has made such."""
    called = list(zip(rows.columns[SCAN].values, rows.columns[MODEL_NAME].values, strict=True))
    twice = [text for (_, text), count in Counter(called).items() if count > 1]
    if not name or not twice:
        return []
    shown = ", ".join(twice[:_MOST_NAMES]) + (" ..." if len(twice) > _MOST_NAMES else "")
    chosen = {rows.columns.find(word) for word in name}
    others = [
        word for word in rows.varying if word not in chosen and not (word in TRAININGS and rows.repeated)
    ]
    hint = f"; they differ in {', '.join(others)}" if others else ""
    return [f"--name {','.join(name)}: several models are called {shown}{hint}"]
