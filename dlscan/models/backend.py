"""Keras, with the back end that `dlscan.backend` chooses.

Importing this module imports Keras. Everything that needs Keras takes it from here, so that the choice is
made once, before Keras makes its own: Keras reads its back end when it is imported and never again.
"""

import importlib
import os
from pathlib import Path
from types import ModuleType
from typing import Any

from dlscan.backend import choose_backend
from dlscan.errors import BackendError


def _import_keras() -> ModuleType:
    os.environ["KERAS_BACKEND"] = choose_backend()
    # 1 hides what TensorFlow says of its own build; warnings and errors stay
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        import keras
    except ImportError as error:
        name = os.environ["KERAS_BACKEND"]
        raise BackendError(f"{name} is installed but cannot be imported: {error}") from error
    module: ModuleType = keras
    return module


keras: Any = _import_keras()


def backend() -> str:
    """Name of the back end, such as `jax`."""
    return str(keras.backend.backend())


def versions() -> dict[str, str]:
    """Versions of Keras and of its back end."""
    name = backend()
    return {"keras": keras.__version__, name: importlib.import_module(name).__version__}


def accelerator() -> str | None:
    """Name of the accelerator that Keras computes on, such as `NVIDIA H200`; None on the processor."""
    return {"tensorflow": _tensorflow_gpu, "jax": _jax_gpu, "torch": _torch_gpu}[backend()]()


def device() -> str:
    """Name of the device that Keras computes on: the accelerator's or the processor's."""
    return accelerator() or _processor()


def _tensorflow_gpu() -> str | None:
    import tensorflow

    for gpu in tensorflow.config.list_physical_devices("GPU"):
        return str(tensorflow.config.experimental.get_device_details(gpu).get("device_name", "GPU"))
    return None


def _jax_gpu() -> str | None:
    import jax

    first = jax.devices()[0]
    return None if first.platform == "cpu" else str(first.device_kind)


def _torch_gpu() -> str | None:
    import torch

    return str(torch.cuda.get_device_name()) if torch.cuda.is_available() else None


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"CPU ({names[0]})" if names else "CPU"
