"""Where a result comes from."""

import platform

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
