"""What several commands take as arguments."""

import csv
from pathlib import Path

from dlscan.config import load

EXPERIMENT_SUFFIXES = (".yaml", ".yml")


def scan_directory(text: str) -> Path:
    """The directory of a scan that is named by itself or by its experiment file.

    Raises
    ------
    ConfigError
        If it is an experiment file that cannot be read.
    """
    path = Path(text)
    if path.suffix.lower() in EXPERIMENT_SUFFIXES and not path.is_dir():
        return load(path).directory
    return path


def names(text: str) -> list[str]:
    """The names in `Width,Depth`; one that holds a comma itself stands in double quotes."""
    (row,) = csv.reader([text], skipinitialspace=True) if text.strip() else ([],)
    return [name.strip() for name in row if name.strip()]
