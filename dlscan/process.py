"""Processes: which this is, in words that another one can check, and how to start helpers."""

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from dlscan.errors import DlscanError

# What batch systems and terminals send to all processes of a job.
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGUSR1, signal.SIGUSR2, signal.SIGHUP)

_BOOT = Path("/proc/sys/kernel/random/boot_id")
_NAMESPACE = Path("/proc/self/ns/pid")
# A process that has ended, of which its parent has not taken note.
_DEAD = ("Z", "X")


def answer_of(
    module: str,
    asked: object,
    environment: Mapping[str, str],
    patience: float,
    arguments: Sequence[str] = (),
) -> str:
    """Ask a process of its own, which may load what this one must not.

    Parameters
    ----------
    module : str
        What it runs.
    asked : object
        What it reads from standard input, as JSON.
    environment : mapping of str to str
        Added to that of this process.
    patience : float
        Seconds that it may take.
    arguments : sequence of str
        Of its command line.

    Returns
    -------
    str
        The last line that it prints.

    Raises
    ------
    DlscanError
        If it takes longer, or fails: then with its last words.
    """
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-m", module, *arguments],
            input=json.dumps(asked, default=str),
            capture_output=True,
            text=True,
            env={**os.environ, **environment},
            timeout=patience,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise DlscanError(f"stopped after {patience:.0f} s") from None
    if done.returncode:
        words = [line for line in done.stderr.splitlines() if line.strip()]
        raise DlscanError(words[-1] if words else f"exit code {done.returncode}")
    return done.stdout.splitlines()[-1]


@contextlib.contextmanager
def starting_helper() -> Iterator[None]:
    """Start a process inside of this that a signal to the whole job must not end: the job decides.

    The process is born with `STOPS` blocked, and with them it stays until `ignore_stops`: no signal finds it
    in the moment before it can say what to do about one. This process gets its own at the end of the block.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOPS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def ignore_stops() -> None:
    """Ignore `STOPS` in a helper, those that came before too."""
    for number in STOPS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOPS)


def identity() -> str | None:
    """Tell this process from all that ever were: boot, namespace of process numbers, number, start.

    Returns
    -------
    str or None
        `BOOT:NAMESPACE:PID:START`; None where `/proc` does not tell.
    """
    try:
        # in a container `/proc` may be that of the machine around it, with other numbers
        if Path("/proc/self").readlink().name != str(os.getpid()):
            return None
        machine = f"{_BOOT.read_text(encoding='ascii').strip()}:{_NAMESPACE.stat().st_ino}"
        return f"{machine}:{os.getpid()}:{_stat(os.getpid())[1]}"
    except (OSError, IndexError):
        return None


def lives(process: str) -> bool | None:
    """Tell whether a process lives.

    Parameters
    ----------
    process : str
        Its `identity`.

    Returns
    -------
    bool or None
        None if it cannot be seen from here: it is of another machine, of another container, or of a user
        whose processes are hidden.
    """
    own = identity()
    try:
        machine, pid, start = process.rsplit(":", 2)
        if own is None or own.rsplit(":", 2)[0] != machine:
            return None
        # hidden processes of other users are not in /proc, but they can be told from none
        with contextlib.suppress(PermissionError):
            os.kill(int(pid), 0)
        state, started = _stat(int(pid))
    except ProcessLookupError:
        return False
    except (OSError, IndexError, ValueError, OverflowError):
        return None
    return started == start and state not in _DEAD


def number_of(process: str) -> str:
    """The number in a process's `identity`; empty if that is none."""
    parts = process.rsplit(":", 2)
    return parts[1] if len(parts) == 3 and parts[1].isdecimal() else ""


def has_open(pid: int, file: Path) -> bool:
    """Tell whether a process has a file open: what a file says of a process, anybody may have written.

    False too for processes that are another user's.
    """
    try:
        wanted = file.stat()
        handles = list(descriptors(pid).iterdir())
    except OSError:
        return False
    for handle in handles:
        with contextlib.suppress(OSError):  # it has just been closed
            if os.path.samestat(handle.stat(), wanted):
                return True
    return False


def descriptors(pid: int | None = None) -> Path:
    """The directory of the files that a process has open, by default this one, each by its descriptor."""
    return Path(f"/proc/{'self' if pid is None else pid}/fd")


def environment_of(pid: int) -> dict[str, str]:
    """The environment that a process began with; empty where it cannot be read."""
    try:
        content = Path(f"/proc/{pid}/environ").read_bytes()
    except OSError:
        return {}
    pairs = (os.fsdecode(item).partition("=") for item in content.split(b"\0"))
    return {name: value for name, separator, value in pairs if separator}


def parent(pid: int) -> int | None:
    """The parent of a process, None if it has ended."""
    try:
        return int(_fields(pid)[1])
    except (OSError, IndexError):
        return None


def _stat(pid: int) -> tuple[str, str]:
    """State of a process, and when it started in ticks since boot."""
    fields = _fields(pid)
    return fields[0], fields[19]


def _fields(pid: int) -> list[str]:
    """What `stat` says of a process, from field 3 on."""
    # the name in field 2 may hold spaces and parentheses
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text.rpartition(")")[2].split()
