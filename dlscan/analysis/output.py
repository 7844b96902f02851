"""Where tables and pictures go."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from dlscan.errors import DlscanError
from dlscan.files import written_whole


@contextlib.contextmanager
def output(path: Path) -> Iterator[Path]:
    """Give a path to write to that becomes `path` once it is whole; the folders above are made.

    Raises
    ------
    DlscanError
        If it cannot be written there.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            yield temporary
    except OSError as error:
        raise DlscanError(f"{path}: cannot be written ({error.strerror or error})") from None
