"""A scan of small trainings for the cluster to disturb, and the same scan undisturbed."""

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

import dlscan.batch
from dlscan.config import load
from dlscan.scan import freeze
from tests.chaos.processes import end_all
from tests.conftest import write_raw

# more points than the cluster has places for
GRID = {"model.width": [4, 6, 8, 12], "model.depth": [1, 2]}
SCAN = {"grid": GRID}
BATCH = {"gpus": 0, "cpus": 1, "memory": "1900M"}
# for searches that train each choice on two folds: a dataset of its own
FOLDED = ("data.folds=2", "data.prepared=folded")
# and for those that race, which needs a thousand validation events
RACED = ("data.split={train: 0.4, validation: 0.5, test: 0.1}", "data.prepared=raced")
# Stale after three seconds, and a signal leaves a second: Slurm here kills three seconds after it.
BEAT, GRACE = 0.5, 1.0
_ENVIRONMENT = {
    "DLSCAN_HEARTBEAT": str(BEAT),
    "DLSCAN_GRACE": str(GRACE),
    "TF_DETERMINISTIC_OPS": "1",
    "OMP_NUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_CPP_MIN_LOG_LEVEL": "2",
    "CUDA_VISIBLE_DEVICES": "",
}
_LAUNCH = "launch=("
# Every node has a name of its own, as on a cluster: else a job's life could be seen from the other nodes.
_NAMED_LAUNCH = """launch=(unshare --uts sh -c 'hostname "$SLURMD_NODENAME"; exec "$@"' sh """


@dataclasses.dataclass(frozen=True)
class Scan:
    """A scan that was begun or will be.

    Attributes
    ----------
    directory : Path
        Its own.
    overrides : tuple of str
        What differs from the experiment file, as on the command line.
    """

    directory: Path
    overrides: tuple[str, ...]

    @property
    def data(self) -> tuple[str, ...]:
        """Of the overrides those that say which dataset."""
        return tuple(item for item in self.overrides if item.startswith("data."))

    def points(self) -> list[Path]:
        """The directories of its points, in order."""
        return sorted((self.directory / "points").glob("[0-9]*"))


class Workload:
    """A prepared dataset and an experiment file over it.

    Parameters
    ----------
    home : Path
        An empty directory.
    events : int
        In each of four raw files: 0.8 of it / 4 are the steps of an epoch.
    epochs : int
        Of each point.
    scan, batch, model : mapping
        What stands in these sections.
    others : mapping
        More sections, such as the task; of `data` what is to be there beside.
    """

    def __init__(
        self,
        home: Path,
        events: int = 600,
        epochs: int = 8,
        scan: Mapping[str, Any] = SCAN,
        batch: Mapping[str, Any] = {},
        model: Mapping[str, Any] = {},
        others: Mapping[str, Any] = {},
    ) -> None:
        self.home = home
        self.file = home / "experiment.yaml"
        self.environment = {**os.environ, **_ENVIRONMENT}
        self.io_errors = self._preload()
        write_raw(home / "raw", files=2, events=events, classes=("Ele", "Pi0"))
        content: dict[str, Any] = {
            "name": "undisturbed",
            **others,
            "data": {
                **{"raw": "raw", "inputs": ["ECAL", "HCAL"], "prepared": "prepared"},
                **others.get("data", {}),
            },
            "model": {"width": 8, "depth": 1, **model},
            "train": {"epochs": epochs, "batch_size": 16, "early_stopping": None},
            "stream": {"workers": 0},
            "scan": dict(scan),
            "batch": {**BATCH, "template": _template(home), **batch},
        }
        self.file.write_text(yaml.safe_dump(content, sort_keys=False))
        self.prepare()

    def prepare(self, *overrides: str) -> None:
        """Prepare the dataset that these overrides name, or mend it."""
        self.run("prepare", self.file, "--workers", 1, *overrides)

    def _preload(self) -> Path | None:
        """Let writes fail while the file that this gives exists; None where nothing compiles here."""
        library, marker = self.home / "io_errors.so", self.home / "io-errors-now"
        source = Path(__file__).with_name("io_errors.c")
        compiler = shutil.which("cc")
        command = [str(compiler), "-shared", "-fPIC", "-O1", "-o", str(library), str(source), "-ldl"]
        if compiler is None or subprocess.run(command, capture_output=True, check=False).returncode != 0:
            print("nothing compiles here: there will be no I/O errors", flush=True)
            return None
        self.environment |= {"LD_PRELOAD": str(library), "CHAOS_MARKER": str(marker)}
        return marker

    def scan(self, name: str, *overrides: str, output: Path | None = None) -> Scan:
        """A scan of another name, perhaps elsewhere; nothing of it is begun."""
        place = self.home / "scans" if output is None else output
        return Scan(place / name, (f"name={name}", f"output={place}", *overrides))

    def start(self, *arguments: object, **options: Any) -> "subprocess.Popen[str]":
        """Start the command line, in a group of its own."""
        command = [sys.executable, "-P", "-m", "dlscan", *map(str, arguments)]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
        chosen: dict[str, Any] = {"env": self.environment, **pipes, **options}
        return subprocess.Popen(command, text=True, start_new_session=True, **chosen)

    def run(self, *arguments: object) -> str:
        """Run the command line, and give what it says; a failure is an error."""
        process = self.start(*arguments)
        try:
            said = process.communicate(timeout=900)[0]
        except BaseException:
            end_all(self.home)
            raise
        if process.returncode != 0:
            raise AssertionError(f"dlscan {' '.join(map(str, arguments))}: {said}")
        return said

    def train_undisturbed(self) -> Scan:
        """Train all points here, in one process, and nobody disturbs it."""
        scan = self.scan("undisturbed")
        plan = freeze(load(self.file, scan.overrides))
        self.run("train", scan.directory, "--point", *(point.number for point in plan.points))
        return scan


def status(workload: Workload, scan: Scan) -> dict[str, Any]:
    """What `dlscan status --json` says."""
    process = workload.start("status", scan.directory, "--json", stderr=subprocess.DEVNULL)
    said = process.communicate(timeout=300)[0]
    found: dict[str, Any] = json.loads(said)
    return found


def _template(home: Path) -> str:
    packaged = Path(dlscan.batch.__file__).parent / "templates" / "slurm.sh"
    text = packaged.read_text()
    assert text.count(_LAUNCH) == 1, "the template has changed, and tests/chaos with it"
    tried = subprocess.run(["unshare", "--uts", "true"], capture_output=True, check=False)
    if tried.returncode == 0:
        text = text.replace(_LAUNCH, _NAMED_LAUNCH)
    (home / "named-nodes.sh").write_text(text)
    return str(home / "named-nodes.sh")
