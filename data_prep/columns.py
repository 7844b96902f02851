"""What the columns of a table are for, and its rows on their way into class directories."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from writing import RawWriter, Rows, expand, parse_pairs, parse_sources, rename, require, split_names

from dlscan.errors import DataError, UsageError


class Tables(Protocol):
    """How tables are read."""

    def columns(self, path: Path) -> list[str]:
        """The names of the columns of a file."""

    def chunks(self, path: Path, columns: Sequence[str], text: str | None) -> Iterator[pd.DataFrame]:
        """The rows of a file in pieces, the column `text` as text; the index counts rows from 0."""

    def place(self, path: Path, row: int) -> str:
        """Where a row is, for people."""


@dataclasses.dataclass(frozen=True)
class Roles:
    """What each column is for."""

    label: str | None
    features: list[str]
    extras: list[str]
    split: str | None
    every: bool

    @property
    def others(self) -> list[str]:
        """All columns that are not features."""
        return [*self.extras, *(name for name in (self.label, self.split) if name)]

    def check(self, path: Path, columns: Sequence[str]) -> None:
        """Complain about a role that no column of the file has, or that contradicts another."""
        require([*self.others, *self.features], columns, str(path))
        if self.every and (new := [name for name in columns if name not in (*self.features, *self.others)]):
            raise DataError(f"{path}: has a column {new[0]!r} more than the first file; choose by --columns")
        for name in (self.label, self.split):
            if name in self.features or name in self.extras:
                raise UsageError(
                    f"column {name!r} is the label or the split, it cannot be an input or an extra"
                )
        if "features" in self.others[: len(self.extras)] or self.split == "features":
            raise DataError(f"{path}: 'features' is the dataset of the inputs; rename that column")
        if not self.features:
            raise DataError(f"{path}: no column is left to be a feature")

    def rows(self, frame: pd.DataFrame, path: Path, tables: Tables) -> Rows:
        """The datasets of the rows of `frame`, checked: `features` (N, F) float32, all others (N,)."""
        names = [*self.features, *self.extras, *([self.split] if self.split else [])]
        numbers = np.column_stack(
            [pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64) for name in names]
        )
        with np.errstate(over="ignore"):  # becomes infinite, and is found below
            features = numbers[:, : len(self.features)].astype(np.float32)
        good = np.isfinite(numbers)
        good[:, : len(self.features)] &= np.isfinite(features)
        if self.split:
            good[:, -1] &= numbers[:, -1] == np.rint(numbers[:, -1])
        if not good.all():
            row, column = np.argwhere(~good)[0]
            kind = "a whole number" if names[column] == self.split else "a finite number (as float32)"
            raise _bad_value(frame, int(row), names[column], kind, path, tables)
        rows: Rows = {"features": features}
        for column, name in enumerate(names[len(self.features) :], len(self.features)):
            rows[name] = numbers[:, column].astype(np.int64 if name == self.split else np.float64)
        return rows

    def labels(self, frame: pd.DataFrame, path: Path, tables: Tables) -> NDArray[Any]:
        """The label of each row of `frame`, from its column."""
        column = frame[self.label]
        if column.isna().any():
            row = int(np.flatnonzero(column.isna())[0])
            raise _bad_value(frame, row, str(self.label), "a label", path, tables)
        return column.str.strip().to_numpy(dtype=object)


def _bad_value(frame: pd.DataFrame, row: int, name: str, kind: str, path: Path, tables: Tables) -> DataError:
    value = frame[name].iloc[row]
    place = tables.place(path, int(frame.index[row]))
    wrong = "has no value" if pd.isna(value) else f"{str(value)!r} is not {kind}"
    return DataError(f"{path}, {place}, column {name!r}: {wrong}")


def choose(path: Path, tables: Tables, features: list[str] | None, **others: Any) -> Roles:
    """What each column is for: without `features` all that are nothing else."""
    if features is not None:
        return Roles(features=features, every=False, **others)
    roles = Roles(features=[], every=True, **others)
    left = [name for name in tables.columns(path) if name not in roles.others]
    return dataclasses.replace(roles, features=left)


def write_tables(
    program: str,
    tables: Tables,
    out: Path,
    sources: Sequence[str],
    *,
    label_column: str | None,
    labels: str | None,
    columns: str | None,
    extras: str | None,
    split_column: str | None,
    events_per_file: int,
    force: bool,
) -> str:
    """Make class directories from tables; the others are the options of the recipes. What was written."""
    if labels and not label_column:
        raise UsageError("--labels renames the values of --label-column, which is not given")
    sources_by_label = parse_sources(sources, labelled=label_column is None)
    files = [(label, path) for label, pattern in sources_by_label for path in expand(pattern)]
    others = {"extras": split_names(extras) or [], "split": split_column, "label": label_column}
    roles = choose(files[0][1], tables, split_names(columns), **others)
    with RawWriter(out, program, roles.features, events_per_file, force) as writer:
        for label, path in files:
            _convert(path, label, tables, roles, parse_pairs(labels, "--labels"), writer)
    return writer.summary()


def _convert(
    path: Path, label: str | None, tables: Tables, roles: Roles, names: dict[str, str], writer: RawWriter
) -> None:
    """Write the rows of a table, of one class or of those that a column says."""
    columns = tables.columns(path)
    roles.check(path, columns)
    events = 0
    for frame in tables.chunks(path, columns, roles.label):
        events += len(frame)
        rows = roles.rows(frame, path, tables)
        if label is None:
            writer.add(rename(roles.labels(frame, path, tables), names, str(path)), rows)
        else:
            writer.add(np.full(len(frame), label, dtype=object), rows)
    if not events:
        raise DataError(f"{path}: holds no events")
