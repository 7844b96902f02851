"""Which of Keras' back ends to use, found out without importing any of them."""

import importlib.util
import json
import os
from collections.abc import Callable, Mapping
from pathlib import Path

from dlscan.errors import BackendError

BACKENDS = ("tensorflow", "jax", "torch")
_INSTALL = "run: pip install 'dlscan[cpu]' (or [gpu], [jax], [torch])"
_EXTRAS = {"tensorflow": "cpu", "jax": "jax", "torch": "torch"}


def _is_installed(name: str) -> bool:
    return importlib.util.find_spec(name) is not None


def choose_backend(
    environment: Mapping[str, str] = os.environ, installed: Callable[[str], bool] = _is_installed
) -> str:
    """Choose what KERAS_BACKEND asks for, else what keras.json prefers, else the first that is installed.

    Parameters
    ----------
    environment : mapping
        Of it KERAS_BACKEND, KERAS_HOME and HOME count.
    installed : callable
        Tells whether a module can be imported.

    Raises
    ------
    BackendError
        If nothing fit is installed; it names the extra to install.
    """
    if not installed("keras"):
        raise BackendError(f"Keras is not installed; {_INSTALL}")
    asked = environment.get("KERAS_BACKEND")
    if asked and asked not in BACKENDS:
        raise BackendError(f"KERAS_BACKEND={asked} cannot train; set it to one of {', '.join(BACKENDS)}")
    if asked and not installed(asked):
        raise BackendError(
            f"KERAS_BACKEND={asked}, but {asked} is not installed; "
            f"run: pip install 'dlscan[{_EXTRAS[asked]}]', or unset KERAS_BACKEND"
        )
    # Keras writes keras.json by itself with its default, so what it says is a preference and no order
    for name in (asked, _configured(environment), *BACKENDS):
        if name in BACKENDS and installed(name):
            return name
    raise BackendError(f"no Keras back end is installed; {_INSTALL}")


def _configured(environment: Mapping[str, str]) -> str | None:
    home = environment.get("KERAS_HOME") or Path(environment.get("HOME", "~")).expanduser() / ".keras"
    try:
        value = json.loads((Path(home) / "keras.json").read_text(encoding="utf-8"))
        return str(value["backend"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
