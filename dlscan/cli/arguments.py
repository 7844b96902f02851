"""What several commands take as arguments."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import click
from click.shell_completion import CompletionItem

from dlscan import config
from dlscan.analysis.lookup import split_names as names

__all__ = ["given_scans", "names", "scan_argument", "scan_directory", "scans_argument"]

_Command = TypeVar("_Command", bound=Callable[..., Any])


def scan_argument(command: _Command) -> _Command:
    """Add the argument SCAN, a text that `scan_directory` takes."""
    return click.argument("scan", metavar="SCAN", shell_complete=_files)(command)


def scans_argument(command: _Command) -> _Command:
    """Add the arguments SCAN..., texts that `given_scans` takes."""
    return click.argument("scans", metavar="SCAN...", nargs=-1, required=True, shell_complete=_files)(command)


def scan_directory(text: str) -> Path:
    """The directory of a scan that is named by itself, its experiment file, or the beginning of either."""
    return config.scan_directory(Path(text))


def given_scans(texts: Sequence[str]) -> tuple[list[Path], dict[Path, dict[str, str]]]:
    """The directories of scans, and the labels of those named by their experiment file."""
    return config.scans_and_labels([Path(text) for text in texts])


def _files(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Let the shell complete the name of a file or a directory."""
    return [CompletionItem(incomplete, type="file")]
