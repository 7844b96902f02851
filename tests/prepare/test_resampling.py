"""Classes that are made alike in some numbers, by weights or by leaving events out."""

import itertools
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.analysis.events.sample import read_sample
from dlscan.analysis.plots import show_data
from dlscan.config import Experiment
from dlscan.dataset import SPLITS
from dlscan.errors import BadFilesError, ConfigError
from dlscan.prepare import prepare
from dlscan.stream import Batches

Make = Callable[..., Experiment]
BOTH = pytest.mark.parametrize("index_only", [False, True], ids=["prepared", "index"])
EDGES = [0.0, 1.0, 2.0, 4.0]


@pytest.fixture
def kinematics(make_experiment: Make, raw: Path) -> Callable[..., Experiment]:
    """An experiment over events with a momentum `pt` and a direction `eta`, which tell classes apart."""
    rng = np.random.default_rng(3)
    for path in raw.glob("*/*.h5"):
        label = ("Ele", "Pi0", "ChPi").index(path.parent.name)
        with h5py.File(path, "a") as handle:
            for name in list(handle):
                del handle[name]
            pt = rng.choice(3, 400, p=np.roll([0.6, 0.3, 0.1], label)) + rng.random(400)
            handle["x"] = rng.normal(size=(400, 3)).astype(np.float32)
            handle["pt"] = pt
            handle["eta"] = rng.normal(label - 1, 1, (400, 1))
            handle["w"] = np.where(rng.random(400) < 0.2, -1.0, 1.5).astype(np.float32)

    def make(resample: str, *overrides: str) -> Experiment:
        return make_experiment(
            "data.inputs=[x]", "data.extras=[pt, eta]", f"data.resample={resample}", *overrides
        )

    return make


def read(prepared: Path, split: str, weights: str | None) -> dict[str, np.ndarray]:
    with Batches(prepared, split, workers=0, extras=True, event_weights=weights, shuffle=True) as batches:
        found = list(batches.epoch(0))
    return {
        "labels": np.concatenate([batch.labels for batch in found]),
        "weights": np.concatenate([batch.weights for batch in found]),
        **{name: np.concatenate([batch.extras[name] for batch in found]) for name in found[0].extras},
    }


def spread(events: dict[str, np.ndarray], label: int, weights: np.ndarray | None = None) -> np.ndarray:
    """The sum of weights of a class in each bin of pt."""
    own = events["labels"] == label
    used = (np.ones(len(own)) if weights is None else weights)[own]
    return np.histogram(events["pt"][own].clip(0, 3.9), EDGES, weights=used)[0]


@BOTH
def test_weights_make_classes_flat_and_keep_their_sums(
    kinematics: Callable[..., Experiment], index_only: bool
) -> None:
    experiment = kinematics(f"{{to: flat, in: pt, bins: {EDGES}}}")
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    assert experiment.data.training_weights == "resample"
    train = read(experiment.data.prepared, "train", "resample")
    for label in range(3):
        events = np.count_nonzero(train["labels"] == label)
        np.testing.assert_allclose(spread(train, label, train["weights"]), events / 3, rtol=1e-4)
        assert manifest.weights["resample"].splits["train"].total[label] == pytest.approx(events, rel=1e-4)
        np.testing.assert_array_equal(manifest.resampled.before[label], spread(train, label))
    # the same factors hold for the other splits, whose events have no part in them
    for split in SPLITS:
        events = read(experiment.data.prepared, split, "resample")
        place = np.digitize(events["pt"], EDGES[1:-1])
        expected = np.array(manifest.resampled.factors)[events["labels"], place]
        np.testing.assert_allclose(events["weights"], expected, rtol=1e-6)
        np.testing.assert_array_equal(events["resample"], events["weights"])


@BOTH
def test_weights_of_events_are_resampled_to_a_class(
    kinematics: Callable[..., Experiment], index_only: bool
) -> None:
    experiment = kinematics("{to: Pi0, in: [pt, eta], bins: {pt: 3, eta: [-2, 0, 2]}}", "data.weights=w")
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    assert list(manifest.extras) == ["pt", "eta", "w", "resample"]
    train = read(experiment.data.prepared, "train", "resample")
    edges = manifest.resampled.edges
    assert [len(own) for own in edges] == [4, 3]
    # as many events of all classes in each bin, if the file names a number of them
    assert np.ptp(np.histogram(train["pt"], edges[0])[0]) <= 3
    place = 2 * np.digitize(train["pt"], edges[0][1:-1]) + (train["eta"][:, 0] >= 0)
    shapes = []
    for label in range(3):
        own = train["labels"] == label
        sums = np.bincount(place[own], train["weights"][own], 6)
        assert sums.sum() == pytest.approx(train["w"][own].sum(), rel=1e-4)
        shapes.append(sums / sums.sum())
    own = train["labels"] == 1
    plain = np.bincount(place[own], train["w"][own], 6)
    for shape in shapes:
        np.testing.assert_allclose(shape, plain / plain.sum(), rtol=1e-4)


@BOTH
def test_counts_leave_out_training_events_and_no_test_events(
    kinematics: Callable[..., Experiment], index_only: bool
) -> None:
    whole = kinematics("null", "data.prepared=whole")
    prepare(whole, processes=1)
    experiment = kinematics(f"{{to: flat, in: pt, bins: {EDGES}, by: counts}}", "data.weights=pt")
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    assert experiment.data.training_weights == "pt"
    train, before = (read(each.data.prepared, "train", None) for each in (experiment, whole))
    factors = np.array(manifest.resampled.factors)
    assert factors.max() == 1
    for label in range(3):
        # fuller bins are thinned out at random to about the emptiest one
        expected = factors[label] * spread(before, label)
        np.testing.assert_allclose(expected, expected[0])
        np.testing.assert_allclose(spread(train, label), expected, atol=4 * np.sqrt(expected[0]))
        whole_bins = factors[label] == 1
        np.testing.assert_array_equal(spread(train, label)[whole_bins], expected[whole_bins])
    assert manifest.splits["test"].counts == prepare(whole).manifest.splits["test"].counts
    assert manifest.splits["validation"].events < prepare(whole).manifest.splits["validation"].events


def test_two_processes_and_a_second_run_change_nothing(kinematics: Callable[..., Experiment]) -> None:
    one, two = (kinematics("{in: [pt, eta], bins: 4}", f"data.prepared={name}") for name in ("one", "two"))
    first, second = prepare(one, processes=1).manifest, prepare(two, processes=2).manifest
    assert first.resampled == second.resampled
    assert first.config_hash == second.config_hash
    assert not prepare(one).built
    assert prepare(kinematics("{in: [pt, eta], bins: 5}", "data.prepared=one"), processes=1).built


def test_a_bin_that_a_class_leaves_empty_is_said_and_does_not_count(
    kinematics: Callable[..., Experiment], caplog: pytest.LogCaptureFixture
) -> None:
    experiment = kinematics("{in: [pt, eta], bins: {pt: [0, 2, 3], eta: [-9, -1.5, 9]}}")
    found = prepare(experiment, processes=1).manifest.resampled
    filled = (np.array(found.before) > 0).all(axis=0)
    assert 0 < np.count_nonzero(filled) < 4
    assert (
        f"data.resample: {4 - np.count_nonzero(filled)} of 4 bins have no events of some class" in caplog.text
    )
    assert "such as pt 0 to 2, eta -9 to -1.5, which has none of ChPi" in caplog.text
    np.testing.assert_array_equal(np.array(found.factors) > 0, np.tile(filled, (3, 1)))


def test_the_picture_has_the_bins_before_and_after(kinematics: Callable[..., Experiment]) -> None:
    experiment = kinematics(f"{{in: pt, bins: {EDGES}}}")
    prepare(experiment, processes=1)
    page = show_data.draw(read_sample(experiment))[-1]
    before, after = page.axes[:2]
    heights = [np.array([patch.get_data().values for patch in axes.patches]) for axes in (before, after)]
    assert np.ptp(heights[0], axis=1).min() > 0.1
    np.testing.assert_allclose(heights[1], 1 / 3)


@pytest.mark.parametrize(
    ("resample", "message"),
    [
        ("{in: pt, bins: [2, 1]}", "data.resample.bins: must be rising edges of bins"),
        ("{in: pt, bins: 0}", "data.resample.bins: must be at least 1"),
        ("{in: [pt, eta], bins: [1, 2]}", "data.resample.bins: must be a number, or say for each name"),
        ("{in: [pt, eta], bins: {pt: 3, et: 2}}", "data.resample.bins.et: unknown key; did you mean 'eta'?"),
        ("{in: [pt, eta], bins: 1000}", "makes 1,000,000 bins"),
        ("{bins: 3}", "data.resample.in: missing"),
        ("{in: [pt, pt]}", "data.resample.in: must name at least one number, each once"),
        ("{in: pt, to: Pi1}", "data.resample.to: is no class; did you mean 'Pi0'?"),
        ("{in: pt, by: chance}", "data.resample.by: must be one of weights, counts"),
        ("{in: pq}", "data.resample.in: no raw file has the dataset 'pq'"),
        ("{in: x}", "data.resample.in: x: must be one number per event"),
        ("{in: pt, bins: [5, 6, 7], kind: 3}", "data.resample.kind: unknown key"),
    ],
)
def test_what_cannot_be_resampled_is_one_line(
    kinematics: Callable[..., Experiment], resample: str, message: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(kinematics(resample), processes=1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_no_bin_with_all_classes_and_numbers_that_are_none_are_said(
    kinematics: Callable[..., Experiment], raw: Path
) -> None:
    cut = "data.where='x[:,0] < 9'"
    with pytest.raises(ConfigError, match=r"data\.folds makes several"):
        kinematics("{in: pt}", "data.folds=2")
    for path, value in itertools.product(raw.glob("Pi0/*.h5"), [7.5]):
        with h5py.File(path, "a") as handle:
            handle["pt"][...] = value
    with pytest.raises(ConfigError, match="no bin of pt has training events of every class"):
        prepare(kinematics("{in: pt, bins: [0, 5, 9]}", cut), processes=1)
    with h5py.File(raw / "Ele/Ele_1.h5", "a") as handle:
        handle["pt"][5] = np.nan
    with pytest.raises(BadFilesError) as caught:
        prepare(kinematics("{in: pt, bins: 1}"), processes=1)
    ((path, reason),) = caught.value.bad
    assert (path.name, reason) == (
        "Ele_1.h5",
        "pt, in which events are resampled, is not finite in some rows",
    )
