import base64
import re
import urllib.parse
from xml.etree import ElementTree

import pytest

from dlscan.analysis.plots import style
from dlscan.analysis.report import captions, pictures
from dlscan.analysis.report.facts import gather as gather_scans
from dlscan.analysis.report.pictures import WANTED, Wanted, draw_all, image

FIVE = {"model.width": [8, 16, 32, 64, 128]}


def only(kind):
    return next(wanted for wanted in WANTED if wanted.kind == kind)


@pytest.fixture
def want(monkeypatch):
    """Draw these pictures only."""

    def chosen(*wanted):
        monkeypatch.setattr(pictures, "WANTED", wanted)

    return chosen


def figure(title="A title", lines=1):
    page = style.figure(4, 3)
    axes = page.add_subplot()
    for number in range(lines):
        axes.plot([number * 0.123456789 % 1 for number in range(1000)], linewidth=number)
    axes.set_title(title)
    return page


def test_a_figure_is_an_svg_in_its_address():
    with style.applied():
        made = image(figure("x < y & 'z'"))
    start, _, drawing = made.address.partition(",")
    assert start == "data:image/svg+xml"
    assert not set(drawing) & set("<>\"'&#")
    root = ElementTree.fromstring(urllib.parse.unquote(drawing))
    assert root.tag.endswith("svg")
    assert (made.width, made.height) == (384, 288)


def test_the_same_figure_gives_the_same_bytes():
    with style.applied():
        assert image(figure()) == image(figure())
        assert image(figure()) != image(figure("Another"))


def test_names_in_a_picture_are_counted_and_lead_where_they_led():
    with style.applied():
        drawing = urllib.parse.unquote(image(figure()).address)
    names = re.findall(r' id="([^"]*)"', drawing)
    assert names == [f"n{number}" for number in range(len(names))]
    assert set(re.findall(r'(?:href="|url\()#([^")]*)', drawing)) <= set(names)


def test_numbers_of_a_path_are_no_finer_than_an_eye():
    with style.applied():
        drawing = urllib.parse.unquote(image(figure()).address)
    paths = re.findall(r' d="([^"]*)"', drawing)
    assert max(map(len, paths)) > 1000
    assert not re.search(r"\.\d{3}", "".join(paths))


def test_a_figure_that_is_too_large_becomes_a_png(monkeypatch):
    monkeypatch.setattr(pictures, "MOST_SVG_BYTES", 1000)
    with style.applied():
        made = image(figure())
    start, _, packed = made.address.partition(",")
    assert start == "data:image/png;base64"
    assert base64.b64decode(packed).startswith(b"\x89PNG")


def test_pictures_of_scores_show_the_best_and_say_what_they_leave_out(gather, want):
    want(Wanted("roc", "ROC", 3, "scores", captions.roc))
    facts = gather(
        grid=FIVE, change=lambda number, record: record["metrics"].update(val_Mean_AUC=0.1 * number)
    )
    (picture,) = draw_all(facts)
    assert picture.selection == "The 3 best of 5 by mean AUC (validation); the other 2 are left out."
    assert picture.caption.startswith("400 test events: ")
    assert [point.record.point for point in pictures._selected(picture.wanted, facts)] == [5, 4, 3]


def test_a_model_whose_file_is_missing_gives_its_place_to_the_next(write_scan, want):
    want(Wanted("history", "Histories", 2, "history", captions.history))
    scan = write_scan(
        grid=FIVE, change=lambda number, record: record["metrics"].update(val_Mean_AUC=0.1 * number)
    )
    next(scan.glob("points/0005*/history.csv")).unlink()
    facts = gather_scans([scan])
    assert [point.record.point for point in pictures._selected(only("history"), facts)][:2] == [4, 3]
    (picture,) = draw_all(facts)
    assert picture.images
    assert len(facts.problems) == 1


def test_a_picture_without_any_file_says_why_it_is_absent(write_scan, want):
    want(only("roc"))
    scan = write_scan()
    for path in scan.glob("points/*/predictions.h5"):
        path.write_bytes(b"damaged")
    facts = gather_scans([scan])
    (picture,) = draw_all(facts)
    assert picture.images == ()
    assert picture.absent == "no file of any of these models could be read"
    assert len(facts.problems) == 4


def test_a_plot_that_lacks_data_says_why_it_is_absent(gather, want):
    want(only("heatmap"))
    (picture,) = draw_all(gather("one", {"model.width": [8, 16]}))
    assert picture.images == ()
    assert picture.absent


def test_every_wanted_picture_is_drawn_of_a_full_scan(gather):
    grid = {"model.width": [8, 16, 32], "model.depth": [1, 2, 3]}
    drawn = {picture.wanted.kind: picture for picture in draw_all(gather("nine", grid))}
    assert {kind for kind, picture in drawn.items() if picture.absent} == set()
    assert {kind for kind, picture in drawn.items() if not picture.caption} == set()
    assert drawn["confusion"].selection.endswith("the best of 9 by mean AUC (validation).")


def test_a_regression_has_pictures_of_its_targets(gather, want):
    want(*map(only, ("roc", "scores", "response", "resolution", "residuals")))
    targets = {"Energy": "target[:,0,1]", "Angle": "target[:,0,2]"}
    facts = gather("energies", {"model.width": [8, 16]}, targets=targets, epochs=4)
    drawn = {picture.wanted.kind: picture for picture in draw_all(facts)}
    assert list(drawn) == ["response", "resolution", "residuals"]
    assert all(picture.images for picture in drawn.values())
    assert drawn["response"].caption.startswith("400 test events. ")
    record = facts.best.record
    # to two digits of its uncertainty, and none where a ratio has no meaning
    value = f"{record.metrics['Energy_Resolution']:.4f}"
    assert f"is {value} ± 0.00" in drawn["resolution"].caption
    assert drawn["resolution"].caption.endswith("(Energy).")
    assert "(Energy), " in drawn["residuals"].caption or "(Energy) and " in drawn["residuals"].caption
