"""Where a result comes from."""

import platform
import subprocess
from pathlib import Path

import h5py
import numpy as np

import dlscan
from dlscan import models


def versions() -> dict[str, str]:
    """Versions of dlscan and of the packages that decide a result."""
    return {
        "dlscan": dlscan.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
        **models.versions(),
    }


def git_commit(directory: Path) -> str | None:
    """The commit that is checked out around `directory`; None if there is no git or no repository."""
    command = ["git", "-C", str(directory), "rev-parse", "--verify", "--quiet", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() or None
