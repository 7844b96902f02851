"""Where tables and pictures go."""

import contextlib
import hashlib
import re
from collections.abc import Iterator, Sequence
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


# a file system allows 255 bytes, and a page number and a suffix come behind
_LONGEST = 200
_MOST_NAMED = 4


def home(scans: Sequence[Path]) -> Path:
    """The directory for what is drawn of `scans`, unless a file is named.

    Of one scan it is its own directory. Several share one beside the first, such as
    `scans/lcd-dense+lcd-conv`, so that no scan's own files are replaced. Where these names alone could mean
    other scans too, a digest of the paths follows.
    """
    places = list(dict.fromkeys(scan.resolve() for scan in scans))
    if len(places) == 1:
        return scans[0]
    names = [place.name for place in places]
    name = "+".join(names[:_MOST_NAMED])
    parent = places[0].parent if scans[0].name in ("", "..") else scans[0].parent
    unclear = (
        len({place.parent for place in places}) > 1
        or any("+" in name for name in names)
        or len(places) > _MOST_NAMED
        or len(name.encode()) > _LONGEST
    )
    if unclear or (parent / name / "plan.json").exists():
        name = _cut(name, "\0".join(map(str, places)))
    return parent / name


def file_name(name: str) -> str:
    """`name`, which may hold anything, as the name of a file; two different names stay different."""
    plain = re.sub(r"[^\w.+-]", "_", name)
    return plain if plain == name and len(name.encode()) <= _LONGEST else _cut(plain, name)


def _cut(name: str, whole: str) -> str:
    """The start of `name` and a digest of `whole`."""
    digest = hashlib.blake2b(whole.encode("utf-8", "surrogateescape"), digest_size=3).hexdigest()
    return f"{name.encode()[:_LONGEST].decode(errors='ignore')}-{digest}"
