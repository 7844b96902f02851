"""Everything that can go wrong and that a user can act on.

::

    DlscanError                one line on stderr, exit code 1
    ├── UsageError             the command line itself, exit code 2
    ├── ConfigError            the experiment file: which file, which key, what to write instead
    │   └── Problem            a wrong value and its key, before the file is named (config/build.py)
    │       ├── Problems       several of them (config/build.py)
    │       └── UnknownKey     a key that there is not (config/build.py)
    ├── DataError              raw files or a prepared dataset: which file, which row
    │   ├── BadFilesError      every bad raw file at once, each with its reason
    │   ├── RawError           why a raw file cannot be used, before it is named (raw/faults.py)
    │   ├── BadEvents          what is wrong with a raw file, found while it is read (prepare/blocks.py)
    │   └── RawFileError       an indexed raw file cannot be read (raw/direct.py)
    ├── StreamError            a stream worker failed or died while reading a named file
    ├── BackendError           Keras or its back end is missing
    ├── BatchError             a batch system cannot do what is asked
    │   └── CallError          one of its commands failed or did not answer (batch/call.py)
    │       └── MissingCommand it is not installed here (batch/call.py)
    ├── ScanError              a plan, a point or a record
    │   ├── PointsFailed       some points of a scan have failed
    │   ├── HeldError          another process trains the point
    │   ├── PlanBusy           another process is changing the plan (scan/changing.py)
    │   ├── SubmitBusy         another process submits or cancels jobs of the scan (scan/submit.py)
    │   ├── FencedError        another process has taken the point over from this one
    │   ├── SplitNotKept       a point has no scores of this split (analysis/points/results.py)
    │   └── OtherEventsError   two points were tested on different events (analysis/points/same_events.py)
    ├── MissingError           a package that a search needs is not installed (search/methods/needs.py)
    ├── NoMemoryError          a point does not fit into the memory of its device
    └── DivergedError          the loss of a point is no longer a number

Only `dlscan.cli.main` turns them into exit codes. Those with a file behind them are defined there, beside the
only code that raises them. Exceptions whose names begin with an underscore never leave their module.
"""

from collections.abc import Sequence
from pathlib import Path

# What each back end raises when memory has run out.
_KINDS = ("ResourceExhaustedError", "OutOfMemoryError")
_WORDS = ("RESOURCE_EXHAUSTED", "out of memory", "can't allocate memory", "OOM when allocating")


class DlscanError(Exception):
    """Base of all errors that a user can act on; `str()` of it is one line."""

    exit_code = 1


class UsageError(DlscanError):
    """The command line asks for something that does not exist."""

    exit_code = 2


class ConfigError(DlscanError):
    """The experiment file is wrong; the message names file and key."""


class DataError(DlscanError):
    """Raw files or a prepared dataset are not what they should be."""


class BadFilesError(DataError):
    """Raw files that cannot be used.

    Parameters
    ----------
    bad : sequence of (Path, str)
        Each bad file with the reason.
    skipped : bool
        Bad files were to be left out: then none is left.
    """

    def __init__(self, bad: Sequence[tuple[Path, str]], skipped: bool = False) -> None:
        self.bad = list(bad)
        lines = "".join(f"\n  {path}: {reason}" for path, reason in self.bad)
        count, them = ("1 bad file", "it") if len(self.bad) == 1 else (f"{len(self.bad)} bad files", "them")
        advice = "; no good file is left" if skipped else f", or leave {them} out with --skip-bad"
        super().__init__(f"{count}; fix or remove {them}{advice}:{lines}")


class StreamError(DlscanError):
    """A stream worker failed, died or hangs; the message names the file it was reading."""


class BackendError(DlscanError):
    """Keras cannot be used here; the message names the extra to install."""


class BatchError(DlscanError):
    """A batch system cannot do what is asked of it."""


class ScanError(DlscanError):
    """A plan, a point or a record is missing, damaged or contradicts the experiment file."""


class PointsFailed(ScanError):
    """A scan has ended, but not every point is done."""


class HeldError(ScanError):
    """A point is being trained by another process, which has a heartbeat."""


class FencedError(ScanError):
    """A point was taken over by another process while this one had no heartbeat: it must not write."""


class NoMemoryError(DlscanError):
    """A point does not fit into the memory of its device, not even alone."""


class DivergedError(DlscanError):
    """The loss of a point is nan or infinite."""


def is_out_of_memory(error: BaseException) -> bool:
    """Tell whether memory, of the device or of the machine, was too small."""
    if isinstance(error, MemoryError) or type(error).__name__ in _KINDS:
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _WORDS)
