"""The processes of this machine that train points of a scan, or start those that do."""

import contextlib
import os
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

from dlscan.attempts import Attempt, last_attempt
from dlscan.claims import alive
from dlscan.errors import DlscanError
from dlscan.files import write_text
from dlscan.process import environment_of, has_open, identity, lives, number_of, parent
from dlscan.record import PointPaths
from dlscan.scan.plan import Plan
from dlscan.scan.poll_timer import PollTimer
from dlscan.scan.submit import Say
from dlscan.spelling import agree, plural


@contextlib.contextmanager
def known_driver(plan: Plan) -> Iterator[None]:
    """Let `cancel` find this process as long as it starts jobs."""
    file = _drivers(plan) / f"{socket.gethostname()}-{os.getpid()}"
    file.parent.mkdir(exist_ok=True)
    write_text(file, f"{identity() or ''}\n")
    try:
        # who has it open is the one whom it names
        with file.open("rb"):
            yield
    finally:
        file.unlink(missing_ok=True)


def stop_drivers(plan: Plan, say: Say) -> set[int]:
    """Ask every `scan` that trains points of a plan on this machine to stop, jobs and all; their numbers."""
    stopped = set()
    for file in sorted(_drivers(plan).glob("[!.]*-*")):
        try:
            who = file.read_text(encoding="utf-8", errors="replace").strip()
        except FileNotFoundError:
            continue  # it has just ended
        host, _, number = file.name.rpartition("-")
        living = lives(who) if who else None
        if living and number_of(who) == number and has_open(int(number), file) and ask_to_stop(int(number)):
            stopped.add(int(number))
        elif living is not False:
            say(
                f"{file}: a `dlscan scan` may still be running on {host} and starting jobs; it cannot be "
                f"stopped from here. If process {number} on {host} is one, stop it there"
            )
        else:
            file.unlink(missing_ok=True)  # it was killed
    return stopped


def trains(attempt: Attempt, paths: PointPaths) -> bool:
    """Whether the process of an attempt lives on this machine, and works at this very point."""
    who = attempt.process
    return (
        who is not None
        and bool(lives(who))
        and number_of(who) == str(attempt.pid)
        and has_open(attempt.pid, paths.lock)
    )


def running(plan: Plan) -> dict[int, Attempt]:
    """The points that processes train that belong to no batch system."""
    found = {}
    for point in plan.points:
        paths = plan.paths(point)
        with contextlib.suppress(DlscanError):
            attempt = last_attempt(paths)
            if attempt and not attempt.outcome and not attempt.job and alive(paths, attempt):
                found[point.number] = attempt
    return found


class Others:
    """The trainings of a scan on this machine that this process did not start.

    Parameters
    ----------
    plan : Plan
        Of the scan.
    slots : int
        How many trainings this machine has room for.
    say : callable
        Gets a line when they take some of it.
    """

    def __init__(self, plan: Plan, slots: int, say: Say) -> None:
        self.plan, self._slots, self._say = plan, slots, say
        self._timer = PollTimer()
        self._found: dict[int, str] = {}

    def __call__(self) -> list[str]:
        """The GPUs of each, as `LocalSlots.run` wants them."""
        if self._timer.due:
            with self._timer.looking():
                before, self._found = self._found, self._look()
            if self._found.keys() - before.keys():
                self._tell()
        return list(self._found.values())

    def _look(self) -> dict[int, str]:
        numbers = set()
        for point in self.plan.points:
            with contextlib.suppress(DlscanError, OSError):
                attempt = last_attempt(self.plan.paths(point))
                if attempt and not attempt.outcome and attempt.process and lives(attempt.process):
                    numbers.add(attempt.pid)
        return {
            number: environment_of(number).get("CUDA_VISIBLE_DEVICES", "")
            for number in sorted(numbers)
            if parent(number) != os.getpid()
        }

    def _tell(self) -> None:
        taken = min(len(self._found), self._slots)
        count = len(self._found)
        who = (
            f"{plural(count, 'process')} {', '.join(map(str, self._found))} {agree(count, 'trains', 'train')}"
        )
        they = agree(count, "it ends", "they end")
        self._say(
            f"{taken} of {self._slots} job slots on this machine {agree(taken, 'is', 'are')} taken: "
            f"{who} points of this scan already. More points start when {they}, or after `dlscan cancel`"
        )


def ask_to_stop(pid: int) -> bool:
    """Send SIGTERM to a process; False if it is another user's."""
    try:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    except PermissionError:
        return False
    return True


def _drivers(plan: Plan) -> Path:
    return plan.directory / "drivers"
