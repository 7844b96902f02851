"""The networks of each family, one file for each, by its name in `dlscan.config.families`.

A file has `features(inputs, parameters, seed)`: it takes the scaled `Inputs`, the family's dataclass, and a
seed for weights and dropout, and gives features (B, F), on which heads are put.
"""

import importlib
from collections.abc import Callable
from typing import Any

from dlscan.config import Model
from dlscan.config.source import InFile
from dlscan.errors import ConfigError
from dlscan.models import from_file
from dlscan.models.inputs import Inputs
from dlscan.models.layers import shapes_of


def features(model: Model, inputs: Inputs, seed: int) -> Any:
    """What the family of a network makes of its scaled inputs.

    Parameters
    ----------
    model : Model
        Its family and parameters.
    inputs : Inputs
        Scaled, (B, ...) each.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, F)

    Raises
    ------
    ConfigError
        If the family cannot take these inputs.
    """
    if isinstance(model.family, InFile):
        return from_file.features(model.family, inputs, model.parameters, seed)
    if reason := model.why_not_inputs(shapes_of(inputs), inputs.masks):
        raise ConfigError(reason)
    own: Callable[..., Any] = importlib.import_module(f"{__name__}.{model.family}").features
    return own(inputs, model.parameters, seed)
