import contextlib
import dataclasses
import logging
import os
import re
import signal
from pathlib import Path

import h5py
import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from dlscan.attempts import attempt_numbers, last_attempt
from dlscan.claims import Claim
from dlscan.dataset import Manifest
from dlscan.errors import DataError, DivergedError, ScanError
from dlscan.locks import is_locked
from dlscan.metrics import accuracy
from dlscan.models import keras
from dlscan.record import PointPaths, Record
from dlscan.train import train_point
from dlscan.train.checkpoint import Checkpoint
from dlscan.train.member import Member
from dlscan.train.scores import ScoreFile
from dlscan.train.variables import Values


def at(epoch, step, do):
    """A hook that does something in the middle of an epoch."""

    def on_step(now_epoch, now_step, steps):
        if (now_epoch, now_step) == (epoch, step):
            do()

    return on_step


def kill(number):
    return lambda: os.kill(os.getpid(), number)


def test_finished_point_leaves_these_files_and_no_others(undisturbed):
    assert sorted(path.name for path in undisturbed.directory.iterdir()) == [
        "attempts",
        "best.keras",
        "config.yaml",
        "history.csv",
        "lock",
        "predictions.h5",
        "record.json",
    ]


@pytest.mark.parametrize(
    ("changes", "stop", "expected"),
    [
        ({}, None, ("done", 0)),
        ({}, lambda: os.kill(os.getpid(), signal.SIGTERM), ("preempted", 0)),
        ({"train__optimizer": "sgd", "train__learning_rate": 1e30}, None, ("diverged", 1)),
    ],
)
def test_attempt_says_what_its_process_ended_with(make_point, info, changes, stop, expected):
    paths = make_point(train__epochs=2, model__batch_norm=False, **changes)
    with contextlib.suppress(DivergedError):
        train_point(paths, info, at(1, 2, stop) if stop else None)
    attempt = last_attempt(paths)
    assert (attempt.outcome, attempt.exit_code) == expected


def test_record_says_what_was_tried_and_what_came_out(undisturbed, mapping):
    record = Record.read(undisturbed.record)

    assert (record.point, record.name, record.scan) == (7, "width=8-depth=1", "toy")
    assert record.varied == ("model.width", "model.depth")
    assert record.classes == ("Ele", "Pi0", "ChPi")
    assert record.params["model.family"] == "dense"
    assert record.params["model.width"] == 8
    assert record.params["train.learning_rate"] == 0.01
    assert record.params["train.early_stopping.monitor"] == "val_loss"
    assert (record.epochs, record.stopped, record.seed, record.attempts) == (5, "epochs", 1, 1)
    assert record.model_parameters == (16 + 1) * 8 + (3 + 1) * 8 + 4 * 8 + (16 + 1) * 3
    assert record.dataset["path"] == mapping["data"]["prepared"]
    # tanh-log is a factor and a softsign, standard a difference and a factor; 2 for each scale and shift
    hidden = (2 * 16 + 2 * 16 * 8 + 3 * 8) + (2 * 3 + 2 * 3 * 8 + 3 * 8)
    assert record.flops == hidden + 2 * 16 * 3 + 3 * 3
    assert record.inference_events_per_second > 0
    assert set(record.versions) == {"dlscan", "python", "numpy", "h5py", "keras", record.backend}
    assert record.started <= record.ended
    assert set(record.metrics) >= {
        *("Ele_AUC", "Pi0_AUC", "ChPi_AUC", "Mean_AUC", "test_accuracy", "test_loss"),
        *("Ele_vs_Pi0_AUC", "Pi0_vs_Ele_Rejection@50", "test_log_loss", "test_calibration_error"),
        *("val_Ele_AUC", "val_Mean_AUC", "val_Ele_vs_Pi0_AUC", "val_kept_accuracy"),
        *("initial_loss", "final_loss", "initial_val_loss", "final_val_loss", "best_val_loss"),
    }


def test_record_agrees_with_the_history(undisturbed, read_history):
    record, history = Record.read(undisturbed.record), read_history(undisturbed)
    losses = [float(row[3]) for row in history]

    assert [row[0] for row in history] == ["1", "2", "3", "4", "5"]
    assert record.metrics["initial_loss"] == float(history[0][1])
    assert record.metrics["final_val_loss"] == losses[-1]
    assert record.metrics["best_val_loss"] == min(losses) == losses[record.best_epoch - 1]


def test_auc_in_the_record_is_that_of_the_predictions(undisturbed):
    metrics = Record.read(undisturbed.record).metrics
    with h5py.File(undisturbed.predictions) as file:
        scores, labels = file["scores"][()], file["labels"][()]
        assert list(file.attrs["classes"]) == ["Ele", "Pi0", "ChPi"]
        assert file.attrs["split"] == "test"

    areas = [roc_auc_score(labels == number, scores[:, number]) for number in range(3)]
    assert [metrics[f"{name}_AUC"] for name in ("Ele", "Pi0", "ChPi")] == pytest.approx(areas)
    assert metrics["Mean_AUC"] == pytest.approx(np.mean(areas))
    assert metrics["test_accuracy"] == accuracy(scores, labels)


def test_network_learns_a_problem_that_can_be_learned(undisturbed):
    metrics = Record.read(undisturbed.record).metrics

    assert metrics["Ele_AUC"] > 0.95
    assert metrics["ChPi_AUC"] > 0.95
    assert metrics["final_loss"] < metrics["initial_loss"]


def test_predictions_hold_every_test_event_with_its_extras_and_where_it_came_from(undisturbed, mapping):
    manifest = Manifest.read(Path(mapping["data"]["prepared"]))
    with h5py.File(undisturbed.predictions) as file:
        labels, sources, energies = file["labels"][()], file["sources"][()], file["extras/energy"][()]

    assert len(labels) == manifest.splits["test"].events
    assert len(np.unique(sources, axis=0)) == len(sources)
    for label, (number, row), energy in zip(labels, sources, energies, strict=True):
        source = manifest.sources[number]
        assert source.label == manifest.classes[label]
        with h5py.File(Path(mapping["data"]["raw"]) / source.file) as file:
            assert file["energy"][row] == energy


def test_predictions_are_those_of_the_best_epoch(make_point, info, undisturbed):
    # a huge step after the first epoch's would show in the scores
    paths = make_point(train__epochs=1)
    train_point(paths, info)
    worse = make_point("worse", train__early_stopping__min_delta=10.0, train__early_stopping__patience=3)
    train_point(worse, info)

    record = Record.read(worse.record)
    assert (record.best_epoch, record.epochs, record.stopped) == (1, 4, "early")
    with h5py.File(paths.predictions) as first, h5py.File(worse.predictions) as best:
        np.testing.assert_array_equal(first["scores"][()], best["scores"][()])
    with h5py.File(undisturbed.predictions) as last, h5py.File(worse.predictions) as best:
        assert not np.array_equal(last["scores"][()], best["scores"][()])


def test_test_events_are_scored_once_even_when_training_repeats_rare_classes(make_point, info, mapping):
    manifest = Manifest.read(Path(mapping["data"]["prepared"]))
    paths = make_point(train__epochs=1, data__balance="oversample")

    train_point(paths, info)

    with h5py.File(paths.predictions) as file:
        labels = file["labels"][()]
    assert tuple(np.bincount(labels)) == manifest.splits["test"].counts


def test_point_that_is_done_is_not_trained_again(undisturbed, info, caplog):
    before = undisturbed.record.stat().st_mtime_ns

    with caplog.at_level(logging.INFO, "dlscan"):
        assert train_point(undisturbed, info) == "done"

    assert "is already done" in caplog.text
    assert undisturbed.record.stat().st_mtime_ns == before
    assert len(list(undisturbed.attempts.iterdir())) == 1


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGUSR1, signal.SIGHUP])
def test_signal_ends_the_epoch_and_saves_and_the_next_start_goes_on(
    number, make_point, info, undisturbed, read_history, read_attempts, caplog
):
    paths = make_point()

    with caplog.at_level(logging.INFO, "dlscan"):
        assert train_point(paths, info, at(2, 1, kill(number))) == "preempted"
        assert len(read_history(paths)) == 2
        assert train_point(paths, info) == "done"

    assert (
        f"stopped by {number.name} after epoch 2 of 5; run the same command again to continue" in caplog.text
    )
    assert "continues after epoch 2" in caplog.text
    assert read_history(paths) == read_history(undisturbed)
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == ["preempted", "done"]
    assert [attempt["resumed_after"] for attempt in read_attempts(paths)] == [0, 2]
    assert Record.read(paths.record).attempts == 2
    assert Record.read(paths.record).metrics == Record.read(undisturbed.record).metrics


def test_a_point_that_kept_its_checkpoint_trains_on_to_what_all_epochs_at_once_give(
    make_point, info, undisturbed, read_history, read_attempts
):
    paths = make_point(train__epochs=3, train__keep_checkpoint=True)
    # varied, and not for adam
    info = dataclasses.replace(info, varied=(*info.varied, "train.momentum"))
    assert train_point(paths, info) == "done"
    before = paths.record.read_bytes()
    paths.config.write_text(paths.config.read_text().replace("epochs: 3", "epochs: 5"))
    # the shorter training is what there is until the longer one is done
    assert train_point(paths, info, at(5, 1, kill(signal.SIGTERM))) == "preempted"
    assert paths.record.read_bytes() == before
    assert train_point(paths, info) == "done"
    assert read_history(paths) == read_history(undisturbed)
    now, alone = Record.read(paths.record), Record.read(undisturbed.record)
    assert (now.epochs, now.stopped, now.attempts) == (5, "epochs", 3)
    assert now.metrics == alone.metrics
    assert now.params == {key: value for key, value in alone.params.items() if key != "train.momentum"}
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == ["done", "preempted", "done"]
    assert paths.last.exists()
    assert train_point(paths, info) == "done"
    assert len(read_attempts(paths)) == 3


def test_signal_in_the_last_epoch_leaves_the_evaluation_to_the_next_start(make_point, info, read_history):
    paths = make_point(train__epochs=1)

    assert train_point(paths, info, at(1, 1, kill(signal.SIGTERM))) == "preempted"
    assert not paths.record.exists()

    assert train_point(paths, info) == "done"
    assert len(read_history(paths)) == 1


def test_time_limit_trains_at_least_an_epoch_an_attempt(
    make_point, info, undisturbed, read_history, read_attempts
):
    paths = make_point(train__time_limit=0.001, train__epochs=3)

    outcomes = [train_point(paths, info) for _ in range(3)]

    assert outcomes == ["timeout"] * 2 + ["done"]
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == outcomes
    assert read_history(paths) == read_history(undisturbed)[:3]


def test_patience_goes_on_where_it_was(make_point, info, read_history):
    paths = make_point(
        train__early_stopping__min_delta=10.0, train__early_stopping__patience=2, train__time_limit=0.001
    )

    assert [train_point(paths, info) for _ in range(3)] == ["timeout", "timeout", "done"]

    record = Record.read(paths.record)
    assert (record.epochs, record.best_epoch, record.stopped) == (3, 1, "early")


def test_without_early_stopping_all_epochs_are_trained_and_the_best_is_kept(make_point, info, read_history):
    paths = make_point(train__early_stopping=None, train__epochs=3, train__learning_rate=0.5)

    train_point(paths, info)

    losses = [float(row[3]) for row in read_history(paths)]
    assert len(losses) == 3
    assert Record.read(paths.record).best_epoch == np.argmin(losses) + 1


def test_interrupt_stops_at_once_and_keeps_the_last_epoch(make_point, info, read_history, read_attempts):
    paths = make_point()

    with pytest.raises(KeyboardInterrupt):
        train_point(paths, info, at(2, 2, kill(signal.SIGINT)))

    assert len(read_history(paths)) == 1
    assert [attempt["outcome"] for attempt in read_attempts(paths)] == ["preempted"]
    assert (paths.last / "state.json").exists()


def test_diverged_point_says_so_and_what_to_do(make_point, info, read_attempts):
    paths = make_point(train__optimizer="sgd", train__learning_rate=1e30, model__batch_norm=False)

    with pytest.raises(
        DivergedError,
        match=r"point 7 \(width=8-depth=1\): loss is .* after epoch 1; the learning rate is 1e\+30: lower",
    ):
        train_point(paths, info)

    (attempt,) = read_attempts(paths)
    assert attempt["outcome"] == "diverged"
    assert "lower train.learning_rate" in attempt["error"]
    assert not paths.record.exists()


def fail():
    raise RuntimeError("first line\nlast line")


def test_failed_attempt_keeps_the_last_line_of_its_error(make_point, info, read_attempts, tmp_path):
    lost = make_point("lost", data__prepared=str(tmp_path / "nowhere"))
    broken = make_point("broken")

    with pytest.raises(DataError):
        train_point(lost, info)
    with pytest.raises(RuntimeError):
        train_point(broken, info, at(1, 1, fail))

    attempts = read_attempts(lost) + read_attempts(broken)
    assert [attempt["outcome"] for attempt in attempts] == ["failed", "failed"]
    assert "no prepared dataset here" in attempts[0]["error"]
    assert attempts[1]["error"] == "RuntimeError: last line"
    assert attempts[0]["ended"] >= attempts[0]["started"]


def test_who_looks_for_the_owner_of_a_point_does_not_wait_for_its_disk(make_point, info, monkeypatch):
    """Others give up after a minute, which a network of gigabytes on a slow file system takes."""
    paths = make_point(train__epochs=2)
    held = []

    def noted(kind, name):
        write = getattr(kind, name)

        def wrapped(*arguments, **options):
            made = write(*arguments, **options)
            held.append((name, is_locked(paths.lock)))
            return made

        monkeypatch.setattr(kind, name, wrapped)

    for kind, name in ((Values, "write"), (keras.Model, "save"), (ScoreFile, "close")):
        noted(kind, name)
    assert train_point(paths, info) == "done"
    assert held == [("write", False)] * 2 + [("save", False), ("close", False)]


def test_rebuilt_dataset_is_no_dataset_to_go_on_with(make_point, info):
    paths = make_point()
    assert train_point(paths, info, at(1, 1, kill(signal.SIGTERM))) == "preempted"
    checkpoint = Checkpoint(paths.last)
    variables = checkpoint.variables(1).read_bytes()
    another = dataclasses.replace(checkpoint.read(), dataset="another")
    checkpoint.commit(another, lambda path: path.write_bytes(variables))

    with pytest.raises(ScanError, match=r"dataset was rebuilt after epoch 1; remove .*last"):
        train_point(paths, info)


@pytest.mark.parametrize("damaged", ["state.json", "epoch-0003.variables", "both epochs"])
def test_point_goes_on_from_an_epoch_that_is_whole_as_if_nothing_had_been(
    make_point, info, undisturbed, read_history, caplog, damaged
):
    paths = make_point()
    assert train_point(paths, info, at(3, 1, kill(signal.SIGTERM))) == "preempted"
    epochs = sorted(paths.last.glob("epoch-*"))
    assert [path.name for path in epochs] == ["epoch-0002.variables", "epoch-0003.variables"]
    for path in epochs if damaged == "both epochs" else [paths.last / damaged]:
        content = bytearray(path.read_bytes())
        place, bit = content.find(b"\n") + 4, 0x40  # the highest bit of an exponent
        if path not in epochs:
            place, bit = content.index(b'"loss": 0.') + 10, 1  # a digit
        content[place] ^= bit
        path.write_bytes(content)
    caplog.set_level("INFO")

    assert train_point(paths, info) == "done"

    assert read_history(paths) == read_history(undisturbed)
    assert Record.read(paths.record).metrics == Record.read(undisturbed.record).metrics
    name = "epoch-0003.variables" if damaged == "both epochs" else damaged
    assert f"{paths.last / name}: damaged, its checksum does not match" in caplog.text
    whole = "is trained from its start" if damaged == "both epochs" else "continues after epoch 2 of 5"
    assert whole in caplog.text


def test_best_weights_that_are_damaged_are_not_scored(make_point, info):
    paths = make_point(train__epochs=1)

    def damage(path):
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(content)

    assert train_point(paths, info, at(1, 1, kill(signal.SIGTERM))) == "preempted"
    with pytest.MonkeyPatch.context() as patch:
        start = Member.start
        patch.setattr(
            Member,
            "start",
            lambda self, *known: (start(self, *known), damage(paths.last / "epoch-0001.variables")),
        )
        with pytest.raises(ScanError, match=r"epoch-0001\.variables: damaged, its checksum does not match"):
            train_point(paths, info)
    assert not paths.record.exists()
    assert not paths.best.exists()
    assert train_point(paths, info) == "done"


def test_point_that_is_held_is_left_alone(make_point, info, caplog):
    paths = make_point()
    claim = Claim.take(paths)

    assert train_point(paths, info) == "held"

    assert re.search(r"attempt 1 is training this point on .*; wait for it or cancel it", caplog.text)
    assert attempt_numbers(paths) == [1]
    claim.end("preempted")


def test_directory_without_a_point_is_an_error_that_names_it(tmp_path, info):
    with pytest.raises(ScanError, match=r"nowhere: no point here"):
        train_point(PointPaths(tmp_path / "nowhere"), info)


def test_half_written_files_of_a_killed_process_are_swept_away(make_point, info):
    paths = make_point(train__epochs=1)
    for name in (".best-12-0a1b2c3d.keras", ".predictions-12-0a1b2c3d.h5", ".record-12-0a1b2c3d.json"):
        (paths.directory / name).write_text("half")

    train_point(paths, info)

    assert not list(paths.directory.glob(".*"))


def test_log_has_a_line_per_epoch(make_point, info, caplog):
    with caplog.at_level(logging.INFO, "dlscan"):
        train_point(make_point(train__epochs=2), info)

    line = (
        r"epoch {}/2 loss [\d.]+ accuracy [\d.]+ val_loss [\d.]+ val_accuracy [\d.]+ [\d.]+ s [\d,]+ events/s"
    )
    assert re.search(line.format(1), caplog.text)
    assert re.search(line.format(2), caplog.text)
