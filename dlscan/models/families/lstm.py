"""Long short-term memory.

S. Hochreiter, J. Schmidhuber, "Long short-term memory", Neural Computation 9 (1997) 1735,
doi 10.1162/neco.1997.9.8.1735.
"""

from typing import Any

from dlscan.config.families import Lstm
from dlscan.models.inputs import Inputs
from dlscan.models.rows import recurrent_body, rows_of_inputs


def features(inputs: Inputs, parameters: Lstm, seed: int) -> Any:
    """Build recurrent layers for each input with rows, and dense layers behind.

    Parameters
    ----------
    inputs : Inputs
        Scaled, (B, ...) each.
    parameters : Lstm
        Units, layers and so on.
    seed : int
        Of initial weights and dropout.

    Returns
    -------
    KerasTensor, (B, features)
    """
    return rows_of_inputs(inputs, parameters, seed, recurrent_body("lstm"))
