"""Families in files of users: the function is called, and what it gives is checked.

Keras knows layers of a user by the names that their file registers, for the whole process. Two versions of a
file must not get each other's, so names are registered only while a network is built or loaded.
"""

import contextlib
import dataclasses
import linecache
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from types import ModuleType
from typing import Any

import numpy as np

from dlscan.config.explained import explained, few_words
from dlscan.config.signature import MASKS, SEED, takes
from dlscan.config.source import InFile, Source
from dlscan.errors import ConfigError
from dlscan.models.backend import keras
from dlscan.models.inputs import Inputs

MODULE = "dlscan_source_"
_LONGEST = 300


def features(function: InFile, inputs: Inputs, parameters: Any, seed: int) -> Any:
    """Build the hidden layers of a network by a function of the user.

    Parameters
    ----------
    function : InFile
        Takes a dict of the inputs and its parameters by name.
    inputs : Inputs
        Normalised inputs, (B, ...) each.
    parameters : dataclass
        Its keyword parameters but for `seed` and `masks`: those of the inputs, if it has such a parameter.
    seed : int
        What it gets as `seed` if it has such a parameter, and what Keras seeds layers with that have no seed.

    Returns
    -------
    KerasTensor, (B, features)

    Raises
    ------
    ConfigError
        If the file cannot be run, the function fails, or gives anything else; it names file and line.
    """
    scaled = Inputs({name: _dense(name, tensor) for name, tensor in inputs.items()}, inputs.masks)
    given = {field.name: getattr(parameters, field.name) for field in dataclasses.fields(parameters)}
    if takes(function, SEED):
        given[SEED] = seed
    if takes(function, MASKS):
        given[MASKS] = dict(scaled.masks)
    line = function.source.function(function.function, "").lineno
    with registered(function.source) as module, _seeded(seed), explained(function.source, line, scaled):
        made = getattr(module, function.function)(dict(scaled), **given)
        _check(made, scaled.flat, function)
        return made


def _dense(name: str, tensor: Any) -> Any:
    """The same values, of which Keras knows that they are no sparse tensor.

    It takes the product with a number for one, and many operations do not exist for these, neither now nor
    when the network is loaded. Behind a layer begins what is the network's own.
    """
    same = keras.layers.Activation("linear", name=f"{name}-scaled")(tensor)
    same.name = name
    return same


@contextlib.contextmanager
def registered(source: Source) -> Iterator[ModuleType]:
    """Run a file; what it registers with Keras is known until the end of the block.

    Raises
    ------
    ConfigError
        If it cannot be run.
    """
    objects = keras.saving.get_custom_objects()
    before = dict(objects)
    module = ModuleType(f"{MODULE}{source.sha256[:16]}")
    module.__file__ = str(source.path)
    # dataclasses look up their module; tracebacks show lines, which may not be those of the file any more
    sys.modules[module.__name__] = module
    linecache.cache[module.__file__] = len(source.text), None, source.text.splitlines(True), module.__file__
    try:
        with explained(source):
            exec(compile(source.text, module.__file__, "exec", dont_inherit=True), vars(module))
        yield module
    finally:
        objects.clear()
        objects.update(before)


def _check(made: Any, inputs: Mapping[str, Any], function: InFile) -> None:
    """Check that a function gave features, and that what it is made of can be saved and loaded."""
    where = f"{function.source.path}:{function.source.function(function.function, '').lineno}: "
    where += function.function
    if not isinstance(made, keras.KerasTensor):
        raise ConfigError(f"{where} must return a tensor of Keras, got {type(made).__name__}")
    if len(made.shape) != 2 or made.shape[1] is None:
        shape = ", ".join(["B", *("?" if length is None else str(length) for length in made.shape[1:])])
        raise ConfigError(
            f"{where} must return features of shape (B, F), got ({shape}); end with keras.layers.Flatten() "
            "or a pooling over all positions"
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of names, which this network is not kept for
        network = keras.Model(dict(inputs), made)
        for layer in network.operations:
            _check_layer(layer, inputs, where)
        try:
            config = keras.saving.serialize_keras_object(network)
            keras.saving.deserialize_keras_object(config, safe_mode=True)
        except Exception as error:  # Keras raises whatever a missing part leads to
            reason = few_words(error).split("Exception encountered: ")[-1]
            raise ConfigError(
                f"{where} makes a network that cannot be loaded again: {reason[:_LONGEST]}; a layer of your "
                "own needs a get_config() with all arguments of its __init__"
            ) from None


def _check_layer(layer: Any, inputs: Mapping[str, Any], where: str) -> None:
    kind = type(layer)
    if isinstance(layer, keras.layers.InputLayer):
        return
    if layer.name.removesuffix("-scaled") in inputs or layer.name.startswith("net-"):
        raise ConfigError(f"{where} has a layer named {layer.name}; dlscan has that name, choose another one")
    if isinstance(layer, keras.layers.Lambda):
        raise ConfigError(
            f"{where} uses a Lambda layer, which is code inside the saved network and never loaded; use "
            "keras.ops or a registered layer"
        )
    if kind.__module__.startswith(MODULE) and keras.saving.get_registered_name(kind) == kind.__name__:
        raise ConfigError(
            f"{where} uses {kind.__name__}, without which the saved network cannot be loaded; put "
            "@keras.saving.register_keras_serializable() above the class"
        )


@contextlib.contextmanager
def _seeded(seed: int) -> Iterator[None]:
    """Let layers without a seed draw what follows from `seed`, whatever was built before."""
    python, numbers = random.getstate(), np.random.get_state()
    keras.utils.set_random_seed(seed)
    try:
        yield
    finally:
        random.setstate(python)
        np.random.set_state(numbers)
