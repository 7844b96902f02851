"""What an exported file says of itself."""

import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import dlscan
from dlscan.config import Experiment, Model, experiment_from
from dlscan.config.families import FAMILIES
from dlscan.errors import UsageError
from dlscan.export import onnx_file
from dlscan.files import checksum
from dlscan.record import Record

KEY = "dlscan"
# In a Keras file, and beside those of a SavedModel.
FILE = "dlscan.json"


def columns(targets: Sequence[str], classes: Sequence[str], size: int) -> tuple[str, ...]:
    """What the numbers of an output are: classes, or targets and then their uncertainties."""
    if not targets:
        return tuple(classes)
    return (*targets, *(f"{name}_sigma" for name in targets))[:size]


def numbered(name: str, size: int) -> tuple[str, ...]:
    """What the numbers of an output are that have no names."""
    return (name,) if size == 1 else tuple(f"{name}_{number}" for number in range(1, size + 1))


def about(record: Record, data: Mapping[str, Any], outputs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Where a model comes from, and what its numbers are.

    Parameters
    ----------
    record : Record
        Of its point.
    data : mapping of str to object
        The section of its experiment file: how events are read.
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
        "classes": list(record.classes),
        "data": data,
        "outputs": {name: list(names) for name, names in outputs.items()},
        "dataset": record.dataset,
        "trained": record.ended,
        "git_commit": record.git_commit,
        "versions": record.versions,
    }
    return {KEY: json.dumps(told), **{f"{name}_columns": ",".join(own) for name, own in outputs.items()}}


@dataclasses.dataclass(frozen=True)
class Told:
    """What an exported file says of itself.

    Attributes
    ----------
    scan, point, task, classes, dataset
        As in the record of its point.
    outputs : dict of str to list of str
        What the columns of each output are, by its name.
    experiment : Experiment
        How events are read: its `data` and `task` are those of the point.
    checksum : str
        Of the file.
    """

    scan: str
    point: int
    task: Any
    classes: tuple[str, ...]
    dataset: dict[str, str]
    outputs: dict[str, list[str]]
    experiment: Experiment
    checksum: str


def told_by(path: Path) -> Told:
    """What an ONNX or a Keras file says that `dlscan export` wrote.

    Raises
    ------
    UsageError
        If it says nothing, or not enough.
    """
    try:
        text = onnx_file.texts(path).get(KEY) if path.suffix == ".onnx" else _in_keras(path)
        told = json.loads(text or "{}")
        # what is read does not depend on the family, but some tasks are for theirs alone
        family = told["params"].get("model.family")
        model = {"family": family if family in FAMILIES else Model.family}
        sections = {"name": told["scan"], "data": told["data"], "task": told["task"], "model": model}
        experiment = experiment_from(sections, path)
        return Told(
            told["scan"],
            told["point"],
            told["task"],
            tuple(told["classes"]),
            told["dataset"],
            told["outputs"],
            experiment,
            checksum(path),
        )
    except OSError as error:
        raise UsageError(f"{path}: cannot be read ({error.strerror or error})") from None
    except (KeyError, TypeError, ValueError, zipfile.BadZipFile) as error:
        missing = f"it has no {error}" if isinstance(error, KeyError) else error
        raise UsageError(
            f"{path}: does not say how its events are read ({missing}); give a file that this version of "
            "`dlscan export` wrote, or SCAN N"
        ) from None


def _in_keras(path: Path) -> str | None:
    with zipfile.ZipFile(path) as archive:
        if FILE not in archive.namelist():
            return None
        return str(json.loads(archive.read(FILE))[KEY])
