"""Reconstruction: give back what goes in, by way of a code."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dlscan.config.curves import Curve, columns, has_curve
from dlscan.config.losses import Loss
from dlscan.config.models import Model
from dlscan.config.task_kinds import Reconstruct
from dlscan.metrics import Measured, code_distances, is_normal, measure_reconstruction
from dlscan.tasks.task import Arrays, Head

_MADE = "reconstruction"
# What a network gives that is no number of its own, but a place among those of other events.
CODE = "code"


@dataclasses.dataclass(frozen=True)
class Reconstruction:
    """The scaled inputs again, all cells one behind the other; see `Task`.

    Attributes
    ----------
    classes : tuple of str
        Labels of the dataset.
    train_on : tuple of str
        See `Task`; all others are anomalies.
    noise, sparsity : float
        See `dlscan.config.task_kinds.Reconstruct`.
    loss : str
        What is minimised, which says what the last step of a network is.
    beta : float or None
        Where codes are drawn from distributions, what the divergence of these is multiplied by.
    """

    classes: tuple[str, ...]
    train_on: tuple[str, ...] = ()
    noise: float = 0.0
    sparsity: float = 0.0
    loss: str = "mse"
    beta: float | None = None

    kinds = (Reconstruct.kind,)
    heads = (Head(_MADE, 0),)
    extras, given, beside, compares = (), (), (), True

    @classmethod
    def of(cls, config: Reconstruct, classes: tuple[str, ...], loss: Loss, _: bool) -> "Reconstruction":
        """That of an experiment file, for a dataset with these classes."""
        return cls(classes, config.train_on or (), config.noise, config.sparsity, loss.of(Reconstruct.kind))

    def by(self, model: Model) -> "Reconstruction":
        """The same as a network of this family learns it."""
        return dataclasses.replace(self, beta=model.parameters.beta if model.is_variational else None)

    @property
    def curves(self) -> tuple[Curve, ...]:
        """See `Task`."""
        return tuple(curve for curve in Reconstruct.curves if has_curve(curve.name, self.beta is not None))

    @property
    def columns(self) -> dict[str, bool]:
        """See `Task`."""
        return columns(self.curves)

    def truth(self, labels: NDArray[Any], extras: Mapping[str, NDArray[Any]]) -> Arrays:
        """Nothing: what is right is what the network was given."""
        return {}

    def predicted(self, final: Arrays) -> Arrays:
        """`errors` (B,), mean squares over the scaled cells, and `codes` (B, K)."""
        codes = {"codes": final[CODE]} if CODE in final else {}
        return {"errors": final["error"][:, 0], **codes}

    def written(
        self, final: Arrays, raw: Arrays, truth: Arrays, losses: NDArray[np.float32] | None = None
    ) -> Arrays:
        """What is `predicted`, and `losses` (B,)."""
        kept = self.predicted(final)
        return kept if losses is None else {**kept, "losses": losses}

    def compared(self, kept: Mapping[str, NDArray[Any]], training: Mapping[str, NDArray[Any]]) -> Arrays:
        """`distances` (N,): how far codes are from those of training events; see `code_distances`."""
        known = training["codes"][self.is_trained(training["labels"])]
        return {"distances": code_distances(kept["codes"], known).astype(np.float32)}

    def measure(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task` and `dlscan.metrics.measure_reconstruction`."""
        return measure_reconstruction(
            kept["errors"],
            kept["labels"],
            self.classes,
            self.train_on,
            kept["weights"],
            kept.get("distances"),
        )

    def measure_validation(self, kept: Mapping[str, NDArray[Any]]) -> Measured:
        """See `Task`: the same names behind `val_`."""
        measured = self.measure(kept)
        return measured.renamed({name: f"val_{name}" for name in measured.values})

    def is_trained(self, labels: NDArray[Any]) -> NDArray[np.bool_]:
        """See `Task`."""
        return is_normal(labels, self.classes, self.train_on)
