"""Trees become class directories, value by value, or nothing at all."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from dlscan.config import experiment_from
from dlscan.errors import DataError
from dlscan.prepare import prepare
from dlscan.stream import Batches

uproot = pytest.importorskip("uproot")
awkward = pytest.importorskip("awkward")

Recipe = Callable[..., "subprocess.CompletedProcess[str]"]
ReadClass = Callable[[Path], dict[str, NDArray[Any]]]


def write_tree(path: Path, name: str = "events", new: bool = True, **branches: Any) -> None:
    """Write a TTree; lists become branches whose length changes."""
    values = {key: awkward.Array(item) if isinstance(item, list) else item for key, item in branches.items()}
    types = {
        key: (item.dtype, item.shape[1:]) if isinstance(item, np.ndarray) else item.type
        for key, item in values.items()
    }
    with (uproot.recreate if new else uproot.update)(path) as file:
        file.mktree(name, types).extend(values)


def events(first: int, count: int) -> dict[str, NDArray[Any]]:
    """Branches of every kind that needs no option; what they hold is told by the event's number."""
    number = np.arange(first, first + count)
    return {
        "pt": number + 0.1,
        "charge": (-1) ** number,
        "event": number.astype(np.uint64) + 2**60,
        "image": (number[:, None, None] + np.zeros((2, 3))).astype(np.float64),
    }


def without_uproot(directory: Path) -> dict[str, str]:
    """An environment in which uproot cannot be imported, by a file in `directory`."""
    (directory / "uproot.py").write_text("raise ImportError('absent')\n", encoding="utf-8")
    return {**os.environ, "PYTHONPATH": f"{directory}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}


def files_under(directory: Path) -> list[str]:
    return sorted(str(path.relative_to(directory)) for path in directory.rglob("*"))


def test_values_are_those_of_the_trees_with_files_per_class(
    recipe: Recipe, read_class: ReadClass, tmp_path: Path
) -> None:
    write_tree(tmp_path / "sig 1.root", **events(0, 5))
    write_tree(tmp_path / "sig 2.root", **events(5, 4))
    write_tree(tmp_path / "bkg.root", "deep/tree", **events(20, 3))
    sources = ["Signal=sig*.root:events", "Background=bkg.root", "--extras", "event"]
    done = recipe("from_root", "raw 'dir'", *sources, "--events-per-file", 4)
    assert (done.returncode, done.stderr) == (0, "")
    assert "raw 'dir'/Signal: 9 events in 3 files" in done.stdout
    for label, first, count in (("Signal", 0, 9), ("Background", 20, 3)):
        found, truth = read_class(tmp_path / "raw 'dir'" / label), events(first, count)
        assert sorted(found) == ["event", "features", "image"]
        features = np.column_stack([truth["pt"], truth["charge"]]).astype(np.float32)
        np.testing.assert_array_equal(found["features"], features)
        np.testing.assert_array_equal(found["image"], truth["image"])
        np.testing.assert_array_equal(found["event"], truth["event"])
        assert [found[name].dtype.str for name in ("features", "image", "event")] == ["<f4", "<f4", "<u8"]
    with h5py.File(tmp_path / "raw 'dir'/Signal/Signal_1.h5") as handle:
        assert handle.attrs["columns"] == "pt,charge"
        assert handle["image"].chunks[1:] == (2, 3)


@pytest.mark.parametrize(
    ("values", "options", "classes"),
    [
        (np.array([0, 1, 1], np.int32), [], {"0": [0], "1": [1, 2]}),
        (np.array([1.0, 0.5, 1.0]), ["--labels", "1=Signal,0.5=Half"], {"Signal": [0, 2], "Half": [1]}),
        (np.array([True, False, True]), ["--labels", "0=Bkg,1=Sig"], {"Sig": [0, 2], "Bkg": [1]}),
    ],
    ids=["whole", "float", "bool"],
)
def test_label_branch_says_the_class(
    recipe: Recipe,
    read_class: ReadClass,
    tmp_path: Path,
    values: NDArray[Any],
    options: list[str],
    classes: dict[str, list[int]],
) -> None:
    write_tree(tmp_path / "all.root", x=np.arange(3.0), kind=values)
    done = recipe("from_root", "raw", "all.root:events", "--label-column", "kind", *options)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "raw").iterdir()) == sorted(classes)
    for label, rows in classes.items():
        np.testing.assert_array_equal(read_class(tmp_path / "raw" / label)["features"][:, 0], rows)


def test_pad_cuts_and_fills_with_zeros(recipe: Recipe, read_class: ReadClass, tmp_path: Path) -> None:
    write_tree(tmp_path / "a.root", x=np.arange(3.0), jet=[[1.5, 2, 3], [], [4]])
    done = recipe("from_root", "raw", "A=a.root", "--branches", "jet,x", "--pad", "jet=2")
    assert done.returncode == 0, done.stderr
    found = read_class(tmp_path / "raw/A")
    np.testing.assert_array_equal(found["jet"], np.float32([[1.5, 2], [0, 0], [4, 0]]))
    np.testing.assert_array_equal(found["features"], [[0], [1], [2]])


def test_lists_may_all_be_empty(recipe: Recipe, tmp_path: Path) -> None:
    """As those of rare particles in short files."""
    some = awkward.Array([[1.5], [], [2.5, 3.5]] * 10)
    write_tree(tmp_path / "a.root", met=np.arange(30.0), mu=some[:, :0])
    write_tree(tmp_path / "b.root", met=np.arange(30.0), mu=some)
    done = recipe("from_root", "raw", "A=a.root", "B=b.root")
    assert (done.returncode, done.stderr) == (0, "")
    inputs = {"mu": {"offsets": "mu_offsets", "longest": 2}, "features": {}}
    experiment = experiment_from(
        {"name": "toy", "data": {"raw": "raw", "inputs": inputs}}, tmp_path / "t.yaml"
    )
    prepare(experiment, processes=1)
    with Batches(experiment.data.prepared, batch_size=60, workers=0) as batches:
        (batch,) = batches.epoch(0, last=True)
    (column,) = {*batch.masks}
    assert not batch.masks[column][batch.labels == 0].any()
    assert batch.masks[column][batch.labels == 1].any()


def test_patterns_choose_branches(recipe: Recipe, read_class: ReadClass, tmp_path: Path) -> None:
    jets = {name: np.arange(3.0) + step for step, name in enumerate(("jet_pt", "jet_eta", "jetty"))}
    write_tree(tmp_path / "a.root", met=np.ones(3), **jets, bad=np.full(3, np.nan))
    done = recipe("from_root", "raw", "A=a.root", "--branches", "jet_*,met")
    assert (done.returncode, done.stderr) == (0, "")
    np.testing.assert_array_equal(
        read_class(tmp_path / "raw/A")["features"], np.array([[0, 1, 1], [1, 2, 1], [2, 3, 1]])
    )
    none = recipe("from_root", "other", "A=a.root", "--branches", "Jet_*")
    assert none.stderr == "Error: a.root: no branch matches Jet_*\n"
    every = recipe("from_root", "other", "A=a.root")
    assert every.stderr.endswith("branch 'bad': is not finite (as float32); choose others by --branches\n")


def test_addresses_say_what_they_need_before_anything_is_waited_for(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "XRootD.py").write_text("raise ImportError('absent')\n", encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{tmp_path}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = recipe("from_root", "raw", "A=root://localhost:1//a.root:events", env=environment)
    assert (done.returncode, done.stderr.splitlines()) == (
        1,
        [
            "opening root://localhost:1//a.root",
            "Error: root:// addresses are read by XRootD: pip install xrootd",
        ],
    )


def test_lists_are_kept_and_prepared(recipe: Recipe, tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    counts = rng.integers(0, 6, 90)
    jets = {name: [rng.normal(size=count).tolist() for count in counts] for name in ("pt", "eta")}
    kind = np.arange(90) % 2
    write_tree(tmp_path / "a.root", met=np.arange(90.0), kind=kind, **jets)
    source, lists = f"file://{tmp_path}/a.root:events", ["--extras", "eta", "--events-per-file", 20]
    done = recipe("from_root", "raw", source, "--label-column", "kind", *lists)
    assert (done.returncode, done.stderr) == (0, "")
    with h5py.File(tmp_path / "raw/1/1_2.h5") as handle:
        rows = np.flatnonzero(kind == 1)[20:40]
        assert handle["pt"].dtype == np.float32
        assert handle["eta"].dtype == np.float64
        np.testing.assert_array_equal(handle["eta"], np.concatenate([jets["eta"][row] for row in rows]))
        np.testing.assert_array_equal(handle["pt_offsets"], np.cumsum([0, *counts[rows]]))
        np.testing.assert_array_equal(handle["features"][:, 0], rows)
    inputs = {"jets": {"datasets": ["pt", "eta"], "offsets": "pt_offsets", "longest": 4}, "features": {}}
    content = {"name": "toy", "data": {"raw": "raw", "inputs": inputs}}
    experiment = experiment_from(content, tmp_path / "toy.yaml")
    prepare(experiment, processes=1)
    seen = 0
    with Batches(experiment.data.prepared, workers=0) as batches:
        for batch in batches.epoch(0):
            for row, event in enumerate(batch.inputs["features"][:, 0].astype(int)):
                wanted = np.float32([jets["pt"][event][:4], jets["eta"][event][:4]]).T
                np.testing.assert_array_equal(batch.inputs["jets"][row][batch.masks["jets"][row]], wanted)
                seen += 1
    assert seen > 50


def test_a_branch_that_cannot_be_read_names_itself(tmp_path: Path) -> None:
    import from_root

    rng = np.random.default_rng(1)
    # the second branch lies behind the first: what is cut out of its baskets is not the first's
    write_tree(tmp_path / "a.root", good=np.zeros(5000), bad=rng.random(5000))
    whole = (tmp_path / "a.root").read_bytes()
    with uproot.open(tmp_path / "a.root") as file:
        place = file["events"]["bad"].member("fBasketSeek")[0]
    (tmp_path / "a.root").write_bytes(whole[: place + 200] + bytes(2000) + whole[place + 2200 :])
    done = CliRunner().invoke(from_root.from_root, [str(tmp_path / "raw"), f"A={tmp_path}/a.root:events"])
    assert isinstance(done.exception, DataError)
    assert "a.root:events: branch 'bad' cannot be read" in str(done.exception)
    assert str(done.exception).endswith("; leave it out by --branches")
    assert not (tmp_path / "raw").exists()


def test_fields_of_collections_of_an_rntuple_are_lists(recipe: Recipe, tmp_path: Path) -> None:
    if tuple(map(int, uproot.__version__.split(".")[:2])) < (5, 7):
        pytest.skip("an older uproot does not write RNTuples so")
    counts = np.array([2, 0, 3])
    pt, eta = (awkward.unflatten(np.arange(5.0) * step, counts) for step in (1, -2))
    with uproot.recreate(tmp_path / "n.root") as file:
        file.mkrntuple("t", {"jets": awkward.zip({"pt": pt, "eta": eta}), "met": np.ones(3)})
    found = recipe("from_root", "raw", "A=n.root")
    assert found.returncode == 0, found.stderr
    with h5py.File(tmp_path / "raw/A/A_1.h5") as file:
        np.testing.assert_array_equal(file["jets.eta"], -2 * np.arange(5, dtype=np.float32))
        np.testing.assert_array_equal(file["jets.pt"], np.arange(5, dtype=np.float32))
        np.testing.assert_array_equal(file["jets.pt_offsets"], [0, 2, 2, 5])


def test_rntuple_and_text_labels_are_read(recipe: Recipe, read_class: ReadClass, tmp_path: Path) -> None:
    if tuple(map(int, uproot.__version__.split(".")[:2])) < (5, 7):
        pytest.skip("an older uproot does not write RNTuples so")
    with uproot.recreate(tmp_path / "a.root") as file:
        kind = awkward.Array(["g", "h", "g"])
        file.mkrntuple("t", {"x": np.arange(3.0), "v": np.ones((3, 2), np.float32), "kind": kind})
    done = recipe("from_root", "raw", "a.root:t", "--label-column", "kind")
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(read_class(tmp_path / "raw/g")["features"], [[0], [2]])
    assert read_class(tmp_path / "raw/h")["v"].shape == (1, 2)


def test_tree_longer_than_a_step_is_read_in_pieces(
    read_class: ReadClass, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import from_root

    lengths: list[int] = []
    rows = from_root.Roles.rows

    def measured(self: Any, piece: Any, *arguments: Any) -> Any:
        lengths.append(len(piece))
        return rows(self, piece, *arguments)

    monkeypatch.setattr(from_root, "STEP", "2 kB")
    monkeypatch.setattr(from_root.Roles, "rows", measured)
    write_tree(tmp_path / "all.root", **events(0, 1000), kind=np.arange(1000) % 3)
    arguments = [tmp_path / "raw", tmp_path / "all.root", "--label-column", "kind", "--events-per-file", 100]
    done = CliRunner().invoke(from_root.from_root, list(map(str, arguments)), catch_exceptions=False)
    assert done.exit_code == 0
    assert sum(lengths) == 1000
    assert max(lengths) < 500
    for label in range(3):
        found = read_class(tmp_path / "raw" / str(label))
        np.testing.assert_array_equal(found["image"][:, 0, 0], np.arange(label, 1000, 3))
    assert len(list((tmp_path / "raw/1").iterdir())) == 4


@pytest.mark.parametrize(
    ("arguments", "parts", "code"),
    [
        (["A=none.root"], ["none.root: no such file"], 1),
        (["A=a.root:event"], ["has no tree 'event'; did you mean 'events'?"], 1),
        (["A=two.root"], ["two.root: has 2 trees (one, two)", "two.root:TREE"], 1),
        (["A=a.root", "--branches", "ptt"], ["has no branch 'ptt'; did you mean 'pt'?"], 1),
        (["A=a.root", "--branches", "jet,wrong"], ["event 2, branch 'wrong': is not finite"], 1),
        (
            ["A=twice.root", "--extras", "jet_offsets"],
            ["'jet_offsets' says where the lists of 'jet' begin; leave it out"],
            1,
        ),
        (["A=file:///none/no.root:t"], ["file:///none/no.root:t: cannot be read"], 1),
        (["A=a.root", "--branches", "pt,bad"], ["a.root, event 2, branch 'bad': is not finite"], 1),
        (["A=a.root:events", "B=two.root:two", "--branches", "pt"], ["two.root:two: has no branch 'pt'"], 1),
        (["A=two.root:one", "B=a.root"], ["a.root: branch 'pt' is not in the first file"], 1),
        (["A=zero.root"], ["zero.root: holds no events"], 1),
        (["A=text.root"], ["text.root: cannot be read"], 1),
        (["A=half.root"], ["half.root: branch 'x' cannot be read"], 1),
        (["A=a.root", "--branches", "jet", "--pad", "jet=x"], ["jet=x", "number"], 2),
        (["A=a.root", "--branches", "pt", "--extras", "x", "--pad", "pt=2"], ["nothing to pad"], 2),
        (["a.root"], ["LABEL=FILE"], 2),
        (["a.root", "--label-column", "x", "--branches", "pt", "--labels", "0=Z"], ["no name for '1'"], 1),
    ],
)
def test_mistake_is_one_line_and_leaves_nothing(
    recipe_here: Recipe, tmp_path: Path, arguments: list[str], parts: list[str], code: int
) -> None:
    values = {"pt": np.arange(3.0), "bad": np.array([1, 2, np.nan]), "jet": [[1.0], [], [2.0, 3.0]]}
    values["wrong"] = [[1.0], [], [2.0, np.inf]]
    write_tree(tmp_path / "twice.root", jet=values["jet"], jet_offsets=np.arange(3))
    write_tree(tmp_path / "a.root", **values, x=np.arange(3))
    write_tree(tmp_path / "two.root", "one", x=np.arange(3.0))
    write_tree(tmp_path / "two.root", "two", new=False, x=np.arange(3.0))
    write_tree(tmp_path / "zero.root", x=np.zeros(0))
    (tmp_path / "text.root").write_text("no\nROOT " * 100, encoding="utf-8")
    write_tree(tmp_path / "half.root", x=np.random.default_rng(1).random(5000))
    whole = (tmp_path / "half.root").read_bytes()
    (tmp_path / "half.root").write_bytes(whole[: len(whole) // 2])
    before = files_under(tmp_path)
    done = recipe_here("from_root", "raw", *arguments)
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr
    assert files_under(tmp_path) == before


def test_missing_uproot_says_what_to_install(recipe: Recipe, tmp_path: Path) -> None:
    (tmp_path / "a.root").touch()
    done = recipe("from_root", "raw", "A=a.root", env=without_uproot(tmp_path))
    assert done.returncode == 1
    assert done.stderr == "Error: ROOT files are read by uproot: pip install 'dlscan[root]'\n"
    assert not (tmp_path / "raw").exists()


def test_help_shows_examples_without_uproot(recipe: Recipe, tmp_path: Path) -> None:
    done = recipe("from_root", "--help", env=without_uproot(tmp_path))
    assert (done.returncode, done.stderr) == (0, "")
    assert "from_root.py raw 'Signal=sig*.root:events' Background=bkg.root:events" in done.stdout
