"""Pictures of finished points, one file per kind.

A kind is a function from points and options to a `Drawing`. To add one, write `draw` in a file of its own
here and enter it in `KINDS`; the command line finds it there.
"""

import dataclasses
import importlib
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from dlscan.analysis.points.done import DonePoint

STYLES = ("plain", "ATLAS", "CMS", "LHCb2")


@dataclasses.dataclass(frozen=True)
class Options:
    """What a person can choose about a picture.

    Attributes
    ----------
    key : str or None
        What is drawn, without regard to case; each kind has its own default.
    per_page : int
        How many models a page of `history` holds.
    sort : tuple of str
        Columns that the models are sorted by, as for the table; empty leaves it to the kind.
    most : int or None
        How many models are drawn at most where each adds a line or a page; every kind has its own default.
    reference : str or None
        `7` or `SCAN:7`: the point that `roc` compares with.
    plain : bool
        `roc`: signal over background efficiency, instead of background rejection over signal efficiency.
    by : str or None
        `energy`: which per-event variable, `target[:,0,1]`; `heatmap`, `contour`, `slice`, `parallel` and
        `importance`: which parameters, `Width,Depth`; `pareto`: which cost, `FLOPs`.
    bins : str or None
        `10` (as many events in each), `equal:10` (of equal width) or edges, `0,50,100,500`.
    efficiency : float or None
        `energy`: draw the signal efficiency of the cut that passes this fraction of all signal, not the AUC.
    style : str
        One of `STYLES`.
    label : str or None
        Stands above the title, such as the name of an experiment.
    """

    key: str | None = None
    per_page: int = 4
    sort: tuple[str, ...] = ()
    most: int | None = None
    reference: str | None = None
    plain: bool = False
    by: str | None = None
    bins: str | None = None
    efficiency: float | None = None
    style: str = "plain"
    label: str | None = None


@dataclasses.dataclass(frozen=True)
class Drawing:
    """One picture.

    Attributes
    ----------
    name : str
        What to call its file unless told otherwise.
    pages : list of Figure
        At least one.
    rows : list of dict
        The numbers behind it: a mapping from column to value per point of a line, bar or cell.
    left_out : dict of str to str
        The models that could not be read, and why.
    remarks : tuple of str
        What else there is to say, a line each.
    """

    name: str
    pages: "list[Figure]"
    rows: "list[dict[str, Any]]" = dataclasses.field(default_factory=list)
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    remarks: tuple[str, ...] = ()

    @property
    def data(self) -> "pd.DataFrame":
        """`rows` as a table."""
        import pandas as pd

        return pd.DataFrame(self.rows)


Draw = Callable[["Sequence[DonePoint]", Options], Drawing]


def _lazy(module: str) -> Draw:
    """The `draw` of a module here, imported when it is called: `--help` must not wait for matplotlib."""

    def draw(points: "Sequence[DonePoint]", options: Options) -> Drawing:
        drawing: Drawing = importlib.import_module(f"{__name__}.{module}").draw(points, options)
        return drawing

    return draw


KINDS: dict[str, Draw] = {
    kind: _lazy(kind)
    for kind in (
        "history",
        "bar",
        "heatmap",
        "roc",
        "scores",
        "confusion",
        "energy",
        "dependence",
        "pareto",
        "parallel",
        "calibration",
        "importance",
        "response",
        "resolution",
        "residuals",
        "generated",
        "search",
        "slice",
        "contour",
        "anomaly",
        "code",
    )
}

# what a kind reads of `predictions.h5`, which only some tasks have; the others draw any number of any task
NEEDS: dict[str, str] = {
    **dict.fromkeys(("roc", "scores", "confusion", "energy", "dependence", "calibration"), "scores"),
    **dict.fromkeys(("response", "resolution", "residuals"), "predictions"),
    "generated": "twosample",
    "anomaly": "errors",
    "code": "codes",
}

# kinds that set the numbers of models against each other, which must be of the same events
COMPARING = ("heatmap", "roc", "pareto", "parallel", "importance", "search", "slice", "contour")

# options that only some kinds know; a kind that ignored one would be a picture of something else
ONLY_FOR: dict[str, tuple[str, ...]] = {
    "by": ("contour", "dependence", "energy", "heatmap", "importance", "parallel", "pareto", "slice"),
    "bins": (
        "anomaly",
        "calibration",
        "dependence",
        "energy",
        "generated",
        "residuals",
        "resolution",
        "response",
        "scores",
    ),
    "efficiency": ("dependence", "energy"),
    "most": (
        "anomaly",
        "calibration",
        "code",
        "confusion",
        "dependence",
        "energy",
        "generated",
        "residuals",
        "resolution",
        "response",
        "roc",
        "scores",
    ),
    "per_page": ("history",),
    "plain": ("roc",),
    "reference": ("roc",),
}
