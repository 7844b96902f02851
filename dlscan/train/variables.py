"""Every variable of a network in training, in one file.

Keras' own file leaves out the state of dropout's random numbers; resumed without, it is another training. And
any file of many parts takes longer to make than a small network takes to train for an epoch: this is a line
of JSON, which tells the kind and shape of every variable, and then their bytes one after the other.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.errors import ScanError
from dlscan.files import sync
from dlscan.models import backend, keras

Groups = Mapping[str, Iterable[Any]]


class Values:
    """What groups of Keras variables are when this is made, whatever becomes of them."""

    def __init__(self, groups: Groups) -> None:
        self._groups = {name: [_numpy(variable) for variable in group] for name, group in groups.items()}

    def assign_to(self, groups: Groups) -> None:
        """Set groups of the same names and shapes to these."""
        for name, variables in groups.items():
            for variable, value in zip(variables, self._groups[name], strict=True):
                variable.assign(value)

    def write(self, path: Path) -> None:
        """Write them to `path`, and push them to the disk; who reads them there has to wait for the end."""
        layout = {
            name: [[value.dtype.str, value.shape] for value in group] for name, group in self._groups.items()
        }
        with path.open("wb") as file:
            file.write(json.dumps(layout).encode() + b"\n")
            for group in self._groups.values():
                file.writelines(value.reshape(-1).view(np.uint8).data for value in group)
        sync(path)


def load_variables(path: Path, groups: Groups) -> None:
    """Set groups of Keras variables to what `Values` wrote; groups not asked for stay as they are.

    Raises
    ------
    ScanError
        If the file is missing, damaged or of another network.
    """
    advice = f"remove {path.parent} to train this point from its start"
    try:
        stored = _read(path)
        values = {name: stored[name] for name in groups}
    except (OSError, AttributeError, KeyError, TypeError, ValueError, MemoryError) as error:
        raise ScanError(f"{path}: missing or damaged ({error}); {advice}") from None
    for name, variables in groups.items():
        known = list(variables)
        if [value.shape for value in values[name]] != [tuple(variable.shape) for variable in known]:
            raise ScanError(f"{path}: from another network, its {name} has other shapes; {advice}")
        for variable, value in zip(known, values[name], strict=True):
            variable.assign(_placed(value, variable))


def _placed(value: NDArray[Any], variable: Any) -> Any:
    """A value where its variable is: one that is divided over devices must not be whole on the first."""
    layout = getattr(variable, "_layout", None)
    return value if layout is None else keras.distribution.distribute_tensor(value, layout)


def _read(path: Path) -> dict[str, list[NDArray[Any]]]:
    with path.open("rb") as file:
        layout = json.loads(file.readline())
        values = {
            name: [
                np.fromfile(file, kind, int(np.prod(shape, dtype=int))).reshape(shape)
                for kind, shape in variables
            ]
            for name, variables in layout.items()
        }
        if file.read(1):
            raise ValueError("longer than expected")
    return values


def _numpy(variable: Any) -> NDArray[Any]:
    # NumPy's way to TensorFlow's memory looks up versions first, three times as long as the copy
    quick = backend() == "tensorflow"
    value = variable.value.numpy() if quick else keras.ops.convert_to_numpy(variable)
    return np.asarray(value, order="C")
