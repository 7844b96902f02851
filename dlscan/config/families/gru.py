"""The parameters of a network of gated recurrent units."""

import dataclasses

from dlscan.config.families.sequences import Recurrent


@dataclasses.dataclass(frozen=True)
class Gru(Recurrent):
    """Gated recurrent units: two gates, and fewer weights than long short-term memory.

    Attributes are those of `Recurrent`.
    """
