"""What is made of the measurements."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from benchmarks.report import complete
from benchmarks.timing import Clock

TOP = Path(__file__).parents[2]


def row(reader: str, role: str, rate: float) -> dict[str, Any]:
    return {"reader": reader, "role": role, "rate": rate}


def test_ratio_is_to_the_best_peer_and_share_is_of_the_limit_that_fits() -> None:
    rows = [
        row("h5py", "peer", 10.0),
        row("torch-files", "peer", 20.0),
        {"reader": "tf-map", "role": "peer", "error": "broken"},
        row("dlscan-index", "dlscan", 100.0),
        row("dlscan-prepared", "dlscan", 400.0),
        row("limit-inflate", "limit", 200.0),
        row("limit-set", "limit", 1600.0),
    ]
    case = {"compressed": True, "readers": rows}
    complete(case)

    found = {row["reader"]: row for row in rows}
    assert case["best_peer"] == "torch-files"
    assert found["h5py"]["ratio"] == pytest.approx(0.5)
    assert found["dlscan-index"]["ratio"] == pytest.approx(5)
    assert found["dlscan-index"]["share"] == pytest.approx(0.5)
    assert found["dlscan-prepared"]["share"] == pytest.approx(0.25)
    assert "ratio" not in found["tf-map"]


@pytest.mark.parametrize("limit", ["limit-copy", "limit-gather"])
def test_share_of_what_is_not_compressed_is_of_copying_it(limit: str) -> None:
    rows = [
        row("dlscan-index", "dlscan", 100.0),
        row("dlscan-prepared", "dlscan", 400.0),
        row("limit-inflate", "limit", 1000.0),
        row("limit-set", "limit", 1600.0),
        row(limit, "limit", 500.0),
    ]
    complete({"compressed": False, "readers": rows})
    assert [one["share"] for one in rows[:2]] == pytest.approx([0.2, 0.8])

    complete({"compressed": True, "readers": rows})
    assert [one["share"] for one in rows[:2]] == pytest.approx([0.1, 0.25])


def test_clock_counts_neither_the_first_batches_nor_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    # start; then batches of 100 events arrive at these seconds
    arrivals = iter([0.0, 2.0, 2.1, 2.5, 3.0, 3.5, 4.5, 99.0])
    monkeypatch.setattr("time.perf_counter", lambda: next(arrivals))
    clock = Clock(warm=0.5, seconds=1.0, batches=3)
    batches = 1
    while clock(100, {}, None):
        batches += 1
    turn = clock.turn()

    assert batches == 6
    assert turn.first == pytest.approx(2.0)
    assert (turn.events, turn.seconds) == (300, pytest.approx(2.0))
    assert turn.rate == pytest.approx(150.0)


def run(tmp_path: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
    places = ["--data", str(tmp_path / "data"), "--out", str(tmp_path / "out")]
    command = [sys.executable, "-m", "benchmarks", *places, *arguments]
    return subprocess.run(command, cwd=TOP, capture_output=True, text=True, timeout=300, check=False)


def test_command_writes_tables_as_markdown_and_json(tmp_path: Path) -> None:
    options = ["--quick", "--rounds", "1", "--seconds", "0.05", "--tabular-events", "8000"]
    readers = ["--reader", "h5py", "--reader", "dlscan-prepared", "--reader", "limit-set"]
    done = run(tmp_path, *options, "--case", "tabular10-plain", *readers)

    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "part.md").read_text() in done.stdout
    result = json.loads((tmp_path / "out" / "part.json").read_text())
    (case,) = result["cases"]
    assert [row["reader"] for row in case["readers"]] == ["h5py", "dlscan-prepared", "limit-set"]
    assert [row["checked"] for row in case["readers"]] == [200, 8000, 0]
    assert case["readers"][1]["ratio"] > 0
    assert result["versions"]["h5py"]
    assert result["prepare"][0]["events"] == 8000


def test_unknown_case_lists_those_there_are(tmp_path: Path) -> None:
    done = run(tmp_path, "--case", "lcd-gz33")

    assert done.returncode == 2
    assert "lcd-gz32" in done.stderr
