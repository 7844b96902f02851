"""The directories of points, each with the point as an experiment file of its own."""

import contextlib
import functools
import json
from collections.abc import Collection
from pathlib import Path
from typing import Any

import yaml

from dlscan.config import Experiment
from dlscan.errors import ScanError
from dlscan.files import remove, write_text
from dlscan.record import PointPaths
from dlscan.scan.space import Point


def is_tried(paths: PointPaths) -> bool:
    """Whether a job has begun with a point."""
    return paths.attempts.exists() or paths.record.exists()


def clear_points(directory: Path, keep: Collection[str] = ()) -> None:
    """Remove points without a plan, which a freeze that was killed leaves; never one that was tried."""
    for point in sorted((directory / "points").iterdir()):
        if point.name in keep:
            continue
        if is_tried(PointPaths(point)):
            raise ScanError(
                f"{directory}: holds trained points, but their plan.json is gone; restore it, or give the "
                "experiment another name to start afresh"
            )
        remove(point)


def make_point(paths: PointPaths, point: Point, experiment: Experiment) -> None:
    """Write the file of a point where it is not there yet, or another."""
    mapping = experiment.at(point.params).plain()
    # a point has no points of its own, and where it runs is not part of what it is
    del mapping["scan"], mapping["batch"]
    if mapping["train"]["time_limit"] is not None:
        # a bare number is refused in the file of a person, which this may become
        mapping["train"]["time_limit"] = f"{mapping['train']['time_limit']}s"
    text = f"# Point {point.number} of a scan; `dlscan train` reads this.\n{_as_yaml(mapping)}"
    # of thousands of points each call to the file system counts
    with contextlib.suppress(FileNotFoundError):
        if paths.config.read_text(encoding="utf-8") == text:
            return
    paths.directory.mkdir(parents=True, exist_ok=True)
    # the next `dlscan scan` makes it again if a machine loses it
    write_text(paths.config, text, safe=False)


def _as_yaml(mapping: dict[str, Any]) -> str:
    """YAML of the sections, most of which ten thousand points have in common."""
    return "".join(_section_as_yaml(json.dumps({name: value})) for name, value in mapping.items())


@functools.lru_cache(1000)
def _section_as_yaml(section: str) -> str:
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(json.loads(section), Dumper=dumper, sort_keys=False, allow_unicode=True, width=110)
    return text
