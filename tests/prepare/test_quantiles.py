"""Quantiles of vectors: of training events alone, the same whoever measures them."""

import json
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment
from dlscan.dataset import RANKS, Manifest, fits
from dlscan.errors import ConfigError
from dlscan.prepare import layout, prepare, tasks
from dlscan.stream import Batches

Make = Callable[..., Experiment]


@pytest.fixture
def raw(tmp_path: Path) -> Path:
    rng = np.random.default_rng(1)
    for label in "AB":
        (tmp_path / "raw" / label).mkdir(parents=True)
        for number in range(3):
            with h5py.File(tmp_path / "raw" / label / f"{number}.h5", "w") as file:
                file["v"] = np.exp(rng.normal(size=(400, 2)) * [1, 8])
                file["n"] = rng.normal(size=400)
                file["image"] = rng.normal(size=(400, 2, 2))
    return tmp_path / "raw"


def experiment(raw: Path, name: str, v: str = "standard", image: str = "standard") -> Experiment:
    from dlscan.config.loading import experiment_from

    data = {
        "raw": str(raw),
        "classes": {"A": "A", "B": "B"},
        "inputs": ["v", "n", "image"],
        "normalize": {"v": v, "image": image},
        "split": {"train": 0.6, "validation": 0.2, "test": 0.2, "seed": 1},
    }
    return experiment_from({"name": name, "data": data}, raw.parent / f"{name}.yaml")


def test_quantiles_are_those_of_the_training_events(raw: Path) -> None:
    made = experiment(raw, "e")
    manifest = prepare(made).manifest
    with Batches(made.data.prepared, split="train", workers=0, shuffle=False) as batches:
        values = np.concatenate([batch.inputs["v"].copy() for batch in batches.epoch(0)])
    expected = np.quantile(values.astype(np.float64), RANKS, axis=0).T
    np.testing.assert_allclose(manifest.statistics["v"].quantiles, expected, rtol=1e-6)
    assert len(manifest.statistics["n"].quantiles) == 1
    assert manifest.statistics["image"].quantiles == ()
    assert Manifest.read(made.data.prepared) == manifest


def test_a_sample_is_the_same_for_any_number_of_processes_and_for_an_index(
    raw: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "_SAMPLED_EVENTS", 200)
    monkeypatch.setattr(tasks, "TASK_BYTES", 5000)
    one = prepare(experiment(raw, "one"), processes=1).manifest.statistics["v"].quantiles
    index = prepare(experiment(raw, "index"), index_only=True, processes=2).manifest.statistics["v"].quantiles
    assert one == index
    assert one[0][0] == prepare(experiment(raw, "one")).manifest.statistics["v"].minimum[0]
    # 200 of 1,440 training events: a quarter of a standard deviation at the median
    assert np.log(one[1][len(RANKS) // 2]) == pytest.approx(0, abs=2)


def test_a_dataset_of_an_older_version_is_measured_once_more_when_quantiles_are_wanted(raw: Path) -> None:
    made = experiment(raw, "e")
    prepare(made)
    file = made.data.prepared / "manifest.json"
    old = json.loads(file.read_text())
    for item in old["statistics"].values():
        del item["quantiles"]
    file.write_text(json.dumps(old))
    assert not prepare(made).built
    wanted = experiment(raw, "e", "quantile")
    with pytest.raises(ConfigError, match=r"data\.normalize: an older version of dlscan prepared v"):
        fits.require(Manifest.read(made.data.prepared), wanted)
    assert prepare(wanted).built
    fits.require(Manifest.read(made.data.prepared), wanted)


def test_quantiles_of_an_image_are_refused(raw: Path) -> None:
    made = experiment(raw, "e", image="quantile")
    with pytest.raises(ConfigError, match=r"quantile is only for vectors, but image has the shape 2x2"):
        prepare(made)
