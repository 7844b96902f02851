"""More that goes wrong: another one answers than was asked, what was written is lost or altered.

Faults of a `Stage`, as in `faults`.
"""

import contextlib
import fcntl
import json
import os
import pty
import signal
import subprocess
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

from tests.chaos.faults import Fault, Stage
from tests.chaos.processes import trainings
from tests.chaos.watch import attempts
from tests.cluster.slurm_setup import which

_SHORT = (1.0, 3.0)
_PATIENCE = 300.0
NONSENSE = (
    "echo 'Welcome to the batch system of this site'",
    "exit 0",
    "head -c 300 /dev/urandom",
    "echo '12|1'; echo 'JobId=1'",
    "echo 'Unable to contact slurm controller' >&2; exit 1",
)


def another_cluster_answers(stage: Stage) -> bool:
    """`scan` is run where another cluster answers, which has other jobs under the same numbers."""
    before = stage.under_way()
    asked = stage.workload.home / "asked-of-another"
    asked.unlink(missing_ok=True)
    config = "echo 'ClusterName = elsewhere'; echo 'AccountingStorageType = accounting_storage/none'"
    other = "JobId=$1 ArrayJobId=$1 ArrayTaskId=1 JobName=reco JobState=FAILED ExitCode=3:0"
    programs = {
        "squeue": 'while [ $# -gt 0 ]; do [ "$1" = -j ] && for job in ${2//,/ }; do '
        'echo "$job|1|FAILED|n|reco|None"; done; shift; done',
        "scontrol": f'case "$2" in config) {config}; exit;; esac\nshift 3\n'
        f'[ -n "$1" ] || {{ echo "No jobs in the system"; exit; }}\necho "{other}"',
        "sacct": "exit 0",
        "scancel": "exit 1",
        "sbatch": f'[ "$1" = --help ] && exec "$REAL/sbatch" --help\ncat jobs.txt >>"{asked}"; '
        "echo 'sbatch: error: no room here' >&2; exit 1",
    }
    _run_with(stage, programs)
    wanted = {int(word) for word in asked.read_text().split()} if asked.exists() else set()
    twice = wanted & before & stage.under_way()
    stage.broken += [f"point {number} is under way, and another cluster was asked for it" for number in twice]
    return bool(before)


def wrappers_talk_nonsense(stage: Stage) -> bool:
    """A site's wrappers around the commands say something that is no answer."""
    found = bool(stage.under_way())
    names = ("squeue", "scontrol", "sacct")
    if stage.draw.random() < 0.5:
        words = stage.draw.choice(NONSENSE)
        _run_with(stage, dict.fromkeys(names, words))
    else:
        _run_with(stage, {name: stage.draw.choice(NONSENSE) for name in names})
    return found


def submissions_lost(stage: Stage) -> bool:
    """`submissions.jsonl` is lost, or cut, while the directories of submissions are there."""
    file = stage.scan.directory / "submissions.jsonl"
    with contextlib.suppress(OSError), (stage.scan.directory / ".submit.lock").open("ab") as lock:
        # not under the hands of a `scan`, which would write the rest
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        if stage.draw.random() < 0.5:
            file.unlink()
        else:
            content = file.read_bytes()
            file.write_bytes(content[: stage.draw.randrange(len(content) + 1)])
        return True
    return False


def group_told_to_end(stage: Stage) -> bool:
    """A signal to all processes of a job at once, as `timeout`, systemd and terminals send it."""
    job = stage.running()
    found = [one for one in trainings(stage.scan.directory) if job and one.job == job.name]
    number = stage.draw.choice((signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1, signal.SIGINT))
    for training in found:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(os.getpgid(training.pid), number)
    return bool(found)


def terminal_closed(stage: Stage) -> bool:
    """The terminal is closed in which `dlscan scan --wait` runs."""
    terminal, other = pty.openpty()
    command = ["scan", stage.workload.file, *stage.scan.overrides, "--on", "slurm", "--wait"]
    # the child makes it its own
    process = stage.workload.start(
        *command, stdin=other, stdout=other, stderr=other, preexec_fn=lambda: _own(other)
    )
    os.close(other)
    time.sleep(stage.draw.uniform(0.5, 6.0))
    os.close(terminal)
    process.wait(_PATIENCE)
    return True


def _own(terminal: int) -> None:
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def dataset_prepared_anew(stage: Stage) -> bool:
    """Somebody prepares the dataset with other splits while points train on it, and mends it later."""
    if stage.altered or not trainings(stage.scan.directory):
        return False
    stage.altered = True

    def back() -> None:
        # an I/O error may be on at this moment
        with contextlib.suppress(AssertionError):
            stage.workload.prepare(*stage.scan.data)
            stage.altered = False
            return
        stage.later(_SHORT, back)

    stage.later(_SHORT, back)
    with contextlib.suppress(AssertionError):  # nothing is changed then
        stage.workload.prepare(*stage.scan.data, "data.split.seed=7")
    return True


def checkpoint_bit_flipped(stage: Stage) -> bool:
    """A bit of a checkpoint flips: the point may go back behind it, and nothing else."""
    files = [file for point in stage.scan.points() for file in point.glob("last/*") if file.is_file()]
    if not files:
        return False
    file = stage.draw.choice(files)
    with contextlib.suppress(OSError), file.open("r+b") as handle:
        place = stage.draw.randrange(max(1, file.stat().st_size))
        handle.seek(place)
        byte = handle.read(1)
        if byte:
            handle.seek(place)
            handle.write(bytes([byte[0] ^ (1 << stage.draw.randrange(8))]))
            stage.damaged.add(file.parent.parent.name)
            return True
    return False


def io_errors(stage: Stage) -> bool:
    """Some of what `dlscan` writes, renames or pushes to the disk fails for a while."""
    marker = stage.workload.io_errors
    if marker is None or not attempts_there(stage):
        return False
    marker.touch()
    stage.later(_SHORT, lambda: marker.unlink(missing_ok=True))
    return True


def attempts_there(stage: Stage) -> bool:
    """Whether anything has begun."""
    with contextlib.suppress(OSError, json.JSONDecodeError):
        return any(attempts(point) for point in stage.scan.points())
    return False


KINDS: dict[Fault, int] = {
    another_cluster_answers: 4,
    wrappers_talk_nonsense: 4,
    submissions_lost: 4,
    group_told_to_end: 5,
    terminal_closed: 2,
    dataset_prepared_anew: 1,
    checkpoint_bit_flipped: 3,
    io_errors: 3,
}


def _run_with(stage: Stage, programs: Mapping[str, str]) -> None:
    """Run `scan` where commands of Slurm are these lines of bash, and wait for its end."""
    with _replaced(stage, programs) as start:
        start().wait(_PATIENCE)


@contextlib.contextmanager
def _replaced(stage: Stage, programs: Mapping[str, str]) -> Iterator[Callable[[], "subprocess.Popen[str]"]]:
    place = stage.workload.home / "others"
    place.mkdir(exist_ok=True)
    for file in place.iterdir():
        file.unlink()
    for name, lines in programs.items():
        (place / name).write_text(f"#!/bin/bash\n{lines}\n")
        (place / name).chmod(0o755)
    before = stage.workload.environment
    path = os.environ["PATH"]
    real = str(Path(which("sbatch") or "").parent)
    stage.workload.environment = {**before, "PATH": f"{place}:{path}", "REAL": real}
    try:
        yield stage.submit
    finally:
        stage.workload.environment = before
