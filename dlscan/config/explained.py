"""What the code of a user raises, as one line that names its file and line."""

import contextlib
import re
import traceback
from collections.abc import Collection, Iterator

from dlscan.config.source import Source
from dlscan.errors import ConfigError, is_out_of_memory

_LONGEST = 300


@contextlib.contextmanager
def explained(source: Source, line: int = 1, inputs: Collection[str] | None = None) -> Iterator[None]:
    """Turn what the code of a user raises into one line that names the line at fault.

    Parameters
    ----------
    source : Source
        The file.
    line : int
        Where what is called begins.
    inputs : collection of str, optional
        What it can look up.
    """
    try:
        yield
    except (Exception, SystemExit) as error:
        # of memory there may be enough for fewer points
        if isinstance(error, ConfigError) or is_out_of_memory(error):
            raise
        frames = traceback.extract_tb(error.__traceback__)
        lines = [line, *(frame.lineno for frame in frames if frame.filename == str(source.path))]
        missing = isinstance(error, KeyError) and inputs is not None
        more = f"; the inputs are {', '.join(inputs or ())}" if missing else ""
        if isinstance(error, ImportError):
            more = "; a file of the experiment may import what is installed, but not files beside it"
        raise ConfigError(
            f"{source.path}:{lines[-1]}: {type(error).__name__}: {few_words(error)[:_LONGEST]}{more}"
        ) from error


def few_words(error: BaseException) -> str:
    """What an error says, on one line: Keras says what was wrong behind where it was."""
    text = re.sub(r"\x1b\[[\d;]*m", "", str(error))
    return " ".join(text.split()) or "no message"
