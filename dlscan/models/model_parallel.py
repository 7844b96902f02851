"""Model parallel: devices that hold a network together, with a part of each weight on each of them.

Keras creates variables where `place` says, and XLA divides each step by where they are. It computes what one
device would.
"""

import contextlib
from collections.abc import Sequence
from typing import Any

from dlscan.models.backend import keras

_AXIS = "model"
# The axis of the heads of attention, from the end, in the weights of these layers.
_HEADS = {"query": -2, "key": -2, "value": -2, "attention_output": -3}


class ModelParallel(tuple[Any, ...]):
    """Devices of the back end, each with its part of every network and with the whole of every batch."""

    __slots__ = ()


def place(devices: tuple[Any, ...]) -> contextlib.AbstractContextManager[None]:
    """Let variables that are made meanwhile be divided over these devices if they are `ModelParallel`."""
    if not isinstance(devices, ModelParallel):
        return contextlib.nullcontext()
    scope: contextlib.AbstractContextManager[None] = _Layouts(devices).scope()
    return scope


def divided_axis(path: str, shape: Sequence[int], devices: int) -> int | None:
    """The axis along which a variable is divided; None where each device has a copy of it.

    That is the axis of heads in attention, and of the outputs elsewhere, if these can be shared evenly, and
    otherwise the longest one that can be. Vectors are copied: they are small, and some are random states.

    Parameters
    ----------
    path : str
        Of the variable, `LAYER/LAYER/WEIGHT`.
    shape : sequence of int
        Its shape.
    devices : int
        How many.
    """
    axes = len(shape)
    if axes < 2:
        return None
    layer = path.split("/")[-2] if "/" in path else path
    longest = sorted(range(axes), key=lambda axis: shape[axis], reverse=True)
    for axis in (_HEADS.get(layer, -1) % axes, *longest):
        if shape[axis] and shape[axis] % devices == 0:
            return axis
    return None


class _Layouts(keras.distribution.ModelParallel):  # type: ignore[misc]
    """Where each variable is. Patterns of paths, as Keras has them, would not know what can be divided."""

    def __init__(self, devices: ModelParallel) -> None:
        mesh = keras.distribution.DeviceMesh((len(devices),), (_AXIS,), list(devices))
        super().__init__(layout_map=keras.distribution.LayoutMap(mesh), batch_dim_name=_AXIS)

    def get_variable_layout(self, variable: Any) -> Any:
        """See Keras."""
        axes: list[str | None] = [None] * len(variable.shape)
        axis = divided_axis(variable.path, variable.shape, self.device_mesh.shape[0])
        if axis is not None:
            axes[axis] = _AXIS
        return keras.distribution.TensorLayout(axes, self.device_mesh)
