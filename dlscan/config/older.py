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
    added = {f"model.{key}": value for key, value in BEFORE.items()} | LATER
    return {**params, **{key: params.get(key, value) for key, value in added.items()}}


def missing(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of `model` that `completed` writes out."""
    model = config.get("model")
    return tuple(key for key in BEFORE if _is_dense(model) and key not in model)


def _is_dense(model: Any) -> TypeGuard[dict[str, Any]]:
    return isinstance(model, dict) and model.get("family", "dense") == "dense"
