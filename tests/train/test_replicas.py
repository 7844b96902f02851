"""Several devices that share each batch train what one device trains.

Devices are simulated in a process of its own, because a back end makes its devices once.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlscan.config import Train
from dlscan.models import backend
from dlscan.models.replicas import replicas

SCRIPT = Path(__file__).with_name("on_devices.py")
FLAGS = {"jax": {"XLA_FLAGS": "--xla_force_host_platform_device_count=4"}}

on_jax = pytest.mark.skipif(backend() != "jax", reason="refused elsewhere")


@pytest.fixture(scope="module")
def found(mapping, tmp_path_factory):
    """What the script found, by the name of each case."""
    home = tmp_path_factory.mktemp("devices")
    own = {**mapping, "model": {"width": 8, "depth": 1}, "stream": {"workers": 1}}
    (home / "experiment.json").write_text(json.dumps(own))
    environment = {**os.environ, **FLAGS.get(backend(), {}), "CUDA_VISIBLE_DEVICES": ""}
    command = [sys.executable, str(SCRIPT), str(home)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((home / "found.json").read_text())


@pytest.mark.parametrize(
    ("case", "devices"), [("pack", 2), ("pack", 4), ("entries", 2), ("short", 2), ("parts", 2)]
)
def test_steps_of_several_devices_are_those_of_one(found, case, devices):
    one, several = found[case]["1"], found[case][str(devices)]
    for name in ("told", "looked", "raw", "weights"):
        np.testing.assert_allclose(several[name], one[name], rtol=1e-5, atol=1e-6)
    assert len(one["told"]) > 2


def test_each_device_has_its_share(found):
    assert found["placed"] == {"devices": 4, "events": 6}


@on_jax
def test_batches_are_normalised_and_dropped_out_as_wholes(found):
    one, several = found["normed"]["1"], found["normed"]["2"]
    for name in ("told", "weights"):
        np.testing.assert_allclose(several[name], one[name], rtol=1e-5, atol=1e-6)


def test_a_training_goes_on_with_another_number_of_devices(found):
    """Stopped in the second epoch on two devices, gone on with on one, and the other way round."""
    trained = found["trained"]
    for resumed in ("2 then 1", "1 then 4"):
        np.testing.assert_allclose(trained[resumed]["history"], trained["1"]["history"], rtol=1e-5)
        np.testing.assert_allclose(trained[resumed]["scores"], trained["1"]["scores"], atol=1e-5)
    assert trained["1 then 4"]["device"] == f"4 x {trained['1']['device']}"


def test_what_devices_cannot_share_exactly_is_refused(found):
    expected = {"too many": "train.devices is 5, but this job sees 4 devices"}
    expected["uneven"] = "train.batch_size is 10, which 4 devices cannot share evenly; make it 8"
    if backend() == "tensorflow":
        expected["compiled"] = "train.jit: what TensorFlow compiles by XLA runs on one device"
        expected["precision"] = "train.precision is mixed_float16, but TensorFlow trains on several devices"
    if backend() != "jax":
        expected["normed"] = "learns from whole batches"
    assert found["refused"].keys() == expected.keys()
    for name, message in expected.items():
        assert message in found["refused"][name]


def test_one_device_is_no_replica():
    assert replicas(Train()) == ()
    assert replicas(Train(devices="all")) == ()
