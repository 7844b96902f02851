"""Trainings that begin with another network: what they take, alone, in packs, and when they go on."""

import contextlib
import csv
import dataclasses
import os
import shutil
import signal

import numpy as np
import pytest
import yaml

from dlscan.config import in_common, load, load_point
from dlscan.config.pretrained import Pretrained
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, ScanError
from dlscan.models.saved import read_network
from dlscan.origins import origin_of, origins_of, require_origins
from dlscan.record import PointPaths, Record
from dlscan.scan import Plan, freeze
from dlscan.train import PointInfo, train_point, train_points

NETWORK = {"model__batch_norm": False, "train__epochs": 2, "data__balance": "none"}


def info_of(number, **more):
    return PointInfo(number, f"point-{number}", "toy", ("model.pretrained",), order_seed=1, **more)


def history_of(paths):
    """The history without its times."""
    with paths.history.open(newline="") as file:
        return [row[:5] for row in csv.reader(file)]


def weights_of(paths):
    return {layer.name: layer.get_weights() for layer in read_network(paths.best).layers if layer.weights}


def same(some, others):
    return all(map(np.array_equal, some, others))


@pytest.fixture(scope="module")
def source(mapping, tmp_path_factory):
    """A scan with one finished point; leave it as it is."""
    from tests.train.conftest import write_point

    home = tmp_path_factory.mktemp("source") / "other"
    (home / "points").mkdir(parents=True)
    paths = write_point(mapping, home / "points" / "0003-first", **NETWORK)
    assert train_point(paths, info_of(3)) == "done"
    return paths


@pytest.fixture
def begun(make_point, source):
    """Make a point that begins with the source."""

    def make(name, freeze="none", **changes):
        start = {"from": str(source.scan), "freeze": freeze}
        return make_point(name, **{**NETWORK, "model__pretrained": start, **changes})

    return make


def test_what_is_frozen_stays_as_it_was_and_the_record_says_where_it_is_from(begun, source):
    paths = begun("frozen", "body")
    assert train_point(paths, info_of(1)) == "done"
    there, here = weights_of(source), weights_of(paths)
    unchanged = {name for name in here if same(there[name], here[name])}
    assert unchanged == here.keys() - {"net-output"}
    record = Record.read(paths.record)
    assert record.pretrained == {
        "file": str(source.best),
        "checksum": origin_of(load_point(paths.config).model.pretrained).checksum,
        "point": 3,
    }
    assert record.params["model.pretrained"] == {"from": str(source.scan), "freeze": "body"}
    assert record.model_parameters == sum(weight.size for weight in here["net-output"])


def test_alone_and_in_a_pack_it_is_the_same_and_a_stopped_one_goes_on_as_if_it_had_not(begun):
    rates = {"train__body_rate": 0.1}
    alone = [begun("alone-1", **rates), begun("alone-2", "body")]
    for number, paths in enumerate(alone, 1):
        assert train_point(paths, info_of(number)) == "done"
    pack = [begun("pack-1", **rates), begun("pack-2", "body")]

    def stop(epoch, step, steps):
        if (epoch, step) == (2, 2):
            os.kill(os.getpid(), signal.SIGTERM)

    points = [(paths, info_of(number)) for number, paths in enumerate(pack, 1)]
    with contextlib.suppress(KeyboardInterrupt):
        assert set(train_points(points, stop).values()) == {"preempted"}
    assert set(train_points(points).values()) == {"done"}
    for one, other in zip(alone, pack, strict=True):
        assert history_of(one) == history_of(other)
        ours, theirs = weights_of(one), weights_of(other)
        assert all(same(ours[name], theirs[name]) for name in ours)


def test_a_network_that_has_changed_since_the_plan_is_noticed(begun, source, tmp_path):
    paths = begun("changed")
    origins = origins_of(load_point(paths.config))
    copy = tmp_path / "copy.keras"
    copy.write_bytes(source.best.read_bytes())
    (place,) = origins
    moved = {place: type(origins[place])(copy, origins[place].checksum)}
    copy.write_bytes(copy.read_bytes() + b"more")
    with pytest.raises(ScanError, match=r"copy\.keras: has changed since it was chosen for model"):
        train_point(paths, info_of(1, origins=moved))
    # what was checked when the plan was made is not looked for again by commands
    experiment = load_point(paths.config)
    require_origins(experiment, Manifest.of(experiment), moved)
    copy.unlink()
    with pytest.raises(ScanError, match=r"copy\.keras: missing, but model\.pretrained begins with"):
        train_point(paths, info_of(2, origins=moved))
    assert not paths.record.exists()


def test_points_that_scale_otherwise_share_no_job(begun, make_point):
    kinds = [
        load_point(paths.config).plain()
        for paths in (begun("one"), begun("two", "body"), make_point("fresh", **NETWORK))
    ]
    first, second, fresh = map(in_common, kinds)
    assert first == second != fresh


@pytest.mark.parametrize(
    ("start", "message"),
    [
        ({"from": "nowhere"}, r"model\.pretrained\.from: .*nowhere: neither the directory of a scan nor"),
        ({"from": "gone.keras"}, r"model\.pretrained\.from: .*gone\.keras: no such file"),
        ({"point": 9}, r"model\.pretrained\.point: .*other has no finished point 9; finished: 3"),
    ],
)
def test_what_is_not_there_is_named(make_point, source, start, message):
    paths = make_point(model__pretrained={"from": str(source.scan), **start})
    with pytest.raises(ConfigError, match=message):
        origins_of(load_point(paths.config))


def test_without_a_number_it_is_the_best_by_validation(source, tmp_path):
    scan = tmp_path / "scan"
    for number, goodness in ((1, 0.6), (2, 0.9), (3, 0.7)):
        paths = PointPaths(scan / "points" / f"000{number}-p")
        shutil.copytree(source.directory, paths.directory)
        record = Record.read(paths.record)
        metrics = {**record.metrics, "val_Mean_AUC": goodness}
        dataclasses.replace(record, point=number, metrics=metrics).write(paths.record)
    assert origin_of(Pretrained(scan)).point == 2


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model__width": 9}, r"0003-first is another network: model\.width is 8 there and 9 here; only the"),
        ({"model": {"family": "rnn"}}, r"model\.family is 'dense' there and 'rnn' here"),
        ({"model__inputs": ["image"]}, r"best\.keras takes vector too, which is no input here"),
    ],
)
def test_a_plan_with_what_does_not_fit_is_refused(begun, source, changes, message):
    if "model" in changes:
        changes = {"model": {**changes["model"], "pretrained": {"from": str(source.scan)}}}
    experiment = load_point(begun("point", **changes).config)
    with pytest.raises(ConfigError, match=message) as refused:
        require_origins(experiment, Manifest.of(experiment))
    assert "\n" not in str(refused.value)


def test_a_plan_keeps_what_its_points_begin_with(mapping, source, tmp_path):
    file, copy = tmp_path / "experiment.yaml", tmp_path / "copy.keras"
    copy.write_bytes(source.best.read_bytes())
    starts = [None, {"from": "copy.keras"}, {"from": str(source.scan), "point": 3, "freeze": "body"}]
    file.write_text(yaml.safe_dump({**mapping, "scan": {"grid": {"model.pretrained": starts}}}))
    plan = freeze(load(file))
    assert [point.name for point in plan.points] == [
        "pretrained=None",
        "pretrained=copy.keras",
        "pretrained=other_3_freeze=body",
    ]
    assert set(Plan.read(plan.directory).origins) == {str(copy), f"{source.scan}:3"}
    freeze(load(file))
    copy.write_bytes(b"another network")
    with pytest.raises(ScanError, match=r"copy\.keras: has changed since it was chosen"):
        freeze(load(file))
