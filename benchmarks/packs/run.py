"""Scans: each way verified in its first turn, and turn about."""

from __future__ import annotations

import dataclasses
import statistics
from typing import Any

from benchmarks.generate import generate
from benchmarks.packs.scans import Scan
from benchmarks.packs.watch import CommandFailed
from benchmarks.packs.ways import WAYS, Place, Trained, Wrong, prepare, require_like
from benchmarks.rounds import say

# the peer that the others are compared with, in what they are worth
REFERENCE = "keras"


def usual_ways(scan: Scan) -> list[str]:
    """The ways that make sense: a small table is in memory, which nobody can say of showers."""
    names = ["keras", "alone", "single", "auto", "pack"]
    return [*names, "keras-memory"] if scan.case.sample.tabular else names


def measure_scan(scan: Scan, names: list[str], place: Place, rounds: int, within: float) -> dict[str, Any]:
    """Time `names` on a scan.

    Parameters
    ----------
    names : list of str
        Of ways in `WAYS`. One that fails, or trains something else than `REFERENCE`, is left out.
    rounds : int
        Turns of each; the median counts.
    within : float
        See `require_like`.

    Returns
    -------
    dict
        `rows`, one for each way: `seconds` (median) and `all_seconds`, `peak` (bytes, the highest), `jobs`,
        `beside` (seconds, the mean over its points) and `auc` (of its worst point), or `error`.
    """
    generate(place.root, [scan.case], len(place.cpus))
    rows: dict[str, dict[str, Any]] = {
        name: {"way": name, "title": WAYS[name].title, "role": WAYS[name].role, "turns": []} for name in names
    }
    result: dict[str, Any] = {
        "name": scan.name,
        "title": scan.title,
        "models": scan.models,
        "epochs": scan.epochs,
        "events": {side: scan.events(side) for side in scan.case.sample.sides},
        "event_bytes": scan.case.sample.event_bytes,
        "layout": scan.case.layout.title,
        "rows": list(rows.values()),
    }
    if any(row["role"] == "dlscan" for row in result["rows"]):
        say(f"{scan.name}: dlscan prepare")
        result["prepare_seconds"] = prepare(scan, place).seconds
    # the reference goes first, so that the others can be compared with it in the same round
    names = sorted(names, key=lambda name: name != REFERENCE)
    reference: list[Trained] | None = None
    for number in range(rounds):
        for name in names[:1] + _turned(names[1:], number):
            if "error" in rows[name]:
                continue
            try:
                trained = _turn(scan, name, place, rows[name])
                require_like(trained, scan, reference, within)
            except (CommandFailed, Wrong) as error:
                rows[name]["error"] = str(error)
                say(f"{scan.name}: {WAYS[name].title} is left out: {error}")
            else:
                reference = trained if name == REFERENCE else reference
    for row in rows.values():
        _sum_up(row)
    return result


def _turn(scan: Scan, name: str, place: Place, row: dict[str, Any]) -> list[Trained]:
    watched, trained = WAYS[name].run(scan, place)
    say(f"{scan.name}: {WAYS[name].title}: {watched.seconds:.1f} s")
    models = [dataclasses.asdict(one) for one in trained]
    row["turns"].append({**dataclasses.asdict(watched), "models": models})
    return trained


def _sum_up(row: dict[str, Any]) -> None:
    if "error" in row:
        return
    turns = row["turns"]
    models = [model for turn in turns for model in turn["models"]]
    besides = [model["beside"] for model in models if model["beside"] is not None]
    row["seconds"] = statistics.median(turn["seconds"] for turn in turns)
    row["peak"] = max(turn["peak"] for turn in turns)
    row["auc"] = min(model["auc"] for model in models)
    row["beside"] = statistics.mean(besides) if besides else None
    row["jobs"] = round(sum(1 / model["pack"] for model in turns[0]["models"])) if besides else None


def _turned(names: list[str], number: int) -> list[str]:
    start = number % len(names) if names else 0
    return names[start:] + names[:start]
