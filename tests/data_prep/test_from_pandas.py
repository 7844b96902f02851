"""Tables that pandas wrote become class directories, value by value, or nothing at all."""

import os
import pickle
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

pytest.importorskip("pyarrow")

Recipe = Callable[..., "subprocess.CompletedProcess[str]"]
ReadClass = Callable[[Path], dict[str, NDArray[Any]]]

# written by DataFrame.to_hdf of pandas 3.1 with PyTables 3.11; pandas alone cannot
STORES = Path(__file__).parent / "stores"
ROWS = 50


def frame() -> pd.DataFrame:
    """What most of the stores hold, some without `kind`: columns of all types."""
    row = np.arange(ROWS)
    columns = {"pt": row / 7, "number": row % 3, "eta": (row / 3).astype("f4"), "flag": row % 2 == 0}
    return pd.DataFrame({**columns, "run": row + 2**40, "kind": np.array(["g", "h"])[row % 2]})


@pytest.fixture
def stores(tmp_path: Path) -> None:
    """The stores, and the same as Parquet."""
    for path in STORES.glob("*.h5"):
        shutil.copy(path, tmp_path)
    frame().to_parquet(tmp_path / "texts.parquet")
    frame().drop(columns="kind").to_parquet(tmp_path / "a.pq")


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("name", ["fixed.h5", "table.h5", "columns.h5", "a.pq"])
def test_values_are_those_of_the_table(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path, name: str
) -> None:
    options = ["--labels", "0=a,1=b,2=c", "--extras", "run", "--events-per-file", 7]
    done = recipe("from_pandas", "raw", name, "--label-column", "number", *options)
    assert (done.returncode, done.stderr) == (0, "")
    for number, label in enumerate("abc"):
        found, truth = read_class(tmp_path / "raw" / label), frame()[frame()["number"] == number]
        wanted = truth[["pt", "eta", "flag"]].to_numpy(np.float32)
        np.testing.assert_array_equal(found["features"], wanted)
        np.testing.assert_array_equal(found["run"], truth["run"])
    with h5py.File(tmp_path / "raw/a/a_1.h5") as handle:
        assert handle.attrs["columns"] == "pt,eta,flag"


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize("name", ["texts.h5", "texts.parquet"])
def test_a_column_of_texts_says_the_class(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path, name: str
) -> None:
    done = recipe("from_pandas", "raw", name, "--label-column", "kind", "--columns", "pt")
    assert (done.returncode, done.stderr) == (0, "")
    for label in "gh":
        wanted = frame()["pt"][frame()["kind"] == label].to_numpy(np.float32)
        np.testing.assert_array_equal(read_class(tmp_path / "raw" / label)["features"][:, 0], wanted)


@pytest.mark.usefixtures("stores")
def test_columns_without_names_have_numbers_and_a_key_chooses(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    done = recipe("from_pandas", "raw", "A=two.h5", "--key", "/two", "--columns", "2,0")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(
        read_class(tmp_path / "raw/A")["features"], 100 + np.arange(12).reshape(4, 3)[:, [2, 0]]
    )


class _Runs:
    """A pickle that makes a file when somebody loads it."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.path),)


@pytest.mark.usefixtures("stores")
@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (["A=none.h5"], ["none.h5: no such file"]),
        (["A=two.h5"], ["two.h5: has 2 tables (one, two); say which by --key"]),
        (["A=two.h5", "--key", "ton"], ["two.h5: has no table 'ton'"]),
        (["A=fixed.h5", "--columns", "ptt"], ["fixed.h5: has no column 'ptt'; did you mean 'pt'?"]),
        (["A=pickled.h5"], ["pickled.h5: cannot be read (flag: texts are pickled in this format"]),
        (["A=nan.h5"], ["nan.h5, row 3, column 'pt': has no value"]),
        (["A=broken.h5"], ["broken.h5: cannot be read"]),
        (["A=broken.parquet"], ["broken.parquet: cannot be read"]),
        (["A=evil.h5"], ["evil.h5: cannot be read (names are not written as names: posix.mkdir)"]),
    ],
)
def test_mistake_is_one_line_and_leaves_nothing(
    recipe: Recipe, tmp_path: Path, arguments: list[str], parts: list[str]
) -> None:
    shutil.copy(STORES / "fixed.h5", tmp_path / "pickled.h5")
    with h5py.File(tmp_path / "pickled.h5", "r+") as file:
        del file["df/block3_values"]
        # as PyTables writes objects
        file.create_dataset("df/block3_values", (1,), h5py.vlen_dtype(np.uint8))
    for name in ("nan.h5", "evil.h5"):
        shutil.copy(STORES / "table.h5", tmp_path / name)
    with h5py.File(tmp_path / "nan.h5", "r+") as file:
        rows = file["deep/df/table"][:]
        rows["values_block_0"][3] = np.nan
        file["deep/df/table"][:] = rows
    with h5py.File(tmp_path / "evil.h5", "r+") as file:
        runs = pickle.dumps(_Runs(tmp_path / "ran"), 0)
        file["deep/df/table"].attrs["values_block_0_kind"] = np.bytes_(runs)
    for name in ("broken.h5", "broken.parquet"):
        (tmp_path / name).write_bytes(b"PAR1 nothing")
    before = sorted(tmp_path.rglob("*"))
    done = recipe("from_pandas", "raw", *arguments)
    assert done.returncode == 1, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_help_shows_examples(recipe: Recipe) -> None:
    done = recipe("from_pandas", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "from_pandas.py raw events_anomalydetection.h5" in done.stdout
