"""Whole scans, timed: small ones, and what is refused."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from benchmarks.generate import SIDES, generate
from benchmarks.packs.report import complete
from benchmarks.packs.scans import Scan, first_models, make_scans
from benchmarks.packs.watch import CommandFailed, watch
from benchmarks.packs.ways import Trained, Wrong, require_like
from tests.slow import slow

TOP = Path(__file__).parents[2]


@pytest.fixture
def scan() -> Scan:
    """Two models of a table."""
    return first_models(make_scans(quick=True, events=300, epochs=1)["tabular20"], 2)


def trained(scan: Scan) -> list[Trained]:
    """What a way should have trained."""
    return [Trained(width, depth, 100, scan.epochs, 0.9) for width, depth in scan.models]


@slow
def test_tiny_scan_is_trained_alike_in_every_way(tmp_path: Path) -> None:
    """Few events teach nothing, so that no area is compared."""
    size = ["--models", "2", "--epochs", "1", "--events", "300", "--auc-within", "1", "--cpus", "1"]
    places = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    ways = ["--way", "keras", "--way", "single", "--way", "pack"]
    command = [sys.executable, "-m", "benchmarks.packs", "--quick", "--scan", "tabular20"]
    done = subprocess.run(
        [*command, *size, *places, *ways], cwd=TOP, capture_output=True, text=True, timeout=600, check=False
    )

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "packs-part.md").read_text() in done.stdout
    (found,) = json.loads((tmp_path / "out" / "packs-part.json").read_text())["scans"]
    rows = {row["way"]: row for row in found["rows"]}
    assert {name: row["jobs"] for name, row in rows.items()} == {"keras": None, "single": 2, "pack": 1}
    assert found["events"] == {"train": 480, "validation": 60, "test": 60}
    assert all(row["to_peer"] > 0 and row["peak"] > 0 for row in rows.values())
    assert rows["single"]["to_single"] == 1
    weights = [[model["parameters"] for model in row["turns"][0]["models"]] for row in rows.values()]
    assert weights == [[106, 178]] * 3


def fewer(trained: list[Trained]) -> list[Trained]:
    return trained[:1]


def for_fewer_epochs(trained: list[Trained]) -> list[Trained]:
    return [trained[0], dataclasses.replace(trained[1], epochs=0)]


def worse(trained: list[Trained]) -> list[Trained]:
    return [trained[0], dataclasses.replace(trained[1], auc=0.87)]


def smaller(trained: list[Trained]) -> list[Trained]:
    return [trained[0], dataclasses.replace(trained[1], parameters=99)]


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        (fewer, "1 of 2 networks"),
        (for_fewer_epochs, "depth 2: 0 epochs of 1"),
        (worse, "depth 2: an area of 0.870, the peer's is 0.900"),
        (smaller, "depth 2: 99 weights, the peer's has 100"),
    ],
)
def test_way_that_trains_something_else_is_refused(change: Any, complaint: str, scan: Scan) -> None:
    require_like(trained(scan), scan, trained(scan), within=0.02)

    with pytest.raises(Wrong, match=complaint):
        require_like(change(trained(scan)), scan, trained(scan), within=0.02)


def test_trainable_files_say_what_each_event_is_for_and_carry_no_numbers(scan: Scan, tmp_path: Path) -> None:
    generate(tmp_path, [scan.case], 1)

    with h5py.File(scan.case.paths(tmp_path)[1][0]) as file:
        sides = file["split"][()]
        first = file["features"][:, 0]
    assert np.bincount(sides).tolist() == [240, 30, 30]
    assert [sides[0], sides[240], sides[270]] == [SIDES[name] for name in ("train", "validation", "test")]
    assert abs(first).max() < 10, "the number of an event tells its class"


def test_ratios_are_to_the_fastest_peer_and_to_one_point_a_job() -> None:
    rows: list[dict[str, Any]] = [
        {"way": "keras", "role": "peer", "seconds": 40.0},
        {"way": "keras-processes", "role": "peer", "seconds": 30.0},
        {"way": "keras-memory", "role": "aside", "seconds": 1.0},
        {"way": "single", "role": "dlscan", "seconds": 10.0},
        {"way": "pack", "role": "dlscan", "seconds": 5.0},
        {"way": "auto", "role": "dlscan", "error": "broken"},
    ]
    complete({"rows": rows})

    assert [row.get("to_peer") for row in rows] == [0.75, 1.0, 30.0, 3.0, 6.0, None]
    assert [row.get("to_single") for row in rows] == [None, None, None, 1.0, 2.0, None]


def test_command_that_fails_is_told_with_its_last_line(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with pytest.raises(CommandFailed, match="exit code 3: no such thing"):
        watch([sys.executable, "-c", "print('no such thing'); raise SystemExit(3)"], frozenset({0}), log)
