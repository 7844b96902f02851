"""What became of raw files while they were read."""

from collections.abc import Mapping, Sequence

from dlscan.prepare.scatter import PieceSummary
from dlscan.raw import LinkedFile, RawFile
from dlscan.raw.links import first_changed

# None if one of them changed meanwhile
Linked = tuple[LinkedFile, ...] | None


def linked_by_file(files: Sequence[RawFile], measured: Sequence[PieceSummary]) -> dict[RawFile, Linked]:
    """The files that each file that was read links to.

    Parameters
    ----------
    files : sequence of RawFile
        All files, by number.
    measured : sequence of PieceSummary
        Of each piece of those that were read.
    """
    found: dict[RawFile, Linked] = {}
    for item in measured:
        file = files[item.number]
        if found.setdefault(file, item.linked) != item.linked:
            found[file] = None
    return {file: None if first_changed(linked or ()) else linked for file, linked in found.items()}


def unusable(
    files: Sequence[RawFile],
    measured: Sequence[PieceSummary],
    stats: Mapping[RawFile, tuple[int, int]],
    linked: Mapping[RawFile, Linked],
) -> dict[RawFile, str]:
    """The files that turned out bad, or changed, and why.

    Parameters
    ----------
    files, measured
        As for `linked_by_file`, which gives `linked`.
    stats : mapping of RawFile to (int, int)
        Size and time of change before they were read.
    linked : mapping of RawFile to Linked
        Of each file that was read.
    """
    bad = {files[item.number]: item.reason for item in measured if item.reason}
    for file in linked:
        if linked[file] is None or file.stat() != stats[file]:
            seen = f" ({bad[file]})" if file in bad else ""
            bad[file] = f"changed while it was being read{seen}"
    return bad
