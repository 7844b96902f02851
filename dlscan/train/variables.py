"""Every variable of a network in training, in one HDF5 file.

Keras' own file leaves out the state of dropout's random numbers; resumed without, it is another training.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import h5py

from dlscan.errors import ScanError
from dlscan.files import written_whole
from dlscan.models import keras


def save_variables(path: Path, groups: Mapping[str, Iterable[Any]]) -> None:
    """Write groups of Keras variables to `path`, whole."""
    with written_whole(path) as temporary, h5py.File(temporary, "w") as file:
        for name, variables in groups.items():
            group = file.create_group(name)
            for number, variable in enumerate(variables):
                group[str(number)] = keras.ops.convert_to_numpy(variable)


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
                values = [file[name][str(number)][()] for number in range(len(file[name]))]
                if [value.shape for value in values] != [tuple(variable.shape) for variable in known]:
                    raise ScanError(f"{path}: not of this network, its {name} has other shapes; {advice}")
                for variable, value in zip(known, values, strict=True):
                    variable.assign(value)
    except (OSError, KeyError) as error:
        raise ScanError(f"{path}: missing or damaged ({error}); {advice}") from None
