"""The raw files that a dataset was made from, and those that were left out."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclasses.dataclass(frozen=True)
class Linked:
    """A file that a raw file links to: its path, from the raw directory on if that leads there.

    One that is not there has size -1.
    """

    file: str
    size: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """A raw file; if it was left out, without events and checksum.

    Attributes
    ----------
    file : str
        Its name below the raw directory.
    checksum : str
        Of its bytes, and of those of the files that it links to.
    linked : tuple of Linked or None
        Other files that its events come from; None if a manifest of an older version does not say.
    """

    file: str
    label: str
    events: int
    size: int
    mtime_ns: int
    checksum: str
    linked: tuple[Linked, ...] | None = None

    @classmethod
    def from_plain(cls, value: dict[str, Any]) -> "SourceFile":
        """Read what `dataclasses.asdict` gives, from JSON."""
        linked = value.get("linked")
        return cls(**value | {"linked": linked if linked is None else tuple(Linked(**x) for x in linked)})


@dataclasses.dataclass(frozen=True)
class BadFile:
    """A raw file that was left out by `--skip-bad`, why, and as it was then."""

    file: str
    reason: str
    size: int
    mtime_ns: int


def file_ids(sources: Sequence[SourceFile]) -> "NDArray[np.uint8]":
    """What each raw file is, (F, 16): a digest of its name below the raw directory and its checksum.

    A dataset and an index of the same raw files have the same ids, and so have datasets of other inputs.
    """
    import numpy as np  # not for `status`, which reads manifests

    named = (json.dumps([source.file, source.checksum]) for source in sources)
    digests = b"".join(hashlib.blake2b(each.encode(), digest_size=16).digest() for each in named)
    return np.frombuffer(digests, np.uint8).reshape(-1, 16)
