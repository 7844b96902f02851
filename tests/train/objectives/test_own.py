"""Losses of users, from a file beside the experiment file."""

import h5py
import numpy as np
import pytest

from dlscan.attempts import last_attempt
from dlscan.config import Train
from dlscan.errors import ConfigError, PointsFailed
from dlscan.models import keras
from dlscan.record import Record
from dlscan.train import train_point, train_points
from dlscan.train.objectives.losses import event_loss

TWICE = """
from keras import ops

def twice(targets, outputs):
    return -2 * ops.sum(targets * ops.log_softmax(outputs), axis=-1)
"""


@pytest.fixture
def write(tmp_path):
    """Write a file of losses; how `train.loss` names one of its functions."""

    def write(text, name="mine"):
        path = tmp_path / "my losses.py"
        path.write_text(text)
        return f"{path}:{name}"

    return write


@pytest.mark.parametrize("kind", ["classify", "regress"])
def test_a_loss_of_a_user_is_what_its_function_returns(write, kind):
    loss = event_loss(kind, Train.parse({"loss": write(TWICE, "twice")}, "train"), 3)
    rng = np.random.default_rng(1)
    targets, outputs = rng.normal(size=(2, 8, 3)).astype("float32")
    found = keras.ops.convert_to_numpy(loss(*map(keras.ops.convert_to_tensor, (targets, outputs))))
    logs = outputs - np.log(np.exp(outputs).sum(axis=1, keepdims=True))
    np.testing.assert_allclose(found, -2 * (targets * logs).sum(axis=1), rtol=1e-4)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("import no_such_package", "my losses.py:1: ModuleNotFoundError: No module named 'no_such_package'"),
        ("def mine(t, o): return t + missing", "my losses.py:1: NameError: name 'missing' is not defined"),
        ("def mine(t, o): return None", "my losses.py:1: "),
        ("def mine(t, o): return t * o", r"must return the loss of each event, shape (B,), got (B, 3)"),
        ("import keras\ndef mine(t, o): return keras.ops.mean(t * o)", "shape (B,), got ()"),
        ("import keras\ndef mine(t, o): return keras.ops.mean(t * o, 0)", "shape (B,), got (3)"),
        ("import keras\ndef mine(t, o): return keras.ops.log(o[:, 0])", ":2: mine returns nan for outputs"),
    ],
)
def test_a_loss_that_cannot_be_used_is_one_line_before_training(write, text, message):
    train = Train.parse({"loss": write(text if "def " in text else f"{text}\ndef mine(t, o): ...")}, "train")
    with pytest.raises(ConfigError) as caught:
        event_loss("classify", train, 3)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_point_is_trained_and_judged_by_the_loss_of_a_user(write, make_point, info, read_history):
    loss = write(TWICE, "twice")
    paths = make_point(train={"loss": loss, "epochs": 1, "batch_size": 100}, data__balance="none")
    train_point(paths, info)

    record, (row,) = Record.read(paths.record), read_history(paths)
    with h5py.File(paths.predictions) as file:
        for split in ("validation/", "/"):
            np.testing.assert_allclose(
                file[f"{split}losses"], 2 * file[f"{split}cross_entropies"][:], rtol=1e-4
            )
        assert float(row[3]) == pytest.approx(np.mean(file["validation/losses"]), rel=1e-5)
    assert record.metrics["test_loss"] == pytest.approx(2 * record.metrics["test_log_loss"], rel=1e-4)
    assert record.params["train.loss"] == loss
    assert record.sources["train.loss"]["text"] == TWICE


def test_a_loss_that_fails_within_a_step_fails_its_point_alone(write, make_point, info):
    """It works on a few events, and not where steps are compiled, or differentiated."""
    loss = write("import numpy\ndef mine(t, o): return numpy.asarray(o)[:, 0]")
    kinds = ({"epochs": 1, "batch_size": 100}, {"epochs": 1, "batch_size": 100, "loss": loss})
    points = [make_point(f"p{number}", train=kind) for number, kind in enumerate(kinds)]
    infos = [info.__class__(number, f"p{number}", "toy", ()) for number in (1, 2)]
    with pytest.raises(PointsFailed, match="1 of 2 points failed: point 2"):
        train_points(list(zip(points, infos, strict=True)))
    assert [paths.record.exists() for paths in points] == [True, False]
    assert "my losses.py:2: " in last_attempt(points[1]).error
