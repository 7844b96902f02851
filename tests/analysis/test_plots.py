import logging
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree

import h5py
import matplotlib as mpl
import numpy as np
import pytest

from dlscan.analysis.plots import KINDS, Options, style
from dlscan.analysis.plots.drawing import plot
from dlscan.analysis.records import load
from dlscan.errors import DlscanError, ScanError, UsageError
from dlscan.metrics import auc

PNG = b"\x89PNG\r\n\x1a\n"
HOSTILE = ["<b>&\"'", "$x_1$ and $", "_leading 50% {}", "漢字\nline", "\\frac{$", "very long " * 30]


def draw(kind, scan, **options):
    with style.applied():
        return KINDS[kind](load([scan]), Options(**options))


def legend(page):
    return [text.get_text() for text in page.legends[0].get_texts()]


def shown(axes):
    return [text.get_text() for text in axes.texts]


@pytest.mark.parametrize("kind", KINDS)
def test_the_default_file_is_a_png_beside_the_points(write_scan, kind):
    scan = write_scan()
    (file,) = plot(kind, [scan], Options())
    assert file.parent == scan / "plots"
    assert file.name == {"history": "history-val_loss.png", "bar": "bar-Mean_AUC.png", "roc": "roc.png"}[kind]
    assert file.read_bytes().startswith(PNG)
    assert list(file.parent.iterdir()) == [file]


@pytest.mark.parametrize("suffix", [".png", ".pdf", ".svg", ".SVG"])
@pytest.mark.parametrize("kind", KINDS)
def test_the_suffix_chooses_the_format(write_scan, tmp_path, kind, suffix):
    (file,) = plot(kind, [write_scan()], Options(), tmp_path / f"new folder/it's{suffix}")
    content = file.read_bytes()
    assert content.startswith({".png": PNG, ".pdf": b"%PDF"}.get(suffix, b"<?xml"))
    if suffix == ".svg":
        ElementTree.fromstring(content)


DRAW_ALL = """
import sys
from pathlib import Path
from dlscan.analysis.plots import KINDS, Options
from dlscan.analysis.plots.drawing import plot
for kind in KINDS:
    for suffix in ("png", "pdf", "svg"):
        plot(kind, [Path(sys.argv[1])], Options(per_page=3), Path(sys.argv[2]) / f"{kind}.{suffix}")
"""


def test_the_same_scan_gives_the_same_bytes_in_another_process_on_another_day(write_scan, tmp_path):
    scan = write_scan(events=100)
    for run, epoch in (("one", "1000000000"), ("two", "1700000000")):
        environment = {"PYTHONHASHSEED": epoch[:2], "SOURCE_DATE_EPOCH": epoch}
        command = [sys.executable, "-c", DRAW_ALL, str(scan), str(tmp_path / run)]
        subprocess.run(command, check=True, env=environment, timeout=120)
    one, two = (
        {file.name: file.read_bytes() for file in (tmp_path / run).iterdir()} for run in ("one", "two")
    )
    assert len(one) == 2 + 1 + 2 + 3 + 3
    assert one == two


def test_settings_of_matplotlib_are_neither_used_nor_changed(write_scan, tmp_path):
    scan = write_scan()
    plain, styled = tmp_path / "plain.png", tmp_path / "styled.png"
    plot("bar", [scan], Options(), plain)
    with mpl.rc_context({"font.size": 30, "axes.facecolor": "red"}):
        before = dict(mpl.rcParams)
        plot("bar", [scan], Options(), styled)
        assert dict(mpl.rcParams) == before
    assert plain.read_bytes() == styled.read_bytes()


def test_pyplot_stays_out_of_it(write_scan, tmp_path):
    code = DRAW_ALL + "assert 'matplotlib.pyplot' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", code, str(write_scan(events=50)), str(tmp_path)], check=True, timeout=120
    )


@pytest.mark.parametrize("name", ["picture.gif", "picture"])
def test_an_unknown_format_is_refused_before_anything_is_read(tmp_path, name):
    with pytest.raises(UsageError, match=r"use \.png, \.pdf or \.svg"):
        plot("bar", [tmp_path / "no scan"], Options(), tmp_path / name)


def test_a_place_that_cannot_be_written_is_named(write_scan, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DlscanError, match=r"file/x\.png: cannot be written"):
        plot("bar", [write_scan()], Options(), tmp_path / "file" / "x.png")


def test_a_picture_that_fails_leaves_the_old_one(write_scan, tmp_path, monkeypatch):
    file = tmp_path / "old.png"
    file.write_text("old")

    def fail(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr("matplotlib.figure.Figure.savefig", fail)
    with pytest.raises(KeyboardInterrupt):
        plot("bar", [write_scan()], Options(), file)
    assert file.read_text() == "old"
    assert [path.name for path in tmp_path.glob("*.png")] == ["old.png"]


@pytest.mark.parametrize(
    ("kind", "key", "near"),
    [("history", "val_los", "val_loss"), ("bar", "ELE_AUK", "Ele_AUC"), ("roc", "el", "Ele")],
)
def test_an_unknown_key_brings_the_nearest(write_scan, kind, key, near):
    with pytest.raises(UsageError, match=f"{key!r}; did you mean {near!r}"):
        draw(kind, write_scan(), key=key)


@pytest.mark.parametrize("kind", KINDS)
def test_hostile_names_are_drawn_letter_by_letter(write_scan, tmp_path, kind):
    scan = write_scan(grid={"model.name": HOSTILE}, classes=("a/b", "$", "_c"), epochs=1)
    assert plot(kind, [scan], Options(per_page=20), tmp_path / "x.png") == [tmp_path / "x.png"]
    (page,) = draw(kind, scan, per_page=20).pages
    names = " ".join(
        [text.get_text() for text in page.axes[0].get_yticklabels()] if kind == "bar" else legend(page)
    )
    for part in ("<b>&\"'", r"\$x_1\$ and \$", "50% {}", "漢字", " …"):
        assert part in names
    assert (
        len(page.axes[0].get_yticks()) == len(HOSTILE) if kind == "bar" else len(legend(page)) == len(HOSTILE)
    )


def test_a_class_called_like_a_path_stays_in_its_folder(write_scan):
    scan = write_scan(classes=("../../a", "b"))
    (file,) = plot("roc", [scan], Options(key="../../a"))
    assert file.parent == scan / "plots"
    assert file.exists()


# history


def test_history_draws_one_line_per_model_with_its_values(write_scan):
    scan = write_scan()
    (page,) = draw("history", scan, key="VAL_LOSS").pages
    (axes,) = page.axes
    assert legend(page) == ["Width=64 Depth=2", "Width=64 Depth=3", "Width=256 Depth=2", "Width=256 Depth=3"]
    written = np.loadtxt(load([scan])[2].paths.history, delimiter=",", skiprows=1)
    np.testing.assert_array_equal(axes.lines[2].get_xdata(), written[:, 0])
    np.testing.assert_array_equal(axes.lines[2].get_ydata(), written[:, 3])
    assert axes.get_ylabel() == "val_loss"


def test_history_puts_its_legend_right_of_the_axes(write_scan):
    (page,) = draw("history", write_scan()).pages
    page.draw_without_rendering()
    assert page.legends[0].get_window_extent().x0 >= page.axes[0].get_window_extent().x1


def test_history_pages_hold_as_many_models_as_asked_on_one_scale(write_scan):
    pages = draw("history", write_scan(grid={"model.width": list(range(1, 11))}), per_page=4).pages
    assert [len(page.axes[0].lines) for page in pages] == [4, 4, 2]
    assert [name for page in pages for name in legend(page)] == [f"Width={width}" for width in range(1, 11)]
    assert len({(page.axes[0].get_ylim(), page.axes[0].get_xlim()) for page in pages}) == 1
    assert pages[1].get_suptitle() == "val_loss over the epochs (page 2 of 3)"


def test_several_pages_are_files_with_numbers_or_one_pdf(write_scan, tmp_path):
    scan = write_scan()
    files = plot("history", [scan], Options(per_page=3), tmp_path / "h.png")
    assert files == [tmp_path / "h-1.png", tmp_path / "h-2.png"]
    assert not (tmp_path / "h.png").exists()
    (pdf,) = plot("history", [scan], Options(per_page=3), tmp_path / "h.pdf")
    assert len(re.findall(rb"/Type /Page\b", pdf.read_bytes())) == 2


def test_history_follows_the_order_asked_for(write_scan, tmp_path):
    scan = write_scan(grid={"model.width": [1, 2, 3]})
    up, down = tmp_path / "up.svg", tmp_path / "down.svg"
    plot("history", [scan], Options(), up)
    plot("history", [scan], Options(sort=("-Width",)), down)
    assert up.read_bytes() != down.read_bytes()


def test_one_explosion_does_not_press_the_other_lines_flat_and_is_said(write_scan):
    scan = write_scan(epochs=60)
    path = load([scan])[1].paths.history
    lines = path.read_text().splitlines()
    lines[5] = "5,1e6,0.5,1e6,0.5,2,1e5"
    path.write_text("\n".join(lines))
    (axes,) = draw("history", scan).pages[0].axes
    assert axes.get_ylim()[1] < 3
    assert re.fullmatch(r"\d+ values lie outside the range that is shown", axes.get_title(loc="left"))


def test_a_usual_history_is_shown_whole(write_scan):
    scan = write_scan(epochs=60)
    (axes,) = draw("history", scan).pages[0].axes
    values = np.concatenate([line.get_ydata() for line in axes.lines])
    assert axes.get_ylim()[0] < values.min() < values.max() < axes.get_ylim()[1]
    assert axes.get_title(loc="left") == ""


def test_a_history_of_one_epoch_can_be_seen(write_scan):
    (axes,) = draw("history", write_scan(epochs=1)).pages[0].axes
    assert all(line.get_marker() not in ("", "None", None) for line in axes.lines)


def test_a_point_without_history_is_left_out_and_named(write_scan, caplog):
    scan = write_scan()
    path = load([scan])[1].paths.history
    path.unlink()
    assert len(draw("history", scan).pages[0].axes[0].lines) == 3
    assert str(path) in caplog.text


def test_no_history_at_all_is_an_error(write_scan):
    scan = write_scan()
    for point in load([scan]):
        point.paths.history.unlink()
    with pytest.raises(ScanError, match=r"history\.csv"):
        draw("history", scan)


# bar


def widths_with(write_scan, values):
    def change(number, record):
        record["metrics"]["Ele_AUC"] = values[number - 1]

    return write_scan(grid={"model.width": list(range(len(values)))}, change=change)


def bars(axes):
    names = [text.get_text() for text in axes.get_yticklabels()]
    return dict(zip(names, shown(axes), strict=True))


def test_bars_go_from_high_to_low_with_their_numbers(write_scan):
    (axes,) = draw("bar", widths_with(write_scan, [0.9, None, 0.99, 0.95]), key="ele_auc").pages[0].axes
    assert list(bars(axes).items()) == [
        ("Width=2", "0.9900"),
        ("Width=3", "0.9500"),
        ("Width=0", "0.9000"),
        ("Width=1", "not defined"),
    ]
    assert [bar.get_x() + bar.get_width() for bar in axes.patches] == pytest.approx([0.99, 0.95, 0.9])


def test_bars_keep_an_order_that_was_asked_for(write_scan):
    scan = widths_with(write_scan, [0.9, 0.99, 0.95])
    (axes,) = draw("bar", scan, key="Ele_AUC", sort=("Width",)).pages[0].axes
    assert list(bars(axes)) == ["Width=0", "Width=1", "Width=2"]


def test_an_axis_that_does_not_start_at_zero_says_so(write_scan):
    (axes,) = draw("bar", widths_with(write_scan, [0.97, 0.98, 0.99]), key="Ele_AUC").pages[0].axes
    start, end = axes.get_xlim()
    assert 0.95 < start < 0.97
    assert 0.99 < end < 1.0
    assert axes.get_title(loc="left").startswith(f"The axis starts at {start:.4g}, not at 0")
    assert all(bar.get_x() == start and bar.get_width() > 0 for bar in axes.patches)


@pytest.mark.parametrize("values", [[0.2, 0.9], [0.5, 0.5], [-0.5, 0.5]])
def test_an_axis_that_holds_zero_says_nothing(write_scan, values):
    (axes,) = draw("bar", widths_with(write_scan, values), key="Ele_AUC").pages[0].axes
    assert axes.get_xlim()[0] <= 0
    assert axes.get_title(loc="left") == ""


def test_bars_below_zero_hang_from_zero(write_scan):
    (axes,) = draw("bar", widths_with(write_scan, [-0.5, 0.25]), key="Ele_AUC").pages[0].axes
    assert [(bar.get_x(), bar.get_width()) for bar in axes.patches] == [(0, 0.25), (0, -0.5)]
    assert axes.get_xlim()[0] < -0.5


def test_very_many_bars_go_on_several_pages_on_one_scale(write_scan):
    scan = write_scan(grid={"model.width": list(range(65))}, events=20)
    pages = draw("bar", scan, key="Parameters").pages
    assert [len(page.axes[0].patches) for page in pages] == [60, 5]
    assert pages[0].axes[0].get_xlim() == pages[1].axes[0].get_xlim()
    assert pages[1].get_suptitle() == "Parameters of 65 models (page 2 of 2)"


def test_a_bar_can_show_any_numeric_column(write_scan):
    (axes,) = draw("bar", write_scan(), key="parameters").pages[0].axes
    assert shown(axes) == ["4000", "3000", "2000", "1000"]


@pytest.mark.parametrize("key", ["Host", "Model Name", "Family"])
def test_a_column_of_text_is_no_key_of_a_bar(write_scan, key):
    with pytest.raises(UsageError, match="numeric column"):
        draw("bar", write_scan(), key=key)


def test_a_number_that_no_point_has_is_an_error(write_scan):
    with pytest.raises(UsageError, match="no point has a number for Ele_AUC"):
        draw("bar", widths_with(write_scan, [None, None]), key="Ele_AUC")


# roc


def panels(page):
    return {axes.get_title(): axes for axes in page.axes}


def areas(axes):
    return [text.get_text() for text in axes.get_legend().get_texts()]


def test_roc_has_a_panel_per_class_with_the_area_of_each_model(write_scan):
    scan = write_scan()
    (page,) = draw("roc", scan).pages
    assert list(panels(page)) == ["Ele", "Gamma", "Pi0", "ChPi"]
    for name, axes in panels(page).items():
        expected = [point.record.metrics[f"{name}_AUC"] for point in load([scan])]
        assert areas(axes) == [f"{area:.4f}" for area in expected]
    assert legend(page)[0] == "Width=64 Depth=2"


def test_roc_draws_signal_efficiency_over_background_efficiency(write_scan):
    scan = write_scan(events=100_000, grid={"model.width": [1]})
    axes = panels(draw("roc", scan).pages[0])["Pi0"]
    background, signal = axes.lines[1].get_data()
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("Background efficiency", "Signal efficiency")
    with h5py.File(load([scan])[0].paths.predictions) as file:
        expected = auc(file["scores"][:, 2], file["labels"][:] == 2)
    # thinned to what the eye can see, yet with the ends and the area of the whole
    assert len(signal) <= 1001
    assert (background[0], signal[0], background[-1], signal[-1]) == (0, 0, 1, 1)
    assert np.sum(np.diff(background) * (signal[1:] + signal[:-1]) / 2) == pytest.approx(expected, abs=1e-4)


def test_roc_of_one_class_is_one_panel(write_scan):
    scan = write_scan()
    drawing = draw("roc", scan, key="chpi")
    assert drawing.name == "roc-ChPi"
    assert list(panels(drawing.pages[0])) == ["ChPi"]
    expected = [point.record.metrics["ChPi_AUC"] for point in load([scan])]
    assert areas(drawing.pages[0].axes[0]) == [f"{area:.4f}" for area in expected]


def test_roc_of_scans_with_other_classes_has_a_panel_for_each_class(write_scan):
    one = write_scan("one", {"model.width": [1]}, classes=("Ele", "Pi0"))
    two = write_scan("two", {"model.width": [1]}, classes=("Pi0", "Muon"))
    points = load([one, two])
    with style.applied():
        (page,) = KINDS["roc"](points, Options()).pages
    assert {name: areas(axes) for name, axes in panels(page).items()} == {
        "Ele": [f"{points[0].record.metrics['Ele_AUC']:.4f}"],
        "Pi0": [f"{point.record.metrics['Pi0_AUC']:.4f}" for point in points],
        "Muon": [f"{points[1].record.metrics['Muon_AUC']:.4f}"],
    }


def test_roc_of_many_models_shows_the_best_and_says_so(write_scan, forty_points, caplog):
    caplog.set_level(logging.INFO)
    scan = write_scan(grid=forty_points)
    (page,) = draw("roc", scan).pages
    ranked = sorted(load([scan]), key=lambda point: -point.record.metrics["Mean_AUC"])[:12]
    expected = {
        f"Width={p.record.params['model.width']} Depth={p.record.params['model.depth']}" for p in ranked
    }
    assert set(legend(page)) == expected
    assert page.legends[0].get_title().get_text() == "12 best of 40 by Mean_AUC"
    assert "12 best of 40" in caplog.text


def test_roc_with_a_class_that_has_no_events_says_so(write_scan):
    scan = write_scan(grid={"model.width": [1]})
    with h5py.File(load([scan])[0].paths.predictions, "a") as file:
        file["labels"][...] = np.minimum(file["labels"][:], 2)
    axes = panels(draw("roc", scan).pages[0])
    assert "no event of this class" in shown(axes["ChPi"])[0]
    assert len(areas(axes["Ele"])) == 1


def test_a_point_without_scores_is_left_out_and_named(write_scan, caplog):
    scan = write_scan()
    path = load([scan])[0].paths.predictions
    path.unlink()
    assert len(legend(draw("roc", scan).pages[0])) == 3
    assert str(path) in caplog.text


def test_no_scores_at_all_is_an_error(write_scan):
    scan = write_scan()
    for point in load([scan]):
        point.paths.predictions.unlink()
    with pytest.raises(ScanError, match=r"predictions\.h5"):
        draw("roc", scan)


# style


def test_twenty_lines_differ():
    assert len({str(style.line(number)) for number in range(20)}) == 20
