"""The parameters of a network with long short-term memory."""

import dataclasses

from dlscan.config.families.sequences import Recurrent


@dataclasses.dataclass(frozen=True)
class Lstm(Recurrent):
    """Long short-term memory: gates decide what of the state is kept, added and told.

    Attributes are those of `Recurrent`.
    """
