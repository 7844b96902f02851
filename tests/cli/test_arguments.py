from pathlib import Path

import pytest

from dlscan.cli.arguments import names, scan_directory
from dlscan.errors import ConfigError

EXPERIMENT = "name: lcd-dense\noutput: results\ndata: {raw: raw, inputs: [ECAL]}\n"


def test_a_directory_stands_for_itself():
    assert scan_directory("scans/it's a scan") == Path("scans/it's a scan")


@pytest.mark.parametrize("name", ["lcd.yaml", "lcd.yml"])
def test_an_experiment_file_stands_for_the_scan_it_makes(tmp_path, name):
    (tmp_path / name).write_text(EXPERIMENT)
    assert scan_directory(str(tmp_path / name)) == tmp_path / "results/lcd-dense"


def test_a_directory_may_be_called_like_a_file(tmp_path):
    (tmp_path / "scan.yaml").mkdir()
    assert scan_directory(str(tmp_path / "scan.yaml")) == tmp_path / "scan.yaml"


def test_an_experiment_file_that_does_not_exist_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"lcd\.yaml: no such experiment file"):
        scan_directory(str(tmp_path / "lcd.yaml"))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Width,-Ele_AUC", ["Width", "-Ele_AUC"]),
        (" Model Name , Width,", ["Model Name", "Width"]),
        ('"A,B_AUC",Width', ["A,B_AUC", "Width"]),
        ("", []),
    ],
)
def test_names_are_split_at_commas(text, expected):
    assert names(text) == expected
