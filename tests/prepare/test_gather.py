"""The second pass: the same shards however many are gathered at once, and each run opened once."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dlscan.config import Experiment
from dlscan.prepare import layout, prepare, runs, tasks

Make = Callable[..., Experiment]


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """The runs that HDF5 opened, in the order of that."""
    found: list[Path] = []
    before = runs.open_hdf5

    def note(path: Path, *arguments: Any) -> Any:
        found.append(path)
        return before(path, *arguments)

    monkeypatch.setattr(runs, "open_hdf5", note)
    return found


def test_shards_are_the_same_however_many_are_gathered_at_once(
    make_experiment: Make, monkeypatch: pytest.MonkeyPatch, opened: list[Path]
) -> None:
    monkeypatch.setattr(tasks, "TASK_BYTES", 30_000)
    monkeypatch.setattr(layout, "SHARD_BYTES", 4096)
    contents = []
    for place, groups in (("one", 1000), ("several", 1)):
        monkeypatch.setattr(layout, "_GROUPS_OF_EACH", groups)
        opened.clear()
        experiment = make_experiment(f"data.prepared={place}")
        manifest = prepare(experiment, processes=1).manifest
        shards = sum(len(split.shards) for split in manifest.splits.values())
        together = layout.shards_together(tasks.run_bytes(1, 0), shards, 1)
        assert (together > 1) == (place == "several")
        assert shards > 8
        # runs times groups are read, but HDF5 looks at each run once
        assert len(opened) == len(set(opened)) > 2
        contents.append({path.name: path.read_bytes() for path in experiment.data.prepared.glob("*-*.h5")})
    assert contents[0] == contents[1]


@pytest.mark.parametrize(
    ("most", "shards", "processes", "expected"),
    [
        (32 * 2**20, 1000, 1, 1),
        (2**30, 1000, 1, 32),
        (2**30, 31_000, 16, 32),
        (2**30, 100, 8, 3),
        (2**30, 3, 8, 1),
    ],
)
def test_a_group_of_shards_is_no_longer_than_a_run_and_leaves_work_for_all(
    most: int, shards: int, processes: int, expected: int
) -> None:
    assert layout.shards_together(most, shards, processes) == expected


@pytest.mark.parametrize(
    ("total", "free", "expected"),
    [
        (10**6, 2**36, 2**25),
        (2**32, 2**36, 2**26),
        (2**34, 2**36, 2**27),
        (2**50, 2**36, 2**30),
        (2**34, 2**29, 2**26),
    ],
)
def test_runs_grow_as_the_root_of_the_data_as_far_as_memory_goes(
    monkeypatch: pytest.MonkeyPatch, total: int, free: int, expected: int
) -> None:
    monkeypatch.setattr(tasks, "free_memory", lambda: free)
    assert tasks.run_bytes(1, total) == expected
