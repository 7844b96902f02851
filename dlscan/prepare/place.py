"""The directory of a build: what stays of it when the build ends early."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

from dlscan.errors import BadFilesError, DataError
from dlscan.files import directory_whole, recover_directory

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextlib.contextmanager
def place_of_build(directory: Path) -> Iterator[Path]:
    """Give the directory that becomes `directory` when the block ends without an error.

    What an unfinished build has left is in it, and stays after an error, so that the next build can go on. It
    goes where that would not help: after bad files, and where the disk is full.

    Raises
    ------
    DataError
        If the disk is full; a line that says what to do.
    """
    try:
        with directory_whole(directory, go_on=True) as place:
            yield place
    except BadFilesError:
        recover_directory(directory)
        raise
    except OSError as error:
        if error.errno not in _FULL:
            raise
        recover_directory(directory)
        raise DataError(
            f"{directory.parent}: cannot be written ({error.strerror}); free some space there, or choose "
            "another data.prepared"
        ) from error
