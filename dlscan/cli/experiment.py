"""The arguments of commands that take an experiment file."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])


def experiment_arguments(command: Command) -> Command:
    """Add the arguments EXPERIMENT and KEY=VALUE..., which `load` takes."""
    overrides = click.argument("overrides", nargs=-1, metavar="[KEY=VALUE]...")
    file = click.argument("file", metavar="EXPERIMENT", type=click.Path(path_type=Path))
    return file(overrides(command))
