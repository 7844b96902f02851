"""Class directories of HDF5 files from tables that pandas wrote: HDFStore (fixed and table) and Parquet."""

from __future__ import annotations

import dataclasses
import importlib
import io
import pickle
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import click
import h5py
import numpy as np
import pandas as pd
from columns import write_tables
from numpy.typing import NDArray
from writing import require, run

from dlscan.errors import DataError, DlscanError
from dlscan.hdf5 import open_hdf5
from dlscan.raw.faults import RawError
from dlscan.raw.filters import require_filters

# Numbers that are in memory at once, however long the file is.
CHUNK_CELLS = 4_000_000
PARQUET = (".parquet", ".pq")
KINDS = ("frame", "frame_table")

# Gives columns by name for rows from one to another.
Read = Callable[[int, int, Sequence[str]], dict[str, NDArray[Any]]]


@dataclasses.dataclass(frozen=True)
class Opened:
    """A table: its columns, how many rows, and how to read some."""

    names: list[str]
    rows: int
    read: Read


@dataclasses.dataclass(frozen=True)
class Frames:
    """Tables of a kind; `key` names the one in a store, None is the only one there."""

    key: str | None

    def columns(self, path: Path) -> list[str]:
        """The names of the columns of the file."""
        if path.suffix in PARQUET:
            return list(map(str, _parquet(path).schema_arrow.names))
        with _store(path) as file:
            return self._opened(path, file).names

    def chunks(self, path: Path, columns: Sequence[str], text: str | None) -> Iterator[pd.DataFrame]:
        """Read the file in pieces, the column `text` as text; the index counts rows from 0."""
        step, first = max(1, CHUNK_CELLS // len(columns)), 0
        for piece in self._pieces(path, columns, step):
            frame = pd.DataFrame({name: _plain(values) for name, values in piece.items()})
            frame.index = pd.RangeIndex(first, first + len(frame))
            if text:
                frame[text] = _as_text(frame[text])
            yield frame
            first += len(frame)

    def place(self, path: Path, row: int) -> str:
        """The row, counted from 0."""
        return f"row {row}"

    def _pieces(self, path: Path, columns: Sequence[str], step: int) -> Iterator[dict[str, Any]]:
        if path.suffix in PARQUET:
            for batch in _parquet(path).iter_batches(step, columns=list(columns)):
                yield {name: batch.column(name).to_numpy(zero_copy_only=False) for name in columns}
            return
        with _store(path) as file:
            opened = self._opened(path, file)
            for first in range(0, opened.rows, step):
                try:
                    yield opened.read(first, min(first + step, opened.rows), columns)
                except (OSError, ValueError, LookupError) as error:
                    raise _unreadable(path, error) from None

    def _opened(self, path: Path, file: h5py.File) -> Opened:
        found: dict[str, h5py.Group] = {}

        def note(name: str, item: Any) -> None:
            if isinstance(item, h5py.Group) and _text(item.attrs.get("pandas_type")) in KINDS:
                found[name] = item

        file.visititems(note)
        if self.key is None and len(found) != 1:
            hint = "say which by --key" if found else "write it with DataFrame.to_hdf"
            raise DataError(f"{path}: has {len(found)} tables ({', '.join(found) or 'none'}); {hint}")
        require([self.key] if self.key else [], list(found), str(path), "table")
        group = found[self.key or next(iter(found))]
        try:
            return _fixed(group) if _text(group.attrs["pandas_type"]) == "frame" else _table(group)
        except (RawError, LookupError, ValueError, StopIteration, pickle.UnpicklingError) as error:
            raise _unreadable(path, error) from None


def _fixed(group: h5py.Group) -> Opened:
    """A store of blocks: columns of one type together."""
    places: dict[str, tuple[h5py.Dataset, int]] = {}
    for number in range(int(group.attrs["nblocks"])):
        names, values = _labels(group[f"block{number}_items"]), group[f"block{number}_values"]
        if values.dtype.kind == "O":
            # running what a file of somebody else says is not reading it
            what = f"{', '.join(names)}: texts are pickled in this format"
            raise ValueError(f"{what}; write with format='table', or drop them")
        require_filters(values, values.name)
        places |= {name: (values, column) for column, name in enumerate(names)}

    def read(first: int, last: int, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
        blocks = {places[name][0].name: places[name][0] for name in columns}
        values = {name: block[first:last] for name, block in blocks.items()}
        return {name: values[places[name][0].name][:, places[name][1]] for name in columns}

    return Opened(_labels(group["axis0"]), len(group["axis1"]), read)


def _table(group: h5py.Group) -> Opened:
    """A store of rows."""
    table = group["table"]
    require_filters(table, table.name)
    places: dict[str, tuple[str, int | None]] = {}
    for field in _listed(group.attrs["values_cols"]):
        single = table.dtype[field].shape == ()
        for column, name in enumerate(_listed(table.attrs[f"{field}_kind"])):
            places[name] = field, None if single else column
    names = next(names for axis, names in _unpickled(group.attrs["non_index_axes"]) if axis == 1)

    def read(first: int, last: int, columns: Sequence[str]) -> dict[str, NDArray[Any]]:
        rows = table[first:last]
        pairs = {name: places[name] for name in columns}
        return {
            name: rows[field] if at is None else rows[field][:, at] for name, (field, at) in pairs.items()
        }

    return Opened(list(map(str, names)), len(table), read)


class _Lists(pickle.Unpickler):
    """PyTables writes lists of names as pickles: of lists, numbers and texts alone, nothing that runs."""

    def find_class(self, module: str, name: str) -> Any:
        raise ValueError(f"names are not written as names: {module}.{name}")


def _unpickled(value: Any) -> Any:
    return _Lists(io.BytesIO(bytes(value))).load()


def _listed(value: Any) -> list[str]:
    return list(map(str, _unpickled(value)))


def _labels(dataset: h5py.Dataset) -> list[str]:
    if dataset.dtype.kind not in "Siuf":
        raise ValueError(f"{dataset.name} holds no names")
    return [item.decode() if isinstance(item, bytes) else str(item) for item in dataset[:].tolist()]


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _plain(values: NDArray[Any]) -> NDArray[Any]:
    """Numbers, or texts as objects."""
    if values.dtype.kind == "S":
        return np.array([item.decode(errors="replace") for item in values.tolist()], object)
    return values


def _as_text(values: pd.Series[Any]) -> pd.Series[Any]:
    """Labels as text: whole numbers without a point, booleans as 0 and 1; what is missing stays so."""
    if values.dtype.kind == "f":
        whole = values.map(lambda value: np.format_float_positional(value, trim="-"), na_action="ignore")
        return whole.astype(object)
    return (values.astype(np.int8) if values.dtype == bool else values).astype(str).where(values.notna())


def _store(path: Path) -> h5py.File:
    try:
        return open_hdf5(path)
    except OSError as error:
        raise _unreadable(path, error) from None


def _parquet(path: Path) -> Any:
    try:
        module = importlib.import_module("pyarrow.parquet")
    except ImportError:
        raise DlscanError("Parquet files are read by pyarrow: pip install 'dlscan[parquet]'") from None
    try:
        return module.ParquetFile(path)
    except (OSError, ValueError) as error:  # pyarrow has no kind of its own
        raise _unreadable(path, error) from None


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read ({' '.join(str(error).split()) or repr(error)})")


@click.command(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.argument("out", type=click.Path(path_type=Path))
@click.argument("sources", nargs=-1, required=True, metavar="FILE... | LABEL=FILE...")
@click.option("--key", metavar="KEY", help="The table in a store.  [default: the only one]")
@click.option("--label-column", metavar="COLUMN", help="Its value is the class; without it, give LABEL=FILE.")
@click.option("--labels", metavar="A=B,...", help="Call the class with value A of the label column B.")
@click.option(
    "--columns", metavar="A,B,...", help="The features.  [default: all columns without another role]"
)
@click.option("--extras", metavar="A,B,...", help="Columns to carry along, a dataset of float64 each.")
@click.option("--split-column", metavar="COLUMN", help="Whole numbers that say the split, a dataset too.")
@click.option("--events-per-file", type=click.IntRange(min=1), default=1000, show_default=True)
@click.option("--force", is_flag=True, help="Replace files that an earlier run wrote; others stay.")
def from_pandas(
    out: Path,
    sources: tuple[str, ...],
    key: str | None,
    **asked: Any,
) -> None:
    """Make class directories for dlscan from tables that pandas wrote.

    These are HDF5 stores, written by DataFrame.to_hdf in either format, and Parquet files (.parquet, .pq). An
    event is a row. The feature columns become the dataset `features`, float32 (events, columns), in
    OUT/<label>/<label>_<number>.h5; their names are the files' attribute `columns`.

    \b
    One table, in which a column says the class (a column without a name has its number):
      from_pandas.py raw events_anomalydetection.h5 --label-column 2100 --labels 0=QCD,1=Signal

    \b
    A table per class, or several ('quotes' keep the shell from expanding the wildcard):
      from_pandas.py raw Gamma=gamma.parquet 'Hadron=hadron_*.parquet' --extras energy,run

    Every value must be a finite number. On any error OUT stays as it was.
    """
    tables = Frames(key.strip("/") if key else None)
    click.echo(write_tables("from_pandas", tables, out, sources, **asked))


if __name__ == "__main__":
    run(from_pandas)
