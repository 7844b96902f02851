"""Where a result comes from."""

import platform

import h5py
import numpy as np

import dlscan


def versions() -> dict[str, str]:
    """Versions of dlscan and of what decides every result; a trainer adds its own."""
    return {
        "dlscan": dlscan.__version__,
        "python": platform.python_version(),
        "numpy": np.__version__,
        "h5py": h5py.__version__,
    }
