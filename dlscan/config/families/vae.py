"""The parameters of variational autoencoders."""

import dataclasses
from typing import Annotated, ClassVar, Literal

from dlscan.config.build import Above, Min
from dlscan.config.families.autoencoder import Autoencoder


@dataclasses.dataclass(frozen=True)
class Vae(Autoencoder):
    """An autoencoder whose code is drawn from a normal distribution that depends on the event.

    Attributes
    ----------
    beta : float
        What the divergence of that distribution from the normal one of width 1 is multiplied by in the loss;
        1 is the bound on the likelihood.
    sigma : float or "learned"
        With the loss `mse`, how far a scaled cell of an event is off its reconstruction, as a standard
        deviation; the same for all cells. `learned` fits it.

    Others are those of `Autoencoder`.
    """

    beta: Annotated[float, Min(0)] = 1.0
    sigma: Literal["learned"] | Annotated[float, Above(0)] = "learned"

    # those that are logarithms of a likelihood
    losses: ClassVar = dict.fromkeys(("reconstruct", "generate"), ("mse", "cross_entropy", "poisson"))
    # with `generate`, events are drawn from the code
    tasks: ClassVar = (*Autoencoder.tasks, "generate")
