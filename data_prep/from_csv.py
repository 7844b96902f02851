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
import pandas as pd
from columns import write_tables
from writing import run, split_names

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

    def place(self, path: Path, row: int) -> str:
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
            return f"line {next(itertools.islice(ends, row + self.header, None))}"

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
    no_header: bool,
    names: str | None,
    separator: str,
    **asked: Any,
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
    click.echo(write_tables("from_csv", text, out, sources, **asked))


if __name__ == "__main__":
    run(from_csv)
