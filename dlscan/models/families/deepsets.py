"""Deep sets: particle flow networks and energy flow networks.

M. Zaheer et al., "Deep sets", arXiv:1703.06114; P. T. Komiske, E. M. Metodiev, J. Thaler, "Energy flow
networks: deep sets for particle jets", arXiv:1810.05165.
"""

from typing import Any

from dlscan.config.families import Deepsets
from dlscan.models.backend import keras
from dlscan.models.inputs import Inputs
from dlscan.models.rows import dropped, layer_of_rows, pooled, rows_of_inputs


def features(inputs: Inputs, parameters: Deepsets, seed: int) -> Any:
    """Build dense layers on the rows of each input that has any, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Deepsets
        Widths and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """

    def body(tensor: Any, mask: Any, name: str, parameters: Deepsets, seed: int) -> Any:
        shares = None if parameters.energy_weighted is None else inputs.shares.get(name)
        if parameters.energy_weighted is not None:
            feature = parameters.energy_weighted % tensor.shape[-1]
            others = [tensor[..., :feature], tensor[..., feature + 1 :]]
            tensor = keras.layers.Concatenate(name=f"{name}-others")(others)
        for number, width in enumerate(parameters.widths, start=1):
            layer = f"{name}-rows_{number}"
            tensor = layer_of_rows(tensor, width, layer, parameters, seed, mask)
            tensor = dropped(tensor, layer, parameters, seed)
        if shares is None:
            return pooled(tensor, mask, parameters.pooling)
        # shares of rows that are missing are 0
        weighted = keras.ops.cast(tensor, "float32") * keras.ops.expand_dims(shares, -1)
        return keras.ops.sum(weighted, axis=1)

    return rows_of_inputs(inputs, parameters, seed, body)
