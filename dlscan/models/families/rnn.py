"""Plain recurrent networks.

J. L. Elman, "Finding structure in time", Cognitive Science 14 (1990) 179, doi 10.1207/s15516709cog1402_1.
"""

from typing import Any

from dlscan.config.families import Rnn
from dlscan.models.inputs import Inputs
from dlscan.models.rows import recurrent_body, rows_of_inputs


def features(inputs: Inputs, parameters: Rnn, seed: int) -> Any:
    """Build recurrent layers for each input with rows, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Rnn
        Units, layers and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    return rows_of_inputs(inputs, parameters, seed, recurrent_body("rnn"))
