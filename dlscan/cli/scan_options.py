"""Options of `dlscan scan` that are more than a word or a flag."""

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.spelling import hint

if TYPE_CHECKING:
    from dlscan.config import BatchOptions


def retry_states(context: click.Context, parameter: click.Parameter, text: str) -> tuple[str, ...]:
    """The states of `--retry`, which end in words that name those there are if one is none."""
    from dlscan.scan import SETTLED, STATES

    names = tuple(name.strip() for name in text.split(",") if name.strip())
    known = [state for state in STATES if state not in SETTLED]
    for name in names:
        if name not in known:
            raise click.BadParameter(f"no state {name!r}; {hint(name, known)}", context, parameter)
    return names


def with_scheduler(batch: "BatchOptions", scheduler: str | None) -> "BatchOptions":
    """The section with the address that the command line gives."""
    if scheduler is None:
        return batch
    if batch.system != "dask":
        raise click.UsageError(f"--scheduler is for dask, but this scan runs on {batch.system}")
    file = Path(scheduler)
    is_file = file.suffix == ".json" or file.is_file()
    # other commands are started elsewhere
    return dataclasses.replace(batch, scheduler=str(file.absolute()) if is_file else scheduler)
