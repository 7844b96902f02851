"""Every variable of a network in training, in one HDF5 file.

Keras' own file leaves out the state of dropout's random numbers; resumed without, it is another training.
"""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from numpy.typing import NDArray

from dlscan.errors import ScanError
from dlscan.files import written_whole
from dlscan.models import keras


def save_variables(path: Path, groups: Mapping[str, Iterable[Any]]) -> None:
    """Write groups of Keras variables to `path`, whole.

    Each group is `layout`, the kind and shape of every variable, and `bytes`, one after the other: a dataset
    for each would take longer to make than a small network takes to train for an epoch.
    """
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        for name, variables in groups.items():
            values = [np.asarray(keras.ops.convert_to_numpy(variable), order="C") for variable in variables]
            group = file.create_group(name)
            group["layout"] = json.dumps([[value.dtype.str, value.shape] for value in values])
            group["bytes"] = np.concatenate([value.reshape(-1).view(np.uint8) for value in values])


def load_variables(path: Path, groups: Mapping[str, Iterable[Any]]) -> None:
    """Set groups of Keras variables to what `save_variables` wrote; groups not asked for are skipped.

    Raises
    ------
    ScanError
        If the file is missing, damaged or of another network.
    """
    advice = f"remove {path.parent} to train this point from its start"
    try:
        with h5py.File(path) as file:
            for name, variables in groups.items():
                known = list(variables)
                values = _values(file[name])
                if [value.shape for value in values] != [tuple(variable.shape) for variable in known]:
                    raise ScanError(f"{path}: not of this network, its {name} has other shapes; {advice}")
                for variable, value in zip(known, values, strict=True):
                    variable.assign(value)
    except (OSError, KeyError, ValueError) as error:
        raise ScanError(f"{path}: missing or damaged ({error}); {advice}") from None


def _values(group: Any) -> list[NDArray[Any]]:
    layout, content = json.loads(group["layout"][()]), group["bytes"][()]
    values, start = [], 0
    for kind, shape in layout:
        stop = start + np.dtype(kind).itemsize * int(np.prod(shape, dtype=int))
        values.append(content[start:stop].view(kind).reshape(shape))
        start = stop
    return values
