"""What an exported file says of itself."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import dlscan
from dlscan.record import Record


def columns(targets: Sequence[str], classes: Sequence[str], size: int) -> tuple[str, ...]:
    """What the numbers of an output are: classes, or targets and then their uncertainties."""
    if not targets:
        return tuple(classes)
    return (*targets, *(f"{name}_sigma" for name in targets))[:size]


def numbered(name: str, size: int) -> tuple[str, ...]:
    """What the numbers of an output are that have no names."""
    return (name,) if size == 1 else tuple(f"{name}_{number}" for number in range(1, size + 1))


def about(record: Record, outputs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Where a model comes from, and what its numbers are.

    Parameters
    ----------
    record : Record
        Of its point.
    outputs : mapping of str to sequence of str
        What the columns of each output are, by its name.

    Returns
    -------
    dict of str to str
        `dlscan` is JSON with all of it; `NAME_columns` are those of an output, with commas, for programs that
        read no JSON.
    """
    told: dict[str, Any] = {
        "dlscan": dlscan.__version__,
        "scan": record.scan,
        "point": record.point,
        "name": record.name,
        "params": record.params,
        "task": record.task,
        "outputs": {name: list(names) for name, names in outputs.items()},
        "dataset": record.dataset,
        "trained": record.ended,
        "git_commit": record.git_commit,
        "versions": record.versions,
    }
    return {"dlscan": json.dumps(told), **{f"{name}_columns": ",".join(own) for name, own in outputs.items()}}
