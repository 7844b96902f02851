"""Where pictures and pages go when nobody says so."""

import pytest

from dlscan.analysis.output import file_name, home
from dlscan.analysis.plots import Options
from dlscan.analysis.plots.drawing import plot
from dlscan.analysis.report import pictures
from dlscan.analysis.report.build import report


def files(directory):
    return {path: path.read_bytes() for path in directory.rglob("*") if path.is_file()}


@pytest.fixture
def ours(write_scan, monkeypatch):
    """Two scans with a picture and a page each."""
    monkeypatch.setattr(pictures, "WANTED", pictures.WANTED[:1])
    scans = [write_scan("a"), write_scan("b")]
    for scan in scans:
        plot("bar", [scan], Options())
        report([scan])
    return scans


def test_several_scans_share_a_folder_and_no_scan_loses_its_own_files(ours, tmp_path):
    before = [files(scan) for scan in ours]
    assert plot("bar", ours, Options()) == [tmp_path / "a+b/plots/bar-Mean_AUC.png"]
    assert report(ours) == tmp_path / "a+b/report.html"
    assert [files(scan) for scan in ours] == before


def test_one_scan_named_twice_is_one(ours):
    assert home([ours[0], ours[0] / "."]) == ours[0]


def test_names_that_could_mean_other_scans_get_a_digest(tmp_path):
    def places(*names):
        return [tmp_path / name for name in names]

    made = [
        home(places(*names))
        for names in (
            ("a+b", "c"),
            ("a", "b+c"),
            ("a", "b", "c"),
            ("a", "x/b", "c"),
            ("a", "y/b", "c"),
            ("1", "2", "3", "4", "5"),
            ("1", "2", "3", "4", "6"),
            ("a" * 150, "b" * 150),
            ("a" * 150, "b" * 151),
        )
    ]
    assert len(set(made)) == len(made)
    assert {path.parent for path in made} == {tmp_path}
    assert max(len(path.name) for path in made) < 230


def test_a_scan_of_that_name_keeps_its_files(write_scan, tmp_path):
    write_scan("a+b")
    assert home([tmp_path / "a", tmp_path / "b"]) not in (tmp_path / "a+b", tmp_path)


def test_different_names_are_different_files():
    names = ["roc", "roc-a/b", "roc-a_b", "roc-a:b", "roc-" + "x" * 300, "roc-" + "x" * 301]
    made = [file_name(name) for name in names]
    assert made[0] == "roc"
    assert len(set(made)) == len(names)
    assert not any("/" in name or len(name) > 250 for name in made)
