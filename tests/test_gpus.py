"""A job sees the GPUs that it was given."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from dlscan.errors import BackendError
from dlscan.gpus import gpu_bytes, see_own_gpus


@pytest.mark.parametrize(
    ("environment", "visible"),
    [
        ({}, None),
        ({"SLURM_JOB_GPUS": "3"}, "3"),
        ({"SLURM_JOB_GPUS": "0-2,5"}, "0,1,2,5"),
        ({"SLURM_JOB_GPUS": "0,1", "SLURM_STEP_GPUS": "1"}, "1"),
        ({"_CONDOR_AssignedGPUs": "GPU-4d2a7f3b, GPU-0c11"}, "GPU-4d2a7f3b,GPU-0c11"),
        ({"_CONDOR_AssignedGPUs": "CUDA1"}, "1"),
        ({"_CONDOR_AssignedGPUs": "MIG-41b34a7e-1f6b-5a2e"}, "MIG-41b34a7e-1f6b-5a2e"),
        ({"SLURM_JOB_GPUS": "3", "CUDA_VISIBLE_DEVICES": "0"}, "0"),
        ({"SLURM_JOB_GPUS": "3", "CUDA_VISIBLE_DEVICES": ""}, ""),
        ({"SLURM_JOB_GPUS": ""}, None),
    ],
)
def test_gpus_are_those_of_the_batch_system_unless_it_hides_the_others(environment, visible):
    given = "CUDA_VISIBLE_DEVICES" in environment
    see_own_gpus(environment)
    assert environment.get("CUDA_VISIBLE_DEVICES") == visible
    assert ("CUDA_DEVICE_ORDER" in environment) == (visible is not None and not given)


def test_gpus_of_pbs_are_those_of_this_machine(tmp_path: Path) -> None:
    here = socket.gethostname()
    file = tmp_path / "gpu file"
    file.write_text(f"{here}-gpu2\nelsewhere-gpu0\n{here}-gpu3\n")
    environment = {"PBS_GPUFILE": str(file)}
    see_own_gpus(environment)
    assert environment["CUDA_VISIBLE_DEVICES"] == "2,3"


def test_a_job_of_pbs_without_gpus_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "gpus"
    file.touch()
    environment = {"PBS_GPUFILE": str(file)}
    see_own_gpus(environment)
    assert "CUDA_VISIBLE_DEVICES" not in environment


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("SLURM_JOB_GPUS", "a100:2", "SLURM_JOB_GPUS: 'a100:2' is not a GPU; set CUDA_VISIBLE_DEVICES"),
        ("PBS_GPUFILE", "/nowhere", "PBS_GPUFILE=/nowhere: cannot be read"),
        ("PBS_GPUFILE", __file__, "not a list of HOST-gpuN"),
    ],
)
def test_what_cannot_be_understood_is_said(variable, value, message):
    with pytest.raises(BackendError, match=message):
        see_own_gpus({variable: value})


def test_gpus_are_chosen_before_the_framework_is_loaded():
    # what a module sees when it is imported is what the framework sees
    code = (
        "import builtins, os\n"
        "load = builtins.__import__\n"
        "def told(name, *rest):\n"
        "    if name == 'keras': print(os.environ.get('CUDA_VISIBLE_DEVICES')); os._exit(0)\n"
        "    return load(name, *rest)\n"
        "builtins.__import__ = told\n"
        "import dlscan.models\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "CUDA_VISIBLE_DEVICES"}
    environment |= {"SLURM_JOB_GPUS": "3", "PYTHONUNBUFFERED": "1"}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
    assert done.stdout == "3\n", done.stderr


@pytest.mark.skipif(Path("/dev/nvidiactl").exists(), reason="there is a driver here")
def test_the_memory_of_a_gpu_without_a_driver_is_an_error():
    with pytest.raises(BackendError, match="cannot read the memory size of GPU 0"):
        gpu_bytes(0)
