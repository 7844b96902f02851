"""What several commands take as arguments."""

from collections.abc import Sequence
from pathlib import Path

from dlscan import config
from dlscan.analysis.lookup import split_names as names

__all__ = ["given_scans", "names", "scan_directory"]


def scan_directory(text: str) -> Path:
    """The directory of a scan that is named by itself or by its experiment file."""
    return config.scan_directory(Path(text))


def given_scans(texts: Sequence[str]) -> tuple[list[Path], dict[Path, dict[str, str]]]:
    """The directories of scans, and the labels of those named by their experiment file."""
    return config.scans_and_labels([Path(text) for text in texts])
