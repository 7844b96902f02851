"""Records that a newer dlscan has written."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dlscan
from dlscan.errors import DlscanError
from dlscan.files import read_json


def is_newer(versions: Mapping[str, Any]) -> bool:
    """Whether a newer dlscan than this has written a record with these versions."""
    return _numbers(versions.get("dlscan")) > _numbers(dlscan.__version__)


def newer_version(path: Path) -> str | None:
    """The version of dlscan that has written a record which this one cannot read, if it is a newer one."""
    try:
        versions = read_json(path)["versions"]
        return versions["dlscan"] if is_newer(versions) else None
    except (DlscanError, OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _numbers(version: Any) -> tuple[int, ...]:
    """`0.10.2.dev3` as (0, 10, 2)."""
    found = re.match(r"\d+(\.\d+)*", version if isinstance(version, str) else "")
    return tuple(map(int, found[0].split("."))) if found else ()
