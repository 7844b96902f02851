"""What a plan, a point or a record of an older version means where it lacks a key.

A key that came later counts at its default, with the exceptions here: their default is another network than
the one before the key was there.
"""

from collections.abc import Mapping
from typing import Any, TypeGuard

# Of `model: {family: dense}`, which was the only one. Inputs did not meet before the output layer.
BEFORE = {"merged_depth": 0, "merged_width": "auto"}
# Of a record, at the value that it had: what is told apart by its parameters must not be by what is missing.
LATER = {"model.initializer": "glorot"}
# Of a record without the last of them, which all records have that have the others.
LATER_OF_TRAIN = {
    "train.loss": "auto",
    "train.gamma": 2.0,
    "train.label_smoothing": 0.0,
    "train.l1": 0.0,
    "train.l2": 0.0,
    "train.schedule_rate": 0.1,
    "train.schedule_every": 10,
    "train.schedule_factor": 0.5,
    "train.schedule_patience": 5,
    "train.warm_up": 0,
}
_WINDOW = {"window": 1}
_ADDED = {f"model.{key}": value for key, value in BEFORE.items()} | LATER


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment that dlscan wrote, as plain values, with what its keys' absence means written out.

    Not for files of users, which mean the defaults of now.
    """
    model = config.get("model")
    return {**config, "model": BEFORE | model} if _is_dense(model) else dict(config)


def completed_params(params: Any) -> Any:
    """The same for the parameters of a record, `model.width` and so on; anything else stays as it is."""
    if not isinstance(params, dict) or params.get("model.family") != "dense":
        return params
    found = {**params, **{key: value for key, value in _ADDED.items() if key not in params}}
    if "train.epochs" not in params or "train.warm_up" in params:
        return found
    if "train.early_stopping.monitor" in params:
        found |= {f"train.early_stopping.{key}": value for key, value in _WINDOW.items()}
    if isinstance(whole := params.get("train.early_stopping"), dict):
        found["train.early_stopping"] = whole | _WINDOW
    return {**found, **{key: found.get(key, value) for key, value in LATER_OF_TRAIN.items()}}


def missing(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of `model` that `completed` writes out."""
    model = config.get("model")
    return tuple(key for key in BEFORE if _is_dense(model) and key not in model)


def _is_dense(model: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(model, dict) and model.get("family", "dense") == "dense"
