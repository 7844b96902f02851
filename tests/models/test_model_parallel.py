"""Along which axis a weight is divided over devices, and where a network cannot be divided."""

import pytest

from dlscan.config import Train
from dlscan.errors import ConfigError
from dlscan.models import backend
from dlscan.models import replicas as module
from dlscan.models.model_parallel import divided_axis
from dlscan.models.replicas import replicas


@pytest.mark.parametrize(
    ("path", "shape", "devices", "axis"),
    [
        ("dense/kernel", (6, 8), 4, 1),
        ("conv/kernel", (3, 3, 16, 32), 4, 3),
        ("lstm/lstm_cell/recurrent_kernel", (8, 32), 4, 1),
        ("words/embeddings", (1000, 64), 8, 1),
        # the last layer tells few classes apart
        ("net-scores/kernel", (64, 3), 2, 0),
        ("conv/kernel", (4, 4, 12, 5), 4, 2),
        # heads stay whole
        ("attention/query/kernel", (16, 4, 8), 2, 1),
        ("attention/key/bias", (4, 8), 4, 0),
        ("attention/attention_output/kernel", (4, 8, 16), 4, 0),
        ("attention/value/kernel", (16, 3, 8), 2, 0),
        # copies
        ("dense/bias", (8,), 4, None),
        ("drop/seed_generator_state", (2,), 2, None),
        ("adam/iteration", (), 2, None),
        ("dense/kernel", (5, 7), 2, None),
        ("kernel", (0, 7), 2, None),
    ],
)
def test_weights_are_divided_along_heads_outputs_or_the_longest_axis(path, shape, devices, axis):
    assert divided_axis(path, shape, devices) == axis


def test_a_single_device_divides_nothing_and_says_so(monkeypatch, caplog):
    monkeypatch.setattr(module, "backend", lambda: "jax")
    monkeypatch.setattr(module, "_jax", lambda: ["cpu:0"])
    with caplog.at_level("INFO", "dlscan"):
        assert replicas(Train(devices="all")) == ()
        assert caplog.text == ""
        assert replicas(Train(devices="all", parallel="model")) == ()
    assert "train.parallel: model divides nothing, because this job sees 1 device" in caplog.text


@pytest.mark.skipif(backend() == "jax", reason="it works there")
def test_other_back_ends_refuse_it_and_say_what_to_do():
    with pytest.raises(ConfigError, match=r"train\.parallel: model .* works on JAX alone.*KERAS_BACKEND=jax"):
        replicas(Train(devices=2, parallel="model"))
