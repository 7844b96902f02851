"""The parameters of a plain recurrent network."""

import dataclasses

from dlscan.config.families.sequences import Recurrent


@dataclasses.dataclass(frozen=True)
class Rnn(Recurrent):
    """A plain recurrent network: each state is an activation of a row and of the state before.

    Attributes are those of `Recurrent`.
    """
