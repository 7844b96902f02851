"""Offsets that say something else than they are taken for: one line, not wrong events."""

from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import load
from dlscan.errors import BadFilesError
from dlscan.prepare import prepare
from dlscan.stream import Batches

LENGTHS = np.array([2, 1, 3] * 20)
ENDS = np.cumsum(LENGTHS)


def prepared(home: Path, offsets: Any, entries: int, with_events: bool) -> None:
    """Prepare two classes of files with these offsets."""
    for label in ("a", "b"):
        (home / "raw" / label).mkdir(parents=True)
        with h5py.File(home / "raw" / label / "0.h5", "w") as file:
            file["hits"] = np.ones((entries, 2), "f4")
            file["offsets"] = offsets
            file["x"] = np.arange(len(LENGTHS), dtype="f4")
    inputs = {"hits": {"offsets": "offsets", "longest": 4, "fields": ["t", "z"]}}
    data = {"raw": "raw", "inputs": {**inputs, **({"x": {}} if with_events else {})}}
    (home / "e.yaml").write_text(yaml.safe_dump({"name": "e", "data": data}))
    prepare(load(home / "e.yaml"), processes=1)


@pytest.mark.parametrize(
    ("offsets", "entries", "with_events", "reason"),
    [
        (
            ENDS - LENGTHS,
            120,
            True,
            "offsets ends with 117, but hits has 120 entries: its numbers must say where each event ends",
        ),
        (
            ENDS,
            120,
            False,
            "offsets begins with 2 instead of 0: its 60 numbers must say where each of 59 events begins, and "
            "the end",
        ),
        (
            np.concatenate([[0], ENDS]),
            125,
            True,
            "offsets ends with 120, but hits has 125 entries: its numbers must say where each event begins, "
            "and the end",
        ),
    ],
    ids=["starts", "ends", "too many entries"],
)
def test_offsets_that_do_not_lead_to_all_entries_are_refused(
    tmp_path: Path, offsets: Any, entries: int, with_events: bool, reason: str
) -> None:
    with pytest.raises(BadFilesError) as caught:
        prepared(tmp_path, offsets, entries, with_events)
    assert {found for _, found in caught.value.bad} == {reason}


@pytest.mark.parametrize("offsets", [ENDS, np.concatenate([[0], ENDS])], ids=["ends", "edges"])
def test_offsets_that_do_are_taken(tmp_path: Path, offsets: Any) -> None:
    prepared(tmp_path, offsets, 120, True)


@pytest.mark.parametrize("names", [("start", "stop"), ("first", "count")], ids="-".join)
def test_events_without_entries_may_begin_anywhere(tmp_path: Path, names: tuple[str, str]) -> None:
    """As in the indices of IceTray's files, where they go from 0 to 0."""
    lengths = np.where(np.arange(60) % 4 == 3, 0, LENGTHS)
    ends = np.cumsum(lengths)
    index = np.zeros(60, [("Event", "u4"), (names[0], "u8"), (names[1], "u8")])
    index[names[0]] = np.where(lengths, ends - lengths, 0)
    index[names[1]] = lengths if names[1] == "count" else np.where(lengths, ends, 0)
    entries = np.zeros(ends[-1], [("time", "f8"), ("charge", "f4")])
    entries["time"], entries["charge"] = np.arange(len(entries)), -np.arange(len(entries))
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        with h5py.File(tmp_path / "raw" / label / "0.h5", "w") as file:
            file["hits"], file["index/hits"] = entries, index
    inputs = {"hits": {"fields": ["charge", "time"], "offsets": "index/hits", "longest": 2}}
    for index_only in (False, True):
        data = {"raw": "raw", "inputs": inputs, "prepared": f"{index_only}"}
        (tmp_path / "e.yaml").write_text(yaml.safe_dump({"name": "e", "data": data}))
        prepare(load(tmp_path / "e.yaml"), processes=1, index_only=index_only)
        with Batches(tmp_path / f"{index_only}", "train", batch_size=500, workers=0, extras=True) as batches:
            arrays = next(iter(batches.epoch(0, last=True))).arrays()
        rows = arrays["sources"][:, 1]
        assert len({*rows.tolist()}) > 40
        for row, values, mask in zip(rows, arrays["inputs/hits"], arrays["masks/hits"], strict=True):
            times = np.arange(ends[row] - lengths[row], ends[row])[:2]
            np.testing.assert_array_equal(values[mask], np.stack([-times, times], axis=1))


def test_records_that_run_backwards_are_refused(tmp_path: Path) -> None:
    index = np.zeros(60, [("start", "i8"), ("stop", "i8")])
    index["start"], index["stop"] = ENDS - LENGTHS, ENDS
    index[8], index[9] = (0, 0), (14, 18)
    with pytest.raises(BadFilesError, match=r"offsets runs backwards in row 9: from 14 to 18 after 15"):
        prepared(tmp_path, index, 120, True)


def test_vectors_of_lh5_files_need_nothing_else(tmp_path: Path) -> None:
    """A vector of vectors is a group of two datasets, of which the lengths so far have no 0 in front."""
    waves = [np.arange(length, dtype="u2") + 7 for length in LENGTHS]
    for label in ("a", "b"):
        (tmp_path / "raw" / label).mkdir(parents=True)
        with h5py.File(tmp_path / "raw" / label / "0.lh5", "w") as file:
            group = file.create_group("ch1/raw/waveform/values")
            group["flattened_data"], group["cumulative_length"] = np.concatenate(waves), ENDS.astype("u4")
    place = "ch1/raw/waveform/values"
    wave = {
        "dataset": f"{place}/flattened_data",
        "offsets": f"{place}/cumulative_length",
        "longest": 3,
    }
    data = {"raw": "raw", "files": "*.lh5", "inputs": {"wave": wave}}
    (tmp_path / "e.yaml").write_text(yaml.safe_dump({"name": "e", "data": data}))
    prepare(load(tmp_path / "e.yaml"), processes=1)
    with Batches(tmp_path / "prepared/e", "train", batch_size=500, workers=0, extras=True) as batches:
        (batch,) = batches.epoch(0, last=True)
        arrays = batch.arrays()
    for row, values, mask in zip(
        arrays["sources"][:, 1], arrays["inputs/wave"], arrays["masks/wave"], strict=True
    ):
        np.testing.assert_array_equal(values[mask, 0], waves[row])
