"""How arrays get to the device: one function for each back end."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.models import accelerator, backend
from dlscan.models.replicas import Replicas

Arrays = Mapping[str, NDArray[Any]]
Tensors = dict[str, Any]
# Gives the tensors once they are on the device; until then they are on their way.
Sent = Callable[[], Tensors]
Send = Callable[[Arrays], Sent]

# Compiled kernels read that many bytes at once: TensorFlow ends the process when memory starts elsewhere.
_ALIGNMENT = 64


def sender(devices: Replicas = (), whole: bool = False) -> Send:
    """The function that sends arrays to the device of the back end, or to several that train together.

    With `whole` each of several gets all of them.

    The arrays may be dropped at once: what reads their memory keeps them alive until it has.
    """
    if devices and backend() == "jax":
        return _several_on_jax(devices, whole)
    # TensorFlow shares within its steps
    return {"tensorflow": _tensorflow, "jax": _jax, "torch": _torch}[backend()]()


def _can_alias(array: NDArray[Any]) -> bool:
    flags = array.flags
    aligned: bool = array.ctypes.data % _ALIGNMENT == 0
    # masks are small, and not every back end reads them in place
    return aligned and flags.writeable and flags.c_contiguous and array.size > 0 and array.dtype != bool


def _tensorflow() -> Send:
    import tensorflow

    place = "/GPU:0" if accelerator() else None

    def tensor(array: NDArray[Any]) -> Any:
        if _can_alias(array):
            held = tensorflow.experimental.dlpack.from_dlpack(array.__dlpack__())
        else:
            held = tensorflow.constant(array)
        if place is None:
            return held
        with tensorflow.device(place):
            # an asynchronous copy, which holds on to the tensor that it reads
            return tensorflow.identity(held)

    def send(arrays: Arrays) -> Sent:
        tensors = {name: tensor(array) for name, array in arrays.items()}
        return lambda: tensors

    return send


def _jax() -> Send:
    import jax

    # `jax.numpy.asarray` would copy; `device_put` returns at once and keeps the array until it is there
    tensor = jax.device_put if accelerator() else _alias_in_jax

    def send(arrays: Arrays) -> Sent:
        tensors = {name: tensor(array) for name, array in arrays.items()}
        return lambda: tensors

    return send


def _several_on_jax(devices: Replicas, whole: bool) -> Send:
    from dlscan.train.steps.sharding import sharding_of

    sharding = sharding_of(devices)
    assert sharding is not None
    put = sharding.placed if whole else sharding.send

    def send(arrays: Arrays) -> Sent:
        tensors = {name: put(array) for name, array in arrays.items()}
        return lambda: tensors

    return send


def _alias_in_jax(array: NDArray[Any]) -> Any:
    import jax

    if _can_alias(array):
        return jax.dlpack.from_dlpack(array)
    # committed to the device as the others are: steps are compiled anew for each mixture of both
    return jax.device_put(jax.numpy.array(array), jax.local_devices()[0])


def _torch() -> Send:
    import torch

    if torch.cuda.is_available():
        return _cuda()

    def send(arrays: Arrays) -> Sent:
        tensors = {
            name: torch.from_numpy(array if array.flags.writeable else array.copy())
            for name, array in arrays.items()
        }
        return lambda: tensors

    return send


def _cuda() -> Send:
    """PyTorch on a GPU: through pinned memory, on a stream of its own, beside the computation."""
    import torch

    aside = torch.cuda.Stream()

    def send(arrays: Arrays) -> Sent:
        with torch.cuda.stream(aside):
            # PyTorch keeps pinned memory until the copies from it are done
            tensors = {
                name: torch.from_numpy(np.require(array, requirements="W"))
                .pin_memory()
                .to("cuda", non_blocking=True)
                for name, array in arrays.items()
            }
            arrived = aside.record_event()

        def receive() -> Tensors:
            here = torch.cuda.current_stream()
            here.wait_event(arrived)
            for tensor in tensors.values():
                tensor.record_stream(here)  # its memory is not used again before the step is done
            return tensors

        return receive

    return send
