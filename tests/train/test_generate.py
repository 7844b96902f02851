"""A generator against a critic on a toy: what is learned, kept, resumed, and made with it."""

import csv
import os
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
from click.testing import CliRunner

from dlscan.analysis.points.results import read_predictions
from dlscan.cli.main import cli
from dlscan.config import experiment_from
from dlscan.dataset import Manifest, fits
from dlscan.errors import ConfigError, UsageError
from dlscan.models import keras
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.stream.memory import MemoryBudget
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.objectives.adversarial import GAMES, Adversarial, CriticObjective
from dlscan.train.objectives.objective import Given
from dlscan.train.streams import open_stream
from tests.train.conftest import write_point

ops = keras.ops


INFO = PointInfo(1, "gan", "gaussian", ())


@pytest.fixture(scope="module")
def gaussian(tmp_path_factory):
    """Two correlated numbers whose mean follows a third one, of two classes that differ in one of them."""
    home = tmp_path_factory.mktemp("gaussian")
    for label, name in enumerate(("Near", "Far")):
        (home / "raw" / name).mkdir(parents=True)
        rng = np.random.default_rng(label)
        energy = rng.uniform(1, 3, (1200, 1, 2)).astype(np.float32)
        x = rng.normal([0, -1], [1, 0.5], (1200, 2)) + energy[:, 0, 1:] * [2, 0] + [0, 4 * label]
        x[:, 1] += 0.5 * x[:, 0]
        with h5py.File(home / "raw" / name / "one.h5", "w") as file:
            file["x"], file["target"] = x.astype(np.float32), energy
    content = {
        "name": "gaussian",
        "data": {
            "raw": str(home / "raw"),
            "inputs": ["x"],
            "extras": ["target"],
            "split": {"train": 0.5, "validation": 0.25, "test": 0.25, "seed": 1},
            "prepared": str(home / "prepared"),
        },
        "task": {"kind": "generate", "condition": ["target[:,0,1]", "class"]},
        "model": {"family": "gan", "code": 3, "width": 32, "depth": 1},
        "train": {"epochs": 40, "batch_size": 50, "learning_rate": 0.003, "schedule": "cosine"},
        "stream": {"workers": 0},
    }
    prepare(experiment_from(content, home / "gaussian.yaml"), processes=1)
    return content


@pytest.fixture(scope="module")
def trained(gaussian, tmp_path_factory):
    """The point of a scan that is trained to its end."""
    scan = tmp_path_factory.mktemp("scan")
    (scan / "points").mkdir()
    paths = write_point(gaussian, scan / "points" / "0001-gan")
    train_point(paths, INFO)
    return paths


def rows(paths):
    """A history without its times."""
    with paths.history.open(newline="") as file:
        whole = list(csv.DictReader(file))
    return [{key: value for key, value in row.items() if "second" not in key} for row in whole]


def metrics(paths):
    return Record.read(paths.record).metrics


def test_a_classifier_hardly_tells_what_a_gan_makes_from_a_gaussian(trained):
    record = Record.read(trained.record)
    assert list(rows(trained)[0])[1:7] == [
        *("loss", "generator_loss", "critic_loss"),
        *("val_loss", "val_generator_loss", "val_critic_loss"),
    ]
    # .5 is perfect, and it began near 1
    assert 0.4 < record.metrics["Twosample_AUC"] < 0.66
    assert record.metrics["val_Twosample_AUC"] < 0.66
    assert 0.01 < record.errors["Twosample_AUC"][1] < 0.04
    for name in ("x_0", "x_1"):
        assert record.metrics[f"{name}_Distance"] < 0.25
    losses = [float(row["val_loss"]) for row in rows(trained)]
    assert losses[0] > 0.1 > 5 * min(losses)
    assert record.metrics["best_val_loss"] == min(losses)


def test_what_is_kept_are_pairs_of_a_real_and_a_generated_event(trained):
    found = read_predictions(trained.predictions)
    real = found.kept["real_x_0"][:, 0]
    with h5py.File(trained.predictions) as file:
        energy = file["extras/target"][:, 0, 1]
        assert list(file.attrs["task"]) == ["generate"]
    np.testing.assert_array_equal(found.kept["condition"], np.stack([energy, found.labels], axis=1))
    assert np.corrcoef(real, energy)[0, 1] > 0.7
    # the generator was told the energy and the class of its partner
    assert np.corrcoef(found.kept["generated_x_0"][:, 0], energy)[0, 1] > 0.7
    made = found.kept["generated_x_1"][:, 0]
    assert found.classes == ("Far", "Near")
    assert made[found.labels == 0].mean() - made[found.labels == 1].mean() > 2
    judged = np.isfinite(found.kept["twosample"]).all(axis=1)
    assert judged.sum() == len(found) - len(found) // 2


def test_the_saved_generator_opens_with_keras_alone_in_safe_mode(trained):
    network = keras.saving.load_model(trained.best, compile=False, safe_mode=True)
    condition = np.repeat([[2.0, 0.0]], 2000, axis=0).astype(np.float32)
    noise = np.random.default_rng(1).normal(size=(2000, 3)).astype(np.float32)
    made = ops.convert_to_numpy(network({"noise": noise, "condition": condition})["x"])
    assert made.shape == (2000, 2)
    # at an energy of 2
    assert made[:, 0].mean() == pytest.approx(4, abs=0.4)
    assert made[:, 0].std() == pytest.approx(1, abs=0.3)


SHORT = {"epochs": 4, "batch_size": 100, "learning_rate": 0.01}
ADVERSARIAL = [
    {"loss": "wasserstein", "k": 2, "spectral_norm": True},
    {"loss": "standard", "k": 1, "spectral_norm": False},
]


def short(gaussian, place, loss, **model):
    return write_point(
        {
            **gaussian,
            "model": {**gaussian["model"], **model},
            "train": {**SHORT, "loss": loss, "keep_checkpoint": True},
        },
        place,
    )


@pytest.fixture(scope="module")
def alone(gaussian, tmp_path_factory):
    made = []
    for own in ADVERSARIAL:
        made.append(short(gaussian, tmp_path_factory.mktemp("alone") / "point", **own))
        train_point(made[-1], INFO)
    return made


def test_a_resumed_history_equals_an_uninterrupted_one(gaussian, alone, tmp_path):
    paths = short(gaussian, tmp_path / "point", **ADVERSARIAL[0])

    def stop(epoch, step, steps):
        # in the middle of an epoch
        if (epoch, step) == (2, 5):
            os.kill(os.getpid(), signal.SIGTERM)

    train_point(paths, INFO, stop)
    assert not paths.record.exists()
    train_point(paths, INFO)
    assert rows(paths) == rows(alone[0])
    assert metrics(paths) == metrics(alone[0])


def test_points_that_share_a_job_end_as_alone(gaussian, alone, tmp_path):
    each = [
        (short(gaussian, tmp_path / str(number), **own), PointInfo(number + 1, "gan", "gaussian", ()))
        for number, own in enumerate(ADVERSARIAL)
    ]
    train_points(each)
    for (paths, _), other in zip(each, alone, strict=True):
        for row, expected in zip(rows(paths), rows(other), strict=True):
            assert float(row["val_loss"]) == pytest.approx(float(expected["val_loss"]), rel=1e-3, abs=1e-4)


def test_validation_on_an_index_is_on_samples_of_the_whole_split(gaussian, tmp_path):
    data = gaussian["data"] | {"prepared": str(tmp_path / "index")}
    # a network that does not learn is as good on both splits
    train = {"epochs": 2, "batch_size": 60, "learning_rate": 1e-7}
    content = {**gaussian, "data": data, "train": train}
    experiment = experiment_from(content, tmp_path / "index.yaml")
    prepare(experiment, processes=1, index_only=True)
    paths = write_point(content, tmp_path / "point")
    train_point(paths, INFO)
    for row in rows(paths):
        assert float(row["val_loss"]) == pytest.approx(float(row["loss"]), rel=0.15)

    classes = {**content, "task": "classify", "model": {"family": "dense"}}
    for cache in ("none", "ram"):
        first, second = orders({**content, "stream": {"workers": 0, "cache": cache}})
        # file after file without being shuffled
        assert all(0.2 < part.mean() < 0.8 for part in first)
        np.testing.assert_array_equal(np.concatenate(first), np.concatenate(second))
        stored, _ = orders({**classes, "stream": {"workers": 0, "cache": cache}})
        assert (np.diff(np.concatenate(stored)) >= 0).all()


def orders(content):
    """The labels of each batch of validation, in two epochs."""
    with open_stream(experiment_from(content, Path("toy.yaml")), "validation") as batches:
        return [[batch.labels.copy() for batch in batches.epoch(number)] for number in range(2)]


def test_an_interrupted_validation_on_an_index_keeps_its_order(gaussian, tmp_path, monkeypatch):
    raw = tmp_path / "raw" / "All"
    raw.mkdir(parents=True)
    for number in range(3):
        x = np.random.default_rng(number).normal(number, 1, (600, 12)).astype(np.float32)
        with h5py.File(raw / f"{number}.h5", "w") as file:
            file.create_dataset("x", data=x, chunks=(8, 12))
    data = {"raw": str(tmp_path / "raw"), "inputs": ["x"], "prepared": str(tmp_path / "index")}
    data["split"] = {"train": 0.4, "validation": 0.4, "test": 0.2}
    train = {"epochs": 2, "batch_size": 16, "learning_rate": 1e-7, "jit": False}
    content = {**gaussian, "data": data, "train": train, "task": "generate"}
    prepare(experiment_from(content, tmp_path / "index.yaml"), processes=1, index_only=True)
    make_room = MemoryBudget.__init__

    def memory(size):
        def make(self, memory, layout):
            # events are scored in larger batches
            make_room(self, size if layout.batch_size == 16 else 40 * 2**20, layout)

        monkeypatch.setattr(MemoryBudget, "__init__", make)

    memory(100 * 4096)
    alone, moved = (write_point(content, tmp_path / name) for name in ("alone", "moved"))
    train_point(alone, INFO)

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 5):
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setenv("DLSCAN_GRACE", "0")
    assert train_point(moved, INFO, stop) == "preempted"
    memory(40 * 2**20)
    train_point(moved, INFO)
    assert rows(moved) == rows(alone)


LINEAR = {"family": "vae", "code": 1, "depth": 0}


@pytest.fixture(scope="module")
def variational(gaussian, tmp_path_factory):
    """A linear variational autoencoder: with one number of the code it can be exactly what the events are."""
    scan = tmp_path_factory.mktemp("vae")
    (scan / "points").mkdir()
    # without events of validation the weights are those of the last epoch, not of a lucky one
    data = {**gaussian["data"], "folds": 2, "fold": "none", "prepared": str(scan / "prepared")}
    train = {**gaussian["train"], "epochs": 60, "learning_rate": 0.02, "early_stopping": None}
    content = {**gaussian, "data": data, "model": LINEAR, "train": train}
    prepare(experiment_from(content, scan / "vae.yaml"), processes=1)
    paths = write_point(content, scan / "points" / "0001-vae")
    train_point(paths, INFO)
    return paths


def test_a_linear_variational_one_makes_normal_events_that_no_classifier_tells_from_real_ones(variational):
    assert list(rows(variational)[0])[1:4] == ["loss", "reconstruction", "kl"]
    record = Record.read(variational.record)
    assert record.metrics["Twosample_AUC"] == pytest.approx(0.5, abs=3 * record.errors["Twosample_AUC"][0])
    # the bound of the likelihood of two normal numbers, scaled, with these standard deviations
    _, variances = np.linalg.eigh(spread_given_condition(variational))[::-1]
    entropy = 0.5 * np.log(2 * np.pi * np.e * variances).sum()
    # codes are drawn anew in each epoch
    last = rows(variational)[-20:]
    bound = np.mean([float(row["reconstruction"]) + float(row["kl"]) for row in last])
    assert bound == pytest.approx(entropy, abs=0.08)


def spread_given_condition(paths):
    """The covariance of scaled test events, less what energy and class tell of them."""
    kept = read_predictions(paths.predictions).kept
    x = np.concatenate([kept["real_x_0"], kept["real_x_1"]], axis=1)
    known = np.concatenate([kept["condition"], np.ones((len(x), 1))], axis=1)
    return np.cov((x - known @ np.linalg.lstsq(known, x, rcond=None)[0]).T / x.std(axis=0)[:, None])


VARIATIONAL = [{"dropout": 0.1, "depth": 1}, {"beta": 2.0, "depth": 1, "width": 8}]


def short_variational(gaussian, place, own):
    return write_point({**gaussian, "model": {**LINEAR, **own}, "train": SHORT}, place)


@pytest.fixture(scope="module")
def variational_alone(gaussian, tmp_path_factory):
    made = [
        short_variational(gaussian, tmp_path_factory.mktemp("alone") / "point", own) for own in VARIATIONAL
    ]
    for paths in made:
        train_point(paths, INFO)
    return made


def test_a_variational_one_that_is_resumed_ends_as_if_it_had_not_been(gaussian, variational_alone, tmp_path):
    paths = short_variational(gaussian, tmp_path / "point", VARIATIONAL[0])

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 5):
            os.kill(os.getpid(), signal.SIGTERM)

    assert train_point(paths, INFO, stop) == "preempted"
    train_point(paths, INFO)
    assert rows(paths) == rows(variational_alone[0])
    assert metrics(paths) == metrics(variational_alone[0])


def test_variational_ones_that_share_a_job_end_as_alone(gaussian, variational_alone, tmp_path):
    each = [
        (short_variational(gaussian, tmp_path / str(n), own), PointInfo(n, "vae", "gaussian", ()))
        for n, own in enumerate(VARIATIONAL, 1)
    ]
    assert train_points(each) == {1: "done", 2: "done"}
    for (paths, _), other in zip(each, variational_alone, strict=True):
        assert Record.read(paths.record).pack == 2
        # what is compiled together may be added up in another order
        for row, expected in zip(rows(paths), rows(other), strict=True):
            assert numbers(row) == pytest.approx(numbers(expected), rel=1e-6)
        assert metrics(paths) == pytest.approx(metrics(other), rel=1e-6)


def numbers(row):
    """Those of a row of a history; how many networks share the job is none of the training."""
    return {name: float(value) for name, value in row.items() if name != "networks"}


def run(*arguments):
    return CliRunner().invoke(cli, [str(each) for each in arguments], catch_exceptions=False)


def test_a_variational_one_writes_raw_files_too(variational, tmp_path):
    done = run("generate", variational.scan, 1, "--events", 2000, "--at", 2, "-o", tmp_path / "made")
    assert done.exit_code == 0, done.output
    with h5py.File(tmp_path / "made" / "Near" / "Near_generated.h5") as file:
        made = file["x"][()]
    # around 4 and 1, of widths 1 and .5, with .5 of the first in the second
    np.testing.assert_allclose(made.mean(axis=0), [4, 1], atol=0.2)
    np.testing.assert_allclose(np.cov(made.T), [[1, 0.5], [0.5, 0.5]], atol=0.12)


@pytest.mark.parametrize("task", ["reconstruct", "generate"])
@pytest.mark.parametrize("loss", ["cross_entropy", "poisson", "mse"])
def test_cells_that_a_loss_cannot_be_of_are_refused_when_the_plan_is_checked(gaussian, tmp_path, task, loss):
    content = {**gaussian, "task": task, "model": LINEAR, "train": {"loss": loss}}
    experiment = experiment_from(content, tmp_path / "vae.yaml")
    if loss == "mse":
        fits.require(Manifest.of(experiment), experiment)
        return
    with pytest.raises(
        ConfigError, match=rf"train\.loss: {loss} needs cells .* once they are scaled by standard"
    ):
        fits.require(Manifest.of(experiment), experiment)


def test_generated_events_are_a_raw_file_that_can_be_prepared(trained, gaussian, tmp_path):
    scan, out = trained.scan, tmp_path / "out"
    done = run("generate", scan, 1, "--events", 700, "--at", 2.9, "-o", out)
    assert done.exit_code == 0, done.output
    assert "700 events of Near" in done.output
    assert "events/s" in done.output
    with h5py.File(out / "Far" / "Far_generated.h5") as file:
        made, energy = file["x"][()], file["target"][()]
        assert file.attrs["class"] == "Far"
    assert made.shape == (700, 2)
    assert made.dtype == np.float32
    assert (energy[:, 0, 1] == np.float32(2.9)).all()
    # of what was not asked nothing is known
    assert np.isnan(energy[:, 0, 0]).all()
    assert made[:, 0].mean() == pytest.approx(5.8, abs=1)
    again = {**gaussian, "data": {**gaussian["data"], "raw": str(out), "prepared": str(tmp_path / "made")}}
    assert prepare(experiment_from(again, tmp_path / "again.yaml"), processes=1) is not None
    for seed, same in ((1, True), (2, False)):
        one = tmp_path / f"{seed}.h5"
        asked = ("--events", 700, "--at", 2.9, "--class", "Far", "--seed", seed, "-o", one)
        assert run("generate", scan, 1, *asked).exit_code == 0
        with h5py.File(one) as file:
            assert np.array_equal(file["x"][()], made) == same


def test_without_a_wish_conditions_are_those_of_training_events(trained, tmp_path):
    assert run("generate", trained.scan, 1, "-o", tmp_path / "a.h5", "--class", "Near").exit_code == 0
    with h5py.File(tmp_path / "a.h5") as file:
        energy = file["target"][:, 0, 1]
    assert 1 <= energy.min() < 1.1
    assert 2.9 < energy.max() <= 3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["-o", "x.h5"], "a file holds one class, and these are Far, Near; choose one with --class"),
        (["--class", "Fra", "-o", "x.h5"], "--class Fra: no such class; did you mean 'Far'?"),
        (["--at", "1,2", "-o", "x"], "--at 1,2: gives 2 and the generator takes 1 (target[:,0,1])"),
        (["--at", "much", "-o", "x"], "--at much: must be a number, such as 50, or a range"),
        (["--at", "3:1", "-o", "x"], "the range ends before it begins"),
    ],
)
def test_what_cannot_be_asked_is_one_line_and_leaves_nothing(
    trained, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UsageError) as caught:
        run("generate", trained.scan, 1, *arguments)
    assert message in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_what_lies_beyond_training_is_warned_of_and_files_stay(trained, tmp_path):
    asked = ("generate", trained.scan, 1, "--events", 3, "--at", 9, "-o", tmp_path / "a")
    assert "target[:,0,1] was between 1.0" in run(*asked).output
    with pytest.raises(UsageError, match="exists; remove it"):
        run(*asked)


@pytest.mark.parametrize("command", [("predict", "raw.h5", "-o", "x.h5"), ("export", "-o", "x.keras")])
def test_what_takes_events_refuses_a_generator(trained, tmp_path, command):
    verb, *rest = command
    with pytest.raises(UsageError, match="is a generator, which takes noise and no events"):
        run(verb, trained.scan, 1, *(tmp_path / each if "." in each else each for each in rest))


def test_the_table_has_what_judges_generators(trained):
    table = run("table", trained.scan).output
    assert "Twosample_AUC" in table
    assert "Correlation_Distance" in table
    assert "x_0_Distance" in run("table", trained.scan, "--columns", "*_Distance", "--errors").output


class Linear:
    """A critic that is a product of numbers with weights, and what else is called by its objective."""

    def __init__(self, weights):
        self.weights, self.losses = keras.Variable(np.array(weights, "float32")), []

    def __call__(self, given, training):
        return {"verdict": ops.matmul(given["x"], ops.expand_dims(self.weights, 1))}


class Always:
    losses: list = []  # noqa: RUF012

    def __init__(self, values):
        self.values = ops.convert_to_tensor(values)

    def __call__(self, given, training):
        return {"x": self.values}


def test_the_penalty_of_wasserstein_is_that_of_the_slope():
    from dlscan.train.steps import slopes

    real, made = np.random.default_rng(1).normal(size=(2, 6, 2)).astype("float32")
    weights = np.array([3.0, 4.0], "float32")
    networks = {"critic": Linear(weights), "scaling": Always(real), "network": Always(made)}
    batch = Given({}, {}, ops.ones(6))
    common = vars(Adversarial(GAMES["wasserstein"], 1, keras.random.SeedGenerator(1)))
    told = CriticObjective(**common, slopes=slopes, steepness=10.0)(networks, {"events": batch}, True)
    apart = (made @ weights).mean() - (real @ weights).mean()
    # |w| is 5
    assert float(ops.convert_to_numpy(told.loss)) == pytest.approx(apart + 10 * (5 - 1) ** 2, rel=1e-5)
    # the history has the distance alone
    assert float(ops.convert_to_numpy(told.numbers)[0]) == pytest.approx(6 * apart, rel=1e-5)


def test_single_events_are_drawn_beside_generated_ones(variational, tmp_path):
    done = run("show", "generated", variational.scan, 1, "--n", 3, "-o", tmp_path / "a.png")
    assert done.exit_code == 0, done.output
    # six events: a page for four, and one for the others
    assert {path.name for path in tmp_path.iterdir()} == {"a-1.png", "a-2.png"}
    with pytest.raises(UsageError, match="is a generator, which takes noise and no events"):
        run("show", "reconstruction", variational.scan, 1)


def test_the_plot_has_real_and_generated_events_of_each_observable(trained, tmp_path):
    data = tmp_path / "numbers.csv"
    done = run("plot", "generated", trained.scan, "-o", tmp_path / "a.png", "--data", data, "--bins", 10)
    assert done.exit_code == 0, done.output
    with data.open(newline="") as file:
        table = list(csv.DictReader(file))
    assert {row["observable"] for row in table} == {"x_0", "x_1"}
    assert len(table) == 2 * 2 * 10
    real = [row for row in table if row["model"] == "real events" and row["observable"] == "x_0"]
    width = float(real[0]["high"]) - float(real[0]["low"])
    # a distribution, but for its tails
    assert 0.98 < width * sum(float(row["value"]) for row in real) <= 1
    with pytest.raises(UsageError, match="plot roc does not fit a generation of Far, Near"):
        run("plot", "roc", trained.scan)
