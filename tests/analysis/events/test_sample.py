"""Events summed up for a look at the data."""

import h5py
import numpy as np
import pytest
import yaml

from dlscan.analysis.events import sample as samples
from dlscan.analysis.events.sample import read_sample
from dlscan.analysis.events.sample_text import sample_text
from dlscan.analysis.plots import show_data, style
from dlscan.config import load
from dlscan.errors import ConfigError, UsageError
from dlscan.prepare import prepare

SHAPES = {
    "volume": (3, 4, 5),
    "image": (6, 7, 1),
    "vector": (15,),
    "number": (),
    "channels": (2, 2, 2, 2),
}
EVENTS = {"A": 90, "B": 60}


def write_events(directory, label, events):
    """One file; a value tells its class, and no sum is that of another event."""
    directory.mkdir(parents=True)
    rng = np.random.default_rng(label)
    with h5py.File(directory / "events.h5", "w") as file:
        for name, shape in SHAPES.items():
            values = rng.exponential(1 + label, (events, *shape)) * (rng.random((events, *shape)) < 0.6)
            file[name] = values.astype(np.float32)


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """Two classes, an input of every kind, prepared."""
    home = tmp_path_factory.mktemp("sample")
    for label, (name, events) in enumerate(EVENTS.items()):
        write_events(home / "raw" / name, label, events)
    content = {"name": "kinds", "data": {"raw": "raw", "inputs": list(SHAPES), "prepared": "prepared"}}
    (home / "kinds.yaml").write_text(yaml.safe_dump(content))
    loaded = load(home / "kinds.yaml", ["data.split={train: 0.8, validation: 0.1, test: 0.1}"])
    prepare(loaded, processes=1)
    return loaded


@pytest.fixture(scope="module")
def whole(experiment):
    """All events of the training split."""
    return read_sample(experiment)


def of(sample, name):
    return next(part for part in sample.inputs if part.name == name)


def raw_rows(experiment, name):
    """All raw events, by class."""
    rows = {}
    for label in EVENTS:
        with h5py.File(experiment.data.raw / label / "events.h5") as file:
            rows[label] = file[name][:].astype(np.float64)
    return rows


def test_every_event_of_a_split_is_counted_once(whole):
    assert len(whole) == whole.manifest.splits["train"].events
    assert [int(chosen.sum()) for chosen in whole.classes.values()] == list(
        whole.manifest.splits["train"].counts
    )


@pytest.mark.parametrize("name", SHAPES)
def test_sums_and_occupancies_are_those_of_raw_events(experiment, whole, name):
    part = of(whole, name)
    for label, values in raw_rows(experiment, name).items():
        flat = values.reshape(len(values), -1)
        known = np.column_stack([flat.sum(axis=1), (flat != 0).mean(axis=1)])
        chosen = whole.classes[label]
        for found in np.column_stack([part.sums[chosen], part.occupancy[chosen]]):
            assert np.isclose(known, found, rtol=1e-5).all(axis=1).any()


@pytest.mark.parametrize(("name", "lengths"), [("volume", [3, 4, 5]), ("image", [6, 7]), ("vector", [])])
def test_a_profile_runs_along_its_axis_and_adds_up(whole, name, lengths):
    part = of(whole, name)
    assert [profile.shape for profile in part.profiles] == [(len(whole), length) for length in lengths]
    for profile in part.profiles:
        np.testing.assert_allclose(profile.sum(axis=1), part.sums, rtol=1e-5)


def test_a_profile_is_that_of_its_axis(experiment, whole):
    values = raw_rows(experiment, "volume")["A"]
    first = of(whole, "volume").profiles[0][whole.classes["A"]][0]
    assert np.isclose(values.sum(axis=(2, 3)), first, rtol=1e-5).all(axis=1).any()


def test_the_mean_image_agrees_with_its_profiles(whole):
    part = of(whole, "image")
    assert part.shape == (6, 7)
    for image, chosen in zip(part.images, whole.classes.values(), strict=True):
        np.testing.assert_allclose(image.sum(axis=1), part.profiles[0][chosen].mean(axis=0), rtol=1e-5)
        np.testing.assert_allclose(image.sum(axis=0), part.profiles[1][chosen].mean(axis=0), rtol=1e-5)


def test_a_class_without_events_has_no_mean_image(experiment):
    sample = read_sample(experiment, events=1)
    images = of(sample, "image").images
    assert [bool(np.isnan(image).all()) for image in images] == [
        label != sample.labels[0] for label in (0, 1)
    ]
    assert len(sample.classes) == 1


def test_all_values_of_a_vector_are_looked_at(whole, experiment, monkeypatch):
    assert list(of(whole, "vector").features) == [f"vector[{number}]" for number in range(15)]
    assert "vector[14]" in sample_text(whole)
    assert "more" not in sample_text(whole)
    # of a huge one as many as memory is meant for
    monkeypatch.setattr(samples, "_MOST_NUMBERS", 7 * len(whole))
    part = read_sample(experiment)
    assert list(of(part, "vector").features) == [f"vector[{number}]" for number in range(7)]
    assert "... and 8 more" in sample_text(part)


def test_values_of_a_vector_and_a_number_are_those_of_the_events(whole):
    assert list(of(whole, "number").features) == ["number"]
    np.testing.assert_allclose(of(whole, "number").features["number"], of(whole, "number").sums)


def test_a_part_of_a_split_is_what_was_asked_for(experiment):
    few = read_sample(experiment, events=17, seed=2)
    assert len(few) == 17
    assert (
        of(few, "volume").sums.tolist()
        == of(read_sample(experiment, events=17, seed=2), "volume").sums.tolist()
    )
    assert (
        of(few, "volume").sums.tolist()
        != of(read_sample(experiment, events=17, seed=3), "volume").sums.tolist()
    )


def test_more_events_than_there_are_is_said(experiment, caplog):
    sample = read_sample(experiment, "validation", events=5000)
    assert len(sample) == sample.manifest.splits["validation"].events
    assert f"split validation has only {len(sample)} events, not 5,000; all are shown" in caplog.text


def test_an_unknown_split_is_refused_with_the_nearest(experiment):
    with pytest.raises(UsageError, match="did you mean 'train'"):
        read_sample(experiment, "trian")


def test_the_text_has_mean_and_spread_of_each_class(whole):
    text = sample_text(whole)
    chosen = whole.classes["B"]
    part = of(whole, "volume")
    occupancy = 100 * part.occupancy[chosen]
    row = next(line for line in text.splitlines() if line.startswith("volume") and " B " in line)
    assert row.split() == [
        "volume", "3x4x5", "B", str(chosen.sum()),
        f"{occupancy.mean():.4g}", "±", f"{occupancy.std():.2g}", "%",
        f"{part.sums[chosen].mean():.4g}", "±", f"{part.sums[chosen].std():.2g}",
    ]  # fmt: skip
    assert any(line.startswith("vector[14] ") for line in text.splitlines())


def test_the_sum_of_a_vector_is_not_shown(whole):
    row = next(line for line in sample_text(whole).splitlines() if line.startswith("vector "))
    assert row.endswith(" -")


def test_targets_are_those_of_the_events(experiment):
    """The scalar input is a target here: what is true of an event is read with it."""
    home = experiment.data.raw.parent
    content = {
        "name": "energies",
        "data": {"raw": "raw", "inputs": ["vector"], "extras": ["number", "image"], "prepared": "extras"},
        "task": {"kind": "regress", "targets": {"Energy": "number", "Pixel": "image[:,1,2,0]"}},
    }
    (home / "energies.yaml").write_text(yaml.safe_dump(content))
    loaded = load(home / "energies.yaml", ["data.split={train: 0.8, validation: 0.1, test: 0.1}"])
    prepare(loaded, processes=1)
    sample = read_sample(loaded)
    rows = {tuple(row) for row in zip(*(_all_of(home, name) for name in ("number", "image")), strict=True)}
    assert {*zip(sample.targets["Energy"], sample.targets["Pixel"], strict=True)} <= rows
    (line,) = [line for line in sample_text(sample).splitlines() if line.startswith("Energy")]
    chosen = sample.classes["A"]
    energies = sample.targets["Energy"]
    assert line.split()[1:3] == [f"{energies.min():.4g}", f"{energies.max():.4g}"]
    assert f"{energies[chosen].mean():.4g} ± {energies[chosen].std():.2g}" in line
    with style.applied():
        *_, page = show_data.draw(sample)
    assert [axes.get_xlabel() or axes.get_title() for axes in page.axes] == ["Energy", "Pixel"]
    assert page.get_suptitle().startswith("Targets: ")
    wrong = load(home / "energies.yaml", ["task.targets.Pixel=image"])
    with pytest.raises(ConfigError, match="must be one number per event"):
        read_sample(wrong)


def _all_of(home, name):
    found = []
    for label in EVENTS:
        with h5py.File(home / "raw" / label / "events.h5") as file:
            found += list(file[name][:, 1, 2, 0] if name == "image" else file[name][:])
    return map(float, found)
