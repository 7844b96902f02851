"""Events and samples of inputs whose events have different numbers of entries."""

import h5py
import numpy as np
import pytest
import yaml

from dlscan.analysis.events.read import feature_names, read_events
from dlscan.analysis.events.sample import read_sample
from dlscan.analysis.events.sample_text import sample_text
from dlscan.analysis.plots import show_data, show_event
from dlscan.config import Experiment, load
from dlscan.dataset import Manifest, fits
from dlscan.errors import ConfigError
from dlscan.prepare import prepare


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    home = tmp_path_factory.mktemp("entries")
    rng = np.random.default_rng(1)
    for label in ("a", "b"):
        (home / label).mkdir()
        tracks = np.zeros((60, 4), [("d0", "f4"), ("z0", "f4"), ("valid", "?")])
        tracks["d0"], tracks["z0"] = rng.normal(size=(2, 60, 4))
        tracks["valid"] = np.arange(4) < rng.integers(0, 5, (60, 1))
        with h5py.File(home / label / "a.h5", "w") as file:
            file["tracks"], file["x"] = tracks, rng.normal(size=(60, 2))
    inputs = {"x": {}, "tracks": {"dataset": "tracks", "fields": ["d0", "z0"], "valid": "valid"}}
    path = home / "a.yaml"
    data = {"raw": ".", "classes": {"a": "a", "b": "b"}, "inputs": inputs}
    path.write_text(yaml.safe_dump({"name": "a", "data": data}, sort_keys=False))
    prepare(load(path), processes=1)
    return load(path)


def test_an_event_has_the_entries_that_it_has(experiment: Experiment) -> None:
    shown = read_events(experiment, number=5, split="train")
    for event in shown.events:
        with h5py.File(experiment.data.raw / event.file) as file:
            tracks = file["tracks"][event.row]
        tracks = tracks[tracks["valid"]]
        np.testing.assert_array_equal(
            event.inputs["tracks"], np.stack([tracks["d0"], tracks["z0"]], axis=1).reshape(-1, 2)
        )
    assert shown.features["tracks"] == ("d0", "z0")
    assert len(show_event.draw(shown)) == 1


def test_a_sample_has_the_number_of_entries_and_means_over_them(experiment: Experiment) -> None:
    sample = read_sample(experiment, events=40)
    tracks = sample.inputs[1]
    assert list(tracks.features) == ["entries", "mean d0", "mean z0"]
    counts = tracks.features["entries"]
    assert set(counts) == {0, 1, 2, 3, 4}
    assert (np.isnan(tracks.features["mean d0"]) == (counts == 0)).all()
    assert "mean d0" in sample_text(sample)
    assert show_data.draw(sample)


def test_trees_refuse_entries(experiment: Experiment) -> None:
    manifest = Manifest.of(experiment)
    assert feature_names(experiment, manifest, "tracks") == ("d0", "z0")
    assert experiment.file is not None
    with pytest.raises(ConfigError, match="bdt needs as many values for every event, and tracks has"):
        fits.require_families(manifest, load(experiment.file, ["model.family=bdt"]))
    fits.require_families(manifest, load(experiment.file, ["model.family=bdt", "model.inputs=[x]"]))
