"""Events of another domain without labels: objectives, a toy with an exact answer, and what is refused."""

import csv
import shutil
import signal

import h5py
import numpy as np
import pytest

from dlscan.config import experiment_from
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, DataError, ScanError
from dlscan.models import keras
from dlscan.prepare import prepare
from dlscan.record import Record
from dlscan.scan import Plan, freeze
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.objectives.domain import coral, mmd
from tests.slow import takes
from tests.train.conftest import write_point

ops = keras.ops
SIZE = 1.5
COLUMNS = ("loss", "accuracy", "domain_loss", "val_loss", "val_accuracy", "val_domain_loss")
OWN = [name for name in COLUMNS if "domain" not in name]
# half of the epochs
WARM_UP = {"reversal": 20, "mmd": 0}


def write(raw, events, seed, sign, axes=2):
    """Both axes tell signal from background, the second the other way round if `sign` is -1.

    Few are signal. Of equal shares nobody could know without labels which axis is turned round.
    """
    rng = np.random.default_rng(seed)
    for name, side, share in (("Signal", SIZE / 2, 0.15), ("Background", -SIZE / 2, 0.85)):
        (raw / name).mkdir(parents=True)
        x = rng.normal(size=(int(share * events), axes)).astype(np.float32)
        x[:, 0] += side
        x[:, 1] += sign * side
        with h5py.File(raw / name / "1.h5", "w") as file:
            file["x"] = x


def content_of(home, epochs=40, **adversary):
    return {
        "name": "domain",
        "data": {
            **{"raw": str(home / "source"), "inputs": ["x"], "prepared": str(home / "prepared")},
            "split": {"train": 0.5, "validation": 0.1, "test": 0.4},
        },
        "model": {"width": 16, "depth": 2, "activation": "tanh"},
        "train": {
            **{"epochs": epochs, "batch_size": 200, "learning_rate": 0.01, "schedule": "cosine"},
            "early_stopping": None,
        },
        "adversary": {"kind": "domain", "raw": str(home / "target"), **adversary},
        "stream": {"workers": 0},
    }


@pytest.fixture(scope="module")
def shifted(tmp_path_factory):
    home = tmp_path_factory.mktemp("domain")
    write(home / "source", 6000, 1, 1)
    # of another size: its epochs are others
    write(home / "target", 5000, 2, -1)
    prepare(experiment_from(content_of(home), home / "a.yaml"), processes=1)
    return home


def info_of(number):
    return PointInfo(number, f"point-{number}", "domain", ("adversary.strength",), order_seed=1)


def history_of(paths, columns=COLUMNS):
    with paths.history.open(newline="") as file:
        return [[row[name] for name in columns] for row in csv.DictReader(file)]


def short(home, directory, **adversary):
    return write_point(content_of(home, 2, **{"strength": 3.0, "steps": 2, **adversary}), directory)


@pytest.fixture(scope="module")
def alone(shifted, tmp_path_factory):
    """A point that nothing interrupted and that shares its job with no other."""
    paths = short(shifted, tmp_path_factory.mktemp("alone") / "point")
    assert train_point(paths, info_of(2)) == "done"
    return paths


def adapted_to_the_other(home, directory, kinds):
    """Records and the last line of histories of points by (method, strength, learning rate, seed)."""
    points = []
    for number, (method, strength, rate, seed) in enumerate(kinds, 1):
        # what it has learned when the strength is whole depends less on the seed
        content = content_of(home, method=method, strength=strength, warm_up=WARM_UP[method])
        content["train"] |= {"learning_rate": rate, "seed": seed}
        points.append((write_point(content, directory / f"{number}"), info_of(number)))
    assert set(train_points(points).values()) == {"done"}
    return [(Record.read(paths.record), history_of(paths)[-1]) for paths, _ in points]


def are_invariant(*records):
    """A network that uses the first axis alone has .856 in both domains; seeds are allowed to scatter."""
    for name in ("Mean_AUC", "Domain_Mean_AUC"):
        areas = [record.metrics[name] for record in records]
        assert np.mean(areas) == pytest.approx(0.856, abs=0.04)
        assert areas == pytest.approx([0.856] * len(areas), abs=0.07)
        assert all(sum(record.errors[name]) > 0 for record in records)


def test_an_adapted_network_is_right_in_the_other_domain(shifted, tmp_path):
    kinds = [("mmd", 0.0, 0.01, 1), *(("reversal", 60.0, 0.01, seed) for seed in (1, 2, 3))]
    (none, _), *adapted = adapted_to_the_other(shifted, tmp_path, kinds)

    # exact: .933 and .500
    assert none.metrics["Mean_AUC"] == pytest.approx(0.933, abs=0.015)
    assert none.metrics["Domain_Mean_AUC"] == pytest.approx(0.5, abs=0.05)
    are_invariant(*(record for record, _ in adapted))
    for _, last in adapted:
        assert float(last[2]) == pytest.approx(np.log(2), abs=0.04)


@takes("twenty seconds")
def test_mmd_is_right_in_the_other_domain_too_and_less_strength_is_less(shifted, tmp_path):
    kinds = [("mmd", 3.0, 0.003, 1), ("mmd", 300.0, 0.003, 1)]
    (little, _), (much, _) = adapted_to_the_other(shifted, tmp_path, kinds)

    are_invariant(much)
    assert little.metrics["Domain_Mean_AUC"] < much.metrics["Domain_Mean_AUC"] - 0.05


def test_packed_points_end_as_alone_and_strength_0_as_without_another_domain(shifted, alone, tmp_path):
    pack = [
        (short(shifted, tmp_path / f"pack-{number}", **own), info_of(number))
        for number, own in enumerate(({"strength": 0.0}, {}, {"method": "coral", "strength": 0.0}), 1)
    ]
    content = content_of(shifted, 2)
    del content["adversary"]
    plain = write_point(content, tmp_path / "plain")
    assert set(train_points(pack).values()) == {"done"}
    assert train_point(plain, info_of(4)) == "done"

    (still, _), (packed, _), (watched, _) = pack
    assert history_of(packed) == history_of(alone)
    assert Record.read(packed.record).metrics == Record.read(alone.record).metrics
    assert history_of(still, OWN) == history_of(watched, OWN) == history_of(plain, OWN)
    assert history_of(alone, OWN) != history_of(plain, OWN)
    # the least loss is not what is looked for
    assert Record.read(alone.record).best_epoch == 2


def stop(epoch, step, steps):
    if (epoch, step) == (2, 4):
        signal.raise_signal(signal.SIGTERM)


def test_a_stopped_training_goes_on_to_the_digit_and_saves_the_network_alone(shifted, alone, tmp_path):
    stopped = short(shifted, tmp_path / "stopped")
    assert train_point(stopped, info_of(2), stop) == "preempted"
    assert train_point(stopped, info_of(2)) == "done"

    assert history_of(stopped) == history_of(alone)
    record = Record.read(alone.record)
    assert Record.read(stopped.record).metrics == record.metrics
    network = keras.saving.load_model(alone.best)
    assert [tensor.name for tensor in network.inputs] == ["x"]
    assert network.count_params() == record.model_parameters


@pytest.mark.parametrize("classes", [("Signal", "Background"), ("Data",)])
def test_another_domain_that_is_replaced_during_a_training_is_refused_and_not_scored(
    shifted, tmp_path, classes
):
    for name in ("source", "target"):
        shutil.copytree(shifted / name, tmp_path / name)
    experiment = experiment_from(content_of(tmp_path), tmp_path / "a.yaml")
    prepare(experiment, processes=1)
    paths = short(tmp_path, tmp_path / "point", method="mmd")

    def replace(epoch, step, steps):
        if (epoch, step) != (2, steps):
            return
        shutil.rmtree(tmp_path / "target")
        for name in classes:
            (tmp_path / "target" / name).mkdir(parents=True)
            shutil.copy(shifted / "source" / "Signal" / "1.h5", tmp_path / "target" / name / "1.h5")
        prepare(experiment, processes=1)

    with pytest.raises(DataError, match=r"prepared-domain: the dataset was replaced"):
        train_point(paths, info_of(1), replace)
    assert not paths.record.exists()


def test_events_of_the_test_split_of_the_other_domain_are_scored_and_nothing_more(shifted, alone, tmp_path):
    for name in ("source", "target"):
        shutil.copytree(shifted / name, tmp_path / name)
    with Batches(shifted / "prepared-domain", split="test", workers=0) as batches:
        tested = {tuple(x) for batch in batches.epoch(0) for x in np.array(batch.inputs["x"])}
    for path in sorted((tmp_path / "target").glob("*/1.h5")):
        with h5py.File(path, "r+") as file:
            x = file["x"][:]
            chosen = [tuple(each) in tested for each in x]
            x[chosen] *= -5
            file["x"][:] = x
    stopped = short(tmp_path, tmp_path / "point")
    prepare(experiment_from(content_of(tmp_path), tmp_path / "a.yaml"), processes=1)
    assert train_point(stopped, info_of(2), stop) == "preempted"
    kept = tmp_path / "prepared-domain"
    shutil.move(kept, tmp_path / "kept")
    # the same network of other events is no continuation
    shutil.copytree(shifted / "prepared-domain", kept)
    with pytest.raises(ScanError, match="the dataset was rebuilt after epoch"):
        train_point(stopped, info_of(2))
    shutil.rmtree(kept)
    shutil.move(tmp_path / "kept", kept)
    # raw files are not needed any more
    shutil.rmtree(tmp_path / "target")
    assert train_point(stopped, info_of(2)) == "done"

    assert history_of(stopped) == history_of(alone)
    changed, record = Record.read(stopped.record).metrics, Record.read(alone.record).metrics
    assert changed["Mean_AUC"] == record["Mean_AUC"]
    assert changed["Domain_Mean_AUC"] != record["Domain_Mean_AUC"]


def test_a_domain_without_labels_is_trained_on_and_not_scored(shifted, tmp_path):
    shutil.copytree(shifted / "source", tmp_path / "source")
    (tmp_path / "target" / "Data").mkdir(parents=True)
    for number, name in enumerate(("Signal", "Background")):
        shutil.copy(shifted / "target" / name / "1.h5", tmp_path / "target" / "Data" / f"{number}.h5")
    prepare(experiment_from(content_of(tmp_path), tmp_path / "a.yaml"), processes=1)
    paths = short(tmp_path, tmp_path / "point", method="mmd")
    assert train_point(paths, info_of(1)) == "done"
    assert not [name for name in Record.read(paths.record).metrics if name.startswith("Domain_")]
    assert float(history_of(paths)[-1][2]) > 0


def test_distances_are_what_their_formulas_say():
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(50, 3)).astype("f"), (2 * rng.normal(size=(40, 3))).astype("f")
    tensors = [ops.convert_to_tensor(each) for each in (one, other)]
    expected = np.sum((np.cov(one.T) - np.cov(other.T)) ** 2) / (4 * 3**2)
    assert float(ops.convert_to_numpy(coral(*tensors))) == pytest.approx(expected, rel=1e-4)
    scale = ((one[:, None] - other[None]) ** 2).sum(axis=2).mean()

    def kernels(a, b):
        squares = ((a[:, None] - b[None]) ** 2).sum(axis=2)
        return np.mean([np.exp(-squares / scale / (2 * width)) for width in (0.25, 0.5, 1, 2, 4)], axis=0)

    def within(a):
        return kernels(a, a)[~np.eye(len(a), dtype=bool)].mean()

    expected = within(one) + within(other) - 2 * kernels(one, other).mean()
    assert float(ops.convert_to_numpy(mmd(*tensors))) == pytest.approx(expected, rel=1e-3)


def test_a_plan_and_records_have_the_other_events_too_and_refuse_others(shifted, alone, tmp_path):
    other = Manifest.read(shifted / "prepared-domain").config_hash
    assert Record.read(alone.record).dataset["domain"] == other
    shutil.copytree(shifted / "source", tmp_path / "source")
    shutil.copytree(shifted / "target", tmp_path / "target")
    experiment = experiment_from(content_of(tmp_path), tmp_path / "a.yaml")
    prepare(experiment, processes=1)
    own = Manifest.read(tmp_path / "prepared").config_hash
    plan = freeze(experiment, own)
    assert Plan.read(plan.directory).domain == Manifest.read(tmp_path / "prepared-domain").config_hash
    freeze(experiment, own)
    write(tmp_path / "more", 400, 3, -1)
    for name in ("Signal", "Background"):
        (tmp_path / "more" / name / "1.h5").rename(tmp_path / "target" / name / "2.h5")
    prepare(experiment, processes=1)
    with pytest.raises(ScanError, match=r"the dataset in .*prepared-domain is not the one this scan was pla"):
        freeze(experiment, own)


def test_what_does_not_fit_is_refused_plainly(shifted, tmp_path):
    here = tmp_path / "a.yaml"
    with pytest.raises(ConfigError, match=r"adversary\.raw: no such directory: .*nowhere"):
        prepare(experiment_from(content_of(shifted, raw="nowhere"), here))
    with pytest.raises(ConfigError, match=r"adversary\.raw: is data\.raw; name the directory of another"):
        prepare(experiment_from(content_of(shifted, raw=str(shifted / "source")), here))
    with pytest.raises(ConfigError, match="cannot have another domain; prepare without --index-only"):
        prepare(experiment_from(content_of(shifted), here), index_only=True)
    folds = content_of(shifted)
    folds["data"] = {**folds["data"], "folds": 3}
    with pytest.raises(ConfigError, match=r"the other domain has no folds; remove data\.folds"):
        experiment_from(folds, here)
    several = content_of(shifted)
    several["train"] = {**several["train"], "devices": 2}
    with pytest.raises(ConfigError, match=r"train\.devices: must be 1 with an adversary"):
        experiment_from(several, here)
    write(tmp_path / "wide", 200, 3, 1, axes=3)
    other = content_of(shifted, raw=str(tmp_path / "wide"))
    other["data"] = {**other["data"], "prepared": str(tmp_path / "prepared")}
    with pytest.raises(DataError, match="x must have the shape 2, but there they are 3"):
        prepare(experiment_from(other, here), processes=1)
        train_point(write_point(other, tmp_path / "point"), info_of(1))
