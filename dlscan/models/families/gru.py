"""Gated recurrent units.

K. Cho et al., "Learning phrase representations using RNN encoder-decoder for statistical machine
translation", arXiv:1406.1078.
"""

from typing import Any

from dlscan.config.families import Gru
from dlscan.models.inputs import Inputs
from dlscan.models.rows import recurrent_body, rows_of_inputs


def features(inputs: Inputs, parameters: Gru, seed: int) -> Any:
    """Build recurrent layers for each input with rows, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Gru
        Units, layers and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    return rows_of_inputs(inputs, parameters, seed, recurrent_body("gru"))
