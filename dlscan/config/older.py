"""What a plan, a point or a record of an older version means where it lacks a key.

A key that came later counts at its default, with the exceptions here: their default is another network than
the one before the key was there.
"""

from collections.abc import Mapping
from typing import Any

# Of `model`. Inputs did not meet before the output layer.
BEFORE = {"merged_depth": 0, "merged_width": "auto"}


def completed(config: Mapping[str, Any]) -> dict[str, Any]:
    """An experiment that dlscan wrote, as plain values, with what its keys' absence means written out.

    Not for files of users, which mean the defaults of now.
    """
    model = config.get("model")
    return {**config, "model": BEFORE | model} if isinstance(model, dict) else dict(config)


def completed_params(params: Any) -> Any:
    """The same for the parameters of a record, `model.width` and so on; anything else stays as it is."""
    if not isinstance(params, dict) or "model.family" not in params:
        return params
    return {**params, **{f"model.{key}": params.get(f"model.{key}", value) for key, value in BEFORE.items()}}


def missing(config: Mapping[str, Any]) -> tuple[str, ...]:
    """The keys of `model` that `completed` writes out."""
    model = config.get("model")
    return tuple(key for key in BEFORE if isinstance(model, dict) and key not in model)
