"""The parameters of generative adversarial networks, `family: gan`."""

import dataclasses
from collections.abc import Collection
from typing import Annotated, ClassVar, Literal

from dlscan.config.build import Above, Below, Min
from dlscan.config.families.convolutional import MOST_AXES, times
from dlscan.config.families.parts import Activation, Initializer, Shapes

DENSE, CONVOLUTIONAL = "dense", "convolutional"


@dataclasses.dataclass(frozen=True)
class Gan:
    """A generator that makes events of noise, and a critic that tells them from real ones.

    Attributes
    ----------
    layers : {"auto", "dense", "convolutional"}
        What images are made by; `auto` is convolutional for those of up to three axes. Vectors are always
        made by dense layers.
    code : int
        Normal random numbers that an event is made of.
    width, depth : int
        Neurons of dense layers, and how many of these: in both networks, on vectors, conditions and the code.
    filters : int
        Of convolutions next to the image; each stage away from it has twice as many.
    stages : int
        Of convolutions, each of which doubles the image in the generator and halves it in the critic.
    kernel : int
        Cells that a filter sees along each axis.
    activation : str
        Of hidden layers.
    initializer : str
        What weights are drawn from.
    profiles : bool
        Show the critic the sums along each axis of images beside their cells.
    positive : "auto" or bool
        Whether generated cells are at least 0; `auto` where the training events are images and theirs are.
    k : int
        Steps of the critic on each batch, before one of the generator.
    penalty : float
        Of the loss `wasserstein`: weight of (|slope of the critic| - 1)^2 between real and generated events.
    spectral_norm : bool
        Divide the weights of the critic by their largest singular value.
    critic_rate : float
        Learning rate of the critic, in units of `train.learning_rate`.
    beta_1 : float
        Of optimizers like adam: how long the slopes of both networks are remembered.
    """

    layers: Literal["auto", "dense", "convolutional"] = "auto"
    code: Annotated[int, Min(1)] = 32
    width: Annotated[int, Min(1)] = 128
    depth: Annotated[int, Min(0)] = 2
    filters: Annotated[int, Min(1)] = 8
    stages: Annotated[int, Min(1)] = 2
    kernel: Annotated[int, Min(1)] = 3
    activation: Activation = "leaky_relu"
    initializer: Initializer = "he"
    profiles: bool = True
    positive: Literal["auto"] | bool = "auto"
    k: Annotated[int, Min(1)] = 1
    penalty: Annotated[float, Above(0)] = 10.0
    spectral_norm: bool = False
    critic_rate: Annotated[float, Above(0)] = 1.0
    beta_1: Annotated[float, Min(0), Below(1)] = 0.5

    tasks: ClassVar = ("generate",)
    losses: ClassVar = {"generate": ("standard", "wasserstein", "least_squares")}

    def layers_of(self, shape: tuple[int, ...]) -> str:
        """What an input of this shape is made by."""
        if self.layers == DENSE or len(shape) < 2:
            return DENSE
        return DENSE if self.layers == "auto" and len(shape) > MOST_AXES else CONVOLUTIONAL

    def why_not_inputs(self, inputs: Shapes, masked: Collection[str] = ()) -> str | None:
        """Why networks cannot generate inputs of these shapes; None if they can."""
        if masked:
            return f"generates inputs of one length, and events of {next(iter(masked))} differ in theirs"
        for name, shape in inputs.items():
            if self.layers_of(shape) == CONVOLUTIONAL and len(shape) > MOST_AXES:
                return (
                    f"goes over 1 to {MOST_AXES} axes, and {name} ({times(shape)}) has {len(shape)}; "
                    "model.layers: dense takes any number"
                )
        return None
