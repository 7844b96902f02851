"""Whether a dataset on disk is still the one that an experiment asks for, and if not, why."""

import dataclasses
from pathlib import Path

from dlscan.config import Experiment
from dlscan.dataset import Manifest, Source, content
from dlscan.errors import DlscanError
from dlscan.prepare.scatter import file_checksum
from dlscan.raw import RawFile


@dataclasses.dataclass(frozen=True)
class Verdict:
    """The dataset on disk, if it may be kept; otherwise why it may not.

    Attributes
    ----------
    manifest : Manifest or None
        Of the dataset to keep.
    reason : str
        Why it is built: in words that follow "building because".
    """

    manifest: Manifest | None
    reason: str


def judge(experiment: Experiment, directory: Path, files: list[RawFile], skip_bad: bool) -> Verdict:
    """Compare the dataset in `directory` with an experiment and the raw files of now."""
    if not directory.exists():
        return Verdict(None, "there is none yet")
    try:
        manifest = Manifest.read(directory)
    except DlscanError as error:
        if not _looks_like_ours(directory):
            raise experiment.problem(
                "data.prepared",
                f"{directory} exists and is not a prepared dataset; move it away or choose another path",
            ) from None
        return Verdict(None, f"the one there cannot be used ({error})")
    reason = _difference(manifest, experiment, directory)
    if reason is None:
        if manifest.bad_files and not skip_bad:
            return Verdict(None, "the one there was made with --skip-bad")
        manifest, reason = _compare_sources(manifest, files)
    if reason is not None:
        return Verdict(None, reason)
    return Verdict(manifest, "")


def _looks_like_ours(directory: Path) -> bool:
    return (directory / "manifest.json").exists() or (directory.is_dir() and not any(directory.iterdir()))


def _difference(manifest: Manifest, experiment: Experiment, directory: Path) -> str | None:
    wanted = content(experiment.data)
    changed = [f"data.{key}" for key in wanted if wanted[key] != manifest.config.get(key)]
    if changed:
        return f"{' and '.join(changed)} changed"
    for split in manifest.splits.values():
        for shard in split.shards:
            path = directory / shard.file
            if not path.exists() or path.stat().st_size != shard.size:
                return f"{path} is missing or damaged"
    return None


def _compare_sources(manifest: Manifest, files: list[RawFile]) -> tuple[Manifest, str | None]:
    """Compare by size and time, and by content where only the time differs (files were copied or touched)."""
    now = {file.name: file for file in files}
    known = {source.file: (source.size, source.mtime_ns) for source in manifest.sources}
    new, gone = now.keys() - known.keys(), known.keys() - now.keys()
    changed = set()
    touched: dict[str, Source] = {}
    sources = {source.file: source for source in manifest.sources}
    for name in now.keys() & known.keys():
        size, mtime_ns = now[name].stat()
        if (size, mtime_ns) == known[name]:
            continue
        source = sources[name]
        if source.checksum and size == source.size and file_checksum(now[name].path) == source.checksum:
            touched[name] = dataclasses.replace(source, mtime_ns=mtime_ns)
        else:
            changed.add(name)
    parts = [
        f"{len(names)} {word} ({', '.join(sorted(names)[:3])}{', ...' if len(names) > 3 else ''})"
        for names, word in ((new, "new"), (gone, "removed"), (changed, "changed"))
        if names
    ]
    if parts:
        return manifest, f"the raw files are others: {', '.join(parts)}"
    refreshed = tuple(touched.get(source.file, source) for source in manifest.sources)
    return dataclasses.replace(manifest, sources=refreshed), None
