"""What all kinds have in common: files, formats, bytes, names, which points."""

import csv
import dataclasses
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import matplotlib as mpl
import numpy as np
import pytest

from dlscan.analysis.plots import KINDS, Options, choice, style
from dlscan.analysis.plots.drawing import plot, selected
from dlscan.analysis.points.records import load
from dlscan.errors import DlscanError, UsageError

PNG = b"\x89PNG\r\n\x1a\n"
NEEDED = {"energy": {"by": "target[:,0,1]"}, "dependence": {"by": "target[:,0,1]"}}
NAMES = {
    "history": "history-loss",
    "bar": "bar-Mean_AUC",
    "heatmap": "heatmap-Mean_AUC-Width-Depth",
    "roc": "roc",
    "scores": "scores",
    "confusion": "confusion",
    "energy": "energy",
    "dependence": "dependence",
    "pareto": "pareto-val_Mean_AUC-Parameters",
    "parallel": "parallel-val_Mean_AUC",
    "calibration": "calibration",
    "importance": "importance-val_Mean_AUC",
    "response": "response",
    "resolution": "resolution",
    "residuals": "residuals",
    "search": "search-val_Mean_AUC",
    "slice": "slice-val_Mean_AUC",
    "contour": "contour-val_Mean_AUC-Width-Depth",
    "anomaly": "anomaly",
    "code": "code",
}


# `generated` is of a trained generator, and drawn in tests/train/test_generate.py
DRAWN = [kind for kind in KINDS if kind != "generated"]


@pytest.mark.parametrize("kind", DRAWN)
def test_every_kind_has_a_name_pages_and_the_numbers_behind_them(draw, scan_for, kind):
    drawing = draw(kind, scan_for(kind), **NEEDED.get(kind, {}))
    assert drawing.name == NAMES[kind]
    assert drawing.pages
    assert all(page.get_suptitle() for page in drawing.pages)
    assert len(drawing.data) == len(drawing.rows) > 2
    assert next(iter(drawing.data)) in ("scan", "Width", "parameter")


def test_the_default_file_is_a_png_beside_the_points(write_scan):
    scan = write_scan(events=50)
    (file,) = plot("bar", [scan], Options())
    assert file == scan / "plots" / "bar-Mean_AUC.png"
    assert file.read_bytes().startswith(PNG)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg", ".SVG"])
def test_the_suffix_chooses_the_format(small, tmp_path, suffix):
    (file,) = plot("bar", [small], Options(), tmp_path / f"new folder/it's{suffix}")
    content = file.read_bytes()
    assert content.startswith({".png": PNG, ".pdf": b"%PDF"}.get(suffix, b"<?xml"))
    if suffix.lower() == ".svg":
        ElementTree.fromstring(content)


DRAW_ALL = """
import sys
from pathlib import Path
from dlscan.analysis.plots import KINDS, ONLY_FOR, Options
from dlscan.analysis.plots.drawing import plot
folder, scan, energies, anomalies = map(Path, sys.argv[1:5])
for kind in KINDS.keys() - {"generated"}:
    by = {"by": "target[:,0,1]"} if kind in ("dependence", "energy") else {}
    wanted = {"per_page": 3, "most": 1} | by
    options = Options(**{name: value for name, value in wanted.items() if kind in ONLY_FOR[name]})
    chosen = energies if kind in ("response", "resolution", "residuals") else scan
    chosen = anomalies if kind in ("anomaly", "code") else chosen
    plot(kind, [chosen], options, folder / f"{kind}.svg", data=folder / f"{kind}.csv")
for kind in ("heatmap", "scores"):
    for suffix in ("png", "pdf"):
        plot(kind, [scan], Options(most=1 if kind in ONLY_FOR["most"] else None), folder / f"{kind}.{suffix}")
assert "matplotlib.pyplot" not in sys.modules
"""


def test_the_same_scan_gives_the_same_bytes_in_another_process_on_another_day(
    small, energies, anomalies, tmp_path
):
    runs = []
    for run, epoch in (("one", "1000000000"), ("two", "1700000000")):
        environment = {"PYTHONHASHSEED": epoch[:2], "SOURCE_DATE_EPOCH": epoch}
        command = [sys.executable, "-c", DRAW_ALL, *map(str, (tmp_path / run, small, energies, anomalies))]
        runs.append(subprocess.Popen(command, env=environment))
    assert [run.wait(timeout=300) for run in runs] == [0, 0]
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / run).iterdir()} for run in ("one", "two")
    )
    # a picture and its numbers per kind, history on three pages
    assert len(one) == 2 * len(DRAWN) + 2 + 4
    assert one == two


def test_places_of_panels_are_rounded_as_the_solver_differs_in_last_digits(four):
    with style.applied():
        (page,) = KINDS["roc"](four, Options()).pages
        for _ in range(2):
            page.draw_without_rendering()
            corners = np.array([axes.get_position(original=True).extents for axes in page.axes])
            assert len(corners) > 4
            np.testing.assert_array_equal(corners, np.round(corners, 8))


def test_settings_of_matplotlib_are_neither_used_nor_changed(small, tmp_path):
    plain, styled = tmp_path / "plain.png", tmp_path / "styled.png"
    plot("bar", [small], Options(), plain)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        plot("bar", [small], Options(), styled)
        assert dict(mpl.rcParams) == before
    assert plain.read_bytes() == styled.read_bytes()


@pytest.mark.parametrize("name", ["picture.gif", "picture"])
def test_an_unknown_format_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(UsageError, match=r"use \.png, \.pdf or \.svg"):
        plot("bar", [tmp_path / "no scan"], Options(), tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(small, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DlscanError, match=r"file/x\.png: cannot be written"):
        plot("bar", [small], Options(), tmp_path / "file" / "x.png")


def test_a_picture_that_fails_leaves_the_old_one(small, tmp_path, monkeypatch):
    file = tmp_path / "old.png"
    file.write_text("old")

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(KeyboardInterrupt):
        plot("bar", [small], Options(), file)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.glob("*.png")] == ["old.png"]


def test_several_pages_are_files_with_numbers_or_one_pdf(small, tmp_path):
    files = plot("history", [small], Options(per_page=5), tmp_path / "h.png")
    assert files == [tmp_path / "h-1.png", tmp_path / "h-2.png"]
    assert not (tmp_path / "h.png").exists()
    (pdf,) = plot("history", [small], Options(per_page=5), tmp_path / "h.pdf")
    assert pdf.read_bytes().count(b"/Type /Page ") == 2


def texts(page):
    """All texts of a page that are drawn, as matplotlib has them."""
    return [text.get_text() for text in page.findobj(mpl.text.Text) if text.get_text()]


# a contour is drawn over two numbers, and these models differ in one
@pytest.mark.parametrize("kind", [kind for kind in DRAWN if kind != "contour"])
def test_hostile_names_are_drawn_letter_by_letter(draw, hostile_for, tmp_path, kind):
    drawing = draw(
        kind, hostile_for(kind), per_page=20, most=18, label="$E=mc^2$ <i>", **NEEDED.get(kind, {})
    )
    with style.applied():
        (drawn,) = style.save(drawing.pages[:1], tmp_path / "x.svg")
    ElementTree.parse(drawn)
    found = [text for page in drawing.pages for text in texts(page)]
    assert any(r"\$E=mc^2\$ <i>" in text for text in found)
    # every dollar is a letter; what is ours has none but for powers of ten at ticks
    ours = [text for text in found if not text.startswith(r"$\mathdefault")]
    assert not [text for text in ours if text.replace(r"\$", "").count("$")]
    if kind not in ("importance", "parallel", "search"):
        joined = " ".join(found)
        for part in ("<b>&\"'", r"\$x_1\$ and", "漢字", "…"):
            assert part in joined


def test_a_class_called_like_a_path_stays_in_its_folder(write_scan):
    scan = write_scan(classes=("../../a", "b"), grid={"model.width": [1]}, events=50)
    (file,) = plot("roc", [scan], Options(key="../../a"))
    assert file.parent == scan / "plots"
    assert file.exists()


@pytest.mark.parametrize(
    ("kind", "key", "near"),
    [
        ("history", "val_los", "val_loss"),
        ("bar", "ELE_AUK", "Ele_AUC"),
        ("heatmap", "Mean_AUK", "Mean_AUC"),
        ("roc", "el", "Ele"),
        ("scores", "Ele_vs_Pi", "Ele_vs_Pi0"),
        ("pareto", "mean_auk", "Mean_AUC"),
        ("response", "energ", "Energy"),
    ],
)
def test_an_unknown_key_brings_the_nearest(draw, scan_for, kind, key, near):
    with pytest.raises(UsageError, match=f"{key!r}; did you mean {near!r}"):
        draw(kind, scan_for(kind), key=key)


@pytest.mark.parametrize("kind", ["confusion", "calibration"])
def test_a_key_that_means_nothing_is_refused(draw, small, kind):
    with pytest.raises(UsageError, match=f"{kind} has no --key"):
        draw(kind, small, key="Ele")


def test_data_holds_every_digit(small, tmp_path):
    written = plot("bar", [small], Options(), tmp_path / "b.svg", data=tmp_path / "new/b.csv")
    assert written == [tmp_path / "b.svg", tmp_path / "new/b.csv"]
    with (tmp_path / "new/b.csv").open(newline="") as lines:
        rows = {int(row["point"]): float(row["Mean_AUC"]) for row in csv.DictReader(lines)}
    assert rows == {point.record.point: point.record.metrics["Mean_AUC"] for point in load([small])}


# which points


def numbers(points):
    return [point.record.point for point in points]


def test_points_are_chosen_by_number_in_the_order_given(four):
    assert numbers(selected(four, ["3", "1", "lcd:3"])) == [3, 1]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("9", "no finished point has this number"),
        ("x:1", "no scan 'x' here; valid: lcd"),
        ("one", "no finished"),
    ],
)
def test_a_point_that_is_not_there_is_refused(four, text, message):
    with pytest.raises(UsageError, match=f"--point {text}: {message}"):
        selected(four, [text])


def test_points_are_chosen_by_an_expression_as_in_the_table(four):
    assert numbers(selected(four, where="Width==64 and Depth>2")) == [2]
    assert numbers(selected(four, ["4", "2"], "Depth==3")) == [4, 2]
    with pytest.raises(UsageError, match="no finished model matches this"):
        selected(four, ["1"], "Depth==3")


def test_several_scans_share_a_picture_and_are_told_apart(draw, write_scan, legend):
    one, two = (write_scan(name, {"model.width": [1, 2]}, events=50) for name in ("one", "two"))
    (page,) = draw("history", load([one, two])).pages
    assert legend(page)[:4] == ["one: Width=1", "one: Width=2", "two: Width=1", "two: Width=2"]


# with many models


@pytest.mark.parametrize(("kind", "most"), [("roc", 8), ("energy", 6), ("calibration", 4), ("scores", 4)])
def test_the_best_by_validation_are_drawn_and_how_many_are_not(draw, forty, footnote, kind, most):
    drawing = draw(kind, forty, **NEEDED.get(kind, {}))
    ranked = sorted(forty, key=lambda point: -point.record.metrics["val_Mean_AUC"])
    assert set(drawing.data["point"]) == set(numbers(ranked[:most]))
    expected = f"{most} of 40 models: the best by AUC (validation); {40 - most} are not shown"
    assert all(expected in footnote(page) for page in drawing.pages)


def test_the_lowest_validation_loss_chooses_where_there_is_no_auc_of_validation(draw, write_scan, footnote):
    losses = {1: 0.3, 2: 0.1, 3: 0.2}

    def change(number, record):
        record["metrics"].pop("val_Mean_AUC")
        record["metrics"]["best_val_loss"] = losses[number]

    scan = write_scan(grid={"model.width": [1, 2, 3]}, events=50, change=change)
    drawing = draw("confusion", scan, most=2)
    assert list(dict.fromkeys(drawing.data["point"])) == [2, 3]
    assert "by loss of the kept weights (validation); 1 is not shown" in footnote(drawing.pages[0])


def test_without_a_number_of_validation_the_first_are_drawn_and_it_says_so(draw, write_scan, footnote):
    def change(_, record):
        record["metrics"] = {"Mean_AUC": 0.5}

    drawing = draw("confusion", write_scan(events=50, change=change), most=1)
    assert set(drawing.data["point"]) == {1}
    assert "the first ones, because no record has a validation number" in footnote(drawing.pages[0])


@pytest.mark.parametrize("kind", ["roc", "scores", "confusion", "energy", "calibration"])
def test_points_without_scores_make_room_for_others_with_one_warning(
    draw, write_scan, warnings_in, footnote, kind
):
    def change(number, record):
        record["metrics"]["val_Mean_AUC"] = number / 10

    points = load([write_scan(events=60, classes=("Ele", "Pi0"), change=change)])
    for point in points[2:]:
        point.paths.predictions.unlink()
    drawing = draw(kind, points, most=1, **NEEDED.get(kind, {}))
    assert set(drawing.data["point"]) == {2}
    (warning,) = warnings_in()
    assert "left out 2 models (Width=256 Depth=3, Width=256 Depth=2)" in warning
    assert str(points[3].paths.predictions) in warning
    assert "1 of 4 models: the best by AUC (validation); 1 is not shown" in footnote(drawing.pages[0])


@pytest.mark.parametrize("kind", ["roc", "scores", "confusion", "energy", "calibration", "history"])
def test_no_file_at_all_is_an_error_that_names_one(draw, write_scan, kind):
    points = load([write_scan(events=50)])
    for point in points:
        point.paths.predictions.unlink()
        point.paths.history.unlink()
    with pytest.raises(
        DlscanError, match=r"(predictions\.h5|history\.csv).*no other point can be drawn either"
    ):
        draw(kind, points, **NEEDED.get(kind, {}))


# style


def test_twenty_lines_differ():
    assert len({str(style.line(number)) for number in range(20)}) == 20


@pytest.mark.parametrize("name", ["ATLAS", "CMS", "LHCb2", "atlas"])
def test_a_style_changes_fonts_and_ticks_and_names_no_experiment(draw, small, name):
    pytest.importorskip("mplhep")
    (page,) = draw("bar", small, style=name).pages
    assert not [text for text in texts(page) if name.casefold()[:4] in text.casefold()]
    with style.applied(name):
        assert mpl.rcParams["xtick.direction"] == "in"
        assert mpl.rcParams["font.family"][0].startswith("Te")
        # what a page is made for does not change
        assert mpl.rcParams["font.size"] == style.SETTINGS["font.size"]


def test_a_label_stands_above_the_title(draw, small):
    (page,) = draw("bar", small, label="My Experiment").pages
    assert page.get_suptitle().split("\n") == ["My Experiment", "AUC (test) of 9 models"]


def test_without_mplhep_a_style_names_the_extra(draw, small, monkeypatch):
    monkeypatch.setitem(sys.modules, "mplhep", None)
    with pytest.raises(
        UsageError, match=r"--style CMS: needs the package mplhep; .*pip install 'dlscan\[hep\]'"
    ):
        draw("bar", small, style="CMS")


def test_an_unknown_style_brings_the_nearest(draw, small):
    with pytest.raises(UsageError, match="no style 'ATLSA'; did you mean 'ATLAS'"):
        draw("bar", small, style="ATLSA")


# one model, one look


def colours(kind, drawing):
    """The colour of each model by its name, on all pages."""
    found = {}
    for page in drawing.pages:
        texts = [text.get_text() for text in page.legends[0].get_texts()]
        for text, line in zip(texts, page.legends[0].legend_handles, strict=True):
            if text.startswith("Width="):
                found.setdefault(text, set()).add(line.get_color())
    return found


def test_a_model_has_one_colour_in_every_picture_whatever_else_is_drawn(draw, forty):
    found = {}
    chosen = sorted(forty, key=lambda point: point.look)[:6]
    for kind, points in (
        ("history", forty), ("roc", forty), ("roc", chosen[2:5]), ("calibration", chosen[::-1]),
        ("energy", chosen),
    ):  # fmt: skip
        drawing = draw(kind, points, **NEEDED.get(kind, {}))
        for name, seen in colours(kind, drawing).items():
            found.setdefault(name, set()).update(seen)
    assert len(found) == 40
    assert all(len(seen) == 1 for seen in found.values())


def test_the_best_by_validation_come_first_in_colours(forty):
    ranked = sorted(forty, key=lambda point: -point.record.metrics["val_Mean_AUC"])
    assert [point.look for point in ranked] == list(range(40))


def test_looks_that_meet_on_a_page_are_told_apart(forty):
    same = [dataclasses.replace(point, look=look) for point, look in zip(forty, (3, 45, 3, 4), strict=False)]
    looks = [look % style.LOOKS for look in choice.looks(same)]
    assert looks[0] == 3
    assert len(set(looks)) == 4


def test_42_curves_differ():
    looks = [style.curve(number) for number in range(42)]
    different = {(look["color"], str(look["linestyle"]), look.get("marker")) for look in looks}
    assert len(different) == 42
