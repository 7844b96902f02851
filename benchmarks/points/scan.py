"""A scan of thousands of points as its jobs leave it: one is trained, the others are like it."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import yaml

from dlscan.record import PointPaths

_SECONDS = ("seconds_per_epoch", "train_seconds", "job_seconds", "beside_seconds", "events_per_second")
_CLASSES = ("Ele", "Gamma", "Pi0")
# A Slurm that takes all jobs and lets them wait; its directory is that of the command.
_QUEUE = r"""
jobs=$(dirname "$0")/jobs
[ -e "$jobs" ] && cat "$jobs"
exit 0
"""
_TAKE = r"""
if [ "$1" = --help ]; then echo "  --array --time --mem"; exit; fi
name=$(sed -n 's/^#SBATCH --job-name=//p' slurm.sh)
for n in $(seq $(wc -l < jobs.txt)); do echo "7|$n|PENDING||$name|Priority"; done > "$(dirname "$0")/jobs"
echo "7;fake"
"""
_ANSWER = r"""
case "$*" in
*config*) printf "ClusterName = fake\nMaxArraySize = 100001\n";;
*) echo "No jobs in the system";;
esac
"""
_COMMANDS = {"sbatch": _TAKE, "squeue": _QUEUE, "scontrol": _ANSWER, "sacct": "exit 0", "scancel": "exit 0"}


def make_experiment(home: Path, points: int, repeats: int, environment: dict[str, str]) -> Path:
    """Write raw files and the experiment file of a scan of `points`, and prepare it; the file."""
    rng = np.random.default_rng(0)
    for label, name in enumerate(_CLASSES):
        (home / "raw" / name).mkdir(parents=True)
        with h5py.File(home / "raw" / name / "events.h5", "w") as file:
            file["x"] = rng.normal(label, 1, (400, 8)).astype(np.float32)
    grid = {
        "model.width": list(range(8, 33)),
        "train.learning_rate": [round(1e-4 * 1.2**n, 8) for n in range(max(points // repeats // 25, 1))],
    }
    content: dict[str, Any] = {
        "name": "many",
        "data": {"raw": "raw", "classes": {name: name for name in _CLASSES}, "inputs": ["x"]},
        "model": {"depth": 1},
        "train": {"epochs": 2, "batch_size": 256},
        "scan": {"grid": grid, "repeats": repeats},
        "stream": {"workers": 0},
        "batch": {"system": "slurm", "models_per_job": 20, "gpus": 0},
    }
    file = home / "many.yaml"
    file.write_text(yaml.safe_dump(content))
    subprocess.run(
        [sys.executable, "-m", "dlscan", "prepare", str(file)],
        env=environment,
        cwd=home,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    return file


def make_commands(home: Path) -> Path:
    """Write the commands of a Slurm that takes every job and has none; their directory."""
    place = home / "bin"
    place.mkdir()
    for name, text in _COMMANDS.items():
        (place / name).write_text(f"#!/bin/sh\n{text}\n")
        (place / name).chmod(stat.S_IRWXU)
    return place


def finish(directory: Path, environment: dict[str, str]) -> None:
    """Let every point be done: train the first, and give the others copies with numbers of their own."""
    plan = json.loads((directory / "plan.json").read_text())
    subprocess.run(
        [sys.executable, "-m", "dlscan", "train", str(directory), "--point", "1"],
        env=environment,
        cwd=directory,
        check=True,
        stdout=subprocess.DEVNULL,
    )
    folders = sorted(path for path in (directory / "points").iterdir())
    first = PointPaths(folders[0])
    record = json.loads(first.record.read_text())
    rng = np.random.default_rng(1)
    for folder, point in zip(folders[1:], plan["points"][1:], strict=True):
        paths = PointPaths(folder)
        own = {
            **record,
            "point": point["number"],
            "name": point["name"],
            "seed": point["params"].get("train.seed", record["seed"]),
            # no two trainings take the same time
            **{name: record[name] * rng.uniform(0.8, 1.2) for name in _SECONDS},
        }
        own["params"] = {**record["params"], **point["params"]}
        own["metrics"] = {
            name: value if value is None else value * (1 + 0.01 * rng.normal())
            for name, value in record["metrics"].items()
        }
        own["errors"] = {
            name: [end * rng.uniform(0.95, 1.05) for end in interval]
            for name, interval in record["errors"].items()
        }
        paths.record.write_text(json.dumps(own, indent=1) + "\n")
        for path in (first.history, first.predictions, first.best):
            os.link(path, folder / path.name)
        paths.attempts.mkdir()
        for attempt in first.attempts.iterdir():
            os.link(attempt, paths.attempts / attempt.name)
