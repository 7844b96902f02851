"""Points trained together end as they would alone."""

import csv
import logging
import os
import signal
import weakref

import h5py
import numpy as np
import pytest

from dlscan.attempts import last_attempt
from dlscan.claims import Claim
from dlscan.errors import PointsFailed
from dlscan.record import Record
from dlscan.stream import Batches
from dlscan.train import PointInfo, train_point, train_points
from dlscan.train.member import Member
from dlscan.train.pack import Pack
from tests.train.conftest import write_point

# no epoch is so much better: the learning rate falls after each one that counts
PLATEAU = {
    "train__schedule": "plateau",
    "train__schedule_patience": 1,
    "train__early_stopping": {"min_delta": 10.0, "window": 2},
}
STEP = {"train__schedule": "step", "train__schedule_every": 2}
FOCAL = {"train__loss": "focal", "train__label_smoothing": 0.1, "train__l2": 1e-3}
# dropout, batch normalisation, class weights and Adam are the defaults of these points
KINDS = [
    {"model__width": 8, **PLATEAU},
    {
        "model__width": 16,
        "model__depth": 2,
        "train__optimizer": "sgd",
        "train__momentum": 0.9,
        **STEP,
        **FOCAL,
    },
    {
        **{"model__width": 4, "model__dropout": 0.5, "train__optimizer": "rmsprop"},
        **{"train__learning_rate": 0.003, "train__schedule": "decay", "train__warm_up": 2},
    },
    {"model__width": 8, "train__seed": 5, "train__clip_norm": 0.1, "train__schedule": "cosine"},
]


def info_of(number):
    return PointInfo(number, f"point-{number}", "toy", ("model.width",), order_seed=1)


@pytest.fixture
def make_points(make_point):
    """Points numbered from 1; the arguments are their changes."""

    def make(name, *kinds):
        return [
            (make_point(f"{name}-{number}", **kind), info_of(number)) for number, kind in enumerate(kinds, 1)
        ]

    return make


@pytest.fixture(scope="module")
def train_alone(mapping, tmp_path_factory):
    """Train points by themselves, each once for all tests here; leave them as they are."""
    home, known = tmp_path_factory.mktemp("alone"), {}

    def train(*kinds):
        for kind in kinds:
            if repr(kind) not in known:
                number = len(known) + 1
                paths = known[repr(kind)] = write_point(mapping, home / str(number), **kind)
                assert train_point(paths, info_of(number)) == "done"
        return [known[repr(kind)] for kind in kinds]

    return train


def history_of(paths):
    """The history without its times."""
    with paths.history.open(newline="") as file:
        return [[float(value) for value in row[:5]] for row in list(csv.reader(file))[1:]]


def files_of(paths):
    return sorted(
        str(path.relative_to(paths.directory))
        for path in paths.directory.rglob("*")
        if path.suffix not in (".beat", ".txt")
    )


def untimed(record):
    """What of a record does not depend on when, how fast and beside whom a point was trained."""
    own = {"started", "ended", "pack", "host", "device", "files"}
    return {key: value for key, value in vars(record).items() if key not in own and "second" not in key}


def test_points_of_a_pack_that_take_entries_end_as_they_would_alone(make_points, sparse_data):
    kinds = [{"data": sparse_data | {"normalize": {"ECAL": "scale"}}} | kind for kind in KINDS[:3]]
    together, alone = make_points("together", *kinds), make_points("alone", *kinds)

    assert set(train_points(together).values()) == {"done"}
    for point in alone:
        train_point(*point)

    for (one, _), (other, _) in zip(together, alone, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)
        packed, single = Record.read(one.record), Record.read(other.record)
        assert packed.metrics["Mean_AUC"] == pytest.approx(single.metrics["Mean_AUC"], abs=0.002)


def test_points_of_a_pack_end_as_they_would_alone(make_points, train_alone):
    together, alone = make_points("together", *KINDS), train_alone(*KINDS)

    assert train_points(together) == {1: "done", 2: "done", 3: "done", 4: "done"}

    for (one, _), other in zip(together, alone, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)
        assert files_of(one) == files_of(other)
        packed, single = Record.read(one.record), Record.read(other.record)
        assert (packed.pack, single.pack) == (4, 1)
        assert untimed(packed).keys() == untimed(single).keys()
        assert packed.params == single.params
        assert packed.metrics["Mean_AUC"] == pytest.approx(single.metrics["Mean_AUC"], abs=0.002)
        with h5py.File(one.predictions) as ours, h5py.File(other.predictions) as theirs:
            for split in ("/", "validation/", "train/"):
                np.testing.assert_array_equal(ours[f"{split}labels"], theirs[f"{split}labels"])
                np.testing.assert_allclose(ours[f"{split}scores"], theirs[f"{split}scores"], atol=1e-3)


def test_repeats_of_a_pack_start_from_different_weights_on_the_same_events(make_points):
    points = make_points("repeat", {"train__seed": 1}, {"train__seed": 2})
    train_points(points)

    first, second = (history_of(paths) for paths, _ in points)
    assert first != second
    with h5py.File(points[0][0].predictions) as one, h5py.File(points[1][0].predictions) as other:
        np.testing.assert_array_equal(one["train/labels"], other["train/labels"])


def test_every_batch_is_read_once_for_the_whole_pack(make_points, monkeypatch):
    delivered = []
    read = Batches.epoch

    def counted(self, number, last=False):
        for batch in read(self, number, last):
            delivered.append(len(batch))
            yield batch

    monkeypatch.setattr(Batches, "epoch", counted)
    train_point(*make_points("one", {"train__epochs": 2})[0])
    alone = sum(delivered)
    delivered.clear()
    train_points(make_points("three", *[{"train__epochs": 2, "model__width": width} for width in (2, 3, 4)]))
    assert sum(delivered) == alone


def test_point_that_diverges_leaves_the_others_as_they_were(make_points, train_alone, caplog):
    caplog.set_level(logging.INFO, "dlscan")
    # no step survives this
    sick = {"train__optimizer": "sgd", "train__learning_rate": 1e30, "model__batch_norm": False}
    points = make_points("sick", {}, sick, {"model__width": 4})

    with pytest.raises(PointsFailed, match=r"1 of 3 points failed: point 2 \(point-2\)"):
        train_points(points)

    assert last_attempt(points[1][0]).outcome == "diverged"
    assert not points[1][0].record.exists()
    for number, healthy in zip((0, 2), train_alone({}, {"model__width": 4}), strict=True):
        np.testing.assert_allclose(history_of(points[number][0]), history_of(healthy), rtol=1e-4)


def test_points_stop_early_each_by_its_own_rule(make_points):
    stop = {"monitor": "val_loss", "min_delta": 10.0}
    points = make_points(
        "early",
        {"train__early_stopping": {**stop, "patience": 1}},
        {"train__early_stopping": {**stop, "patience": 3}},
        {"train__epochs": 3},
        {},
    )
    train_points(points)

    records = [Record.read(paths.record) for paths, _ in points]
    assert [(record.epochs, record.stopped) for record in records] == [
        (2, "early"),
        (4, "early"),
        (3, "epochs"),
        (5, "epochs"),
    ]
    assert [len(history_of(paths)) for paths, _ in points] == [2, 4, 3, 5]
    # of the first two epochs each has a quarter, of the last one all; the job has spent each epoch once
    longest = records[3]
    assert sum(record.train_seconds for record in records) == pytest.approx(longest.job_seconds)
    assert longest.job_seconds > longest.train_seconds > records[0].train_seconds > 0
    with points[3][0].history.open(newline="") as file:
        assert [row["networks"] for row in csv.DictReader(file)] == ["4", "4", "3", "2", "1"]


@pytest.mark.parametrize("pays", [True, False])
def test_points_that_left_change_nothing_whether_or_not_the_rest_is_compiled_anew(
    make_points, train_alone, monkeypatch, pays
):
    kinds = [{"train__epochs": 1}, {"model__width": 4}, {"train__epochs": 2}]
    alone = train_alone(*kinds)
    monkeypatch.setattr(Pack, "worth_leaving", lambda self, gone, seconds: pays)
    points = make_points("together", *kinds)
    train_points(points)

    for (one, _), other in zip(points, alone, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)
        assert Record.read(one.record).metrics == pytest.approx(
            Record.read(other.record).metrics, abs=0.002, nan_ok=True
        )


def stop_at(epoch, step):
    def on_step(now_epoch, now_step, steps):
        if (now_epoch, now_step) == (epoch, step):
            os.kill(os.getpid(), signal.SIGTERM)

    return on_step


@pytest.mark.parametrize("grace", ["600", "0"])
def test_stopped_pack_goes_on_regrouped_as_if_nothing_had_been(make_points, train_alone, monkeypatch, grace):
    """Without grace it stops in the middle of an epoch; then one goes on alone, and the rest follows."""
    alone = train_alone(*KINDS[:3])
    monkeypatch.setenv("DLSCAN_GRACE", grace)
    points = make_points("together", *KINDS[:3])

    assert set(train_points(points, stop_at(2, 2)).values()) == {"preempted"}
    epochs = 1 if grace == "0" else 2
    assert [len(history_of(paths)) for paths, _ in points] == [epochs] * 3
    # one of them gets ahead, and stops again elsewhere
    assert train_points(points[:1], stop_at(3, 1)) == {1: "preempted"}
    assert set(train_points(points).values()) == {"done"}

    for (one, _), other in zip(points, alone, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)


def test_out_of_memory_splits_the_pack_and_keeps_finished_epochs(
    make_points, train_alone, monkeypatch, caplog
):
    caplog.set_level(logging.INFO, "dlscan")
    kinds = [{"model__width": width} for width in (2, 3, 4, 5, 6)]
    points, alone = make_points("big", *kinds), train_alone(*kinds)
    steps, train = [], Pack.train

    def too_small(self, *given):
        steps.append(len(self.learners))
        # the third epoch of more than two networks does not fit
        if len(self.learners) > 2 and self.learners[0].epoch == 2:
            raise MemoryError("3 GiB wanted")
        train(self, *given)

    monkeypatch.setattr(Pack, "train", too_small)
    assert set(train_points(points).values()) == {"done"}

    assert "5 points do not fit into memory together (MemoryError: 3 GiB wanted)" in caplog.text
    assert sorted(set(steps)) == [1, 2, 3, 5]
    for (one, _), other in zip(points, alone, strict=True):
        np.testing.assert_allclose(history_of(one), history_of(other), rtol=1e-4)
    assert [last_attempt(paths).outcome for paths, _ in points] == ["done"] * 5
    assert [Record.read(paths.record).pack for paths, _ in points] == [2, 2, 1, 2, 2]
    # to go on within a job is no new start
    assert [last_attempt(paths).resumed_after for paths, _ in points] == [0] * 5


def test_networks_of_a_pack_that_was_split_or_failed_take_no_memory_any_more(make_points, monkeypatch):
    points = make_points("freed", *[{"model__width": width, "train__epochs": 1} for width in (2, 3, 40)])
    networks, train, left = [], Pack.train, []

    def too_small(self, *given):
        left.append([len(self.learners), sum(network() is not None for network in networks)])
        networks.extend(weakref.ref(learner.network) for learner in self.learners)
        if any(learner.parameters > 500 for learner in self.learners):
            try:
                raise MemoryError("3 GiB wanted")
            except MemoryError as error:
                # back ends raise their errors anew, and the first one knows the frames that it came through
                raise RuntimeError(f"RESOURCE_EXHAUSTED: {error}") from None
        train(self, *given)
        networks.clear()

    monkeypatch.setattr(Pack, "train", too_small)
    with pytest.raises(PointsFailed, match="point 3"):
        train_points(points)
    assert {tuple(one) for one in left} == {(3, 0), (2, 0), (1, 0)}


def test_network_without_a_score_for_some_event_is_lost_alone(make_points, monkeypatch):
    points = make_points("nan", {"train__epochs": 1}, {"train__epochs": 1, "model__width": 4})
    sick, load_best = str(points[0][1]), Member.load_best

    def broken(self):
        network = load_best(self)
        if str(self) == sick:
            network.model.weights[-1].assign([np.nan] * 3)
        return network

    monkeypatch.setattr(Member, "load_best", broken)
    with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point 1"):
        train_points(points)
    assert "scores are nan" in last_attempt(points[0][0]).error
    assert points[1][0].record.exists()
    assert not points[0][0].predictions.exists()


def test_point_without_its_best_weights_is_lost_alone(make_points):
    # the second epoch is never so much better
    stop = {"monitor": "val_loss", "min_delta": 10.0, "patience": 9}
    kind = {"train__epochs": 2, "train__early_stopping": stop}
    points = make_points("best", kind, {**kind, "model__width": 4})

    def remove(epoch, step, steps):
        if (epoch, step) == (2, 1):
            (points[0][0].last / "epoch-0001.variables").unlink()

    with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point 1"):
        train_points(points, remove)
    assert "epoch-0001.variables: missing or damaged" in last_attempt(points[0][0]).error
    assert Record.read(points[1][0].record).best_epoch == 1


def test_point_whose_directory_cannot_be_used_is_lost_alone(make_points):
    points = make_points("unusable", {"train__epochs": 1}, {"train__epochs": 1})
    points[0][0].lock.mkdir()

    with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point 1"):
        train_points(points)
    assert Record.read(points[1][0].record).epochs == 1


def test_pack_that_has_to_wait_for_another_is_not_built_once_a_signal_came(make_points):
    points = make_points("waiting", {}, {"train__batch_size": 50})

    assert train_points(points, stop_at(1, 1)) == {1: "preempted", 2: "preempted"}
    assert [last_attempt(paths).resumed_after for paths, _ in points] == [0, None]
    assert [last_attempt(paths).outcome for paths, _ in points] == ["preempted"] * 2


def test_point_too_big_for_memory_alone_is_said_to_be(make_points, monkeypatch):
    points = make_points("big", {"model__width": 2}, {"model__width": 64})
    train = Pack.train

    def too_small(self, *given):
        if any(learner.parameters > 500 for learner in self.learners):
            raise MemoryError
        train(self, *given)

    monkeypatch.setattr(Pack, "train", too_small)
    with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point 2"):
        train_points(points)
    assert [last_attempt(paths).outcome for paths, _ in points] == ["done", "oom"]
    assert "point 2 (point-2) does not fit into memory" in last_attempt(points[1][0]).error


def test_points_that_cannot_share_a_stream_are_trained_one_pack_after_the_other(make_points):
    points = make_points("mixed", {}, {"train__batch_size": 50}, {"model__width": 4})
    assert set(train_points(points).values()) == {"done"}
    assert [Record.read(paths.record).params["train.batch_size"] for paths, _ in points] == [100, 50, 100]


def test_held_and_done_points_are_left_and_the_others_trained(make_points, caplog):
    points = make_points("some", {"train__epochs": 1}, {"train__epochs": 1}, {"train__epochs": 1})
    train_point(*points[0])
    claim = Claim.take(points[1][0])

    assert train_points(points) == {1: "done", 2: "held", 3: "done"}
    assert "attempt 1 is training this point" in caplog.text
    claim.end("preempted")
    assert train_points(points) == {1: "done", 2: "done", 3: "done"}


def test_point_taken_over_meanwhile_is_lost_to_its_successor_alone(make_points):
    points = make_points("fenced", {}, {"model__width": 4})
    paths = points[0][0]

    def take_over(epoch, step, steps):
        if (epoch, step) == (2, 1):
            # what a successor leaves that found the heart beat no more
            (paths.attempts / "0002.json").write_text((paths.attempts / "0001.json").read_text())

    with pytest.raises(PointsFailed, match=r"1 of 2 points failed: point 1"):
        train_points(points, take_over)
    assert not paths.record.exists()
    assert len(history_of(paths)) == 1
    assert Record.read(points[1][0].record).epochs == 5


@pytest.mark.parametrize("precision", ["mixed_float16", "mixed_bfloat16"])
def test_networks_of_less_precision_train_beside_others(make_points, precision):
    kinds = [{"train__precision": precision, "model__width": 16}, {"model__width": 16}]
    points, alone = make_points("mixed", *kinds), make_points("alone", *kinds)
    train_points(points)

    train_point(*alone[0])
    np.testing.assert_allclose(history_of(points[0][0]), history_of(alone[0][0]), rtol=1e-4)
    first, last = history_of(points[0][0])[0], history_of(points[0][0])[-1]
    assert last[3] < first[3]
    assert Record.read(points[0][0].record).metrics["Mean_AUC"] == pytest.approx(
        Record.read(points[1][0].record).metrics["Mean_AUC"], abs=0.05
    )


def test_point_that_breaks_its_pack_is_found_and_the_others_are_trained(make_points, monkeypatch):
    points = make_points("broken", *[{"model__width": width} for width in (2, 3, 4)])
    train = Pack.train

    def break_on_three(self, *given):
        if any(learner.network.layers[-2].kernel.shape[0] == 6 for learner in self.learners):
            raise ValueError("no such kernel on this device")
        train(self, *given)

    monkeypatch.setattr(Pack, "train", break_on_three)
    with pytest.raises(PointsFailed, match=r"1 of 3 points failed: point 2"):
        train_points(points)
    assert [last_attempt(paths).outcome for paths, _ in points] == ["done", "failed", "done"]
    assert last_attempt(points[1][0]).error == "ValueError: no such kernel on this device"


@pytest.mark.parametrize("through_a_pipe", [False, True])
def test_each_point_of_a_pack_has_its_lines_once(make_points, monkeypatch, through_a_pipe):
    points = make_points("logs", {"train__epochs": 2}, {"train__epochs": 2})
    logger, before = logging.getLogger("dlscan"), os.dup(2)
    level = logger.level
    handler = logging.FileHandler(points[0][0].log)
    # as the driver has it: what the job prints goes to the log of the first; with `srun`, by a pipe
    if through_a_pipe:
        monkeypatch.setenv("DLSCAN_LOG", str(points[0][0].log))
    else:
        os.dup2(handler.stream.fileno(), 2)
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        train_points(points)
    finally:
        logger.setLevel(level)
        logger.removeHandler(handler)
        os.dup2(before, 2)
        os.close(before)
        handler.close()
    job, own = points[0][0].log.read_text(), points[1][0].log.read_text()
    assert [job.count(f"point {number} (point-{number}): epoch 1/2") for number in (1, 2)] == [1, 1]
    assert job.count("epoch 1/2") == 2
    assert own.count("epoch 1/2") == own.count("epoch 2/2") == 1
