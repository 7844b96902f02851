"""Rows of tables into class directories, whole or not at all, and what the recipes for tables share."""

from __future__ import annotations

import contextlib
import dataclasses
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, NoReturn

import click
import numpy as np
from numpy.typing import NDArray

from dlscan.errors import DataError, DlscanError, UsageError
from dlscan.files import sync
from dlscan.hdf5 import open_hdf5, written_hdf5
from dlscan.spelling import hint


class Lists:
    """A list of numbers per event, of any length.

    Parameters
    ----------
    counts : ndarray of int, (N,)
        How long each is.
    values : ndarray, (sum of counts,)
        All of them, one behind the other.
    """

    def __init__(self, counts: NDArray[Any], values: NDArray[Any]) -> None:
        self.counts, self.values = counts, values

    def __len__(self) -> int:
        return len(self.counts)

    def __getitem__(self, chosen: slice | NDArray[np.bool_]) -> Lists:
        mask = np.zeros(len(self), bool)
        mask[chosen] = True
        return Lists(self.counts[mask], self.values[np.repeat(mask, self.counts)])

    @property
    def offsets(self) -> NDArray[np.int64]:
        """Where each begins, and the end; (N + 1,)."""
        return np.concatenate([[0], np.cumsum(self.counts)]).astype(np.int64)

    def copy(self) -> Lists:
        """The same in memory of its own."""
        return Lists(self.counts.copy(), self.values.copy())


Rows = dict[str, "NDArray[Any] | Lists"]

OFFSETS = "_offsets"  # behind the name of a dataset of lists: where the list of each event begins
MOST_CLASSES = 1000  # a column with more values is no label but a measurement, chosen by mistake
CHUNK_BYTES = 2**18  # small enough to read few events without waste, large enough to compress well
MARK = "recipe"  # the attribute by which --force tells its own files from others'


@dataclasses.dataclass
class _Class:
    """What a class has so far: rows that wait for a file, files written, events in all."""

    waiting: list[Rows] = dataclasses.field(default_factory=list)
    held: int = 0
    files: int = 0
    events: int = 0


class RawWriter:
    """Collects rows per class and writes them as `OUT/<label>/<label>_<number>.h5`.

    Use it in a `with`. Files are finished in a hidden directory of `out` and take their places together when
    the block ends well; after an error `out` is as it was.

    Parameters
    ----------
    out : Path
        Holds the class directories; made if it is missing.
    recipe : str
        Who writes.
    columns : sequence of str
        Names of the columns of the dataset `features`; may be empty.
    events : int
        Per file; the last one of a class may have fewer.
    force : bool
        Write into class directories that are not empty: files of this recipe are replaced, others stay.
    """

    def __init__(self, out: Path, recipe: str, columns: Sequence[str], events: int, force: bool) -> None:
        self.out, self.recipe, self.columns, self.events, self.force = out, recipe, columns, events, force
        self._classes: dict[str, _Class] = {}
        self._layout: dict[str, tuple[np.dtype[Any], Any]] = {}
        if commas := [name for name in columns if "," in name]:
            raise DataError(f"column {commas[0]!r}: a comma separates names, so it cannot be part of one")

    def __enter__(self) -> RawWriter:
        self._made = [path for path in (self.out, *self.out.parents) if not path.exists()]
        self.out.mkdir(parents=True, exist_ok=True)
        self._staging = Path(tempfile.mkdtemp(prefix=".unfinished-", dir=self.out))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                self._finish()
        finally:
            shutil.rmtree(self._staging)
            for directory in self._made:
                with contextlib.suppress(OSError):  # not empty: all went well
                    directory.rmdir()

    def add(self, labels: NDArray[Any], rows: Rows) -> None:
        """Take rows in.

        Parameters
        ----------
        labels : ndarray of str, (N,)
            The class of each row.
        rows : dict of str to ndarray, each (N, ...)
            By dataset; the same names, types and shapes in every call.

        Raises
        ------
        DataError
            If a label cannot be a directory, or its directory is not empty, or rows do not fit the earlier.
        """
        layout = {name: _layout(values) for name, values in rows.items()}
        self._layout = self._layout or layout
        for name, found in layout.items():
            if found != (before := self._layout.get(name)):
                raise DataError(f"{name}: type and shape per event were {before} so far and are {found} now")
        for label in dict.fromkeys(labels.tolist()):
            if label not in self._classes:
                self._open_class(label)
            mine = labels == label
            one = self._classes[label]
            one.waiting.append({name: values[mine] for name, values in rows.items()})
            one.held += int(mine.sum())
            if one.held >= self.events:
                self._write_files(label, one, one.held - one.held % self.events)

    def summary(self) -> str:
        """One line per class: its directory, events and files."""
        return "\n".join(
            f"{self.out / label}: {one.events} events in {one.files} file{'s' * (one.files > 1)}"
            for label, one in sorted(self._classes.items())
        )

    def _open_class(self, label: str) -> None:
        if label in ("", "nan", "inf", "-inf") or label[0] == "." or "/" in label or "\0" in label:
            raise DataError(f"label {label!r} cannot be the name of a directory; rename it with --labels")
        if len(self._classes) == MOST_CLASSES:
            raise DataError(f"more than {MOST_CLASSES} labels, {label!r} for one; is that the label column?")
        directory = self.out / label
        if not self.force and directory.is_dir() and any(directory.iterdir()):
            hint = f"choose another OUT, or --force to replace what {self.recipe} wrote"
            raise DataError(f"{directory} is not empty; {hint}")
        self._classes[label] = _Class()
        (self._staging / label).mkdir()

    def _write_files(self, label: str, one: _Class, stop: int) -> None:
        joined = {name: _joined([rows[name] for rows in one.waiting]) for name in one.waiting[0]}
        for first in range(0, stop, self.events):
            end = min(first + self.events, stop)
            self._write_file(label, one, {name: values[first:end] for name, values in joined.items()})
        # a copy, because a view would keep all of `joined` in memory
        one.waiting = [{name: values[stop:].copy() for name, values in joined.items()}]
        one.held -= stop

    def _write_file(self, label: str, one: _Class, rows: Rows) -> None:
        one.files += 1
        one.events += len(next(iter(rows.values())))
        name = f"{label}_{one.files}.h5"
        target = self.out / label / name
        if target.exists() and not self._is_own(target):
            raise DataError(f"{target} was not written by {self.recipe} and stays; choose another OUT")
        with written_hdf5(self._staging / label / name) as handle:
            handle.attrs.update({"class": label, MARK: self.recipe})
            if self.columns:
                handle.attrs["columns"] = ",".join(self.columns)
            for dataset, values in rows.items():
                if isinstance(values, Lists):
                    _write(handle, dataset + OFFSETS, values.offsets)
                    _write(handle, dataset, values.values)
                else:
                    _write(handle, dataset, values)

    def _is_own(self, path: Path) -> bool:
        with contextlib.suppress(OSError), open_hdf5(path) as handle:
            return bool(handle.attrs.get(MARK) == self.recipe)
        return False

    def _finish(self) -> None:
        for label, one in self._classes.items():
            if one.held:
                self._write_files(label, one, one.held)
        for label in self._classes:
            directory = self.out / label
            directory.mkdir(exist_ok=True)
            old = [path for path in directory.glob("*.h5") if self._is_own(path)]
            finished = list((self._staging / label).iterdir())
            for path in finished:
                sync(path)
                path.replace(directory / path.name)
            for path in {*old} - {directory / path.name for path in finished}:
                path.unlink()
            sync(directory)


def _layout(values: NDArray[Any] | Lists) -> tuple[np.dtype[Any], Any]:
    """Type and shape per event."""
    if isinstance(values, Lists):
        return values.values.dtype, "a list"
    return values.dtype, values.shape[1:]


def _joined(parts: Sequence[Any]) -> Any:
    """Values of events, one part behind the other."""
    if not isinstance(parts[0], Lists):
        return np.concatenate(parts)
    counts, values = ([getattr(part, name) for part in parts] for name in ("counts", "values"))
    return Lists(np.concatenate(counts), np.concatenate(values))


def _write(handle: Any, dataset: str, values: NDArray[Any]) -> None:
    if not len(values):  # lists of a file may all be empty
        handle.create_dataset(dataset, data=values)
        return
    length = min(max(CHUNK_BYTES // max(values[0].nbytes, 1), 1), len(values))
    options = {"compression": "gzip", "compression_opts": 4, "shuffle": True}
    handle.create_dataset(dataset, data=values, chunks=(length, *values.shape[1:]), **options)


def parse_sources(texts: Iterable[str], labelled: bool) -> list[tuple[str | None, str]]:
    """Read `LABEL=FILE` arguments if `labelled`, else plain `FILE`, as pairs of label (or None) and file."""
    if not labelled:
        return [(None, text) for text in texts]
    hint = "a source is LABEL=FILE, or a FILE if --label-column names the column of the labels"
    return [_pair(text, hint) for text in texts]


def parse_pairs(text: str | None, option: str) -> dict[str, str]:
    """Read `a=b,c=d`."""
    return dict(_pair(item, f"{option} takes NAME=VALUE,NAME=VALUE") for item in split_names(text) or [])


def _pair(text: str, hint: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not (name and value):
        raise UsageError(f"{text!r}: {hint}")
    return name, value


def expand(pattern: str) -> list[Path]:
    """The files, at least one, of `pattern`: a path whose name may have wildcards as in a shell."""
    path = Path(pattern)
    if found := [path] if path.exists() else sorted(path.parent.glob(path.name)):
        return found
    raise DataError(f"{pattern}: no such file")


def split_names(text: str | None) -> list[str] | None:
    """Read `a,b,c`; None stays None."""
    return None if text is None else [name.strip() for name in text.split(",") if name.strip()]


def rename(labels: NDArray[Any], names: Mapping[str, str], where: str) -> NDArray[Any]:
    """Replace labels by their `names`; without any, they stay."""
    if not names:
        return labels
    if unnamed := sorted({*labels.tolist()} - {*names}):
        raise DataError(f"{where}: --labels has no name for {unnamed[0]!r}; it has {', '.join(names)}")
    return np.array([names[label] for label in labels.tolist()], dtype=object)


def require(names: Iterable[str], valid: Sequence[str], where: str, kind: str = "column") -> None:
    """Raise `DataError`, with the nearest valid one, for a name that does not exist in the file `where`."""
    for name in names:
        if name not in valid:
            raise DataError(f"{where}: has no {kind} {name!r}; {hint(name, valid)}")


def run(command: click.Command) -> NoReturn:
    """Run `command` and exit: a user's mistake is one line on stderr, 1 for data and 2 for usage."""
    # a batch system ends jobs so; leaving as by an exception lets the writer clean up
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        command.main(standalone_mode=False)
        sys.exit(0)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (DlscanError, OSError) as error:
        click.echo(f"Error: {error}", err=True)
        sys.exit(error.exit_code if isinstance(error, DlscanError) else 1)
    except (KeyboardInterrupt, click.Abort):
        click.echo("Interrupted.", err=True)
        sys.exit(130)
