"""Networks and scores that are not what the training wrote are found where they are read."""

import shutil

import pytest

import dlscan as package
from dlscan.errors import ScanError


@pytest.fixture(scope="module")
def damaged(small_scan, tmp_path_factory):
    """A copy of the scan; a bit of the first point's network and scores has turned over."""
    scan = tmp_path_factory.mktemp("copy") / "lcd-dense"
    shutil.copytree(small_scan.parent / "scans" / "lcd-dense", scan)
    for name in ("best.keras", "predictions.h5"):
        (path,) = scan.glob(f"points/0001-*/{name}")
        content = bytearray(path.read_bytes())
        content[len(content) // 2] ^= 1
        path.write_bytes(content)
    return scan


def test_scores_with_a_bit_that_turned_over_are_not_shown(damaged):
    loaded = package.load(damaged)
    with pytest.raises(
        ScanError, match=r"predictions\.h5: damaged, its checksum does not match that in record"
    ):
        loaded.predictions(1)
    assert len(loaded.predictions(2).labels)


def test_network_with_a_bit_that_turned_over_is_not_loaded(damaged):
    loaded = package.load(damaged)
    with pytest.raises(ScanError, match=r"best\.keras: damaged, its checksum does not match that in record"):
        loaded.model(1)


def test_points_are_not_measured_again_by_damaged_scores(damaged, dlscan):
    (record,) = damaged.glob("points/0001-*/record.json")
    before = record.read_bytes()
    done = dlscan("evaluate", damaged)
    assert done.returncode == 1
    assert "predictions.h5: damaged" in done.stderr
    assert record.read_bytes() == before


def test_plot_leaves_the_point_out_and_says_so_in_a_line(damaged, dlscan, tmp_path):
    done = dlscan("plot", "roc", damaged, "-o", tmp_path / "roc.png")
    assert "predictions.h5: damaged" in done.stderr
    assert "Traceback" not in done.stderr
