"""What the families of autoencoders make of events."""

from typing import Any, NamedTuple


class Coded(NamedTuple):
    """Events by way of their codes.

    Attributes
    ----------
    raw : dict of str to KerasTensor
        What losses see: `code` (B, K), `reconstruction` (B, F) before its last step, and what else there is.
    cells : KerasTensor, (B, F)
        What the saved network gives before its last step.
    final : dict of str to KerasTensor
        What it gives beside.
    """

    raw: dict[str, Any]
    cells: Any
    final: dict[str, Any]
