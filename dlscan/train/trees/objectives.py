"""What trees learn of each task: the estimators that grow them, and what their margins mean."""

from collections.abc import Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Bdt, Experiment
from dlscan.config.losses import Loss
from dlscan.dataset import Manifest
from dlscan.errors import DataError
from dlscan.metrics import losses_from_logits
from dlscan.tasks import Arrays, Standard, Standards, Task
from dlscan.trees import Forest
from dlscan.trees.boost import classifier, regressor
from dlscan.trees.costs import margins_of
from dlscan.trees.forest import logits_of, scores_of


class TreeObjective(Protocol):
    """What trees learn.

    Attributes
    ----------
    outputs : tuple of str
        What each margin is of, see `Forest`.
    classes : tuple of str
        As in `Forest`.
    """

    outputs: tuple[str, ...]
    classes: tuple[str, ...]

    def estimators(self, parameters: Bdt, seed: int) -> Sequence[Any]:
        """The estimators of scikit-learn."""

    def truths(self, truth: Arrays) -> Sequence[NDArray[Any]]:
        """What each of them learns, (N,)."""

    def curves(self, margins: NDArray[Any], truth: Arrays, weights: NDArray[Any]) -> tuple[float, ...]:
        """The columns of a history, in the order of the task's `curves`, for margins (N, K) in training."""

    def finished(self, forest: Forest) -> Forest:
        """The trees as users get them: their margins are in physical units."""

    def final(self, margins: NDArray[Any]) -> Arrays:
        """What users get, by the name of the head, for margins (B, K) of a finished forest."""

    def raw(self, margins: NDArray[Any]) -> Arrays:
        """What losses are computed from, for the same margins."""

    def losses(self, raw: Arrays, truth: Arrays) -> NDArray[np.float32] | None:
        """The loss of each event, (B,); None where it is what the task tells itself."""


class Classified:
    """Classes: minus the logarithm of the likelihood; see `TreeObjective`."""

    def __init__(self, manifest: Manifest) -> None:
        for name, count in zip(manifest.classes, manifest.splits["train"].counts, strict=True):
            if not count:
                raise DataError(f"class {name} has no training event, so that trees cannot learn it")
        self.classes = manifest.classes
        self.outputs = self.classes[-margins_of(len(self.classes)) :]

    def estimators(self, parameters: Bdt, seed: int) -> Sequence[Any]:
        """One, which grows a tree for each class but for two."""
        return [classifier(parameters, seed)]

    def truths(self, truth: Arrays) -> Sequence[NDArray[Any]]:
        """The labels."""
        return [truth["scores"]]

    def curves(self, margins: NDArray[Any], truth: Arrays, weights: NDArray[Any]) -> tuple[float, ...]:
        """Loss and accuracy."""
        logits, labels = logits_of(margins), truth["scores"]
        losses = losses_from_logits(logits, labels)
        return float(np.mean(weights * losses)), float(np.mean(logits.argmax(axis=1) == labels))

    def finished(self, forest: Forest) -> Forest:
        """As they are."""
        return forest

    def final(self, margins: NDArray[Any]) -> Arrays:
        """The scores."""
        return {"scores": scores_of(logits_of(margins)).astype(np.float32)}

    def raw(self, margins: NDArray[Any]) -> Arrays:
        """The logits."""
        return {"scores": logits_of(margins)}

    def losses(self, raw: Arrays, truth: Arrays) -> None:
        """The cross-entropy is that of the task."""


class Regressed:
    """Numbers, in standard units; see `TreeObjective`."""

    classes: tuple[str, ...] = ()

    def __init__(self, head: str, targets: Sequence[str], standard: Standard, loss: Loss) -> None:
        self.outputs = tuple(targets)
        self._head, self._name, self._quantile = head, loss.of("regress"), loss.quantile
        self._standard = standard
        self._mean, self._std = np.array(standard.mean), np.array(standard.std)

    def estimators(self, parameters: Bdt, seed: int) -> Sequence[Any]:
        """One for each target."""
        return [regressor(parameters, seed, self._name, self._quantile) for _ in self.outputs]

    def truths(self, truth: Arrays) -> Sequence[NDArray[Any]]:
        """The targets."""
        return list(self._standardised(truth).T)

    def curves(self, margins: NDArray[Any], truth: Arrays, weights: NDArray[Any]) -> tuple[float, ...]:
        """Loss, and mean absolute error."""
        errors = self._standardised(truth) - margins
        return float(np.mean(weights * self._events(errors))), float(np.mean(np.abs(errors)))

    def finished(self, forest: Forest) -> Forest:
        """With their values in the units of the targets."""
        return forest.in_units(*self._standard)

    def final(self, margins: NDArray[Any]) -> Arrays:
        """The numbers."""
        return {self._head: margins.astype(np.float32)}

    def raw(self, margins: NDArray[Any]) -> Arrays:
        """The numbers in standard units."""
        return {self._head: (margins - self._mean) / self._std}

    def losses(self, raw: Arrays, truth: Arrays) -> NDArray[np.float32]:
        """That which is minimised."""
        return self._events(self._standardised(truth) - raw[self._head]).astype(np.float32)

    def _standardised(self, truth: Arrays) -> NDArray[Any]:
        return np.asarray((truth[self._head].astype(np.float64) - self._mean) / self._std)

    def _events(self, errors: NDArray[Any]) -> NDArray[Any]:
        """The loss of each event, the mean over its targets."""
        if self._name == "mse":
            each = np.square(errors)
        elif self._name == "mae":
            each = np.abs(errors)
        else:
            assert self._quantile is not None
            each = np.maximum(self._quantile * errors, (self._quantile - 1) * errors)
        return np.asarray(each.mean(axis=1))


def objective_of(
    experiment: Experiment, task: Task, manifest: Manifest, standards: Standards
) -> TreeObjective:
    """What the trees of a point learn.

    Raises
    ------
    DataError
        If there is nothing to learn it from.
    """
    (head,) = task.heads
    if head.targets:
        return Regressed(head.name, head.targets, standards[head.name], head.loss or experiment.train.loss)
    return Classified(manifest)
