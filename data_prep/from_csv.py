"""Class directories of HDF5 files from tables as text."""

from __future__ import annotations

import csv
import dataclasses
import gzip
import itertools
import warnings
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import click
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from writing import RawWriter, Rows, expand, parse_pairs, parse_sources, rename, require, run, split_names

from dlscan.errors import DataError, UsageError

# Numbers that are in memory at once: some tens of MB as text, however long the file is.
CHUNK_CELLS = 1_000_000
WHITESPACE = r"\s+"
SEPARATORS = {"tab": "\t", r"\t": "\t", "space": WHITESPACE, " ": WHITESPACE}


@dataclasses.dataclass(frozen=True)
class Text:
    """How tables are written: what separates fields, and whether the first line or `names` name them."""

    separator: str
    header: bool
    names: list[str] | None

    def __post_init__(self) -> None:
        if len(self.separator) != 1 and self.separator != WHITESPACE:
            raise UsageError(f"--separator is one character, tab or space, got {self.separator!r}")

    def columns(self, path: Path) -> list[str]:
        """The names of the columns of the file."""
        first = next(self._read(path, nrows=1))
        if self.header:
            return [str(name).strip() for name in first.columns]
        names = self.names or [f"column_{number}" for number in range(1, first.shape[1] + 1)]
        if len(names) != first.shape[1]:
            raise DataError(f"{path}: has {first.shape[1]} columns, --names has {len(names)} names")
        return names

    def chunks(self, path: Path, columns: Sequence[str], text: str | None) -> Iterator[pd.DataFrame]:
        """Read the file in pieces, the column `text` as it is written; the index counts rows from 0."""
        types = {text: str} if text else None
        yield from self._read(path, names=columns, dtype=types, chunksize=max(1, CHUNK_CELLS // len(columns)))

    def line(self, path: Path, row: int) -> int:
        """The line where a row of data ends; blank and quoted lines make it differ from the row's number."""
        spaces = self.separator == WHITESPACE
        with _open(path) as handle:
            reader = csv.reader(handle, delimiter=" " if spaces else self.separator)
            # fields without a letter between separators are a row that lacks values, not a blank line
            ends = (
                reader.line_num
                for fields in reader
                if "".join(fields).strip() or (len(fields) > 1 and not spaces)
            )
            return next(itertools.islice(ends, row + self.header, None))

    def _read(self, path: Path, **options: Any) -> Iterator[pd.DataFrame]:
        options |= {"sep": self.separator, "index_col": False, "skipinitialspace": True}
        options["header"] = 0 if self.header else None
        try:
            with _open(path) as handle:
                # low_memory would let a column have several types in one chunk
                read: Any = pd.read_csv(handle, low_memory=False, **options)
                yield from [read] if isinstance(read, pd.DataFrame) else read
        except pd.errors.ParserWarning:
            raise DataError(f"{path}: lines have more fields than there are names") from None
        except pd.errors.ParserError as error:
            reason = " ".join(str(error).split()).removeprefix("Error tokenizing data. C error: ")
            raise DataError(f"{path}: {reason}") from None
        except pd.errors.EmptyDataError:
            raise DataError(f"{path}: is empty") from None
        except (UnicodeDecodeError, EOFError, gzip.BadGzipFile) as error:
            raise DataError(f"{path}: is no text in UTF-8 ({error})") from None


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

    def rows(self, frame: pd.DataFrame, path: Path, text: Text) -> Rows:
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
            raise _bad_value(frame, int(row), names[column], kind, path, text)
        rows = {"features": features}
        for column, name in enumerate(names[len(self.features) :], len(self.features)):
            rows[name] = numbers[:, column].astype(np.int64 if name == self.split else np.float64)
        return rows

    def labels(self, frame: pd.DataFrame, path: Path, text: Text) -> NDArray[Any]:
        """The label of each row of `frame`, from its column."""
        column = frame[self.label]
        if column.isna().any():
            row = int(np.flatnonzero(column.isna())[0])
            raise _bad_value(frame, row, str(self.label), "a label", path, text)
        return column.str.strip().to_numpy(dtype=object)


def _bad_value(frame: pd.DataFrame, row: int, name: str, kind: str, path: Path, text: Text) -> DataError:
    value = frame[name].iloc[row]
    line = text.line(path, int(frame.index[row]))
    wrong = "has no value" if pd.isna(value) else f"{str(value)!r} is not {kind}"
    return DataError(f"{path}, line {line}, column {name!r}: {wrong}")


def _open(path: Path) -> IO[str]:
    # utf-8-sig: spreadsheets put a byte order mark before the first name
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True, metavar="FILE... | LABEL=FILE...")
@click.option("--label-column", metavar="COLUMN", help="Its text is the class; without it, give LABEL=FILE.")
@click.option("--labels", metavar="A=B,...", help="Call the class A of the label column B.")
@click.option(
    "--columns", metavar="A,B,...", help="The features.  [default: all columns without another role]"
)
@click.option("--extras", metavar="A,B,...", help="Columns to carry along, a dataset of float64 each.")
@click.option("--split-column", metavar="COLUMN", help="Whole numbers that say the split, a dataset too.")
@click.option(
    "--no-header", is_flag=True, help="The first line holds data; columns are column_1, column_2 ..."
)
@click.option("--names", metavar="A,B,...", help="Names of all columns of files without a header.")
@click.option("--separator", default=",", show_default=True, help="One character, or: tab, space.")
@click.option("--events-per-file", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--force", is_flag=True, help="Replace files that an earlier run wrote; others stay.")
def from_csv(
    out: Path,
    sources: tuple[str, ...],
    label_column: str | None,
    labels: str | None,
    columns: str | None,
    extras: str | None,
    split_column: str | None,
    no_header: bool,
    names: str | None,
    separator: str,
    events_per_file: int,
    force: bool,
) -> None:
    """Make class directories for dlscan from tables as text (CSV, also .csv.gz).

    An event is a row. The feature columns become the dataset `features`, float32 (events, columns), in
    OUT/<label>/<label>_<number>.h5; their names are the files' attribute `columns`.

    \b
    One table, in which a column says the class:
      from_csv.py raw events.csv --label-column class
      from_csv.py raw magic.data --names width,size,alpha,class --label-column class --labels g=Gamma,h=Hadron

    \b
    A table per class, or several ('quotes' keep the shell from expanding the wildcard):
      from_csv.py raw Gamma=gamma.csv 'Hadron=hadron_*.csv.gz' --extras energy,run --split-column split

    Every value must be a finite number. On any error OUT stays as it was.
    """
    # pandas only warns of lines that are longer than the header, and drops what is too much
    warnings.simplefilter("error", pd.errors.ParserWarning)
    text = Text(SEPARATORS.get(separator, separator), not (no_header or names), split_names(names))
    if labels and not label_column:
        raise UsageError("--labels renames the values of --label-column, which is not given")
    sources_by_label = parse_sources(sources, labelled=label_column is None)
    tables = [(label, path) for label, pattern in sources_by_label for path in expand(pattern)]
    others = {"extras": split_names(extras) or [], "split": split_column, "label": label_column}
    roles = _choose(tables[0][1], text, split_names(columns), **others)
    with RawWriter(out, "from_csv", roles.features, events_per_file, force) as writer:
        for label, path in tables:
            _convert(path, label, text, roles, parse_pairs(labels, "--labels"), writer)
    click.echo(writer.summary())


def _choose(path: Path, text: Text, features: list[str] | None, **others: Any) -> Roles:
    if features is not None:
        return Roles(features=features, every=False, **others)
    roles = Roles(features=[], every=True, **others)
    left = [name for name in text.columns(path) if name not in roles.others]
    return dataclasses.replace(roles, features=left)


def _convert(
    path: Path, label: str | None, text: Text, roles: Roles, names: dict[str, str], writer: RawWriter
) -> None:
    columns = text.columns(path)
    roles.check(path, columns)
    events = 0
    for frame in text.chunks(path, columns, roles.label):
        events += len(frame)
        rows = roles.rows(frame, path, text)
        if label is None:
            writer.add(rename(roles.labels(frame, path, text), names, str(path)), rows)
        else:
            writer.add(np.full(len(frame), label, dtype=object), rows)
    if not events:
        raise DataError(f"{path}: holds no events")


if __name__ == "__main__":
    run(from_csv)
