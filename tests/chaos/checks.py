"""What must be true of a scan in the end, whatever was done to it."""

import csv
import itertools
import json
import math
from collections.abc import Collection
from pathlib import Path
from typing import Any

from tests.chaos.watch import attempts
from tests.chaos.workload import Scan

TOLERANCE = 1e-6
_OF_A_RUN = ("seconds", "events_per_second", "networks")


def losses(scan: Scan, sick: Collection[str] = ()) -> list[str]:
    """Healthy points that are not done, or whose history has not every epoch exactly once."""
    found = []
    for point in scan.points():
        if point.name in sick:
            continue
        if not (point / "record.json").exists():
            found.append(f"{point.name}: not done")
            continue
        record = json.loads((point / "record.json").read_text())
        epochs = [int(row["epoch"]) for row in history(point)]
        if epochs != list(range(1, record["epochs"] + 1)):
            found.append(f"{point.name}: epochs {epochs} of {record['epochs']}")
        if (point / "last").exists():
            found.append(f"{point.name}: done, and its checkpoint is still there")
    return found


def two_owners(scan: Scan) -> list[str]:
    """Points that two attempts owned at a time, or whose fencing numbers are not 1, 2, 3... on file."""
    found = []
    for point in scan.points():
        known = attempts(point)
        numbers = [one["number"] for one in known]
        if numbers != list(range(1, len(known) + 1)):
            found.append(f"{point.name}: the numbers of its attempts are {numbers}")
        for one, after in itertools.pairwise(known):
            if one["ended"] is not None and str(one["ended"]) > str(after["started"]):
                found.append(f"{point.name}: attempt {one['number']} ended after the next began")
        done = [one["number"] for one in known if one["outcome"] == "done"]
        if done and done != [len(known)]:
            found.append(f"{point.name}: attempts {done} of {len(known)} say that they finished it")
    return found


def differences(scan: Scan, undisturbed: Scan, sick: Collection[str] = ()) -> list[str]:
    """Numbers in histories and records that differ from those of the undisturbed scan by more than 1e-6.

    Of points without a record, such as those that paused at a rung, the epochs that there are.
    """
    found = []
    others = {point.name: point for point in undisturbed.points()}
    for point in scan.points():
        if point.name in sick or not (point / "history.csv").exists():
            continue
        pairs = list(_pairs(point, others[point.name]))
        found += [
            f"{point.name}: {name} is {one}, not {two}" for name, one, two in pairs if _differ(one, two)
        ]
    return found


def history(point: Path) -> list[dict[str, str]]:
    """The rows of a history."""
    with (point / "history.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _pairs(one: Path, two: Path) -> Any:
    for own, other in zip(history(one), history(two), strict=False):
        for name in own:
            if name not in _OF_A_RUN:
                yield f"epoch {own['epoch']} {name}", float(own[name]), float(other[name])
    if not (one / "record.json").exists():
        return
    records = [json.loads((point / "record.json").read_text()) for point in (one, two)]
    for key in ("epochs", "best_epoch", "seed", "model_parameters"):
        yield key, records[0][key], records[1][key]
    for name in sorted({name for record in records for name in record["metrics"]}):
        yield name, *(record["metrics"].get(name) for record in records)


def _differ(one: float | None, two: float | None) -> bool:
    if one is None or two is None:
        return one is not two
    return not math.isclose(one, two, rel_tol=TOLERANCE, abs_tol=TOLERANCE)
