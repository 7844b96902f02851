"""`dlscan.load` and what it gives; and the page about it, which is executed here."""

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import matplotlib
import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

import dlscan
from dlscan.analysis.plots import KINDS, Options
from dlscan.analysis.plots.drawing import plot
from dlscan.cli.table import table
from dlscan.errors import ScanError, UsageError
from dlscan.notebook import _options

PAGE = Path(__file__).parents[1] / "docs" / "notebook.md"
PNG = b"\x89PNG\r\n"


@pytest.fixture
def scan(small_scan):
    return dlscan.load(small_scan)


def test_the_page_is_true_but_for_its_numbers(small_scan):
    blocks = re.findall(r"```(python|text)\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    code = "\n".join(text for kind, text in blocks if kind == "python")
    (directory,) = set(re.findall(r'load\("(.*?)"\)', code))
    assert (small_scan.parent / directory).is_dir()
    environment = {**os.environ, "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=small_scan.parent,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    printed = "".join(text for kind, text in blocks if kind == "text")
    assert without_numbers(done.stdout) == without_numbers(printed)
    (small_scan.parent / "electrons.png").unlink()


def without_numbers(text):
    """Words alone: the page was printed from real data, the test has its own."""
    return re.sub(r"\d[\d.e-]*", "#", text).split()


def test_importing_dlscan_is_light():
    code = "import sys, dlscan; assert dlscan.load; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert not {"numpy", "pandas", "matplotlib", "keras", "h5py", "yaml"} & set(done.stdout.split())


def test_table_and_pictures_do_without_keras_and_pyplot(small_scan):
    code = (
        "import sys, dlscan; scan = dlscan.load(sys.argv[1]);"
        "scan.table(); scan.plot.bar(); scan.predictions(1); print(*sys.modules)"
    )
    command = [sys.executable, "-c", code, str(small_scan)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"keras", "tensorflow", "matplotlib.pyplot"} & set(done.stdout.split())


def test_a_scan_is_found_by_its_file_and_by_its_directory(small_scan):
    by_file, by_directory = dlscan.load(small_scan), dlscan.load(str(small_scan.parent / "scans/lcd-dense"))
    assert by_file.points == by_directory.points
    assert len(by_file) == 4


def test_the_table_is_that_of_the_command_line(scan, small_scan):
    arguments = ["--columns", "Width,Depth,Ele_AUC", "--sort", "-Ele_AUC", "--where", "Width > 16"]
    printed = CliRunner().invoke(
        table, [str(small_scan), *arguments, "--format", "csv"], catch_exceptions=False
    )
    frame = scan.table("Width,Depth,Ele_AUC", "-Ele_AUC", "Width > 16")
    assert frame.to_csv(index=False, lineterminator="\n") == printed.stdout.removesuffix("\n") + "\n"
    pd.testing.assert_frame_equal(
        frame, scan.table(["width", "depth", "ele_auc"], ["-Ele_AUC"], "Width > 16")
    )


def test_lists_of_names_may_be_written_with_commas(scan):
    pd.testing.assert_frame_equal(scan.table(pivot="width,depth"), scan.table(pivot=["width", "depth"]))


def test_columns_are_typed(scan):
    types = scan.table(columns=["Width", "Ele_AUC", "Host"]).dtypes.astype(str).to_dict()
    assert types == {"Model Name": "string", "Width": "Int64", "Ele_AUC": "Float64", "Host": "string"}


def test_the_best_is_chosen_on_the_validation_split(scan):
    losses = scan.table(columns="Point,best_val_loss").set_index("Point")["best_val_loss"]
    assert scan.best("val_loss").record.point == losses.idxmin()
    with pytest.raises(UsageError, match="validation split"):
        scan.best("Mean_AUC")


def test_a_history_has_a_row_per_epoch(scan):
    history = scan.history(2)
    assert history["epoch"].tolist() == [1, 2, 3]
    assert history["val_loss"].dtype == np.float64


def test_predictions_are_those_of_the_point(scan):
    predictions = scan.predictions(3)
    right = predictions.scores.argmax(axis=1) == predictions.labels
    assert right.mean() == pytest.approx(scan.point(3).record.metrics["test_accuracy"])


def test_a_network_gives_the_scores_that_were_predicted(scan, small_scan):
    network = scan.model(scan.points[0])
    assert not network.compiled
    assert sum(int(np.prod(weight.shape)) for weight in network.trainable_weights) == (
        scan.point(1).record.model_parameters
    )


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_picture_has_a_method(scan, kind):
    assert kind in dir(scan.plot)
    assert kind in inspect.getdoc(getattr(scan.plot, kind))


def test_a_picture_is_a_figure_that_a_notebook_shows(scan):
    figure = scan.plot.roc([2, 4], key="ele")
    assert isinstance(figure, matplotlib.figure.Figure)
    assert figure._repr_png_().startswith(PNG)


def test_several_pages_are_a_list(scan):
    pages = scan.plot.history([1, 2, 3], per_page=2)
    assert [isinstance(page, matplotlib.figure.Figure) for page in pages] == [True, True]


def test_points_are_drawn_in_the_order_given_and_sort_orders_all(scan):
    def drawn(*points, **options):
        return list(dict.fromkeys(scan.plot.numbers("history", *points, **options)["point"]))

    assert drawn([4, 1]) == [4, 1]
    assert drawn(2) == [2]
    for sort in ("-Width,Depth", ["-Width", "Depth"]):
        assert drawn(sort=sort) == [3, 4, 1, 2]
        assert drawn([1, 4], sort=sort) == [4, 1]


def test_the_numbers_behind_a_picture_are_those_that_the_command_writes(scan, tmp_path):
    numbers = scan.plot.numbers("history", per_page=1, where="Width > 16")
    written = tmp_path / "numbers.csv"
    options = Options(per_page=1)
    plot("history", scan.directories, options, tmp_path / "h.pdf", where="Width > 16", data=written)
    assert numbers.to_csv(index=False, lineterminator="\n") == written.read_text()
    assert set(numbers["point"]) == {3, 4}


@pytest.mark.parametrize(
    ("given", "text"), [(4, "4"), ("4", "4"), ([0, 0.5, 1], "0,0.5,1"), ("0,0.5,1", "0,0.5,1"), (None, None)]
)
def test_an_option_may_be_a_number_or_a_list(given, text):
    assert _options({"bins": given}) == Options(bins=text)


def test_the_settings_of_the_session_stay(scan):
    with matplotlib.rc_context({"font.size": 31.0, "axes.grid": False, "savefig.dpi": 17}):
        before, backend = dict(matplotlib.rcParams), matplotlib.get_backend()
        large = scan.plot.bar()._repr_png_()
        assert dict(matplotlib.rcParams) == before
        assert matplotlib.get_backend() == backend
    assert scan.plot.bar()._repr_png_() == large


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda scan: scan.history(9), ScanError, "no finished point 9; finished: 1 to 4; see dlscan status"),
        (lambda scan: scan.plot.roc([1, 9]), ScanError, "no finished point 9"),
        (lambda scan: scan.plot.roc(ky="Ele"), UsageError, "no option 'ky'; did you mean 'key'"),
        (lambda scan: scan.plot.pie(), AttributeError, "no plot 'pie'; valid: history"),
        (lambda scan: dlscan.load("nowhere"), ScanError, "nowhere: no such scan"),
    ],
)
def test_what_there_is_not_is_said(scan, call, error, message):
    with pytest.raises(error, match=message):
        call(scan)


def test_a_number_that_two_scans_have_asks_for_the_point_itself(small_scan, tmp_path):
    first = small_scan.parent / "scans" / "lcd-dense"
    second = shutil.copytree(first, tmp_path / "copy")
    both = dlscan.load(first, second)
    with pytest.raises(
        ScanError, match=r"point 2 exists in each of .*; pass the point itself, one of scan\.points"
    ):
        both.history(2)
    assert both.history(both.points[5])["loss"].equals(dlscan.load(second).history(2)["loss"])
    assert both.table().shape[0] == 8


def test_it_says_what_it_is_and_what_it_has(scan):
    first, second, third = repr(scan).splitlines()
    assert first.startswith("Scan lcd-dense: 4 finished points in ")
    assert second == "  varies model.width, model.depth"
    assert ".plot.roc()" in third
