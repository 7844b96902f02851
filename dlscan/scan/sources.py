"""Files with functions of an experiment: their texts are part of its plan, and they may change since."""

import contextlib
import dataclasses
import logging
from collections.abc import Sequence
from typing import Any

from dlscan.attempts import last_attempt
from dlscan.config import Experiment, experiment_from
from dlscan.config.build import Problem
from dlscan.config.dotted import put
from dlscan.config.places import functions_by_key, with_paths
from dlscan.config.signature import parameters
from dlscan.config.source import InFile, Source, read_source
from dlscan.errors import DlscanError, ScanError
from dlscan.record import PointPaths
from dlscan.scan.plan import AFRESH, Plan
from dlscan.scan.space import Point

log = logging.getLogger("dlscan")


def at_planned_paths(plan: Plan, experiment: Experiment) -> Experiment:
    """The experiment with the paths of its plan for files that lie elsewhere now, as if nothing had moved."""
    moved = {
        path: before
        for path, source in experiment.sources.items()
        for before, planned in plan.sources.items()
        if path not in plan.sources
        and planned.sha256 == source.sha256
        and planned.path.name == source.path.name
    }
    if not moved:
        return experiment
    assert experiment.file is not None
    mapping = with_paths({**experiment.plain(), **experiment.written}, moved)
    there = experiment_from(mapping, experiment.file, plan.sources)
    return dataclasses.replace(there, overrides=experiment.overrides)


def with_sources(plan: Plan, experiment: Experiment) -> Plan:
    """The plan with the files as they are now, as long as no point has been trained with what they were.

    So a fault that ended the first training can be mended, which is said; later half of the points would have
    another network.

    Raises
    ------
    ScanError
        If a file has changed that points were trained with, or what its functions can be told.
    """
    changed = {
        path: source
        for path, source in experiment.sources.items()
        if path in plan.sources and plan.sources[path].sha256 != source.sha256
    }
    for path, source in changed.items():
        users = [point for point in plan.points if _uses(plan, point, path)]
        begun = [point for point in users if _has_begun(plan.paths(point))]
        before, now = plan.sources[path], source
        if begun or _told(experiment, before) != _told(experiment, now):
            why = f"point {begun[0].number} was trained as it was" if begun else "its parameters are others"
            raise ScanError(
                f"{plan.directory}: {path} has changed since this scan was planned (sha256 "
                f"{before.sha256[:12]}, which is now {now.sha256[:12]}), and {why}; "
                f"undo the change (what is new can be in another file), or {AFRESH}"
            )
        log.warning(
            "%s has changed; no point was trained with its old text, so the plan takes the new one", path
        )
    return dataclasses.replace(plan, sources=plan.sources | changed) if changed else plan


def note_changes(plan: Plan, points: Sequence[Point]) -> None:
    """Say which files are not any more what points are trained with."""
    for path, planned in plan.sources.items():
        if any(_uses(plan, point, path) for point in points):
            # where jobs run it may not be there at all
            with contextlib.suppress(Problem):
                if read_source(planned.path, "").sha256 != planned.sha256:
                    log.warning(
                        "%s has changed since the scan was planned; points train with the text in the plan",
                        path,
                    )


def _uses(plan: Plan, point: Point, path: str) -> bool:
    sections = {section: plan.config.get(section, {}) for section in ("data", "model", "train")}
    for key, value in point.params.items():
        sections = put(sections, key, value)
    return any(value.startswith(f"{path}:") for value in functions_by_key(sections).values())


def _has_begun(paths: PointPaths) -> bool:
    """Whether a point has something of a training, or is perhaps in one."""
    if paths.record.exists() or (paths.last / "state.json").exists():
        return True
    try:
        attempt = last_attempt(paths)
    except DlscanError:
        return True
    return attempt is not None and attempt.outcome is None


def _told(experiment: Experiment, source: Source) -> list[Any]:
    """The parameters of the functions that an experiment has of a file, with what each may be."""
    found: list[Any] = []
    for function in experiment.combinations.functions:
        if function.source.path == source.path:
            try:
                fields = dataclasses.fields(parameters(InFile(source, function.function), ""))
                found.append([(field.name, field.type, field.default) for field in fields])
            except Problem as problem:
                found.append(str(problem).partition(": ")[2])
    return found
