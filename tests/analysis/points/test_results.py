import re

import h5py
import numpy as np
import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.points.results import history, predictions
from dlscan.errors import ScanError


@pytest.fixture
def point(write_scan):
    return load([write_scan()])[0]


def test_points_and_predictions_are_short_where_a_notebook_prints_them(point):
    assert repr(point) == "DonePoint(1 of lcd: width=64-depth=2)"
    assert repr(predictions(point)) == "Predictions(400 events of Ele, Gamma, Pi0, ChPi, with target)"


def test_history_has_an_entry_per_epoch(point):
    columns = history(point)
    assert columns["epoch"].tolist() == list(range(1, 13))
    assert set(columns) >= {"loss", "val_loss", "events_per_second"}


def test_an_empty_entry_of_the_history_is_nan(point):
    point.paths.history.write_text("epoch,val_loss\n1,0.5\n2,\n")
    np.testing.assert_array_equal(history(point)["val_loss"], [0.5, np.nan])


@pytest.mark.parametrize(
    "content",
    ["epoch,loss\n1,abc\n", "epoch,loss\n1,2,3\n", "", "epoch\n", "loss\n1\n", "epoch,loss\n,1\n", None],
)
def test_a_history_that_cannot_be_read_is_named(point, content):
    point.paths.history.unlink()
    if content is not None:
        point.paths.history.write_text(content)
    with pytest.raises(ScanError, match=r"history\.csv: cannot read a history"):
        history(point)


def test_predictions_have_a_column_per_class(point):
    scored = predictions(point)
    assert scored.classes == ("Ele", "Gamma", "Pi0", "ChPi")
    assert scored.scores.shape == (400, 4)
    assert scored.labels.shape == (400,)


@pytest.mark.parametrize("damage", ["missing", "text", "no labels", "too few labels"])
def test_predictions_that_cannot_be_read_are_named(point, damage):
    path = point.paths.predictions
    if damage == "missing":
        path.unlink()
    elif damage == "text":
        path.write_text("no HDF5")
    else:
        with h5py.File(path, "a") as file:
            del file["labels"]
            if damage == "too few labels":
                file["labels"] = [0, 1]
    with pytest.raises(ScanError, match=r"predictions\.h5: (cannot read scores|damaged)"):
        predictions(point)


def test_damage_in_predictions_without_a_checksum_is_one_clear_error(point):
    """Records of older versions have none."""
    path = point.paths.predictions
    good, said = path.read_bytes(), []
    for place in range(0, 2500, 7):
        damaged = bytearray(good)
        damaged[place] ^= 0x80
        path.write_bytes(damaged)
        try:
            dict(predictions(point).extras)
        except ScanError as error:
            said.append(str(error))
    assert len(said) > 20
    assert all(re.match(rf"{path}: [^\n]*$", line) for line in said)
