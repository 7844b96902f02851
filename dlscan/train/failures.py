"""Errors that end the training of a point: what is noted of them, and what is kept."""

from typing import TypeVar

from dlscan.errors import DivergedError, DlscanError, NoMemoryError, is_out_of_memory

E = TypeVar("E", bound=Exception)


def outcome_of(error: BaseException) -> str:
    """How an attempt ended that an error ended."""
    if isinstance(error, KeyboardInterrupt):
        return "preempted"
    if isinstance(error, NoMemoryError) or is_out_of_memory(error):
        return "oom"
    return "diverged" if isinstance(error, DivergedError) else "failed"


def exit_code(error: BaseException) -> int:
    """That of the process."""
    return 130 if isinstance(error, KeyboardInterrupt) else 1


def last_line(error: BaseException) -> str | None:
    """What is noted of an error in the attempt; nothing of Ctrl-C."""
    if isinstance(error, KeyboardInterrupt):
        return None
    lines = str(error).strip().splitlines() or [""]
    return lines[-1] if isinstance(error, DlscanError) else f"{type(error).__name__}: {lines[-1]}"


def without_frames(error: E) -> E:
    """An error to keep: its frames, and those of what it came from, hold on to networks and batches."""
    error.__cause__ = error.__context__ = None
    return error.with_traceback(None)


def first_words(error: Exception) -> str:
    """What a line of a log says of an error."""
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0][:200]}"
