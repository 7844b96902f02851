"""A scan of networks and boosted trees on the command line, from its plan to its report."""

import re

import numpy as np
import pytest
import yaml

import dlscan as package
from tests.conftest import write_raw


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A finished scan: a network, trees of two seeds each with a share of the features, and other trees."""
    home = tmp_path_factory.mktemp("both")
    write_raw(home / "raw", events=80)
    content = {
        "name": "both",
        "data": {"raw": "raw", "inputs": ["HCAL"], "extras": ["target"]},
        "model": {"depth": 1, "features": 0.5, "trees": 5},
        "train": {"epochs": 6, "batch_size": 64},
        "scan": {
            "grid": {"model": [{"family": "dense", "width": 8}, {"family": "bdt", "leaves": 4}]},
            "repeats": 2,
        },
        "stream": {"workers": 0},
        "batch": {"models_per_job": 4},
    }
    (home / "both.yaml").write_text(yaml.safe_dump(content))
    return home


def test_dry_run_scan_table_report_and_model(home, dlscan):
    file = home / "both.yaml"
    assert dlscan("prepare", file, "--workers", 1).returncode == 0
    dry = dlscan(
        "scan", file, "batch.models_per_job=1", "--dry-run", "model={family: bdt}", "scan={}", "name=one"
    )
    assert "1 point in 1 job" in dry.stderr
    unused = "train.batch_size, train.epochs: the family bdt does not use them"
    one = dlscan("scan", file, "model={family: bdt, trees: 2}", "scan={}", "name=one")
    assert unused in one.stderr
    assert "Estimated from the speed of a typical machine" in dry.stderr
    ran = dlscan("scan", file)
    assert ran.returncode == 0, ran.stderr
    assert unused not in ran.stderr
    assert "4 of 4 points done" in ran.stdout + ran.stderr

    shown = dlscan("table", file, "--versus", "1", "--format", "csv")
    # fewer rounds than networks have epochs are not too few
    assert "still to train" not in shown.stderr
    table = shown.stdout.splitlines()
    # what only one of the families has is no column, unless it is varied
    assert table[0].startswith("Model Name,Family,Width,Leaves,Seed,Epochs,")
    rows = [line.split(",")[1:5] for line in table[1:]]
    assert sorted(rows) == [[*own, seed] for own in (["bdt", "", "4"], ["dense", "8", ""]) for seed in "12"]
    assert re.search(r"Mean_AUC_Diff.*Mean_AUC_z", table[0])

    # repeats of trees may differ in size
    sizes = dlscan("table", file, "--columns", "Family,Parameters", "--format", "csv").stdout.splitlines()
    leaves = next(line for line in sizes if ",bdt," in line).split(",")[2]
    assert 5 * 3 * 2 <= float(leaves) <= 5 * 3 * 4

    assert "done" in dlscan("status", file).stdout
    model = dlscan("show", "model", file, 3).stdout
    assert "both/points/0003-" in model.splitlines()[0]
    assert model.splitlines()[0].endswith("best.h5")
    assert re.search(r"HCAL\[\d\] +1 +\d+ +\d+\.\d %", model)
    assert re.search(r"5 rounds, 15 trees, \d+ leaves; at most [23] cuts from root to leaf", model)
    assert "0 records updated" in dlscan("evaluate", file).stdout
    report = dlscan("report", file, "-o", home / "report.html")
    assert report.returncode == 0, report.stderr

    forest = package.load(str(file)).model(3)
    found = package.load(str(file)).predictions(3)
    assert forest.rounds == 5
    assert forest.scores({"HCAL": np.zeros((2, 7), np.float32)}).sum(axis=1) == pytest.approx([1, 1])
    assert found.scores.shape[1] == 3
