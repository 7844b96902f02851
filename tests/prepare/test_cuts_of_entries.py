"""Cuts on constituents: fields of padded arrays, HDF5's lists, and entries with offsets."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import Experiment, load
from dlscan.errors import BadFilesError, ConfigError
from dlscan.prepare import prepare
from dlscan.stream import Batches

EVENTS = 300
INPUTS = {
    "x": {},
    "lists": {"longest": 9},
    "hits": {"dataset": "all/hits", "offsets": "all/index", "fields": ["t", "z"], "longest": 9},
}


@pytest.fixture
def truth(tmp_path: Path) -> dict[str, Any]:
    """What the file of `make` holds, event by event."""
    rng = np.random.default_rng(5)
    jets = np.zeros(EVENTS, [("pt", "f4"), ("flavour", "i1")])
    jets["pt"], jets["flavour"] = rng.exponential(30, EVENTS), np.arange(EVENTS) % 2
    tracks = np.zeros((EVENTS, 5), [("pt", "<f8"), ("valid", "?")])
    tracks["pt"], tracks["valid"] = rng.exponential(3, (EVENTS, 5)), rng.random((EVENTS, 5)) < 0.5
    lists = [rng.exponential(3, size).astype(np.float32) for size in rng.integers(0, 6, EVENTS)]
    hits = [rng.normal(size=(size, 2)).astype(np.float32) for size in rng.integers(0, 4, EVENTS)]
    (tmp_path / "raw").mkdir()
    with h5py.File(tmp_path / "raw/a.h5", "w") as handle:
        handle["jets"], handle["tracks"] = jets, tracks
        handle["x"] = np.arange(EVENTS, dtype=np.float32)
        stored = handle.create_dataset("lists", EVENTS, h5py.vlen_dtype(np.float32))
        for row, values in enumerate(lists):
            stored[row] = values
        handle["all/hits"] = np.concatenate(hits)
        handle["all/index"] = np.concatenate([[0], np.cumsum([len(own) for own in hits])])
    return {"jets": jets, "tracks": tracks, "lists": lists, "hits": hits}


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., Experiment]:
    def write(where: str, **data: Any) -> Experiment:
        labels = {"column": "jets.flavour", "classes": {"even": 0, "odd": 1}}
        content = {"raw": "raw", "inputs": INPUTS, "labels": labels, "where": where, **data}
        (tmp_path / "e.yaml").write_text(yaml.safe_dump({"name": "e", "data": content}))
        return load(tmp_path / "e.yaml")

    return write


@pytest.mark.parametrize("index_only", [False, True], ids=["prepared", "index"])
def test_cuts_see_the_entries_of_each_event(
    truth: dict[str, Any], make: Callable[..., Experiment], index_only: bool
) -> None:
    cuts = {
        "any(tracks.valid and tracks.pt > 4)": (truth["tracks"]["valid"] & (truth["tracks"]["pt"] > 4)).any(
            axis=1
        ),
        "any(lists > 5)": [bool((own > 5).any()) for own in truth["lists"]],
        "len(lists) >= 2 and jets.pt > 20": [
            len(own) >= 2 and pt > 20 for own, pt in zip(truth["lists"], truth["jets"]["pt"], strict=True)
        ],
    }
    cuts["all(hits.z > -1) and sum(hits.t) < 1"] = [
        bool((own[:, 1] > -1).all() and own[:, 0].sum(dtype=float) < 1) for own in truth["hits"]
    ]
    for where, passes in cuts.items():
        experiment = make(where)
        manifest = prepare(experiment, processes=1, index_only=index_only).manifest
        expected = np.flatnonzero(passes)
        found = []
        for split in manifest.splits:
            with Batches(experiment.data.prepared, split, workers=0, shuffle=False) as batches:
                found += [batch.inputs["x"] for batch in batches.epoch(0)]
        np.testing.assert_array_equal(np.sort(np.concatenate(found)), expected)
        assert 20 < len(expected) < 280


def test_lists_that_differ_in_length_are_not_compared(
    truth: dict[str, Any], make: Callable[..., Experiment]
) -> None:
    with pytest.raises(BadFilesError) as caught:
        prepare(make("any(lists > hits.t)", resample={"in": "jets.pt", "bins": 1}), processes=1)
    ((path, reason),) = caught.value.bad
    assert path.name == "a.h5"
    assert "'lists > hits.t' puts together events with different numbers of constituents" in reason


def test_resampling_regards_such_cuts_too(truth: dict[str, Any], make: Callable[..., Experiment]) -> None:
    experiment = make("any(lists > 2)", resample={"in": "jets.pt", "bins": 3})
    manifest = prepare(experiment, processes=1).manifest
    before = np.array(manifest.resampled.before).sum(axis=1)
    np.testing.assert_array_equal(before, manifest.splits["train"].counts)


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ("lists > 3", "for each of several constituents"),
        ("any(hits > 3)", "data.where"),
        ("any(tracs.pt > 3)", "did you mean 'tracks'?"),
        ("any(tracks.p > 3)", "has no field 'p' in tracks; valid: pt, valid"),
    ],
)
def test_a_cut_on_entries_that_cannot_be_is_one_line(
    truth: dict[str, Any], make: Callable[..., Experiment], where: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(make(where), processes=1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)
