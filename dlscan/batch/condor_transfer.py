"""What travels with a job of HTCondor where no file system is shared."""

import os
import re
from pathlib import Path

from dlscan.batch.condor_language import macro_free
from dlscan.batch.system import Request
from dlscan.config import load_point
from dlscan.errors import BatchError
from dlscan.record import PointPaths


def transfers(request: Request) -> list[str]:
    """Commands that name what a job brings: `$(scan_files)` and `$(dataset)`, from the scan's `points/`.

    Raises
    ------
    BatchError
        If a path cannot be written in the submit language: it has commas or control characters.
    """
    points = request.scan.absolute() / "points"
    here = Path(os.path.relpath(request.directory.absolute(), points))
    files = [str(here / "htcondor.sh"), str(here / "jobs.txt"), "../plan.json"]
    return [
        f"initialdir = {_path(points)}",
        f"scan_files = {', '.join(_path(file) for file in files)}",
        f"dataset = {_path(dataset(request))}",
        "number = $(ProcId) + 1",
        f"output = {_path(here)}/$INT(number).log",
    ]


def queue(request: Request) -> list[str]:
    """The queue statement: the directories of each job's points."""
    lines = [", ".join(_path(_directory(request, point)) for point in points) for points in request.jobs]
    return ["queue directories from (", *lines, ")"]


def dataset(request: Request) -> Path:
    """The prepared dataset of the scan."""
    if request.prepared is not None:
        return request.prepared.absolute()
    first = request.scan / "points" / _directory(request, request.jobs[0][0])
    return load_point(PointPaths(first).config).data.prepared.absolute()


def _directory(request: Request, point: int) -> str:
    if request.draft is not None:
        return request.draft[point]
    found = sorted((request.scan / "points").glob(f"{point:04d}-*"))
    if len(found) != 1:
        raise BatchError(f"{request.scan}: it has no directory for point {point}")
    return found[0].name


def _path(path: Path | str) -> str:
    text = str(path)
    if re.search(r"[,\x00-\x1f\x7f]", text):
        raise BatchError(
            f"{text!r} has a comma or a control character in its name, and HTCondor cannot transfer such a "
            "file; move it, or use a file system that the nodes share"
        )
    return macro_free(text)
