"""dlscan's datasets of the generated files, made by `dlscan prepare` as a user makes them."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

from benchmarks.cases import LABELS, Case

# An event of another split that lies in a chunk with training events costs its inflating too, so that nearly
# all events train here, as all of a peer's do.
SPLIT = {"train": 0.98, "validation": 0.01, "test": 0.01, "seed": 1}

_PREPARE = """
import json, sys
from pathlib import Path
from dlscan.config import load
from dlscan.prepare import prepare
outcome = prepare(load(Path(sys.argv[1])), processes=int(sys.argv[3]), index_only=sys.argv[2] == "index")
events = sum(split.events for split in outcome.manifest.splits.values())
print(json.dumps({"seconds": outcome.seconds, "built": outcome.built, "events": events}))
"""


class PrepareFailed(Exception):
    """dlscan did not make a dataset."""


def make_dataset(
    case: Case, root: Path, kind: str, processes: int, again: bool = False
) -> tuple[Path, dict[str, Any]]:
    """Make a dataset of a case's files unless dlscan finds that it is there and current.

    Parameters
    ----------
    case : Case
        Which files; all that lie in the layout's directory belong to it.
    root : Path
        Of the generated files; datasets go beside them.
    kind : {"index", "prepared"}
        Whether events stay in the raw files.
    processes : int
        For `prepare`.
    again : bool
        Make it anew, to see how long that takes.

    Returns
    -------
    Path
        The dataset.
    dict
        `seconds` that it took, `events`, and whether it was `built` now.
    """
    place = root / "dlscan" / f"{case.name}-{kind}"
    if again and place.exists():
        shutil.rmtree(place)
    place.parent.mkdir(exist_ok=True)
    experiment = place.with_suffix(".yaml")
    content = {
        "name": place.name,
        "data": {
            "raw": str(root / case.sample.name / case.layout.name),
            "classes": {label: label for label in LABELS},
            "inputs": list(case.sample.inputs),
            "split": SPLIT,
            "prepared": str(place),
        },
    }
    experiment.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    command = [sys.executable, "-c", _PREPARE, str(experiment), kind, str(processes)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=1800)
    if done.returncode:
        raise PrepareFailed(done.stderr.strip().rsplit("\n", 1)[-1])
    return place, json.loads(done.stdout.rsplit("\n", 2)[-2])
