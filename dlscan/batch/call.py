"""Run a batch system's commands: none of them is waited for without an end."""

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from dlscan.errors import BatchError

# A killed command's pipes close at once unless a process that left its group holds them.
_REAP_SECONDS = 2.0
# What commands say that had no answer themselves; the request may still be worked on.
_NO_ANSWER = ("timed out", "Zero Bytes were transmitted")


class CallError(BatchError):
    """A command of a batch system failed or did not answer.

    Attributes
    ----------
    code : int or None
        Its exit code, negative if a signal ended it; None if there was no answer in time, or no such command.
    words : str
        All that it said on stderr, or on stdout where stderr is empty.
    """

    def __init__(self, message: str, code: int | None = None, words: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.words = words

    @property
    def silent(self) -> bool:
        """Whether the system may yet do what it was asked for: nobody got its answer."""
        return self.code is None or self.code < 0 or any(words in self.words for words in _NO_ANSWER)


class MissingCommand(CallError):
    """A command of a batch system is not installed here."""

    silent = False


def call(
    command: Sequence[str | Path],
    *,
    seconds: float = 30.0,
    tries: int = 1,
    wait: float = 1.0,
    final: Sequence[str] = (),
    input: str | None = None,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
) -> str:
    """Run a command of a batch system, without a shell, and give what it prints on stdout.

    Parameters
    ----------
    command : sequence of str or Path
        Program and arguments.
    seconds : float
        How long it may take; then its whole process group is killed.
    tries : int
        How often it is run until it succeeds. More than once is for questions: whether a submission that
        failed was taken nobody knows, and asking for it again may run everything twice.
    wait : float
        Seconds before the second try; doubled before each further one.
    final : sequence of str
        Words that make a failure an answer: it is not tried again.
    input : str or None
        What it reads on stdin; None for nothing.
    cwd : Path or None
        Where it runs.
    env : mapping or None
        Its environment; None for that of this process.

    Raises
    ------
    MissingCommand
        If there is no such command.
    CallError
        If it fails or does not end in time, in the last try: one line with the command's own last words.
    """
    for number in range(1, tries + 1):
        try:
            return _call_once([str(part) for part in command], seconds, input, cwd, env)
        except MissingCommand:
            raise
        except CallError as error:
            if number == tries or any(words in error.words for words in final):
                raise
            time.sleep(wait * 2 ** (number - 1))
    raise ValueError(f"tries is {tries}, less than 1")


def _call_once(
    command: list[str], seconds: float, given: str | None, cwd: Path | None, env: Mapping[str, str] | None
) -> str:
    program = command[0]
    try:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            errors="replace",
            cwd=cwd,
            env=env,
            # a group of its own, to be killed whole; and Ctrl-C is for this process alone
            start_new_session=True,
            # the lock of a `scan` is inherited: a submission that outlives it holds the next one back
            close_fds=False,
        )
    except (FileNotFoundError, PermissionError) as error:
        if cwd is not None and not cwd.is_dir():
            raise CallError(f"{cwd}: no such directory, so `{program}` cannot run there") from None
        raise MissingCommand(
            f"`{program}` cannot be run here ({error.strerror}): log in to a machine that has the batch "
            "system's commands, or choose another system with `--on`"
        ) from None
    except OSError as error:  # too many processes, no memory for one more
        raise CallError(f"`{program}` cannot be started ({error.strerror})") from None
    try:
        output, errors = process.communicate(given, timeout=seconds)
    except subprocess.TimeoutExpired:
        _kill(process)
        raise CallError(f"`{program}` did not answer within {seconds:g} s") from None
    except BaseException:
        _kill(process)
        raise
    if process.returncode != 0:
        words = errors.strip() or output.strip()
        said = last_line(words) or "no message"
        raise CallError(f"`{program}` failed ({_how(process.returncode)}): {said}", process.returncode, words)
    return output


def last_line(words: str) -> str:
    """The last line that says something; advice on how to get help does not."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    telling = [line for line in lines if not line.startswith(("Try ", "Usage:", "usage:"))]
    return (telling or lines or [""])[-1]


def _how(code: int) -> str:
    return f"exit code {code}" if code >= 0 else f"killed by signal {-code}"


def _kill(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.communicate(timeout=_REAP_SECONDS)
    for stream in (process.stdin, process.stdout, process.stderr):
        if stream is not None:
            with contextlib.suppress(OSError):
                stream.close()
