"""What several commands take as arguments."""

from pathlib import Path

from dlscan import config
from dlscan.analysis.lookup import split_names as names

__all__ = ["names", "scan_directory"]


def scan_directory(text: str) -> Path:
    """The directory of a scan that is named by itself or by its experiment file."""
    return config.scan_directory(Path(text))
