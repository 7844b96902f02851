"""Whether a dataset on disk is still the one that an experiment asks for, and if not, why."""

import dataclasses
import re
from pathlib import Path

from dlscan.config import Data, Experiment
from dlscan.dataset import SPLITS, Manifest, SourceFile, content
from dlscan.dataset.manifest import changed_keys
from dlscan.errors import DlscanError
from dlscan.files import read_json
from dlscan.prepare.blocks import file_checksum
from dlscan.prepare.finish import linked_sources
from dlscan.prepare.indexing import INDEX
from dlscan.prepare.layout import raw_datasets
from dlscan.raw import LinkedFile, RawFile, linked_files
from dlscan.raw.links import may_link
from dlscan.raw.store import RawIndex
from dlscan.raw.writer import refresh_stats
from dlscan.sealed import sealed_size


@dataclasses.dataclass(frozen=True)
class ExistingDataset:
    """The dataset on disk, if it may be kept; otherwise why it may not.

    Attributes
    ----------
    manifest : Manifest or None
        Of the dataset to keep.
    reason : str
        Why it is built: in words that follow "building because".
    touched : bool
        Raw files have other times than the manifest on disk says, but the same content.
    """

    manifest: Manifest | None
    reason: str
    touched: bool = False


def judge(
    experiment: Experiment, directory: Path, files: list[RawFile], skip_bad: bool, index_only: bool
) -> ExistingDataset:
    """Compare the dataset or index in `directory` with an experiment and the raw files of now."""
    if not directory.exists():
        return ExistingDataset(None, "there is no dataset yet")
    foreign = _foreign_entry(directory)
    if foreign is not None:
        raise experiment.problem(
            "data.prepared",
            f"{directory} holds {foreign}, which is not part of a dataset and would be lost; "
            "move it away or choose another path",
        )
    try:
        manifest = Manifest.read(directory)
    except DlscanError as error:
        return ExistingDataset(None, f"the existing one cannot be used ({error})")
    if index_only != (manifest.raw is not None):
        other = "the existing dataset is replaced by an index"
        return ExistingDataset(None, other if index_only else "the existing index is replaced by a dataset")
    reason = _difference(manifest, experiment, directory)
    reason = reason or _weights_reason(manifest, experiment.data.weights)
    reason = reason or _quantiles_reason(manifest, experiment)
    if reason is None:
        if manifest.bad_files and not skip_bad:
            return ExistingDataset(None, "the existing one was made with --skip-bad")
        if experiment.data.follow_links and any(
            "data.follow_links" in bad.reason for bad in manifest.bad_files
        ):
            return ExistingDataset(None, "data.follow_links is now set")
        known = manifest
        manifest, reason = _compare_sources(known, files, experiment.data)
    if reason is not None:
        return ExistingDataset(None, reason)
    return ExistingDataset(manifest, "", touched=manifest != known)


def refresh(manifest: Manifest, directory: Path) -> None:
    """Write down new times of raw files whose content is the same."""
    if manifest.raw is not None:
        with RawIndex.open(directory / INDEX, manifest.sealed) as index:
            sources = [manifest.sources[number] for number in index.numbers]
        linked = {file.file: (file.size, file.mtime_ns) for item in sources for file in item.linked or ()}
        refresh_stats(
            directory / INDEX, [(item.size, item.mtime_ns) for item in sources], linked, manifest.sealed
        )
    manifest.write(directory)


def _foreign_entry(directory: Path) -> str | None:
    """A name in `directory` that no dataset of ours has; the directory is replaced whole, and it with it."""
    if not directory.is_dir():
        return f"a file ({directory.name})"
    own = re.compile(
        rf"manifest\.json|bad_files\.csv|index\.h5|({'|'.join(SPLITS)}|fold\d+)-\d{{5,}}\.h5|\..*"
    )
    names = sorted(path.name for path in directory.iterdir() if not own.fullmatch(path.name))
    if not names and (directory / "manifest.json").exists() and not _is_ours(directory / "manifest.json"):
        return "a manifest.json of something else"
    return names[0] if names else None


def _is_ours(manifest: Path) -> bool:
    try:
        value = read_json(manifest)
    except DlscanError:
        return True  # damaged; all other names are ours
    return isinstance(value, dict) and {"version", "classes", "splits"} <= value.keys()


def _difference(manifest: Manifest, experiment: Experiment, directory: Path) -> str | None:
    if manifest.raw not in (None, str(experiment.data.raw.resolve())):
        return f"the existing index is for {manifest.raw}"
    wanted = content(experiment.data)
    changed = changed_keys(manifest.config, wanted)
    if changed:
        return f"{' and '.join(changed)} changed"
    for split in manifest.splits.values():
        for shard in split.shards:
            path = directory / shard.file
            size = sealed_size(shard.size) if manifest.sealed else shard.size
            if not path.exists() or path.stat().st_size != size:
                return f"{path} is missing or damaged"
    if manifest.raw is not None:
        try:
            with RawIndex.open(directory / INDEX, manifest.sealed) as index:
                index.require_whole()
        except (OSError, ValueError, KeyError):
            return f"{directory / INDEX} is missing or damaged"
    return None


def _weights_reason(manifest: Manifest, name: str | None) -> str | None:
    """Why the events must be read again for the extra that weighs them now."""
    if name is None or manifest.extras[name].size != 1:
        return None
    if name not in manifest.weights:
        return f"an older version of dlscan made it and did not add up the event weights {name}"
    place = manifest.weights[name].not_finite
    return None if place is None else f"data.weights is now {name}, which is not finite in {place}"


def _quantiles_reason(manifest: Manifest, experiment: Experiment) -> str | None:
    """Why the events must be read again for the quantiles that scale an input now."""
    for name, column in manifest.inputs.items():
        is_vector = len(column.shape) <= 1
        wanted = experiment.normalizations(name)
        if is_vector and any(manifest.why_no_quantiles(name, how) for how in wanted):
            return f"an older version of dlscan made it, without the quantiles of {name}"
    return None


def _compare_sources(manifest: Manifest, files: list[RawFile], data: Data) -> tuple[Manifest, str | None]:
    """Compare by size and time, and by content where only the time differs (files were copied or touched)."""
    now = {file.name: file for file in files}
    known = {source.file: source for source in manifest.sources}
    new, gone = now.keys() - known.keys(), known.keys() - now.keys()
    as_now = {name: _as_now(known[name], now[name], data) for name in now.keys() & known.keys()}
    changed = {name for name, source in as_now.items() if source is None}
    parts = [
        f"{len(names)} {word} ({', '.join(sorted(names)[:3])}{', ...' if len(names) > 3 else ''})"
        for names, word in ((new, "new"), (gone, "removed"), (changed, "changed"))
        if names
    ]
    if parts:
        return manifest, f"the raw files have changed: {', '.join(parts)}"
    refreshed = tuple(as_now[source.file] or source for source in manifest.sources)
    return dataclasses.replace(manifest, sources=refreshed), None


def _as_now(source: SourceFile, file: RawFile, data: Data) -> SourceFile | None:
    """A source with the times of now, or None if its events may be others than they were."""
    links = source.linked
    if links is None:
        # of an older version: what a link led to then is not known
        if linked_files(file, raw_datasets(data)):
            return None
        links = ()
    paths = [data.raw / link.file for link in links]
    if source.checksum and not all(may_link(file.path, path, file.roots) for path in paths):
        return None
    known = dataclasses.replace(source, linked=links)
    found = [LinkedFile.at(path) for path in paths]
    size, mtime_ns = file.stat()
    now = dataclasses.replace(source, size=size, mtime_ns=mtime_ns, linked=linked_sources(found, data.raw))
    if now == known:
        return now
    same_sizes = [size, *(link.size for link in found)] == [source.size, *(link.size for link in links)]
    same = source.checksum and same_sizes and file_checksum(file.path, found) == source.checksum
    return now if same else None
