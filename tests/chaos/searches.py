"""Searches to be disturbed, and what must be true of their plans beside what is true of every scan."""

import collections
import dataclasses
import random
from collections.abc import Iterator
from typing import Any

from dlscan import clock
from dlscan.config import load
from dlscan.dataset import Manifest
from dlscan.scan import Plan, Point, scan_status
from dlscan.scan.point_files import make_point
from tests.chaos import checks
from tests.chaos.workload import FOLDED, RACED, Scan, Workload

SPACE = (
    "model.width: {int: [3, 24], log: true}, model.depth: [1, 2], train.learning_rate: {log: [1e-4, 1e-2]}"
)
FIRST = 2
# each asks for as many choices of parameters; those with folds are trained on two
KINDS = {"halving": 10, "racing": 10, "folds": 5, "halving and folds": 5}
# what makes of a choice of parameters several points
_TRAININGS = ("data.fold", "train.seed")


def overrides(kind: str, draw: random.Random) -> tuple[str, ...]:
    """A search of a kind, with what else is drawn of it, as on the command line."""
    method, pull = draw.choice(("random", "tpe")), draw.choice(("true", "false"))
    points, seed = KINDS[kind], draw.randrange(1000)
    rungs = {"halving": f"first: {FIRST}, factor: 2", "racing": f"first: {FIRST}, factor: 2, racing: true"}
    halving = "".join(f", halving: {{{how}}}" for name, how in rungs.items() if name in kind)
    folds = ", folds: true" if "folds" in kind else ""
    search = f"search: {{method: {method}, points: {points}, seed: {seed}}}"
    return (
        f"scan={{space: {{{SPACE}}}, {search}{halving}{folds}}}",
        f"batch.pull={pull}",
        "batch.max_running=3",
        *(FOLDED if folds else RACED if "racing" in kind else ()),
    )


def is_search(scan: Scan) -> bool:
    """Whether a scan is a search, by what it was begun with."""
    return any("search:" in item for item in scan.overrides)


def is_over(scan: Scan, states: set[str]) -> bool:
    """Whether a search has proposed and trained all that it may, where `status` says these states."""
    if not states or not states <= {"done", "pruned"}:
        return False
    plan = Plan.read(scan.directory)
    return len(plan.points) == plan.budget


def pruned(scan: Scan) -> set[str]:
    """The directories of the points that were left at a rung."""
    statuses = scan_status(Plan.read(scan.directory))
    return {status.point.directory for status in statuses if status.state == "pruned"}


def losses_at_rungs(scan: Scan) -> list[str]:
    """Points that were left, but not at a rung, or with a record."""
    found = []
    left = pruned(scan)
    for point in scan.points():
        if point.name not in left:
            continue
        epochs = [int(row["epoch"]) for row in checks.history(point)]
        if (point / "record.json").exists():
            found.append(f"{point.name}: pruned, and there is a record")
        if len(epochs) not in (FIRST, 2 * FIRST) or epochs != list(range(1, len(epochs) + 1)):
            found.append(f"{point.name}: pruned after epochs {epochs}")
    return found


def proposed_twice(plan: Plan) -> list[str]:
    """Choices of parameters that were proposed more than once, and trainings of one that are the same."""
    found = [
        f"{plan.name}: {dict(params)} as points {numbers}"
        for params, numbers in _grouped(plan.points, ()).items()
        if len(numbers) > 1
    ]
    return found + [
        f"{plan.name}: {dict(params)} as {len(numbers)} points"
        for params, numbers in _grouped(plan.points, _TRAININGS).items()
        if len(numbers) > plan.trainings
    ]


def _grouped(points: tuple[Point, ...], without: tuple[str, ...]) -> dict[Any, list[int]]:
    found: dict[Any, list[int]] = collections.defaultdict(list)
    for point in points:
        own = {key: str(value) for key, value in point.params.items() if key not in without}
        found[tuple(sorted(own.items()))].append(point.number)
    return found


def beyond_the_budget(plan: Plan) -> list[str]:
    """Points that there should not be: in the plan, or as directories that no plan knows."""
    directories = {path.name for path in (plan.directory / "points").iterdir()}
    unknown = sorted(directories - {point.directory for point in plan.points})
    found = [f"{plan.name}: {name} is a point of no plan" for name in unknown]
    if plan.budget is not None and len(plan.points) > plan.budget:
        found.append(f"{plan.name}: {len(plan.points)} points of {plan.budget}")
    return found


def train_unpaused(workload: Workload, scan: Scan) -> Scan:
    """Train what a search has proposed once more, here, each to its end at once; nobody disturbs it."""
    plan = Plan.read(scan.directory)
    name = f"{plan.name}-unpaused"
    there = workload.scan(name, "scan={}", *scan.data)
    experiment = load(workload.file, there.overrides)
    alone = Plan.of(experiment, plan.points, Manifest.of(experiment).config_hash)
    alone = dataclasses.replace(alone, varied=plan.varied)
    for point in alone.points:
        make_point(alone.paths(point), point, experiment)
    alone.write(clock.now())
    workload.run("train", there.directory, "--point", *(point.number for point in alone.points))
    return there


def violations(scan: Scan) -> Iterator[tuple[str, list[str]]]:
    """What is wrong with a search in the end, by the names of a campaign's report."""
    plan = Plan.read(scan.directory)
    yield "losses", [*checks.losses(scan, pruned(scan)), *losses_at_rungs(scan)]
    yield "proposed_twice", proposed_twice(plan)
    yield "beyond_the_budget", beyond_the_budget(plan)
