import h5py
import numpy as np
import pytest

from dlscan.analysis.compare.event_noise import event_noise
from dlscan.analysis.compare.importance import importances
from dlscan.analysis.points.records import load
from dlscan.metrics import auc_difference, event_losses, measure, measure_validation

GRID = {"model.activation": ["relu", "tanh"], "model.width": [8, 16, 32], "model.depth": [1, 2]}
CLASSES = ("Ele", "Pi0")


@pytest.fixture
def shared(write_scan):
    """Write a scan of equally good models, tested on the same events: those of an activation err alike."""
    scan = write_scan(grid=GRID, events=300, classes=CLASSES, epochs=2)
    points = load([scan])

    def write(seed):
        rng = np.random.default_rng(seed)
        for split in ("test", "validation"):
            labels = rng.integers(0, 2, 300)
            common, alike = (
                rng.normal(size=300),
                dict(zip(("relu", "tanh"), rng.normal(size=(2, 300)), strict=True)),
            )
            for point in points:
                own = 0.15 * rng.normal(size=300)
                logits = 1.5 * labels + common + alike[point.record.params["model.activation"]] + own
                second = 1 / (1 + np.exp(-logits))
                scores = np.stack([1 - second, second], axis=1).astype(np.float32)
                with h5py.File(point.paths.predictions, "r+") as file:
                    group = file if split == "test" else file[split]
                    group["scores"][:], group["labels"][:] = scores, labels
                function = measure if split == "test" else measure_validation
                measured = function(scores, labels, CLASSES)
                point.record.metrics.update(measured.values)
                point.record.errors.update(measured.errors)
        return points

    return write


def test_covariance_is_that_of_the_paired_comparison(shared):
    points = shared(1)
    found = event_noise(points, "Mean_AUC")
    assert (found.apart, found.unknown) == (0, 0)
    with h5py.File(points[0].paths.predictions) as one, h5py.File(points[7].paths.predictions) as other:
        difference = auc_difference(one["scores"][:, 1], other["scores"][:, 1], one["labels"][:] == 1)
    contrast = np.zeros(12)
    contrast[[0, 7]] = 1, -1
    assert np.sqrt(contrast @ found.covariance @ contrast) == pytest.approx(difference.up)


@pytest.mark.parametrize(
    ("name", "tolerance"),
    # the intervals of areas and shares are not quite their standard deviations
    [("val_Mean_AUC", 0.05), ("Ele_vs_Pi0_AUC", 0.05), ("test_accuracy", 0.02), ("test_log_loss", 1e-6)],
)
def test_each_number_has_the_uncertainty_of_its_record(shared, name, tolerance):
    points = shared(1)
    sizes = np.sqrt(np.diag(event_noise(points, name).covariance))
    halves = [sum(point.record.errors[name]) / 2 for point in points]
    np.testing.assert_allclose(sizes, halves, rtol=tolerance)


def test_what_is_not_on_file_is_known_apart_or_not_at_all(shared):
    points = shared(1)
    points[0].paths.predictions.unlink()
    found = event_noise(points, "val_Mean_AUC")
    assert (found.apart, found.unknown) == (1, 0)
    assert not found.covariance[0, 1:].any()
    assert found.covariance[0, 0] > 0
    assert event_noise(points, "Ele_vs_Pi0_Rejection@50").apart == 12
    assert event_noise(points, "initial_loss").unknown == 12


def test_other_events_are_independent(shared, write_scan):
    points = shared(1) + load([write_scan("other", GRID, classes=CLASSES, events=300)])
    covariance = event_noise(points, "Mean_AUC").covariance
    assert not covariance[:12, 12:].any()
    assert covariance[:12, :12].all()


@pytest.mark.parametrize("name", ["Mean_AUC", "test_log_loss"])
def test_many_events_are_thinned(shared, monkeypatch, name):
    points = shared(1)
    for point in points:
        with h5py.File(point.paths.predictions, "r+") as file:
            file["losses"] = event_losses(file["scores"][:], file["labels"][:]).astype(np.float32)
    whole = event_noise(points, name).covariance
    monkeypatch.setattr("dlscan.analysis.compare.event_noise.LEAST_EVENTS", 200)
    monkeypatch.setattr("dlscan.analysis.compare.event_noise.MOST_SCORES", 1)
    np.testing.assert_allclose(event_noise(points, name).covariance, whole, rtol=0.4)


def test_equally_good_models_that_err_alike_are_not_told_apart(shared):
    told = naive = 0
    for seed in range(20):
        points = shared(seed)
        values = np.array([point.record.metrics["val_Mean_AUC"] for point in points])
        codes = {
            key: np.unique([str(point.record.params[key]) for point in points], return_inverse=True)[1]
            for key in GRID
        }
        noise = event_noise(points, "val_Mean_AUC")
        told += any(each.told for each in importances(codes, values, noise.covariance)[0])
        naive += importances(codes, values)[0][0].told
    assert told <= 4
    assert naive >= 15
