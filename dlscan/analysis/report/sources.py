"""Where the numbers of a report come from: code, machines, times, events and raw files."""

import dataclasses
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

from dlscan.analysis.points.done import DonePoint
from dlscan.analysis.points.models import groups
from dlscan.analysis.report.facts import Facts, moment
from dlscan.analysis.report.words import counted
from dlscan.dataset import Manifest
from dlscan.errors import DataError

# a person reads no more hosts, versions or seeds
MOST_DIFFERENT = 30


@dataclasses.dataclass(frozen=True)
class Dataset:
    """The prepared dataset that points were trained on.

    Attributes
    ----------
    path : str
        As the records have it.
    config_hash : str
        Of the events that it holds.
    manifest : Manifest or None
        None if it is not to be had here; `absent` says why.
    """

    path: str
    config_hash: str
    manifest: Manifest | None
    absent: str = ""


def datasets(points: Sequence[DonePoint]) -> list[Dataset]:
    """Each dataset of `points`, with its manifest if it has not been prepared anew since."""
    keys = dict.fromkeys(
        (str(point.record.dataset.get("path", "")), str(point.record.dataset.get("config_hash", "")))
        for point in points
    )
    return [_dataset(path, config_hash) for path, config_hash in keys]


def provenance(facts: Facts) -> list[tuple[str, str]]:
    """What to know of the whole: a word and its value, in order."""
    records = [point.record for point in facts.points]
    versions = [", ".join(f"{name} {value}" for name, value in record.versions.items()) for record in records]
    plans = [str(scan.plan.get("git_commit") or "") for scan in facts.scans]
    commits = dict.fromkeys([*plans, *(record.git_commit or "" for record in records)])
    return [
        ("Scans", ", ".join(scan.name for scan in facts.scans)),
        ("Commit of the experiment", ", ".join(filter(None, commits)) or "not under git"),
        ("Versions", _counted(versions)),
        ("Hosts", _counted(record.host for record in records)),
        ("Devices", _counted(record.device for record in records)),
        ("Back ends", _counted(record.backend for record in records)),
        ("First start", moment(min(record.started for record in records))),
        ("Last end", moment(max(record.ended for record in records))),
        ("Jobs", counted(sum(record.attempts for record in records), "attempt")),
        *((f"Training on {kind}", text) for kind, text in training_hours(facts.points)),
        ("Seeds", _counted(str(record.seed) for record in records)),
    ]


def training_hours(points: Sequence[DonePoint]) -> list[tuple[str, str]]:
    """Time spent in epochs of finished models, on GPUs and on CPUs."""
    seconds: dict[str, list[float]] = {}
    for point in points:
        kind = "CPU" if point.record.device.rpartition(" x ")[2].startswith("CPU") else "GPU"
        seconds.setdefault(kind, []).append(point.record.train_seconds)
    what = "training" if any(len(model) > 1 for model in groups(points)) else "model"
    return [
        (kind, f"{duration(sum(parts))} in {counted(len(parts), what)}")
        for kind, parts in sorted(seconds.items(), reverse=True)
    ]


def duration(seconds: float) -> str:
    """`12.3 h`, `4.5 min`, `6 s`."""
    if seconds >= 3600:
        return f"{seconds / 3600:,.1f} h"
    return f"{seconds / 60:.1f} min" if seconds >= 60 else f"{seconds:.0f} s"


def _dataset(path: str, config_hash: str) -> Dataset:
    try:
        manifest = Manifest.read(Path(path))
    except (DataError, OSError) as error:
        return Dataset(path, config_hash, None, str(error))
    if manifest.config_hash != config_hash:
        return Dataset(path, config_hash, None, f"{path}: prepared again since, with other events or files")
    return Dataset(path, config_hash, manifest)


def _counted(values: Iterable[str]) -> str:
    """Each value, with how often it stands there if they differ."""
    count = Counter(values)
    if len(count) == 1:
        return next(iter(count))
    told = [f"{value or '-'} ({number})" for value, number in count.most_common(MOST_DIFFERENT)]
    more = len(count) - len(told)
    return "; ".join([*told, *([f"and {more:,} others"] if more else [])])
