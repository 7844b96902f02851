"""The parameters of deep sets."""

import dataclasses

from dlscan.config.families.parts import Widths
from dlscan.config.families.sequences import Norm, Pooling, Rows


@dataclasses.dataclass(frozen=True)
class Deepsets(Rows):
    """Dense layers on each row, what is kept of all rows, and dense layers behind.

    Attributes
    ----------
    widths : tuple of int
        Of the dense layers on each row.
    norm : {"layer", "batch", "none"}
        How each of these is normalised, before its activation.
    pooling : {"mean", "max", "sum"}
        What is kept of all rows.
    energy_weighted : int or None
        The number of a feature, from 0; -1 is the last. Rows are added up with their shares in its sum, and
        the layers see the other features: an energy flow network.
    """

    widths: Widths = (100, 100, 128)
    norm: Norm = "none"
    pooling: Pooling = "sum"
    energy_weighted: int | None = None
    head: Widths = (100, 100)

    def _why_not_rows(self, name: str, shape: tuple[int, ...], masked: bool) -> str | None:
        feature, features = self.energy_weighted, shape[-1]
        if feature is None:
            return None
        if len(shape) != 2 or features < 2:
            return f"has model.energy_weighted, which needs rows of several features, and {name} has none"
        if not -features <= feature < features:
            return f"has {features} features in {name}: model.energy_weighted is 0 to {features - 1}, or -1"
        return None
