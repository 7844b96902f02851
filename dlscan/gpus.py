"""Which GPUs a job may use, and how large they are; found out without any framework."""

import ctypes
import os
import re
import socket
import subprocess
from collections.abc import Mapping, MutableMapping
from pathlib import Path

from dlscan.errors import BackendError
from dlscan.process import starting_helper

_VISIBLE = "CUDA_VISIBLE_DEVICES"
# seconds; a driver in trouble does not answer
_PATIENCE = 20.0
# What a batch system says beside CUDA_VISIBLE_DEVICES, or instead: numbers of the machine, or names.
_LISTS = ("SLURM_STEP_GPUS", "SLURM_JOB_GPUS", "_CONDOR_AssignedGPUs")


def see_own_gpus(environment: MutableMapping[str, str]) -> None:
    """Hide GPUs of other jobs, where the batch system told the job which are its own but has not done so.

    Parameters
    ----------
    environment : mutable mapping
        Of the process. CUDA_VISIBLE_DEVICES is set from it if it is not there.

    Raises
    ------
    BackendError
        If what the batch system says cannot be read.
    """
    if _VISIBLE in environment:
        return
    gpus = _assigned(environment)
    if gpus:
        environment[_VISIBLE] = ",".join(gpus)
        # batch systems count as the machine does, CUDA by speed unless it is told
        environment.setdefault("CUDA_DEVICE_ORDER", "PCI_BUS_ID")


def gpu_bytes(number: int) -> int:
    """Memory of a GPU that this process sees, without taking any of it.

    Parameters
    ----------
    number : int
        From 0, of those that are visible.

    Raises
    ------
    BackendError
        If the driver does not tell.
    """
    size, device = ctypes.c_size_t(), ctypes.c_int()
    try:
        driver = ctypes.CDLL("libcuda.so.1")
        # all give 0 when they have done what was asked
        failed = (
            driver.cuInit(0)
            or driver.cuDeviceGet(ctypes.byref(device), number)
            or driver.cuDeviceTotalMem_v2(ctypes.byref(size), device)
        )
    except (OSError, AttributeError) as error:
        raise BackendError(f"cannot read the memory size of GPU {number}: {error}") from None
    if failed:
        raise BackendError(f"cannot read the memory size of GPU {number}: the driver returned error {failed}")
    return size.value


def visible_gpus(environment: Mapping[str, str] = os.environ) -> list[str]:
    """The GPUs that jobs of this machine may use: those in CUDA_VISIBLE_DEVICES, else all there are."""
    given = environment.get(_VISIBLE)
    if given is not None:
        return [gpu for gpu in given.split(",") if gpu.strip() not in ("", "-1")]
    return [str(number) for number in range(len(_listed("name")))]


def smallest_gpu() -> int | None:
    """Bytes of the smallest GPU of this machine; None if `nvidia-smi` does not say."""
    sizes = [int(line) for line in _listed("memory.total") if line.isdecimal()]
    return min(sizes) * 2**20 if sizes else None


def _listed(column: str) -> list[str]:
    """What `nvidia-smi` says of each GPU; nothing without it."""
    command = ["nvidia-smi", f"--query-gpu={column}", "--format=csv,noheader,nounits"]
    try:
        with starting_helper():
            done = subprocess.run(command, capture_output=True, text=True, timeout=_PATIENCE, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return done.stdout.splitlines() if done.returncode == 0 else []


def _assigned(environment: Mapping[str, str]) -> list[str]:
    for name in _LISTS:
        text = environment.get(name, "").strip()
        if text:
            return [gpu for item in text.split(",") for gpu in _gpus(name, item.strip())]
    file = environment.get("PBS_GPUFILE", "")
    return _in_pbs_file(Path(file)) if file else []


def _gpus(name: str, item: str) -> list[str]:
    """`3`, `0-2`, `CUDA1`, `GPU-4d2a7f3b`, `MIG-...` as CUDA wants them."""
    if span := re.fullmatch(r"(\d+)-(\d+)", item):
        return [str(number) for number in range(int(span[1]), int(span[2]) + 1)]
    if number := re.fullmatch(r"(?:CUDA)?(\d+)", item):
        return [number[1]]
    if re.fullmatch(r"(GPU|MIG)-[\w/-]+", item):
        return [item]
    raise BackendError(f"{name}: {item!r} is not a GPU; set {_VISIBLE} in the job script instead")


def _in_pbs_file(file: Path) -> list[str]:
    """The GPUs of this machine in a file with lines such as `node07-gpu1`."""
    try:
        lines = file.read_text(encoding="utf-8").split()
    except (OSError, UnicodeDecodeError) as error:
        raise BackendError(f"PBS_GPUFILE={file}: cannot be read ({error})") from None
    found = [match for line in lines if (match := re.fullmatch(r"(.+)-gpu(\d+)", line))]
    if len(found) != len(lines):
        raise BackendError(f"PBS_GPUFILE={file}: not a list of HOST-gpuN; set {_VISIBLE} in the job script")
    here = socket.gethostname().partition(".")[0]
    return [match[2] for match in found if match[1].partition(".")[0] == here]
