import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from dlscan.analysis.report import pictures
from dlscan.cli.report import report
from dlscan.errors import ScanError

write_scan = runpy.run_path(str(Path(__file__).parents[1] / "analysis/fakes.py"))["write_scan"]


@pytest.fixture(autouse=True)
def few_pictures(monkeypatch):
    monkeypatch.setattr(pictures, "WANTED", pictures.WANTED[:1])


@pytest.fixture
def scan(tmp_path):
    return write_scan(tmp_path / "lcd")


def run(*arguments):
    return CliRunner().invoke(report, [str(argument) for argument in arguments], catch_exceptions=False)


def test_report_prints_the_file_it_wrote(scan):
    assert run(scan).stdout == f"{scan}/report.html\n"
    assert (scan / "report.html").read_text().startswith("<!DOCTYPE html>")


def test_the_file_can_be_named(scan, tmp_path):
    assert run(scan, "-o", tmp_path / "r.html").stdout == f"{tmp_path}/r.html\n"
    assert (tmp_path / "r.html").exists()


def test_several_scans_share_a_page(scan, tmp_path):
    run(scan, write_scan(tmp_path / "wide"), "-o", tmp_path / "r.html")
    assert "<title>Scans lcd and wide</title>" in (tmp_path / "r.html").read_text()


def test_report_takes_an_experiment_file(tmp_path):
    write_scan(tmp_path / "scans" / "lcd")
    experiment = tmp_path / "experiment.yaml"
    experiment.write_text("name: lcd\ndata: {raw: raw, inputs: [ECAL]}\n")
    assert run(experiment).stdout == f"{tmp_path}/scans/lcd/report.html\n"


def test_no_scan_is_an_error(tmp_path):
    with pytest.raises(ScanError, match="no such scan"):
        run(tmp_path / "none")


@pytest.mark.parametrize("arguments", [[], ["x", "-o", "."]])
def test_a_wrong_command_line_is_refused(arguments):
    assert run(*arguments).exit_code == 2


def test_help_teaches_by_example():
    help_text = run("--help").stdout
    assert "    dlscan report scans/lcd-dense" in help_text.splitlines()
    assert max(map(len, help_text.splitlines())) <= 80
