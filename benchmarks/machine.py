"""What a measurement was made on and with."""

from __future__ import annotations

import datetime
import importlib.metadata
import os
import platform
import re
import subprocess
from pathlib import Path
from typing import Any

import h5py

from dlscan.machine import git_commit, usable_cpus

_PACKAGES = (
    "dlscan",
    "numpy",
    "h5py",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "torch",
    "zlib-ng",
    "deflate",
    "isal",
    "python-neo-lzf",
    "atlas-ftag-tools",
)


def describe(cpus: frozenset[int]) -> dict[str, Any]:
    """The machine, the versions of all packages, the commit and the date.

    Parameters
    ----------
    cpus : frozenset of int
        Those that readers may use.
    """
    top = Path(__file__).parents[1]
    return {
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "commit": git_commit(top),
        "changed": _changed(top),
        "machine": {
            "cpu": _first(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$"),
            "cpus": usable_cpus(),
            "cpus_used": len(cpus),
            "memory_gib": round(int(_first(Path("/proc/meminfo"), r"^MemTotal:\s*(\d+)") or 0) / 2**20, 1),
            "load": os.getloadavg()[0],
            "system": _system(),
        },
        "versions": {
            "python": platform.python_version(),
            "HDF5": h5py.version.hdf5_version,
            **{name: version for name in _PACKAGES if (version := _version(name))},
        },
    }


def _system() -> str:
    """The kernel and the number of its version; what follows names a distribution or a virtual machine."""
    number = re.match(r"[\d.]*\d", platform.release())
    return " ".join([platform.system(), *([number[0]] if number else [])])


def _version(package: str) -> str | None:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _first(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text(), re.MULTILINE)
    return found[1].strip() if found else None


def _changed(directory: Path) -> bool:
    """Whether files that git knows differ from the commit, so that the commit does not say all."""
    command = ["git", "-C", str(directory), "status", "--porcelain", "--untracked-files=no"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return bool(done.stdout.strip())
