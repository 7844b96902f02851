"""What the losses of points are: values of different ones cannot be compared."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.tasks import different_tasks, metrics_of
from dlscan.config.losses import AUTO, LOSSES, QUANTILE
from dlscan.config.models import is_variational

# always the cross-entropy
_SAME = ("test_log_loss",)


def is_loss(column: str) -> bool:
    """Whether the numbers of a column are what networks minimise, such as `test_loss` and `best_val_loss`."""
    return column.endswith("loss") and column not in _SAME


def different_losses(points: Iterable[DonePoint]) -> str:
    """`different losses (mse, mae), ...`: what cannot be compared; empty where all minimise the same."""
    known = list(points)
    if different_tasks(known):
        return "different tasks, which cannot be compared"
    found = list(dict.fromkeys(losses_of(known)))
    return f"different losses ({', '.join(found)}), which cannot be compared" if len(found) > 1 else ""


def losses_of(points: Sequence[DonePoint]) -> list[str]:
    """What each point minimises, in words."""
    kinds = [metrics.kind for metrics in metrics_of(points)]
    if kinds == ["generate"]:
        # what the history calls the loss, whatever networks minimise
        return ["energy distance"] * len(points)
    usual = LOSSES[kinds[0]][0] if len(kinds) == 1 else AUTO
    return [_words(point.record.params, usual, kinds) for point in points]


def _words(params: Mapping[str, Any], usual: str, kinds: Sequence[str]) -> str:
    loss = params.get("train.loss", AUTO)
    if isinstance(loss, Mapping):
        return f"{QUANTILE} {loss.get(QUANTILE)}"
    words = [usual if loss == AUTO else str(loss)]
    keys = ("gamma", "label_smoothing") if loss == "focal" else ("label_smoothing",)
    words += [f"{key} {params[f'train.{key}']:g}" for key in keys if params.get(f"train.{key}")]
    if kinds == ["reconstruct"] and is_variational(params.get("model.family")):
        # a bound on the logarithm of a likelihood
        words += [f"beta {params['model.beta']:g}"]
    return " with ".join(words)
