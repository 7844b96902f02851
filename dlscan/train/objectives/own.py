"""Losses that are functions in files of users."""

from collections.abc import Callable
from typing import Any

import numpy as np

from dlscan.config.explained import explained
from dlscan.config.source import InFile
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.from_file import registered

# Of what is right and what a network gives before its last step, a number for each event, (B,).
EventLoss = Callable[[Any, Any], Any]


def own_loss(function: InFile, size: int, classes: bool) -> EventLoss:
    """The loss that a function of a user is, tried on a few events.

    Parameters
    ----------
    function : InFile
        Takes targets and outputs, (B, size) each.
    size : int
        Numbers of an event.
    classes : bool
        Whether the targets are classes: 1 for one of them.

    Raises
    ------
    ConfigError
        If the file cannot be run, or the function fails or does not give a finite number for each event; it
        names file and line. The loss raises the same where the function fails.
    """
    source, line = function.source, _line(function)
    with registered(source) as module:
        called = getattr(module, function.function)

    def loss(targets: Any, outputs: Any) -> Any:
        with explained(source, line):
            return keras.ops.cast(keras.ops.convert_to_tensor(called(targets, outputs)), "float32")

    _try(function, loss, size, classes)
    return loss


def _try(function: InFile, loss: EventLoss, size: int, classes: bool) -> None:
    rng = np.random.default_rng(1)
    # as many events as there is nothing else of
    events = size + 5
    outputs, numbers = rng.normal(size=(2, events, size)).astype("float32")
    targets = np.eye(size, dtype="float32")[np.arange(events) % size] if classes else numbers
    found = keras.ops.convert_to_numpy(loss(*map(keras.ops.convert_to_tensor, (targets, outputs))))
    where = f"{function.source.path}:{_line(function)}: {function.function}"
    if found.shape != (events,):
        shape = ", ".join("B" if length == events else str(length) for length in found.shape)
        raise ConfigError(f"{where} must return the loss of each event, shape (B,), got ({shape})")
    if not np.isfinite(found).all():
        raise ConfigError(f"{where} returns {found[~np.isfinite(found)][0]} for outputs between -3 and 3")


def _line(function: InFile) -> int:
    return function.source.function(function.function, "").lineno
