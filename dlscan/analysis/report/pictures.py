"""The pictures of a report, drawn by the plots and put into the page itself."""

import base64
import dataclasses
import io
import re
import urllib.parse
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from dlscan.analysis.plots import KINDS, Options, network, style
from dlscan.analysis.plots.drawing import fits, require_comparable
from dlscan.analysis.plots.events import event_number, like_energy
from dlscan.analysis.points.adversaries import nuisance, purpose
from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.ranked import number_of_model
from dlscan.analysis.points.results import history
from dlscan.analysis.report import captions
from dlscan.analysis.report.facts import Facts
from dlscan.errors import DlscanError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# beyond this an SVG is slow to show, and a PNG is smaller
MOST_SVG_BYTES = 700_000
PIXELS_PER_INCH = 96

IMPORTANCE, ENERGY, DEPENDENCE = "importance", "energy", "dependence"


@dataclasses.dataclass(frozen=True)
class Wanted:
    """A picture that a report should have.

    Attributes
    ----------
    kind : str
        One of `KINDS`.
    title : str
        Its heading.
    models : int or None
        How many models are drawn, the best on the validation split first; None for all.
    needs : {"", "scores", "history"}
        Which file of a point it reads, beside the record.
    caption : Caption
        What stands below.
    of_nuisance : bool
        Whether it is there only if the scores of all models were to be independent of one number.
    """

    kind: str
    title: str
    models: int | None
    needs: Literal["", "scores", "history"]
    caption: captions.Caption
    of_nuisance: bool = False


PRICE = Wanted("pareto", "Quality and dependence", None, "", captions.price, of_nuisance=True)

WANTED = (
    Wanted("heatmap", "Two parameters", None, "", captions.of_all),
    Wanted(IMPORTANCE, "What matters", None, "", captions.importance),
    Wanted("pareto", "Quality and size", None, "", captions.pareto),
    PRICE,
    Wanted(DEPENDENCE, "Dependence on the nuisance", 2, "scores", captions.dependence, of_nuisance=True),
    Wanted("roc", "ROC curves", 6, "scores", captions.roc),
    Wanted(ENERGY, "Against energy", 4, "scores", captions.energy),
    Wanted("confusion", "Confusion of classes", 1, "scores", captions.confused),
    Wanted("scores", "Scores in training and test", 1, "scores", captions.overlaid),
    Wanted("calibration", "Calibration", 4, "scores", captions.calibration),
    Wanted("response", "Prediction over truth", 4, "scores", captions.response),
    Wanted("resolution", "Resolution", 4, "scores", captions.resolution),
    Wanted("residuals", "Prediction minus truth", 4, "scores", captions.residuals),
    Wanted("generated", "Generated and real events", 3, "scores", captions.generated),
    Wanted("anomaly", "Anomalies", 1, "scores", captions.anomaly),
    Wanted("code", "Codes", 1, "scores", captions.code),
    Wanted("history", "Histories of training", 8, "history", captions.history),
)


# not of numbers of points: it is drawn from the file of one
NETWORK = Wanted("network", "Network", 1, "", captions.network)


@dataclasses.dataclass(frozen=True)
class Image:
    """A page of a picture as an address that holds it, and its size in CSS pixels."""

    address: str
    width: int
    height: int


@dataclasses.dataclass(frozen=True)
class Picture:
    """A picture of the page, or why there is none.

    Attributes
    ----------
    images : tuple of Image
        Its pages; empty if there is `absent`.
    selection : str
        Which models it shows.
    absent : str
        Why it is not there.
    rows : tuple of dict
        The numbers behind it.
    """

    wanted: Wanted
    images: tuple[Image, ...] = ()
    caption: str = ""
    selection: str = ""
    absent: str = ""
    rows: tuple[dict[str, Any], ...] = ()


def draw_all(facts: Facts, by: str | None = None) -> list[Picture]:
    """Every wanted picture; files that a plot cannot read become problems of `facts`.

    Parameters
    ----------
    facts : Facts
        What to draw.
    by : str, optional
        Which per-event variable `energy` goes by, such as `target[:,0,1]`; by default the one that looks like
        an energy.

    Raises
    ------
    UsageError
        If `by` is no per-event variable.
    """
    if by is not None:
        scored = facts.scores(facts.best)
        event_number(by).take({} if scored is None else scored.extras)
    fitting = [wanted for wanted in WANTED if any(fits(wanted.kind, point) for point in facts.points)]
    if not _has_nuisance(facts):
        fitting = [wanted for wanted in fitting if not wanted.of_nuisance]
    drawn = [_draw(wanted, facts, _options(wanted, facts, by)) for wanted in fitting]
    return [*drawn, *([_network(facts)] if facts.best.paths.best.exists() else [])]


def _has_nuisance(facts: Facts) -> bool:
    """Whether all models were to be independent of the same number."""
    return bool(purpose(facts.points) and nuisance(facts.points[0]))


def _network(facts: Facts) -> Picture:
    """The network of the best model, read from its file."""
    try:
        with style.applied():
            images = (image(network.of_point(facts.best)),)
    except DlscanError as error:
        return Picture(NETWORK, absent=str(error))
    return Picture(
        NETWORK, images, NETWORK.caption(facts, [facts.best], Options()), f"{facts.name(facts.best)}."
    )


def _options(wanted: Wanted, facts: Facts, by: str | None) -> Options:
    if wanted is PRICE:
        # both of them chosen without the test split
        return Options(by=f"val_{purpose(facts.points)}")
    if wanted.kind == IMPORTANCE and facts.choice is not None:
        return Options(key=facts.choice.column.name)
    if wanted.kind == ENERGY:
        scored = facts.scores(facts.best)
        return Options(by=by or (None if scored is None else like_energy(scored.extras, facts.labels)))
    return Options()


def _draw(wanted: Wanted, facts: Facts, options: Options) -> Picture:
    if wanted.kind not in KINDS:
        return Picture(wanted, absent=f"this version of dlscan does not draw {wanted.kind!r}")
    points = _selected(wanted, facts)
    if not points:
        return Picture(wanted, absent="no file of any of these models could be read")
    try:
        require_comparable(wanted.kind, points)
        with style.applied():
            drawing = KINDS[wanted.kind](points, options)
            images = tuple(map(image, drawing.pages))
            caption = wanted.caption(facts, points, options)
    except DlscanError as error:
        return Picture(wanted, absent=str(error))
    for reason in drawing.left_out.values():
        facts.report_problem(reason)
    remarks = [caption, *(f"{text[0].upper()}{text[1:]}." for text in drawing.remarks)]
    candidates = facts.points if wanted.models is None else facts.leading
    fitting = [point for point in candidates if fits(wanted.kind, point)]
    selection = _selection(wanted, points, len(fitting), facts)
    return Picture(wanted, images, " ".join(filter(None, remarks)), selection, rows=tuple(drawing.rows))


def _selected(wanted: Wanted, facts: Facts) -> list[DonePoint]:
    """The best models whose files can be read, as many as wanted."""
    if wanted.models is None:
        return list(facts.points)
    found: list[DonePoint] = []
    order = facts.leading
    if wanted.kind == DEPENDENCE:
        # the best, and that which the adversary has changed most
        order = (facts.best, *sorted(facts.leading[1:], key=_dependence))
    for point in (point for point in order if fits(wanted.kind, point)):
        if len(found) == wanted.models:
            break
        if _readable(point, wanted.needs, facts):
            found.append(point)
    return found


def _dependence(point: DonePoint) -> float:
    value = number_of_model(point, f"val_{purpose([point])}")
    return float("inf") if value is None else value


def _readable(point: DonePoint, needs: str, facts: Facts) -> bool:
    if needs == "scores":
        return facts.scores(point) is not None
    try:
        history(point)
    except DlscanError as error:
        facts.report_problem(str(error))
        return False
    return True


def _selection(wanted: Wanted, points: Sequence[DonePoint], every: int, facts: Facts) -> str:
    if len(points) == every:
        return "All models." if every > 1 else ""
    if wanted.kind == DEPENDENCE and len(points) > 1:
        return "The model called best, and the one with the least dependence on the validation split."
    by = f"best of {every:,} by {facts.chosen_by}" if facts.choice else f"first of {every:,}"
    if len(points) == 1:
        return f"{facts.name(points[0])}, the {by}."
    return f"The {len(points)} {by}; the other {every - len(points):,} are left out."


def image(page: "Figure") -> Image:
    """A figure as an image that needs no file; the same figure gives the same bytes."""
    width, height = (round(float(inches) * PIXELS_PER_INCH) for inches in page.get_size_inches())
    drawing = _compact(_saved(page, "svg").decode("utf-8"))
    if len(drawing) <= MOST_SVG_BYTES:
        # an image of its own: its names cannot meet those of another, and nothing in it runs
        return Image(f"data:image/svg+xml,{_quoted(drawing)}", width, height)
    packed = base64.b64encode(_saved(page, "png")).decode("ascii")
    return Image(f"data:image/png;base64,{packed}", width, height)


def _saved(page: "Figure", kind: str) -> bytes:
    target = io.BytesIO()
    page.savefig(target, format=kind, metadata=style.METADATA[f".{kind}"])
    return target.getvalue()


def _compact(drawing: str) -> str:
    """The same picture in fewer bytes: a hundredth of a point is finer than any eye."""
    drawing = drawing[drawing.index("<svg") :]
    drawing = re.sub(r"<!--.*?-->|<metadata>.*?</metadata>", "", drawing, flags=re.DOTALL)
    drawing = re.sub(r'(?<= d=")[^"]*', lambda path: re.sub(r"(\.\d\d)\d+", r"\1", path[0]), drawing)
    return re.sub(r"\s+", " ", _renamed(drawing)).replace("> <", "><")


def _renamed(drawing: str) -> str:
    """The same picture with its names counted.

    matplotlib makes them from the last digits of where things are, and those differ from run to run.
    """
    names = {name: f"n{number}" for number, name in enumerate(re.findall(r' id="([^"]*)"', drawing))}
    return re.sub(
        r'( id="|href="#|url\(#)([^")]*)', lambda place: place[1] + names.get(place[2], place[2]), drawing
    )


def _quoted(drawing: str) -> str:
    """`drawing` as the rest of a data address: only what ends or confuses one is replaced."""
    return urllib.parse.quote(drawing, safe=" /:;,=()!$*+?@[]{}|~^")
