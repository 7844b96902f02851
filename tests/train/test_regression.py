"""Energy regression on the toy: what is learned, kept and measured, alone and beside another task."""

import csv
import re

import h5py
import numpy as np
import pytest
from scipy.stats import norm

from dlscan import tasks
from dlscan.config import experiment_from, load
from dlscan.errors import DataError, PointsFailed
from dlscan.metrics import mean_absolute_error
from dlscan.models import keras
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.stream.standards import standards
from dlscan.tasks.several import Several
from dlscan.train import PointInfo, train_point, train_points
from tests.train.conftest import write_point

TARGETS = {"Depth": "depth[:,1]", "Energy": "energy"}


@pytest.fixture(scope="module")
def linear(tmp_path_factory):
    """A dataset whose targets are linear in its inputs; as the plain values of an experiment."""
    home = tmp_path_factory.mktemp("linear")
    for label, name in enumerate(("Ele", "Pi0")):
        (home / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        cells = rng.exponential(1.0, (300, 3)).astype(np.float32)
        energy = 50 + cells @ [20.0, 10.0, 5.0]
        with h5py.File(home / "raw" / name / "one.h5", "w") as file:
            file["cells"], file["energy"] = cells, energy.astype(np.float32)
            file["depth"] = np.stack([np.zeros(300), 1e-3 * (cells[:, 0] - 2 * label)], axis=1)
    content = {
        "name": "linear",
        "data": {
            "raw": str(home / "raw"),
            "classes": {"Ele": "Ele", "Pi0": "Pi0"},
            "inputs": ["cells"],
            "extras": ["energy", "depth"],
            "prepared": str(home / "prepared"),
        },
        "task": {"kind": "regress", "targets": TARGETS},
        "model": {"depth": 0},
        "train": {"epochs": 30, "batch_size": 50, "learning_rate": 0.05},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(content, home / "linear.yaml"), processes=1)
    return content


@pytest.fixture(scope="module")
def trained(linear, info, tmp_path_factory):
    paths = write_point(linear, tmp_path_factory.mktemp("regression") / "point")
    train_point(paths, info)
    return paths


def rows(paths):
    with paths.history.open(newline="") as file:
        return list(csv.DictReader(file))


def same(paths):
    """A history without its times."""
    return [{key: value for key, value in row.items() if "second" not in key} for row in rows(paths)]


def test_what_is_linear_in_the_inputs_is_learned_and_measured_in_its_own_units(trained):
    record, history = Record.read(trained.record), rows(trained)
    assert list(history[0])[:5] == ["epoch", "loss", "mae", "val_loss", "val_mae"]
    # the label shifts the depth, and no input tells it: the best is the mean of both
    assert record.metrics["Depth_MAE"] == pytest.approx(1e-3, rel=0.1)
    assert record.metrics["Energy_Resolution"] < 0.02
    assert record.metrics["Energy_MAE"] < 1.0
    assert record.metrics["test_loss"] == pytest.approx(float(history[-1]["val_loss"]), rel=0.2)
    assert record.task == {"kind": "regress", "targets": TARGETS}
    with h5py.File(trained.predictions) as file:
        assert list(file.attrs["targets"]) == list(TARGETS)
        predictions, targets = file["predictions"][()], file["targets"][()]
        np.testing.assert_allclose(targets[:, 0], file["extras/depth"][:, 1], rtol=1e-6)
        np.testing.assert_array_equal(targets[:, 1], file["extras/energy"][()])
        # the loss of the history, in standard units
        assert record.metrics["test_loss"] == pytest.approx(np.mean(file["losses"][()]), rel=1e-5)
        assert "sigmas" not in file
    for column, name in enumerate(TARGETS):
        found = mean_absolute_error(predictions[:, column], targets[:, column])
        assert record.metrics[f"{name}_MAE"] == pytest.approx(found.value)


def test_a_saved_network_gives_physical_units(trained):
    network = keras.models.load_model(trained.best, safe_mode=True)
    cells = np.ones((1, 3), np.float32)
    depth, energy = network.predict_on_batch({"cells": cells})[0]
    assert energy == pytest.approx(85.0, abs=1.0)
    assert abs(depth) < 5e-3


def test_points_of_a_pack_are_those_trained_alone(linear, info, trained, tmp_path):
    changes = [{}, {"model__width": 4, "model__depth": 1}]
    points = [
        write_point(linear, tmp_path / f"p{number}", train__epochs=5, **own)
        for number, own in enumerate(changes)
    ]
    infos = [info.__class__(number, f"p{number}", "linear", ()) for number in (1, 2)]
    train_points(list(zip(points, infos, strict=True)))
    for ours, theirs in zip(rows(points[0]), rows(trained)[:5], strict=True):
        for key in ("loss", "mae", "val_loss", "val_mae"):
            assert float(ours[key]) == pytest.approx(float(theirs[key]), rel=1e-5)


def test_a_regression_that_was_stopped_goes_on_as_if_it_had_not_been(linear, info, trained, tmp_path):
    def stop(epoch, step, steps):
        if (epoch, step) == (2, 2):
            raise KeyboardInterrupt

    again = write_point(linear, tmp_path / "again", train__epochs=3)
    with pytest.raises(KeyboardInterrupt):
        train_point(again, info, stop)
    assert train_point(again, info) == "done"
    assert same(again) == same(trained)[:3]


def test_uncertainties_are_learned_with_a_gaussian_likelihood(linear, info, tmp_path):
    paths = write_point(linear, tmp_path / "nll", train__loss="gaussian_nll", train__epochs=60)
    train_point(paths, info)
    record = Record.read(paths.record)
    with h5py.File(paths.predictions) as file:
        sigmas = file["sigmas"][()]
    assert sigmas.shape[1] == 2
    assert (sigmas > 0).all()
    # two values, one a class, at equal distances from their mean
    assert np.median(sigmas[:, 0]) == pytest.approx(1e-3, rel=0.2)
    assert record.metrics["Depth_Pull_Width"] == pytest.approx(1.0, abs=0.25)


def test_two_heads_on_one_body(linear, info, tmp_path):
    tasks = ["classify", {"kind": "regress", "targets": {"Energy": "energy"}, "weight": 0.5}]
    paths = write_point(linear, tmp_path / "two", task=tasks, train__epochs=10)
    train_point(paths, info)
    record, history = Record.read(paths.record), rows(paths)
    for row in history:
        wanted = float(row["classify_loss"]) + 0.5 * float(row["regress_loss"])
        assert float(row["loss"]) == pytest.approx(wanted, rel=1e-5)
    assert {"accuracy", "val_accuracy", "mae", "val_mae"} <= history[0].keys()
    assert {"Ele_AUC", "Energy_MAE", "val_Mean_AUC", "val_Energy_MAE"} <= record.metrics.keys()
    with h5py.File(paths.predictions) as file:
        assert {"scores", "predictions", "targets", "losses"} <= file.keys()
        assert file["scores"].shape[1] == 2
    assert record.task == tasks
    assert set(keras.models.load_model(paths.best, safe_mode=True).output) == {"scores", "predictions"}


def test_points_of_different_tasks_in_one_job_learn_their_own(linear, info, trained, tmp_path):
    other = write_point(linear, tmp_path / "other", task="classify", train__epochs=1)
    again = write_point(linear, tmp_path / "again", train__epochs=1)
    infos = [info.__class__(number, f"p{number}", "linear", ()) for number in (1, 2)]
    train_points(list(zip((other, again), infos, strict=True)))
    assert "Ele_AUC" in Record.read(other.record).metrics
    assert float(rows(again)[0]["loss"]) == pytest.approx(float(rows(trained)[0]["loss"]), rel=1e-5)


def test_events_that_carry_much_along_are_read_a_few_at_a_time(linear, trained, monkeypatch):
    dataset = Record.read(trained.record).dataset["config_hash"]
    experiment = load(trained.config)
    whole = standards(experiment, tasks.of(experiment, ("Ele", "Pi0")), dataset)["predictions"]
    monkeypatch.setattr("dlscan.stream.standards._BYTES", 7 * 24)
    parts = standards(experiment, tasks.of(experiment, ("Ele", "Pi0")), dataset)["predictions"]
    np.testing.assert_allclose(parts, whole, rtol=1e-12)


def test_a_target_that_is_no_number_or_always_the_same_is_named(linear, info, tmp_path):
    home = tmp_path / "bad"
    for name in ("Ele", "Pi0"):
        (home / "raw" / name).mkdir(parents=True)
        with h5py.File(home / "raw" / name / "one.h5", "w") as file:
            file["cells"] = np.ones((50, 3), np.float32)
            energy = np.arange(50, dtype=np.float32)
            energy[17] = np.nan if name == "Pi0" else 1.0
            file["energy"] = energy
            file["same"] = np.full(50, 0.1, np.float32)
    data = {**linear["data"], "raw": str(home / "raw"), "prepared": str(home / "prepared")}
    content = {**linear, "data": {**data, "extras": ["energy", "same"]}}
    content["task"] = {"kind": "regress", "targets": {"Energy": "energy"}}
    prepare(experiment_from(content, home / "bad.yaml"), processes=1)
    paths = write_point(content, tmp_path / "point")
    with pytest.raises(DataError, match=r"task\.targets\.Energy: nan in Pi0/one\.h5, row 17"):
        train_point(paths, info)
    assert not paths.record.exists()
    content["task"] = {"kind": "regress", "targets": {"Same": "same"}}
    with pytest.raises(DataError, match=r"targets\.Same: is 0\.1 for every event of the training split"):
        train_point(write_point(content, tmp_path / "same"), info)


def test_counts_are_positive_and_of_alike_events_their_mean(tmp_path, info, caplog):
    """A network that only sees which class an event is of predicts the mean of each."""
    counts = {}
    for label, name in enumerate(("Few", "Many")):
        (tmp_path / "raw" / name).mkdir(parents=True)
        counts[name] = np.random.default_rng(label).poisson(4 + 8 * label, 400).astype(np.float32)
        with h5py.File(tmp_path / "raw" / name / "one.h5", "w") as file:
            file["x"], file["n"] = np.full((400, 1), label, np.float32), counts[name]
    content = {
        "name": "counts",
        "data": {"raw": str(tmp_path / "raw"), "inputs": ["x"], "extras": ["n"], "folds": 2, "fold": "none"},
        "task": {"kind": "regress", "targets": {"N": "n"}},
        "model": {"depth": 0},
        "train": {"loss": "poisson", "epochs": 25, "batch_size": 40, "learning_rate": 0.05},
        "stream": {"workers": 0},
    }
    content["data"]["prepared"] = str(tmp_path / "prepared")
    content["train"] |= {"schedule": "cosine", "early_stopping": None}
    prepare(experiment_from(content, tmp_path / "counts.yaml"), processes=1)
    paths = write_point(content, tmp_path / "point")
    train_point(paths, info)
    with (
        h5py.File(paths.predictions) as file,
        Batches(content["data"]["prepared"], batch_size=800, workers=0, extras=True) as batches,
    ):
        predicted, labels = file["predictions"][:, 0], file["labels"][:]
        (batch,) = batches.epoch(0, last=True)
        for label in (0, 1):
            mean = batch.extras["n"][batch.labels == label].mean()
            np.testing.assert_allclose(predicted[labels == label], mean, rtol=0.03)
        assert (predicted > 0).all()
    content["task"] = {"kind": "regress", "targets": {"N": "n"}}
    for name, own in counts.items():
        with h5py.File(tmp_path / "raw" / name / "one.h5", "r+") as file:
            file["n"][...] = own - (name == "Few") * 3
    content["data"]["prepared"] = str(tmp_path / "negative")
    prepare(experiment_from(content, tmp_path / "counts.yaml"), processes=1)
    content["train"]["epochs"] = 1
    reason = r"targets\.N: -\d\.0 in Few/one\.h5, row \d+; with the loss poisson"
    # whichever comes first in a pack
    for losses in (["mse", "poisson"], ["poisson", "mse"]):
        places = [tmp_path / "-".join([*losses, own]) for own in losses]
        points = [
            write_point(content, place, train__loss=own) for place, own in zip(places, losses, strict=True)
        ]
        members = [(own, PointInfo(n, losses[n - 1], "counts", ())) for n, own in enumerate(points, 1)]
        caplog.clear()
        with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point \d \(poisson\)"):
            train_points(members)
        assert re.search(reason, caplog.text)
        assert [paths.record.exists() for paths in points] == [loss == "mse" for loss in losses]


def test_the_tasks_of_several_heads_are_one_task():
    assert Several((), (), {}).kinds == ()


def test_every_loss_is_written_and_told_in_standard_units_with_its_formula(linear, info, tmp_path):
    """Of several losses in one pack, against NumPy and SciPy: per event, on validation, on test."""
    losses = ["huber", "log_cosh", {"quantile": 0.9}, "gaussian_nll"]
    points = [
        write_point(linear, tmp_path / f"p{number}", train__loss=loss, train__epochs=1, train__l2=1.0)
        for number, loss in enumerate(losses)
    ]
    infos = [info.__class__(number, f"p{number}", "linear", ()) for number in range(1, 5)]
    train_points(list(zip(points, infos, strict=True)))

    params = Record.read(points[2].record).params
    assert (params["train.loss"], "train.loss.quantile" in params) == ({"quantile": 0.9}, False)
    experiment = load(points[0].config)
    task = tasks.of(experiment, ("Ele", "Pi0"))
    dataset = Record.read(points[0].record).dataset["config_hash"]
    std = np.array(standards(experiment, task, dataset)["predictions"].std)
    for paths, formula in zip(
        points,
        [
            lambda off, _: np.where(abs(off) < 1, off**2 / 2, abs(off) - 0.5),
            lambda off, _: np.log(np.cosh(off)),
            lambda off, _: np.where(off > 0, 0.9 * off, -0.1 * off),
            lambda off, sigma: -norm.logpdf(off, 0, sigma),
        ],
        strict=True,
    ):
        told = {
            "validation": float(rows(paths)[0]["val_loss"]),
            "/": Record.read(paths.record).metrics["test_loss"],
        }
        with h5py.File(paths.predictions) as file:
            for split, loss in told.items():
                off = (file[split]["targets"][:].astype(float) - file[split]["predictions"]) / std
                sigmas = file[split]["sigmas"][:] / std if "sigmas" in file else None
                expected = formula(off, sigmas).mean(axis=1)
                np.testing.assert_allclose(file[split]["losses"], expected, rtol=1e-3, atol=1e-5)
                assert loss == pytest.approx(expected.mean(), rel=1e-4)
