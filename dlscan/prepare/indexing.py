"""The second pass of `--index-only`: put the parts of the index together."""

import logging
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from dlscan.dataset import SPLITS, SplitInfo
from dlscan.prepare.layout import Format
from dlscan.prepare.scatter import PieceSummary
from dlscan.raw import RawFile
from dlscan.raw.store import RawIndex
from dlscan.raw.writer import FileIndex, IndexWriter

INDEX = "index.h5"

log = logging.getLogger("dlscan")


def write_index(
    path: Path,
    raw: Path,
    spill: Path,
    form: Format,
    stats: dict[RawFile, tuple[int, int]],
    good: Sequence[PieceSummary],
) -> None:
    """Write the index of a raw directory from the parts in `spill`.

    Parameters
    ----------
    path : Path
        The index.
    raw : Path
        The raw directory.
    spill : Path
        Where the first pass left the parts.
    form : Format
        What is stored.
    stats : dict of RawFile to (int, int)
        Size and time of every file, good or bad, before it was read; a file's place is its number.
    good : sequence of PieceSummary
        Pieces of the files that are kept.
    """
    files = list(stats)
    kept = {item.number for item in good}
    events = sum(item.read for item in good)
    chunks = sum(item.chunks for item in good)
    with IndexWriter(path, raw, form.stored, events, chunks, form.indexed) as writer:
        last = -1
        for part in sorted(spill.glob("part-*.h5")):
            with RawIndex.open(part, sealed=True) as found:
                for place, number in enumerate(found.numbers.tolist()):
                    if number not in kept:
                        continue
                    if number != last:
                        file = files[number]
                        places = found.file(place)[1]
                        writer.add(FileIndex(file.name, file.label, number, stats[file], places))
                        last = number
                    here = slice(found.starts[place], found.starts[place + 1])
                    columns = {name: values[here] for name, values in found.columns.items()}
                    writer.add_codes(found.codes[here], columns)


def count_splits(good: Sequence[PieceSummary]) -> dict[str, SplitInfo]:
    """How many events of each class each split has."""
    counts = np.sum([item.counts for item in good], axis=0).T.tolist()
    return {split: SplitInfo((), tuple(own)) for split, own in zip(SPLITS, counts, strict=True)}


def warn_of_slow(good: Sequence[PieceSummary], datasets: Sequence[str]) -> None:
    """Say which datasets will be slow to stream, and why: a line for each reason."""
    files = len({item.number for item in good})
    found = {(item.number, name, why) for item in good for name, why in item.slow.items() if name in datasets}
    for (name, why), count in sorted(Counter((name, why) for _, name, why in found).items()):
        log.warning(
            "%s %s in %s of %s files: only the HDF5 library can read that, several times slower than "
            "dlscan reads gzip or uncompressed data. With `dlscan prepare` without --index-only this cost "
            "arises once, not in every epoch",
            name,
            why,
            f"{count:,}",
            f"{files:,}",
        )
