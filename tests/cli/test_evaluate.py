import json
import runpy
from pathlib import Path

import pytest

FAKES = runpy.run_path(str(Path(__file__).parents[1] / "analysis" / "fakes.py"))


@pytest.fixture
def scan(tmp_path):
    return FAKES["write_scan"](tmp_path / "it's a scan")


def records(scan):
    return sorted(scan.glob("points/*/record.json"))


def make_old(path):
    record = json.loads(path.read_text())
    del record["errors"]
    path.write_text(json.dumps(record))


def test_evaluate_says_how_many_records_it_updated(scan, dlscan):
    for path in records(scan)[:3]:
        make_old(path)

    first, second = dlscan("evaluate", scan), dlscan("evaluate", scan)

    assert (first.returncode, first.stderr) == (0, "")
    assert first.stdout == f"{scan}: 4 points measured, 3 records updated\n"
    assert second.stdout == f"{scan}: 4 points measured, 0 records updated\n"


def test_evaluate_measures_only_the_points_that_are_asked_for(scan, dlscan):
    for path in records(scan):
        make_old(path)

    done = dlscan("evaluate", scan, "--point", 2, 3)

    assert done.stdout == f"{scan}: 2 points measured, 2 records updated\n"
    assert ["errors" in json.loads(path.read_text()) for path in records(scan)] == [False, True, True, False]


def test_evaluate_names_the_points_without_scores_in_one_line(scan, dlscan):
    for path in records(scan)[:2]:
        (path.parent / "predictions.h5").unlink()

    done = dlscan("evaluate", scan)

    assert done.returncode == 1
    assert done.stdout == f"{scan}: 2 points measured, 0 records updated\n"
    assert done.stderr == "Error: not measured: points 1, 2: predictions.h5 is missing\n"


def test_evaluate_of_a_point_that_is_not_there_names_those_that_are(scan, dlscan):
    done = dlscan("evaluate", scan, "--point", 9)

    assert done.returncode == 2
    assert done.stderr == "Error: --point 9: no finished point has this number; finished: 1, 2, 3, 4\n"
