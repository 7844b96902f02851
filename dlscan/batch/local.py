"""Jobs as processes of this machine: as many at a time as there are slots, one GPU set or CPU share each."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable, Generator, Iterator, Sequence

from dlscan.batch.jobs import Ended, Job
from dlscan.config import BatchOptions
from dlscan.errors import BatchError
from dlscan.gpus import visible_gpus
from dlscan.machine import CPUS_VARIABLE, usable_cpus

_LOOK_SECONDS = 0.1
# A network that is told to stop leaves its current step and removes nothing; more than this is a hang.
_STOP_SECONDS = 30.0


class LocalSlots:
    """Process slots on this machine.

    Parameters
    ----------
    batch : BatchOptions
        `gpus` and `cpus` are what one job gets; `max_running` limits the number of slots.

    Attributes
    ----------
    slots : int
        Jobs that run at a time.
    """

    def __init__(self, batch: BatchOptions) -> None:
        gpus = visible_gpus() if batch.gpus else []
        if gpus and len(gpus) < batch.gpus:
            raise BatchError(
                f"batch.gpus is {batch.gpus}, but there are {len(gpus)} visible GPUs "
                f"({', '.join(gpus)}); lower it, or set it to 0 to train on CPUs"
            )
        if gpus:
            sets = [gpus[n : n + batch.gpus] for n in range(0, len(gpus) - batch.gpus + 1, batch.gpus)]
            self._gpus = [{"CUDA_VISIBLE_DEVICES": ",".join(own)} for own in sets]
            self._room = len(sets)
        else:
            self._gpus = []
            self._room = max(1, usable_cpus() // batch.cpus)
        self._cpus = batch.cpus
        self.slots = self._room if batch.max_running is None else min(self._room, batch.max_running)

    def environments(self, jobs: int) -> list[dict[str, str]]:
        """What a job in each slot finds in its environment; `jobs` in all, and few of them share all CPUs."""
        share = max(self._cpus, usable_cpus() // min(self._room, max(jobs, 1)))
        if self._gpus:
            return [own | {CPUS_VARIABLE: str(share)} for own in self._gpus[: self.slots]]
        return [cpu_share(share)] * self.slots

    def run(
        self,
        jobs: Sequence[Job],
        others: Callable[[], Sequence[str]] = tuple,
        more: Callable[[int], Sequence[Job]] | None = None,
    ) -> Generator[Job | Ended | None, None, None]:
        """Run jobs, in order, each in a free slot.

        Yields a `Job` when it starts, an `Ended` when it ends, and None when nothing happened for a moment.
        If the caller stops early, or an interrupt comes, running jobs are interrupted and waited for.

        Parameters
        ----------
        jobs : sequence of Job
            What to run.
        others : callable
            Gives the GPUs (`"0,1"`, or "" for none) of each process that takes a slot and is not of these
            jobs, such as one that a driver left behind when it was killed.
        more : callable, optional
            Gives jobs for so many free slots when none waits any more; asked again and again.
        """
        free = self.environments(len(jobs) + len(others()) if more is None else self.slots)
        waiting = list(jobs)
        running: list[tuple[Job, subprocess.Popen[bytes], dict[str, str]]] = []
        try:
            while True:
                if more is not None and free and not waiting:
                    waiting += more(len(free))
                if not (waiting or running):
                    return
                while waiting and free and (left := _without(free, others())):
                    job, slot = waiting.pop(0), left[0]
                    free.remove(slot)
                    running.append((job, _start(job, slot), slot))
                    yield job
                for item in list(running):
                    job, process, slot = item
                    code = process.poll()
                    if code is not None:
                        running.remove(item)
                        free.append(slot)
                        yield Ended(job, code)
                yield None
                time.sleep(_LOOK_SECONDS)
        finally:
            _stop([process for _, process, _ in running])


def _without(free: Sequence[dict[str, str]], others: Sequence[str]) -> list[dict[str, str]]:
    """The slots that others leave free: they take those of their GPUs, or any."""
    left = list(free)
    for taken in others:
        gpus = set(taken.split(",")) - {""}
        same = [slot for slot in left if gpus & set(slot.get("CUDA_VISIBLE_DEVICES", "").split(","))]
        for slot in same or left[-1:]:
            left.remove(slot)
    return left


def cpu_share(cpus: int) -> dict[str, str]:
    """Environment that keeps a job to its CPUs, by the names that the back ends listen to."""
    frameworks = (
        "OMP_NUM_THREADS",
        "OPENBLAS_NUM_THREADS",
        "TF_NUM_INTRAOP_THREADS",
        "TF_NUM_INTEROP_THREADS",
    )
    names = (CPUS_VARIABLE, *frameworks)
    return dict.fromkeys(names, str(cpus))


def _start(job: Job, slot: dict[str, str]) -> "subprocess.Popen[bytes]":
    with job.log.open("ab") as log:
        # a session of its own: Ctrl-C is for the driver, which decides what the jobs get to hear
        return subprocess.Popen(
            job.command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env={**os.environ, **slot},
            start_new_session=True,
        )


def _stop(processes: "list[subprocess.Popen[bytes]]") -> None:
    """Interrupt all, wait, and kill what does not listen: whole groups, so that nothing stays behind."""
    if not processes:
        return
    deadline = time.monotonic() + _STOP_SECONDS
    with _undisturbed():
        for process in processes:
            with contextlib.suppress(ProcessLookupError):
                process.send_signal(signal.SIGINT)
        _reap(processes, deadline)


@contextlib.contextmanager
def _undisturbed() -> Iterator[None]:
    """Let no second Ctrl-C leave jobs behind while they are being stopped."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, signal.SIG_IGN) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _reap(processes: "list[subprocess.Popen[bytes]]", deadline: float) -> None:
    for process in processes:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(max(0.0, deadline - time.monotonic()))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
