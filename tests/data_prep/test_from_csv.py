"""Tables as text become class directories, value by value, or nothing at all."""

import gzip
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml
from click.testing import CliRunner
from numpy.typing import NDArray

from dlscan.config import load
from dlscan.errors import DataError
from dlscan.raw import check_files, find_files

Recipe = Callable[..., "subprocess.CompletedProcess[str]"]
ReadClass = Callable[[Path], dict[str, NDArray[Any]]]

TABLE = """width,alpha,class,energy,split
1.5,-2,Gamma,30.25,0
0.1,3e2,Hadron,12.125,1
7,0.3333333333333333,Gamma,1e12,1
"""


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table of three events."""
    path = tmp_path / "events 'of' $(x).csv"
    path.write_text(TABLE, encoding="utf-8")
    return path


def files_under(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def assert_fails(done: "subprocess.CompletedProcess[str]", *parts: str, code: int = 1) -> None:
    """Exit code, and one line on stderr that says all `parts`."""
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def test_values_are_those_of_the_table_with_a_label_column(
    recipe: Recipe, read_class: ReadClass, table: Path, tmp_path: Path
) -> None:
    roles = ["--label-column", "class", "--extras", "energy", "--split-column", "split"]
    done = recipe("from_csv", "raw", table.name, *roles)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == "raw/Gamma: 2 events in 1 file\nraw/Hadron: 1 events in 1 file\n"
    gamma, hadron = read_class(tmp_path / "raw/Gamma"), read_class(tmp_path / "raw/Hadron")
    assert sorted(gamma) == ["energy", "features", "split"]
    np.testing.assert_array_equal(gamma["features"], np.float32([[1.5, -2], [7, 0.3333333333333333]]))
    np.testing.assert_array_equal(hadron["features"], np.float32([[0.1, 300]]))
    np.testing.assert_array_equal(gamma["energy"], [30.25, 1e12])
    np.testing.assert_array_equal(gamma["split"], [0, 1])
    kinds = {name: values.dtype.str for name, values in gamma.items()}
    assert kinds == {"features": "<f4", "energy": "<f8", "split": "<i8"}


def test_files_look_like_other_raw_files(recipe: Recipe, table: Path, tmp_path: Path) -> None:
    recipe("from_csv", "raw", table, "--label-column", "class", "--columns", "alpha, width")
    assert files_under(tmp_path / "raw") == ["Gamma", "Gamma/Gamma_1.h5", "Hadron", "Hadron/Hadron_1.h5"]
    with h5py.File(tmp_path / "raw/Gamma/Gamma_1.h5") as handle:
        assert handle.attrs["columns"] == "alpha,width"
        assert handle.attrs["class"] == "Gamma"
        features = handle["features"]
        assert (features.compression, features.compression_opts, features.chunks[1]) == ("gzip", 4, 2)
        np.testing.assert_array_equal(features[:], np.float32([[-2, 1.5], [0.3333333333333333, 7]]))


def test_file_per_class_with_wildcard_gzip_and_spaces(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    (tmp_path / "g_1.txt").write_text("\ufeff  1   2\n\n 3 4 \n", encoding="utf-8")
    (tmp_path / "g_2.txt").write_text("5 6\n", encoding="utf-8")
    (tmp_path / "h.gz").write_bytes(gzip.compress(b"7 8\n"))
    done = recipe("from_csv", "raw", "Gamma=g_*.txt", "Hadron=h.gz", "--separator", "space", "--no-header")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_class(tmp_path / "raw/Gamma")["features"], [[1, 2], [3, 4], [5, 6]])
    np.testing.assert_array_equal(read_class(tmp_path / "raw/Hadron")["features"], [[7, 8]])
    with h5py.File(tmp_path / "raw/Hadron/Hadron_1.h5") as handle:
        assert handle.attrs["columns"] == "column_1,column_2"


def test_names_and_labels_replace_those_of_the_file(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    (tmp_path / "magic.data").write_text("1;2;g\n3;4;h\n", encoding="utf-8")
    names = ["--names", "a,b,class", "--label-column", "class", "--labels", "g=Gamma,h=Hadron"]
    done = recipe("from_csv", "raw", "magic.data", "--separator", ";", *names)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_class(tmp_path / "raw/Gamma")["features"], [[1, 2]])
    np.testing.assert_array_equal(read_class(tmp_path / "raw/Hadron")["features"], [[3, 4]])


def test_labels_spread_over_chunks_fill_files_in_order(
    read_class: ReadClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import from_csv
    import pandas as pd

    lengths: list[int] = []
    chunks = from_csv.Text.chunks

    def measured(*arguments: Any) -> Iterator[pd.DataFrame]:
        for frame in chunks(*arguments):
            lengths.append(len(frame))
            yield frame

    monkeypatch.setattr(from_csv, "CHUNK_CELLS", 3 * 7)
    monkeypatch.setattr(from_csv.Text, "chunks", measured)
    rng = np.random.default_rng(1)
    values, labels = rng.normal(size=(100, 2)), rng.choice(["A", "B"], 100)
    rows = [f"{a!r},{label},{b!r}" for (a, b), label in zip(values.tolist(), labels, strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["a,c,b", *rows]), encoding="utf-8")
    arguments = [tmp_path / "raw", tmp_path / "t.csv", "--label-column", "c", "--events-per-file", 10]
    done = CliRunner().invoke(from_csv.from_csv, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0
    assert lengths == [7] * 14 + [2]
    for label in "AB":
        mine = values[labels == label].astype(np.float32)
        np.testing.assert_array_equal(read_class(tmp_path / "raw" / label)["features"], mine)
        files = len(list((tmp_path / "raw" / label).iterdir()))
        assert files == -(-len(mine) // 10)
        with h5py.File(tmp_path / "raw" / label / f"{label}_1.h5") as handle:
            assert len(handle["features"]) == 10


BAD_VALUES = {
    "text": ("1,x\n2,3\n", "line 2, column 'b'", "'x' is not a finite number"),
    "missing": ("1,2\n\n3,\n", "line 4, column 'b'", "no value"),
    "too few": ("1,2\n3\n", "line 3, column 'b'", "no value"),
    "nan": ("1,2\nnan,2\n", "line 3, column 'a'", "no value"),
    "infinite": ("1,2\n1,-inf\n", "line 3, column 'b'", "'-inf' is not"),
    "beyond float32": ("1,2\n1e39,1\n", "line 3, column 'a'", "float32"),
    "after quoted lines": ('1,"2\n"\n1,y\n', "line 4, column 'b'", "'y' is not"),
    "too many": ("1,2\n3,4,5\n", "line 3", "saw 3"),
    "all too long": ("1,2,3\n3,4,5\n", "more fields than"),
    "no rows": ("", "holds no events"),
}


@pytest.mark.parametrize(
    ("body", "parts"), [(row[0], row[1:]) for row in BAD_VALUES.values()], ids=BAD_VALUES
)
def test_bad_value_is_named_with_file_line_and_column(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, body: str, parts: tuple[str, ...]
) -> None:
    from from_csv import from_csv

    (tmp_path / "good.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "bad.csv").write_text("a,b\n" + body, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(DataError, match=r"^bad\.csv") as caught:
        from_csv.main(["new/raw", "A=good.csv", "B=bad.csv", "--events-per-file", "1"], standalone_mode=False)
    for part in parts:
        assert part in str(caught.value)
    assert "\n" not in str(caught.value)
    assert files_under(tmp_path) == ["bad.csv", "good.csv"]


@pytest.mark.parametrize(
    ("arguments", "parts", "code"),
    [
        (["missing.csv", "--label-column", "class"], ["missing.csv", "no such file"], 1),
        (["{table}", "--label-column", "clas"], ["has no column 'clas'", "did you mean 'class'?"], 1),
        (["{table}", "--label-column", "class", "--columns", "widht"], ["did you mean 'width'?"], 1),
        (["A={table}", "--columns", "width", "--extras", "zzz"], ["valid: width, alpha"], 1),
        (["A={table}"], ["line 2, column 'class'", "'Gamma' is not"], 1),
        (["A={table}", "--columns", "width", "--split-column", "alpha"], ["line 4", "a whole number"], 1),
        (["{table}", "--label-column", "class", "--labels", "Gamma=G"], ["no name for 'Hadron'"], 1),
        (["../x={table}", "--columns", "width"], ["cannot be the name of a directory"], 1),
        (["A=."], ["Is a directory"], 1),
        (["A={table}", "B=two.csv", "--no-header"], ["line 1, column 'column_1'"], 1),
        (["A=two.csv", "B={table}"], ["has no column 'a'"], 1),
        (["A=two.csv", "B=three.csv"], ["three.csv", "column 'c' more"], 1),
        (["A=two.csv", "--names", "a,b,c"], ["has 2 columns, --names has 3"], 1),
        (["A=empty.csv"], ["empty.csv: is empty"], 1),
        (["A=latin.csv"], ["latin.csv", "UTF-8"], 1),
        (["{table}"], ["LABEL=FILE"], 2),
        (["A=two.csv", "--labels", "a=b"], ["--label-column"], 2),
        (["A=two.csv", "--separator", "::"], ["'::'"], 2),
        (["two.csv", "--label-column", "a", "--columns", "a,b"], ["cannot be an input"], 2),
    ],
)
def test_mistake_is_one_line_and_leaves_nothing(
    recipe_here: Recipe, table: Path, tmp_path: Path, arguments: list[str], parts: list[str], code: int
) -> None:
    (tmp_path / "two.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    (tmp_path / "three.csv").write_text("a,b,c\n1,2,3\n", encoding="utf-8")
    (tmp_path / "empty.csv").write_text("", encoding="utf-8")
    (tmp_path / "latin.csv").write_bytes(b"a,b\n1,\xe9\n")
    before = files_under(tmp_path)
    filled = [argument.format(table=table.name) for argument in arguments]
    assert_fails(recipe_here("from_csv", "raw", *filled), *parts, code=code)
    assert files_under(tmp_path) == before


def test_full_directory_is_refused_and_force_replaces_own_files_alone(
    recipe_here: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    def write(rows: str, *options: str) -> "subprocess.CompletedProcess[str]":
        (tmp_path / "a.csv").write_text(f"x\n{rows}", encoding="utf-8")
        return recipe_here("from_csv", "raw", "A=a.csv", "--events-per-file", "1", *options)

    assert write("1\n2\n3\n").returncode == 0
    assert_fails(write("4\n"), "raw/A is not empty", "--force")
    np.testing.assert_array_equal(read_class(tmp_path / "raw/A")["features"], [[1], [2], [3]])
    assert_fails(write("4\n5\nx\n", "--force"), "line 4")
    np.testing.assert_array_equal(read_class(tmp_path / "raw/A")["features"], [[1], [2], [3]])
    with h5py.File(tmp_path / "raw/A/other.h5", "w") as handle:
        handle["x"] = 1
    assert write("4\n", "--force").returncode == 0
    assert files_under(tmp_path / "raw") == ["A", "A/A_1.h5", "A/other.h5"]
    (tmp_path / "raw/A/other.h5").rename(tmp_path / "raw/A/A_2.h5")
    assert_fails(write("4\n5\n", "--force"), "A_2.h5 was not written by from_csv")
    assert files_under(tmp_path / "raw") == ["A", "A/A_1.h5", "A/A_2.h5"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_stopped_run_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    fifo = tmp_path / "endless.csv"
    os.mkfifo(fifo)
    script = Path(__file__).parents[2] / "data_prep" / "from_csv.py"
    command = [sys.executable, str(script), "raw", "A=good.csv", "B=endless.csv", "--columns", "a"]
    (tmp_path / "good.csv").write_text("a\n1\n", encoding="utf-8")
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE) as process:
        deadline = time.monotonic() + 60
        while not list(tmp_path.glob("raw/.unfinished-*/A")) and time.monotonic() < deadline:
            time.sleep(0.02)
        process.send_signal(number)
        assert process.wait(timeout=30) == {signal.SIGTERM: 143, signal.SIGINT: 130}[number]
        assert process.stderr is not None
        assert b"Traceback" not in process.stderr.read()
    assert files_under(tmp_path) == ["endless.csv", "good.csv"]


def test_dlscan_prepares_what_the_recipe_wrote(
    recipe: Recipe, dlscan: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    rng = np.random.default_rng(2)
    for name, mean in (("g", 0), ("h", 2)):
        rows = "".join(f"{a},{b},{int(a > 1)}\n" for a, b in rng.normal(mean, 1, (60, 2)))
        (tmp_path / f"{name}.csv").write_text("a,b,split\n" + rows, encoding="utf-8")
    sources = ["Gamma=g.csv", "Hadron=h.csv", "--split-column", "split", "--events-per-file", "25"]
    assert recipe("from_csv", "raw", *sources).returncode == 0
    data = {"raw": "raw", "inputs": ["features"], "prepared": "prepared"}
    data["split"] = {"column": "split", "train": 0, "test": 1, "validation": 0.1}  # type: ignore[assignment]
    path = tmp_path / "small.yaml"
    path.write_text(yaml.safe_dump({"name": "small", "data": data}), encoding="utf-8")
    classes, files = find_files(load(path))
    good, bad = check_files(files, ["features", "split"])
    assert classes == ("Gamma", "Hadron")
    assert (len(good), bad) == (6, {})
    done = dlscan("prepare", path)
    assert done.returncode == 0, done.stderr
    assert "120" in done.stdout + done.stderr


def test_help_shows_examples(recipe: Recipe) -> None:
    done = recipe("from_csv", "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert "from_csv.py raw events.csv --label-column class" in done.stdout
