import logging
import runpy
from pathlib import Path

import pytest

from dlscan.analysis.plots import Options, style
from dlscan.analysis.plots.drawing import draw as draw_kind
from dlscan.analysis.points.records import load

FAKES = runpy.run_path(str(Path(__file__).parents[1] / "fakes.py"))
OF_TARGETS = ("response", "resolution", "residuals")
OF_AUTOENCODERS = ("anomaly", "code")
HOSTILE = [
    "<b>&\"'",
    "$x_1$ and $",
    "_leading 50% {}",
    "漢字\nline",
    "\\frac{$",
    "very long " * 30,
    "x",
    "y",
    "z",
]


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A scan that has all that any kind needs, of nine points and two classes; not to be changed."""
    grid = {"model.width": [16, 64, 256], "model.depth": [2, 3, 4]}
    folder = tmp_path_factory.mktemp("small") / "small"
    return FAKES["write_scan"](folder, grid, classes=("Ele", "Pi0"), events=120, epochs=6)


@pytest.fixture(scope="session")
def energies(tmp_path_factory):
    """A scan of a regression of nine points and two targets; not to be changed."""
    grid = {"model.width": [16, 64, 256], "model.depth": [2, 3, 4]}
    folder = tmp_path_factory.mktemp("energies") / "energies"
    return FAKES["write_scan"](folder, grid, targets=FAKES["TARGETS"], events=300, epochs=6)


@pytest.fixture(scope="session")
def anomalies(tmp_path_factory):
    """A scan of four autoencoders of three classes, one of which they have seen; not to be changed."""
    folder = tmp_path_factory.mktemp("anomalies") / "anomalies"
    return FAKES["write_scan"](folder, classes=("Ele", "Pi0", "ChPi"), train_on=["Ele"], events=300, epochs=6)


def of_kind(kind, scores, targets, codes):
    """Which of three scans a kind of picture can be drawn of."""
    return targets if kind in OF_TARGETS else codes if kind in OF_AUTOENCODERS else scores


@pytest.fixture
def scan_for(small, energies, anomalies):
    """A scan that a kind of picture can be drawn of."""
    return lambda kind: of_kind(kind, small, energies, anomalies)


@pytest.fixture
def hostile_for(hostile, hostile_energies, hostile_anomalies):
    """The same with names that must not be read as anything else."""
    return lambda kind: of_kind(kind, hostile, hostile_energies, hostile_anomalies)


@pytest.fixture(scope="session")
def four(tmp_path_factory):
    """The points of a scan of four points and four classes; not to be changed."""
    return load([FAKES["write_scan"](tmp_path_factory.mktemp("four") / "lcd")])


@pytest.fixture(scope="session")
def forty(tmp_path_factory):
    """The points of a scan of forty points and two classes; not to be changed."""
    folder = tmp_path_factory.mktemp("forty") / "forty"
    return load([FAKES["write_scan"](folder, FAKES["FORTY"], classes=("Ele", "Pi0"), events=60, epochs=4)])


@pytest.fixture(scope="session")
def hostile(tmp_path_factory):
    """A scan, its parameters and its classes with names that must not be read as anything else."""
    grid = {"model.name": HOSTILE, "model.depth": [1, 2]}
    folder = tmp_path_factory.mktemp("hostile") / "it's $a$ <scan>"
    return FAKES["write_scan"](folder, grid, classes=("a/b", "$", "_c"), events=60, epochs=2)


@pytest.fixture(scope="session")
def hostile_energies(tmp_path_factory):
    """The same of a regression."""
    grid = {"model.name": HOSTILE, "model.depth": [1, 2]}
    folder = tmp_path_factory.mktemp("hostile") / "it's $a$ <scan>"
    return FAKES["write_scan"](folder, grid, targets=FAKES["TARGETS"], events=300, epochs=2)


@pytest.fixture(scope="session")
def hostile_anomalies(tmp_path_factory):
    """The same of autoencoders."""
    grid = {"model.name": HOSTILE, "model.depth": [1, 2]}
    folder = tmp_path_factory.mktemp("hostile") / "it's $a$ <scan>"
    classes = ("a/b", "$", "_c")
    return FAKES["write_scan"](folder, grid, classes=classes, train_on=["$"], events=60, epochs=2)


@pytest.fixture
def draw():
    """Draw a kind of picture of points or of a scan's directory; nothing is saved."""

    def drawn(kind, points, **options):
        points = load([points]) if isinstance(points, Path) else points
        with style.applied(options.get("style", "plain")):
            return draw_kind(kind, points, Options(**options))

    return drawn


@pytest.fixture
def legend():
    """The names in the legend beside the panels of a page."""
    return lambda page: [text.get_text() for text in page.legends[0].get_texts()]


@pytest.fixture
def panels():
    """The axes of a page that have a title, by it."""
    return lambda page: {axes.get_title(): axes for axes in page.axes if axes.get_title()}


@pytest.fixture
def footnote():
    """What stands below the axes of a page, on one line."""
    return lambda page: page.get_supxlabel().replace("\n", " ")


@pytest.fixture
def warnings_in(caplog):
    """The warnings so far."""
    return lambda: [each.getMessage() for each in caplog.records if each.levelno >= logging.WARNING]
