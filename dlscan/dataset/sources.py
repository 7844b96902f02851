"""The raw files that a dataset was made from, and those that were left out."""

import dataclasses
import hashlib
import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


# Attributes of a raw file that a manifest keeps as they are
_PLAIN = ("file", "events", "size", "mtime_ns", "checksum")


@dataclasses.dataclass(frozen=True)
class Linked:
    """A file that a raw file links to: its path, from the raw directory on if that leads there.

    One that is not there has size -1.
    """

    file: str
    size: int
    mtime_ns: int


@dataclasses.dataclass(frozen=True, slots=True)
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


def as_columns(sources: Sequence[SourceFile]) -> dict[str, Any]:
    """What a manifest keeps of raw files, for JSON: a list for each attribute, which is read in seconds.

    `label` counts from 0 in `labels`; `linked` has only the files that link to others, or may do so, by their
    places.
    """
    labels = {label: number for number, label in enumerate(sorted({source.label for source in sources}))}
    return {
        "labels": list(labels),
        "label": [labels[source.label] for source in sources],
        **{name: [getattr(source, name) for source in sources] for name in _PLAIN},
        "linked": {
            number: None if source.linked is None else [dataclasses.asdict(each) for each in source.linked]
            for number, source in enumerate(sources)
            if source.linked != ()
        },
    }


def from_columns(value: dict[str, Any] | list[dict[str, Any]]) -> tuple[SourceFile, ...]:
    """Read what `as_columns` gives, or a list of files as older versions wrote it."""
    if isinstance(value, list):
        return tuple(SourceFile(**each | {"linked": _linked(each.get("linked"))}) for each in value)
    linked = {int(number): _linked(each) for number, each in value["linked"].items()}
    columns = zip(value["label"], *(value[name] for name in _PLAIN), strict=True)
    return tuple(
        SourceFile(file, value["labels"][label], events, size, mtime_ns, checksum, linked.get(number, ()))
        for number, (label, file, events, size, mtime_ns, checksum) in enumerate(columns)
    )


def _linked(value: list[dict[str, Any]] | None) -> tuple[Linked, ...] | None:
    return None if value is None else tuple(Linked(**each) for each in value)


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
