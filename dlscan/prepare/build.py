"""Build a dataset in two passes and put it in place in one step.

The first pass reads every raw event once and scatters it to the shard that its random key names; the second
sorts each shard. Memory holds a block, a run and a shard per process, whatever the size of the data.
"""

import dataclasses
import logging
import time
from pathlib import Path

import numpy as np

from dlscan import __version__
from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, Shard, SplitInfo, content, fits
from dlscan.dataset.manifest import VERSION
from dlscan.errors import BadFilesError, DataError
from dlscan.files import recover_directory, remove, sync
from dlscan.locks import locked
from dlscan.machine import usable_cpus
from dlscan.prepare.changes import linked_by_file, unusable
from dlscan.prepare.current import judge, refresh
from dlscan.prepare.finish import RawFindings, make_manifest, write_bad_files
from dlscan.prepare.gather import Gathered
from dlscan.prepare.indexing import INDEX, count_splits, warn_of_slow, write_index
from dlscan.prepare.layout import (
    Format,
    choose_format,
    raw_datasets,
    raw_names,
    roles_of,
    shards_together,
    whole_datasets,
)
from dlscan.prepare.notes import SPILL, begin_notes, processes_before
from dlscan.prepare.passes import Progress, gather_all, scatter_all
from dlscan.prepare.place import place_of_build
from dlscan.prepare.processes import workers
from dlscan.prepare.recipes import find_recipes
from dlscan.prepare.remarks import remark, warn_of_rounding
from dlscan.prepare.requirements import require_entries, require_kept, require_selections
from dlscan.prepare.resampling import resampling
from dlscan.prepare.scatter import PieceSummary, ScatterTask
from dlscan.prepare.tasks import cut_into_tasks, local_processes, run_bytes, total_bytes
from dlscan.raw import RawFile, check_files, find_files, linked_files
from dlscan.raw.inflate import warn_if_slow
from dlscan.raw.refusals import is_compound, is_missing, what_to_write
from dlscan.users import users_of

log = logging.getLogger("dlscan")


@dataclasses.dataclass(frozen=True)
class Outcome:
    """What `prepare` did.

    Attributes
    ----------
    manifest : Manifest
        Of the dataset that is there now.
    built : bool
        False if it was there already.
    seconds : float
        Wall time.
    """

    manifest: Manifest
    built: bool
    seconds: float


def prepare(
    experiment: Experiment,
    skip_bad: bool = False,
    scheduler: str | None = None,
    processes: int | None = None,
    progress: Progress = lambda what, done, total: None,
    index_only: bool = False,
) -> Outcome:
    """Make the dataset of an experiment, unless it is there already, and that of another domain beside it.

    Parameters
    ----------
    experiment : Experiment
        Its `data` section says what to read and where to write.
    skip_bad : bool
        Leave bad files out instead of stopping.
    scheduler : str or None
        Address of a dask scheduler whose workers see the same file system.
    processes : int or None
        Local processes; by default as many as there are CPUs and work for them.
    progress : callable
        Called now and then with (what, done, total).
    index_only : bool
        Leave the events where they are: only check them and write down where they lie.

    Raises
    ------
    ConfigError
        If a directory is missing, or a split stays empty. Also if `data.weights` cannot be used as
        `data.balance` says; the dataset is there then.
    BadFilesError
        With every bad file, unless `skip_bad`. What was on disk before stays.
    DataError
        If another process prepares the same dataset, or the disk is full.
    """
    started = time.monotonic()
    if (other := experiment.other_domain) is not None:
        _require_other(experiment, other, index_only)
        prepare(other, skip_bad, scheduler, processes, progress)
    if index_only and experiment.data.folds:
        raise experiment.problem(
            "data.folds",
            "an index of raw files has no folds, since each fold would read all files; prepare without "
            "--index-only",
        )
    classes, files = find_files(experiment)
    # a link to a larger disk stays a link: the dataset is put where it points
    directory = experiment.data.prepared.resolve()
    if not directory.name:
        raise experiment.problem(
            "data.prepared", f"cannot be {directory}: prepare would replace that whole directory"
        )
    directory.parent.mkdir(parents=True, exist_ok=True)
    busy = DataError(
        f"{directory}: another `dlscan prepare` is writing this dataset; wait until it has finished"
    )
    with locked(directory.parent / f".{directory.name}.lock", busy):
        recover_directory(directory, go_on=True)
        verdict = judge(experiment, directory, files, skip_bad, index_only)
        if verdict.manifest is not None:
            recover_directory(directory)  # it needs nothing of what an unfinished build has left
            if verdict.touched:
                refresh(verdict.manifest, directory)
            remark(verdict.manifest, experiment.data)
            fits.require_measured(verdict.manifest, experiment)
            return Outcome(verdict.manifest, False, time.monotonic() - started)
        _warn_of_users(directory)
        log.info("building %s because %s", directory, verdict.reason)
        warn_if_slow()
        with place_of_build(directory) as place:
            build = _Build(experiment, classes, files, skip_bad, place, progress, index_only)
            manifest = build.run(scheduler, processes)
            manifest.write(place)
            remove(place / SPILL)
    remark(manifest, experiment.data)
    fits.require_measured(manifest, experiment)
    return Outcome(manifest, True, time.monotonic() - started)


@dataclasses.dataclass(frozen=True)
class _Build:
    """One build of a dataset in the directory `place`, which has what an unfinished build has left."""

    experiment: Experiment
    classes: tuple[str, ...]
    files: list[RawFile]
    skip_bad: bool
    place: Path
    progress: Progress
    index_only: bool

    def run(self, scheduler: str | None, processes: int | None) -> Manifest:
        # before reading, so that a file that changes meanwhile is noticed next time
        stats = {file: file.stat() for file in self.files}
        recipes = find_recipes(self.experiment, self.files)
        names = raw_datasets(self.experiment.data, recipes)
        layouts, bad = check_files(self.files, names, roles_of(recipes))
        if not layouts:
            self._explain_missing(bad)
            raise self._bad_files(bad)
        form = choose_format(self.experiment.data, layouts, recipes)
        form = dataclasses.replace(form, classes=len(self.classes))
        require_selections(self.experiment, form, next(iter(layouts.values())))
        spill = self.place / SPILL
        # if it is clear already that this must stop, the other files are only checked
        kind = ("index" if self.index_only else "runs") if self.skip_bad or not bad else "nothing"
        versions, data = (__version__, VERSION), content(self.experiment.data)
        identity = [versions, data, self.skip_bad, kind, form, stats, self.classes]
        # tasks that are cut otherwise would have to be done again
        cut_for = processes_before(self.place, identity) or processes or usable_cpus()
        numbers = {file: number for number, file in enumerate(self.files)}
        pieces = cut_into_tasks(layouts, numbers, cut_for)
        count = processes or local_processes(len(pieces))
        most = run_bytes(count if scheduler is None else None, total_bytes(layouts))
        tasks = [ScatterTask(number, part, form, kind, spill, most) for number, part in enumerate(pieces)]
        with workers(count, scheduler) as run:
            if self.experiment.data.resample is not None:
                resampled = resampling(self.experiment, form, self.classes, pieces, run, self.skip_bad)
                form = dataclasses.replace(form, resampled=resampled)
                tasks = [dataclasses.replace(task, format=form) for task in tasks]
            if begin_notes(self.place, identity, cut_for, [pieces, form.resampled]):
                log.info("continuing an unfinished build")
            events = sum(layout.events for layout in layouts.values())
            measured = scatter_all(run, tasks, events, self.progress)
            linked = linked_by_file(self.files, measured)
            bad |= unusable(self.files, measured, stats, linked)
            if bad and (not self.skip_bad or len(bad) == len(self.files)):
                raise self._bad_files(bad)
            good = [item for item in measured if self.files[item.number] not in bad]
            require_kept(self.experiment, form, self.classes, self.files, good)
            require_entries(self.experiment, form, good)
            if self.index_only:
                splits = self._index(spill, form, stats, good)
            else:
                bad_numbers = frozenset(number for number, file in enumerate(self.files) if file in bad)
                together = shards_together(most, sum(form.shards), count)
                shards = gather_all(run, self.place, form, bad_numbers, together, self.progress)
                splits = self._splits(form.parts, shards)
        self._check_splits(splits)
        read = np.sum([item.counts for item in good], axis=(0, 1)).tolist()
        written = [splits[part].events for part in form.parts]
        if read != written:
            remove(spill)  # or the next build would go on with it
            raise DataError(
                f"{self.place}: read {read} events but wrote {written}: a bug in dlscan, please report it"
            )
        sources = {
            file: linked_files(file, names) if file in bad else linked[file] or () for file in self.files
        }
        found = RawFindings(self.classes, stats, layouts, bad, measured, sources)
        manifest = make_manifest(self.experiment, form, found, splits, self.index_only)
        warn_of_rounding(manifest, form, next(iter(layouts.values())).dtypes)
        if bad:
            write_bad_files(self.place / "bad_files.csv", manifest)
        return manifest

    def _explain_missing(self, bad: dict[RawFile, str]) -> None:
        """What no file has is a slip in the experiment file, not a thousand bad files."""
        whole = whole_datasets(self.experiment.data)
        named = raw_names(self.experiment.data)
        for key, names in named.items():
            for name in names:
                first, reason = next(iter(bad.items()))
                if all(is_missing(each, name) for each in bad.values()):
                    raise self.experiment.problem(
                        f"data.{key}", f"no raw file has the dataset {name!r}: {first.path} {reason}"
                    )
                if all(is_compound(each, name) for each in bad.values()):
                    inputs = [own for own in whole if key == "inputs" and whole[own] == name]
                    text = what_to_write(first.path, name, next(iter(inputs), None))
                    raise self.experiment.problem(f"data.{key}", f"{first.path}: {text}")

    def _bad_files(self, bad: dict[RawFile, str]) -> BadFilesError:
        return BadFilesError([(file.path, bad[file]) for file in self.files if file in bad], self.skip_bad)

    def _splits(self, parts: tuple[str, ...], results: list[Gathered]) -> dict[str, SplitInfo]:
        shards: dict[str, list[Shard]] = {split: [] for split in parts}
        counts = {split: [0] * len(self.classes) for split in parts}
        for result in results:
            counts[result.split] = [a + b for a, b in zip(counts[result.split], result.counts, strict=True)]
            if result.shard is not None:
                shards[result.split].append(result.shard)
                sync(self.place / result.shard.file)
        return {split: SplitInfo(tuple(shards[split]), tuple(counts[split])) for split in parts}

    def _index(
        self, spill: Path, form: Format, stats: dict[RawFile, tuple[int, int]], good: list[PieceSummary]
    ) -> dict[str, SplitInfo]:
        write_index(self.place / INDEX, self.experiment.data.raw, spill, form, stats, good)
        sync(self.place / INDEX)
        warn_of_slow(good, form.stored)
        return count_splits(good)

    def _check_splits(self, splits: dict[str, SplitInfo]) -> None:
        for split, info in splits.items():
            if not info.events:
                key = "data.split" if split in SPLITS else "data.folds"
                raise self.experiment.problem(key, f"leaves no events for {split}")
            for label, events in zip(self.classes, info.counts, strict=True):
                if not events:
                    what = f"the {split} split" if split in SPLITS else split
                    log.warning("%s has no events of class %s", what, label)


def _warn_of_users(directory: Path) -> None:
    """Name the scans whose dataset is about to be replaced."""
    for user in users_of(directory):
        if user.finished:
            what = "`dlscan predict` and `dlscan scan` will refuse that scan unless"
        else:
            what = "its unfinished points will fail unless"
        log.warning(
            "%s uses the dataset that is being replaced; %s the new dataset has the same events in the same "
            "splits. Interrupt this to keep it, and give the new dataset its own data.prepared",
            user,
            what,
        )


def _require_other(experiment: Experiment, other: Experiment, index_only: bool) -> None:
    """Check that the events of another domain can be prepared."""
    if not other.data.raw.is_dir():
        raise experiment.problem("adversary.raw", f"no such directory: {other.data.raw}")
    if index_only:
        raise experiment.problem(
            "adversary", "an index of raw files cannot have another domain; prepare without --index-only"
        )
