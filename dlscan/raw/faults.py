"""What is wrong with a raw file, in one line, whatever h5py raises."""

import contextlib
from collections.abc import Iterator

from dlscan.errors import DataError


class RawError(DataError, ValueError):
    """A raw file cannot be used; the message is the reason, in words that follow its name.

    It is a `ValueError` too, as what numpy and h5py raise for the same damage.
    """


@contextlib.contextmanager
def hdf5_errors(what: str = "") -> Iterator[None]:
    """Give errors of h5py as a `RawError`: `what`, if that is given, then HDF5's reason.

    h5py has no error of its own. Damage shows as any of Python's: KeyError, RuntimeError, OSError, TypeError,
    ValueError, MemoryError and more.
    """
    try:
        yield
    except RawError:
        raise
    except Exception as error:
        raise RawError(f"{what}: {one_line(error)}" if what else one_line(error)) from error


def one_line(error: BaseException) -> str:
    """The message of an error in one line."""
    # the text of a KeyError is that of its key, in quotes
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split()) or type(error).__name__
