"""Devices that hold a network together train what one device trains, and none of them ever holds all of it.

Devices are simulated in a process of its own, because a back end makes its devices once.
"""

import json
import os
import runpy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from dlscan.config.models import FAMILIES, trainer_of
from dlscan.models import backend

takes = runpy.run_path(str(Path(__file__).parents[1] / "slow.py"))["takes"]
SCRIPT = Path(__file__).with_name("on_divided.py")
DEVICES = 4
EVERY = [
    name
    for name, rule in FAMILIES.items()
    if trainer_of(name) == "networks" and "classify" in getattr(rule, "tasks", ("classify",))
]

pytestmark = pytest.mark.skipif(backend() != "jax", reason="refused elsewhere, see tests/models")


def run(home, *asked):
    environment = {
        **os.environ,
        "XLA_FLAGS": f"--xla_force_host_platform_device_count={DEVICES}",
        "CUDA_VISIBLE_DEVICES": "",
    }
    command = [sys.executable, str(SCRIPT), str(home), *asked]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads((home / "found.json").read_text())


@pytest.fixture(scope="module")
def found(mapping, tmp_path_factory):
    """What the script found, by the name of each training."""
    home = tmp_path_factory.mktemp("divided")
    (home / "experiment.json").write_text(json.dumps(mapping))
    return run(home, "trainings")


def assert_same(trained, alone, case):
    np.testing.assert_allclose(trained["history"], alone["history"], rtol=1e-5, err_msg=case)
    np.testing.assert_allclose(trained["scores"], alone["scores"], atol=1e-5, err_msg=case)


def test_a_divided_network_is_trained_scored_and_saved_as_on_one_device(found):
    """Stopped in its second epoch, too, and gone on with."""
    assert_same(found["4"], found["1"], "4")
    assert found["4"]["opened"] == pytest.approx(found["1"]["opened"], abs=1e-5)
    assert found["4"]["device"] == f"4 x {found['1']['device']}"


def test_networks_of_a_pack_are_divided_too(found):
    for name in ("1", "narrow"):
        assert_same(found[f"packed {name}"], found[name], name)


@pytest.mark.parametrize("case", ["1 then 4", "4 then data"])
def test_a_training_goes_on_with_another_number_of_devices(found, case):
    assert_same(found[case], found["1"], case)


def test_no_device_ever_holds_the_whole_network(found):
    """Not while it is made or resumed, in steps, between them, when it is scored or saved."""
    whole, most = found["whole"], found["most"]
    assert most.keys() == {"assigned", "stepped", "read", "resumed", "scored", "saved"}
    for when, size in most.items():
        # a quarter, one weight on its way, and a batch
        assert 0.2 * whole < size < 0.4 * whole, when


@takes("ten minutes")
@pytest.mark.parametrize("family", EVERY)
def test_every_family_can_be_divided(tmp_path, family):
    found = run(tmp_path, family)
    assert_same(found["4"], found["1"], family)
