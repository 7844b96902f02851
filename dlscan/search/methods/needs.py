"""Packages that some methods are made of, and that are installed only if they are wanted."""

import importlib
from types import ModuleType

from dlscan.errors import DlscanError


class MissingError(DlscanError):
    """A package that a method needs is not installed."""


def needed(package: str, method: str) -> ModuleType:
    """Import a package.

    Raises
    ------
    MissingError
        If it is not installed; with the extra that installs it.
    """
    try:
        return importlib.import_module(package)
    except ImportError as error:
        raise MissingError(
            f"scan.search.method: {method} needs the package {package} ({error}); install dlscan[search], "
            "or choose random, sobol or zoom"
        ) from None
