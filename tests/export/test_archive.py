"""`dlscan pack-up`: what is in the file is a scan elsewhere."""

import shutil
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

import dlscan
from dlscan.cli.main import cli
from dlscan.errors import ScanError, UsageError
from dlscan.scan.archive import Packed, pack_up
from dlscan.training import TrainedPoint


def test_an_unpacked_scan_has_the_same_table_scores_and_models(
    trained: Callable[[str], TrainedPoint], tmp_path: Path
) -> None:
    point = trained("dense")
    (point.paths.scan / "plots").mkdir(exist_ok=True)
    (point.paths.scan / "plots" / "roc.png").write_bytes(b"picture")
    done = CliRunner().invoke(cli, ["pack-up", str(point.paths.scan), "-o", str(tmp_path / "dense.tar.gz")])
    assert done.output.startswith(f"{tmp_path}/dense.tar.gz: 1 point, ")
    with tarfile.open(tmp_path / "dense.tar.gz") as archive:
        names = archive.getnames()
        assert {entry.uid for entry in archive} == {0}
        archive.extractall(tmp_path / "elsewhere", filter="data")
    assert not [name for name in names if "lock" in name or "/last/" in name]
    for command in ("table", "status", "report"):
        packed = CliRunner().invoke(cli, [command, str(tmp_path / "dense.tar.gz")])
        assert "a packed scan; unpack it with `tar xf`, then give its directory" in str(packed.exception)
    there = dlscan.load(tmp_path / "elsewhere" / "dense")
    assert there.table().equals(dlscan.load(point.paths.scan).table())
    np.testing.assert_array_equal(there.predictions(1).scores, point.predictions().scores)
    assert there.model(1).count_params() == point.model().count_params()
    assert (tmp_path / "elsewhere/dense/plots/roc.png").read_bytes() == b"picture"


def test_points_that_are_not_done_stay_behind(trained: Callable[[str], TrainedPoint], tmp_path: Path) -> None:
    scan = tmp_path / "copy"
    shutil.copytree(trained("dense").paths.scan, scan)
    (record,) = scan.glob("points/*/record.json")
    other = scan / "points" / "0002-other"
    shutil.copytree(record.parent, other)
    (other / "record.json").unlink()
    packed = pack_up(scan, tmp_path / "copy.tar")
    assert packed == Packed(1, 1, packed.files)
    with tarfile.open(tmp_path / "copy.tar") as archive:
        assert not [name for name in archive.getnames() if "0002" in name]
    with pytest.raises(UsageError, match=r"copy\.tar: exists"):
        pack_up(scan, tmp_path / "copy.tar")
    record.unlink()
    with pytest.raises(ScanError, match="no point is done yet"):
        pack_up(scan, tmp_path / "none.tar")
    assert not (tmp_path / "none.tar").exists()
