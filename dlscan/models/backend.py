"""Keras, with the back end that `dlscan.backend` chooses.

Importing this module imports Keras. Everything that needs Keras takes it from here, so that the choice is
made once, before Keras makes its own: Keras reads its back end when it is imported and never again.
"""

import contextlib
import importlib
import os
import sys
from collections.abc import Iterable, Iterator
from types import ModuleType
from typing import Any

from dlscan import garbage
from dlscan.backend import choose_backend
from dlscan.config import Train
from dlscan.errors import BackendError
from dlscan.gpus import gpu_bytes, see_own_gpus
from dlscan.machine import processor
from dlscan.models import import_notes

# Keras imports these where they are installed, for wrappers and pictures that networks do not need. They take
# half of the time that a job needs to start.
_UNNEEDED = ("matplotlib", "pandas", "sklearn")


@contextlib.contextmanager
def _hidden(names: Iterable[str]) -> Iterator[None]:
    """Let packages that are not imported yet be missing for whoever imports them meanwhile."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # type: ignore[arg-type]  # as Python itself marks them
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


def _import_keras() -> ModuleType:
    os.environ["KERAS_BACKEND"] = choose_backend()
    see_own_gpus(os.environ)
    # 1 hides what TensorFlow says of itself later on; warnings and errors stay
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "1")
    try:
        with garbage.no_search(), _hidden(_UNNEEDED), import_notes.hidden():
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
    return accelerator() or processor()


def prepare_device(train: Train) -> None:
    """Take no more of the GPU than `train.gpu_memory` says; called before the first tensor is made.

    Parameters
    ----------
    train : Train
        Of the points that this process trains.

    Raises
    ------
    BackendError
        If the back end has taken its memory already, or a share of a GPU of unknown size is asked for.
    """
    {"tensorflow": _limit_tensorflow, "jax": _limit_jax, "torch": _limit_torch}[backend()](train)


def _limit_tensorflow(train: Train) -> None:
    import tensorflow

    config, memory = tensorflow.config, train.gpu_memory
    for number, gpu in enumerate(config.list_physical_devices("GPU")):
        try:
            if isinstance(memory, float):
                # TensorFlow wants megabytes, and takes them at once
                limit = int(memory * gpu_bytes(number) / 2**20)
                config.set_logical_device_configuration(
                    gpu, [config.LogicalDeviceConfiguration(memory_limit=limit)]
                )
            else:
                config.experimental.set_memory_growth(gpu, memory == "growth")
        except (RuntimeError, ValueError) as error:
            raise BackendError(
                f"train.gpu_memory: {memory}: TensorFlow is already running and cannot change this: {error}"
            ) from error


def _limit_jax(train: Train) -> None:
    memory = train.gpu_memory
    # read when JAX first looks for devices; a share is the most that it ever takes
    if memory != "all":
        os.environ["XLA_PYTHON_CLIENT_PREALLOCATE"] = "false"
    if isinstance(memory, float):
        os.environ["XLA_PYTHON_CLIENT_MEM_FRACTION"] = str(memory)


def _limit_torch(train: Train) -> None:
    import torch

    # PyTorch takes what it needs by itself
    count = torch.cuda.device_count()
    if isinstance(train.gpu_memory, float) and count:
        for number in range(count if train.devices == "all" else min(train.devices, count)):
            torch.cuda.set_per_process_memory_fraction(train.gpu_memory, number)
        # a share leaves its GPU the current one, and networks go to that
        torch.cuda.set_device(0)


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
