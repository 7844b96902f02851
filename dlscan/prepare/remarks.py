"""What a user may not have meant: entries that were left alone, and the same events under several names."""

import collections
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from dlscan.config import Data, FractionSplit
from dlscan.dataset import Manifest, SourceFile
from dlscan.prepare.layout import Format
from dlscan.raw.places import SUFFIXES
from dlscan.raw.recipe import EXACT, is_wide

# So many names are listed; the others are counted.
_NAMES, _GROUPS = 4, 5

log = logging.getLogger("dlscan")


def remark(manifest: Manifest, data: Data) -> None:
    """Say what is not read, and what is read more than once."""
    linked = _linked(manifest, data)
    _say_left_alone(manifest, data, linked.keys())
    _warn_of_copies(manifest, data)
    _warn_of_parts(manifest, data, linked)
    _warn_of_weights(manifest, data)


def warn_of_rounding(manifest: Manifest, form: Format, dtypes: Mapping[str, str]) -> None:
    """Warn of inputs with whole numbers that float32 rounds; `dtypes` are those of raw datasets."""
    for name, measured in manifest.statistics.items():
        if name in form.recipes:
            places: Sequence[int] = form.recipes[name].wide
        else:
            places = range(len(measured.minimum)) if is_wide(np.dtype(dtypes[form.raw[name]])) else ()
        largest = max((max(-measured.minimum[n], measured.maximum[n]) for n in places), default=0)
        if largest > EXACT:
            log.warning(
                "%s holds whole numbers up to %s: float32, in which networks compute, rounds those beyond %s",
                name,
                f"{largest:,.0f}",
                f"{EXACT:,}",
            )


def _linked(manifest: Manifest, data: Data) -> dict[Path, str]:
    """The files that raw files link to, as they really are, each with one of those raw files."""
    return {
        (data.raw / file.file).resolve(): source.file
        for source in manifest.sources
        for file in source.linked or ()
        if source.checksum
    }


def _say_left_alone(manifest: Manifest, data: Data, linked: Collection[Path]) -> None:
    """Say which entries beside the raw files are not read, and why."""
    kinds: dict[tuple[str, str], list[str]] = collections.defaultdict(list)
    for name, path in _left_alone(data, manifest):
        if not linked or path.resolve() not in linked:
            kinds[_kind(path)].append(name)
    if kinds:
        parts = [
            f"{len(names):,} {kind[len(names) > 1]} ({_listed(sorted(names))})"
            for kind, names in kinds.items()
        ]
        log.info(
            "%s: not read: %s; prepare only reads files that end in %s and lie directly in %s",
            data.raw,
            ", ".join(parts),
            ", ".join(SUFFIXES),
            "it" if _lies_flat(data, manifest) else "the directory of a class",
        )


def _warn_of_parts(manifest: Manifest, data: Data, linked: Mapping[Path, str]) -> None:
    """Warn of raw files that others link to: they are read by themselves and through the link."""
    if not linked:
        return
    twice = [
        (source.file, linked[path])
        for source in manifest.sources
        if source.checksum and (path := (data.raw / source.file).resolve()) in linked
    ]
    for part, whole in twice[:_GROUPS]:
        log.warning(
            "%s is read twice, by itself and as part of %s, so its events count twice; rename its suffix "
            "or move it elsewhere",
            part,
            whole,
        )
    if len(twice) > _GROUPS:
        log.warning("%s more raw files are also part of other files", f"{len(twice) - _GROUPS:,}")


def _warn_of_copies(manifest: Manifest, data: Data) -> None:
    """Warn of raw files with the same content: copies and links of one another."""
    groups: dict[str, list[SourceFile]] = collections.defaultdict(list)
    for source in manifest.sources:
        if source.checksum:
            groups[source.checksum].append(source)
    copies = [group for group in groups.values() if len(group) > 1]
    where = (
        "in more than one split" if isinstance(data.split, FractionSplit) else "in the dataset several times"
    )
    for group in copies[:_GROUPS]:
        labels = list(dict.fromkeys(source.label for source in group))
        classes = "" if len(labels) == 1 else f"in {len(labels)} classes ({', '.join(labels)}) and "
        log.warning(
            "%s have the same content, so their events are %s%s; keep only one of them",
            _listed([source.file for source in group]),
            classes,
            where,
        )
    if len(copies) > _GROUPS:
        log.warning("%s more raw files have duplicates", f"{len(copies) - _GROUPS:,}")


def _warn_of_weights(manifest: Manifest, data: Data) -> None:
    """Warn of classes whose event weights add up to zero or less in a split: they mean nothing there."""
    if data.weights is None or data.weights not in manifest.weights:
        return
    for split, sums in manifest.weights[data.weights].splits.items():
        for label, count, total in zip(
            manifest.classes, manifest.splits[split].counts, sums.total, strict=True
        ):
            if count and not total > 0:
                log.warning(
                    "the event weights %s of class %s add up to %s in the %s split: losses and "
                    "efficiencies of this class have no meaning there",
                    data.weights,
                    label,
                    f"{total:g}",
                    split,
                )


def _lies_flat(data: Data, manifest: Manifest) -> bool:
    """Whether raw files lie in no directories of classes."""
    return data.label_column is not None or (
        data.classes is None and not any("/" in source.file for source in manifest.sources)
    )


def _left_alone(data: Data, manifest: Manifest) -> Iterator[tuple[str, Path]]:
    """Entries that are not read, by name; those with a hidden name only if they look like HDF5 files.

    Who names files means those and no others.
    """
    if data.files is not None:
        return
    read = {data.raw / source.file for source in manifest.sources}
    if _lies_flat(data, manifest):
        directories = [""]
    else:
        directories = list(data.classes.values() if data.classes else manifest.classes)
    for directory in directories:
        if not (data.raw / directory).is_dir():
            continue
        for path in sorted((data.raw / directory).iterdir()):
            hidden, hdf5 = path.name[0] == ".", path.suffix.lower() in SUFFIXES
            if hidden == hdf5 and path not in read:
                yield f"{directory}/{path.name}" if directory else path.name, path
    if data.classes is None and not _lies_flat(data, manifest):
        for path in sorted(data.raw.iterdir()):
            if path.name[0] != "." and not path.is_dir():
                yield path.name, path


def _kind(path: Path) -> tuple[str, str]:
    """What an entry is, for one and for several."""
    if path.is_dir():
        return "directory", "directories"
    if path.name[0] == ".":
        return "hidden file", "hidden files"
    end = f" with suffix {path.suffix.lower()}" if path.suffix else " without a suffix"
    return f"file{end}", f"files{end}"


def _listed(names: Sequence[str]) -> str:
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")
