"""What trees learn of each task: the estimators that grow them, and what their margins mean."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dlscan.config import Bdt
from dlscan.dataset import Manifest
from dlscan.errors import ConfigError, DataError
from dlscan.metrics import losses_from_logits
from dlscan.tasks import Arrays, Task
from dlscan.trees.boost import classifier
from dlscan.trees.costs import margins_of
from dlscan.trees.forest import logits_of, scores_of


class Objective(Protocol):
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

    def raw(self, margins: NDArray[Any]) -> Arrays:
        """What losses are computed from, by the name of the head, for margins (B, K)."""

    def final(self, margins: NDArray[Any]) -> Arrays:
        """What the user gets, by the name of the head."""

    def curves(self, margins: NDArray[Any], truth: Arrays, weights: NDArray[Any]) -> tuple[float, ...]:
        """The columns of a history, in the order of the task's `curves`."""


class Classified:
    """Classes: the logarithm of the likelihood; see `Objective`."""

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

    def raw(self, margins: NDArray[Any]) -> Arrays:
        """The logits."""
        return {"scores": logits_of(margins)}

    def final(self, margins: NDArray[Any]) -> Arrays:
        """The scores."""
        return {"scores": scores_of(logits_of(margins)).astype(np.float32)}

    def curves(self, margins: NDArray[Any], truth: Arrays, weights: NDArray[Any]) -> tuple[float, ...]:
        """Loss and accuracy."""
        logits, labels = logits_of(margins), truth["scores"]
        losses = losses_from_logits(logits, labels)
        return float(np.mean(weights * losses)), float(np.mean(logits.argmax(axis=1) == labels))


# By the kinds of a task.
_OBJECTIVES: Mapping[tuple[str, ...], Callable[[Manifest], Objective]] = {("classify",): Classified}


def objective_of(task: Task, manifest: Manifest) -> Objective:
    """What trees learn of a task.

    Raises
    ------
    ConfigError
        If trees cannot learn it.
    DataError
        If there is nothing to learn it from.
    """
    if task.kinds not in _OBJECTIVES:
        known = ", ".join(kind for (kind,) in _OBJECTIVES)
        raise ConfigError(
            f"model.family: boosted trees learn one task, {known}, and task is {' and '.join(task.kinds)}; "
            "choose another family for it"
        )
    return _OBJECTIVES[task.kinds](manifest)
