"""A process that holds one reader: it takes commands from its standard input, one JSON object a line."""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from benchmarks.cases import Case, Layout, Sample
from benchmarks.readers import READERS, Job
from benchmarks.timing import Clock
from benchmarks.truth import Check


def main() -> None:
    """Answer each command with a line of JSON; what libraries print goes to the log."""
    replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    held: dict[str, Any] = {}
    for line in sys.stdin:
        try:
            answer = _do(json.loads(line), held)
        except Exception as error:
            traceback.print_exc()
            answer = {"error": f"{type(error).__name__}: {error}"}
        replies.write(json.dumps(answer) + "\n")
        replies.flush()


def _do(command: dict[str, Any], held: dict[str, Any]) -> dict[str, Any]:
    if command["do"] == "load":
        held.clear()
        gc.collect()
        _return_memory()
        held["kind"], held["job"] = READERS[command["reader"]], _job(command)
        held["reader"] = held["kind"].make(held["job"])
        return {"note": getattr(held["reader"], "inflater", "")}
    kind, reader, job = held["kind"], held["reader"], held["job"]
    if command["do"] == "check":
        if kind.role == "limit":
            return {"events": reader.check()}
        files = command["files"]
        if files is not None:
            case = dataclasses.replace(job.case, layout=dataclasses.replace(job.case.layout, files=files))
            job = dataclasses.replace(job, case=case)
        check = Check(job.case, job.root)
        kind.make(job).stream(check, 1, True)
        return {"events": check.finish()}
    if kind.role == "limit":
        seconds = command["clock"]["seconds"]
        return {"rate": reader.rate(seconds), "first": None, "events": None, "seconds": seconds}
    clock = Clock(**command["clock"], touch=job.touch)
    reader.stream(clock, None, False)
    return dataclasses.asdict(clock.turn()) | {"opened": getattr(reader, "opened", None)}


def _job(command: dict[str, Any]) -> Job:
    case = command["case"]
    inputs = {name: tuple(shape) for name, shape in case["sample"].pop("inputs").items()}
    labels = tuple(case["sample"].pop("labels"))
    sample = Sample(inputs=inputs, labels=labels, **case["sample"])
    layout = Layout(**case["layout"])
    return Job(
        Case(case["name"], sample, layout),
        Path(command["root"]),
        command["workers"],
        None if command["prepared"] is None else Path(command["prepared"]),
        command["touch"],
        command["memory"],
    )


def _return_memory() -> None:
    """Give back what the case before has left: each case is to find the process as it was."""
    libc = ctypes.CDLL(None)
    if hasattr(libc, "malloc_trim"):
        libc.malloc_trim(0)


if __name__ == "__main__":
    main()
