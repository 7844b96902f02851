"""`dlscan predict`: what models give for files that were no part of the scan."""

import json
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import onnx
import pytest
import uproot
from click.testing import CliRunner

import dlscan
from dlscan.cli.main import cli
from dlscan.errors import BadFilesError, DataError, UsageError
from dlscan.export import export
from dlscan.metrics import auc_estimate
from dlscan.prediction import BesideEvents, Hdf5File, predict
from dlscan.training import TrainedPoint

from ..conftest import write_file, write_raw

REGRESS = {"kind": "regress", "targets": {"Energy": "target[:,0,3]"}}


def train(home: Path, name: str, **sections: Any) -> TrainedPoint:
    data = {
        "raw": str(home / "raw"),
        "inputs": ["ECAL", "HCAL"],
        "extras": ["target"],
        "prepared": str(home / f"prepared-{name}"),
        **sections.pop("data", {}),
    }
    return dlscan.train(
        {"data": data, "model": {"width": 4, "depth": 1}, "train": {"epochs": 1}, "stream": {"workers": 0}}
        | sections,
        home / name,
    )


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("predict")
    write_raw(directory / "raw", files=1, events=60)
    # files of the same classes that were no part of the dataset, and some of nobody
    write_raw(directory / "new", files=2, events=40, seed=7)
    for number in range(3):
        write_file(directory / f"unknown_{number}.h5", 0, number, 25, seed=9)
    return directory


@pytest.fixture(scope="module")
def dense(home: Path) -> TrainedPoint:
    return train(home, "dense")


def raw_inputs(path: Path) -> dict[str, Any]:
    with h5py.File(path) as file:
        return {name: file[name][()] for name in ("ECAL", "HCAL")}


def test_scores_are_those_of_the_network_in_the_order_of_files_and_rows(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    paths = [home / f"unknown_{number}.h5" for number in (2, 0, 1)]
    done = predict([dense], paths, [Hdf5File(tmp_path / "out.h5")])
    assert (done.events, done.left_out, done.files, done.measured) == (75, 0, 3, None)
    with h5py.File(tmp_path / "out.h5") as out:
        assert [name.decode() for name in out["files"]] == list(map(str, paths))
        np.testing.assert_array_equal(out["sources"][:, 0], np.repeat([0, 1, 2], 25))
        np.testing.assert_array_equal(out["sources"][:, 1], np.tile(np.arange(25), 3))
        assert "labels" not in out
        assert list(out.attrs["classes"]) == ["ChPi", "Ele", "Pi0"]
        right = [dense.model().predict(raw_inputs(path), verbose=0) for path in paths]
        np.testing.assert_allclose(out["scores"][()], np.concatenate(right), atol=1e-6)
    assert sorted(path.name for path in tmp_path.iterdir()) == [".out.h5.lock", "out.h5"]


def test_of_the_files_of_the_scan_itself_the_test_events_have_their_scores(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    assert predict([dense], [home / "raw"], [Hdf5File(tmp_path / "out.h5")]).known == 3
    kept = dense.predictions()
    with h5py.File(dense.paths.predictions) as known, h5py.File(tmp_path / "out.h5") as out:
        sources, scores = known["sources"][()], kept.scores
        files = sorted(str(path) for path in (home / "raw").rglob("*.h5"))
        assert [name.decode() for name in out["files"]] == files
        found = {tuple(source): row for row, source in enumerate(out["sources"][()].tolist())}
        rows = [found[tuple(source)] for source in sources.tolist()]
        np.testing.assert_allclose(out["scores"][()][rows], scores, atol=1e-6)
        np.testing.assert_array_equal(out["labels"][()][rows], kept.labels)


def test_events_of_known_classes_are_measured_as_those_of_test(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    done = predict([dense], [home / "new"], [Hdf5File(tmp_path / "out.h5")])
    assert done.measured is not None
    with h5py.File(tmp_path / "out.h5") as out:
        labels, scores = out["labels"][()], out["scores"][()]
    # the order of the classes is that of their names
    truth = []
    for path in sorted((home / "new").rglob("*.h5")):
        with h5py.File(path) as file:
            truth += [{0: 1, 1: 2, 2: 0}[int(number)] for number in file["target"][:, 0, 0]]
    np.testing.assert_array_equal(labels, truth)
    areas = [auc_estimate(scores[:, label], labels == label).value for label in range(3)]
    assert done.measured.values["Mean_AUC"] == pytest.approx(np.mean(areas))
    assert "Mean_AUC" in done.measured.errors
    assert done.known == 0
    text = CliRunner().invoke(
        cli, ["predict", str(dense.paths.scan), "1", str(home / "new"), "-o", str(tmp_path / "again.h5")]
    )
    assert f"Mean_AUC                     {done.measured.values['Mean_AUC']:.4f}" in text.output


def test_cuts_and_labels_are_those_of_the_scan(home: Path, tmp_path: Path) -> None:
    data = {
        "raw": str(home / "raw"),
        "files": "**/*.h5",
        "labels": {"column": "target[:,0,0]", "classes": {"Ele": 0, "other": [1, 2]}},
        "where": "target[:,0,3] > 60",
    }
    point = train(home, "cuts", data=data)
    done = predict([point], [home / "new"], [Hdf5File(tmp_path / "out.h5")])
    paths = sorted((home / "new").rglob("*.h5"))
    energies, labels = [], []
    for path in paths:
        with h5py.File(path) as file:
            energies.append(file["target"][:, 0, 3])
            labels.append(file["target"][:, 0, 0])
    passed = [np.flatnonzero(each > 60) for each in energies]
    assert done.events == sum(map(len, passed))
    assert done.left_out == 240 - done.events
    with h5py.File(tmp_path / "out.h5") as out:
        np.testing.assert_array_equal(out["sources"][:, 1], np.concatenate(passed))
        wanted = np.concatenate([own[rows] for own, rows in zip(labels, passed, strict=True)])
        np.testing.assert_array_equal(out["labels"][()], wanted > 0)
    predict([point], [home / "new"], [BesideEvents(tmp_path / "beside", "nn", True)])
    for path, own in zip(paths, energies, strict=True):
        with h5py.File(tmp_path / "beside" / path.relative_to(home / "new")) as friend:
            assert friend["nn"].shape == (40, 2)
            np.testing.assert_array_equal(np.isfinite(friend["nn"][:, 0]), own > 60)


def test_a_regression_and_trees(home: Path, tmp_path: Path) -> None:
    point = train(home, "energy", task=REGRESS, train={"epochs": 1, "loss": "gaussian_nll"})
    done = predict([point], [home / "new"], [Hdf5File(tmp_path / "energy.h5")])
    assert done.measured is not None
    assert done.measured.values["Energy_MAE"] > 0
    with h5py.File(tmp_path / "energy.h5") as out:
        assert out["predictions"].shape == out["sigmas"].shape == out["targets"].shape == (240, 1)
        assert list(out.attrs["targets"]) == ["Energy"]
    # of which class events are decides nothing
    done = predict([point], [home / "unknown_0.h5"], [Hdf5File(tmp_path / "unknown.h5")])
    assert done.measured is not None
    with h5py.File(tmp_path / "unknown.h5") as out:
        assert "labels" not in out
        with h5py.File(home / "unknown_0.h5") as file:
            np.testing.assert_array_equal(out["targets"][:, 0], file["target"][:, 0, 3])
    trees = train(home, "trees", model={"family": "bdt", "trees": 3})
    predict([trees], [home / "unknown_0.h5"], [Hdf5File(tmp_path / "trees.h5")])
    with h5py.File(tmp_path / "trees.h5") as out:
        right = trees.model().scores(raw_inputs(home / "unknown_0.h5"))
        np.testing.assert_allclose(out["scores"][()], right, atol=1e-6)
    with pytest.raises(UsageError, match="have learned different things"):
        predict([trees, point], [home / "unknown_0.h5"], [Hdf5File(tmp_path / "both.h5")])


def test_several_points_are_averaged(dense: TrainedPoint, home: Path, tmp_path: Path) -> None:
    other = train(home, "other", train={"epochs": 1, "seed": 5})
    predict([dense, other], [home / "unknown_0.h5"], [Hdf5File(tmp_path / "mean.h5")])
    inputs = raw_inputs(home / "unknown_0.h5")
    each = [point.model().predict(inputs, verbose=0) for point in (dense, other)]
    with h5py.File(tmp_path / "mean.h5") as out:
        np.testing.assert_allclose(out["scores"][()], np.mean(each, axis=0), atol=1e-6)


def test_a_file_of_a_model_is_applied_without_its_scan(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    new = str(home / "new")
    predict([dense], [home / "new"], [Hdf5File(tmp_path / "right.h5")])
    export(dense, "onnx", tmp_path / "m.onnx")
    export(dense, "keras", tmp_path / "m.keras")
    moved = shutil.copytree(dense.paths.directory, tmp_path / "moved")
    with h5py.File(tmp_path / "right.h5") as right:
        for name in ("m.onnx", "m.keras", "moved/best.keras"):
            out = tmp_path / f"{name.replace('/', '-')}.h5"
            done = CliRunner().invoke(cli, ["predict", str(tmp_path / name), new, "-o", str(out)])
            assert done.exit_code == 0, done.output
            assert "Mean_AUC" in done.output
            with h5py.File(out) as found:
                assert dict(found.attrs)["points"] == [1]
                for each in ("sources", "labels", "files"):
                    np.testing.assert_array_equal(found[each][()], right[each][()])
                np.testing.assert_allclose(found["scores"][()], right["scores"][()], atol=1e-5)
    (moved / "record.json").unlink()
    flipped = bytearray((tmp_path / "m.onnx").read_bytes())
    weights = onnx.load(tmp_path / "m.onnx").graph.initializer[0].raw_data
    flipped[flipped.find(weights) + len(weights) // 2] ^= 1
    (tmp_path / "flipped.onnx").write_bytes(flipped)
    for name, message in (
        ("moved/best.keras", "does not say how its events are read"),
        ("no.onnx", r"no\.onnx: no such file"),
        ("bad.onnx", "it is no ONNX file"),
        ("flipped.onnx", "it is damaged: its checksum does not match"),
        ("best.h5", "the record.json of its point is not in the same directory"),
        ("saved", "a SavedModel does not say how events are read"),
    ):
        (tmp_path / "bad.onnx").write_text("bad")
        (tmp_path / "best.h5").touch()
        (tmp_path / "saved").mkdir(exist_ok=True)
        (tmp_path / "saved" / "saved_model.pb").touch()
        done = CliRunner().invoke(cli, ["predict", str(tmp_path / name), new, "-o", str(tmp_path / "x.h5")])
        assert isinstance(done.exception, UsageError)
        assert re.search(message, str(done.exception))


@pytest.mark.parametrize(
    ("name", "sections"),
    [
        (
            "reconstructs",
            {"task": "reconstruct", "model": {"family": "autoencoder", "code": 2, "layers": "dense"}},
        ),
        ("regresses", {"task": REGRESS, "data": {"balance": "oversample"}}),
        (
            "whole",
            {"data": {"folds": 3, "fold": "none"}, "train": {"epochs": 1, "early_stopping": None}},
        ),
    ],
)
def test_an_exported_file_of_any_task_is_applied(
    name: str, sections: dict[str, Any], home: Path, tmp_path: Path
) -> None:
    point = train(home, name, **sections)
    export(point, "keras", tmp_path / "m.keras", check=False)
    found = []
    for number, model in enumerate((point, tmp_path / "m.keras")):
        predict([model], [home / "new"], [Hdf5File(tmp_path / f"{number}.h5")])
        with h5py.File(tmp_path / f"{number}.h5") as out:
            found.append({each: out[each][()] for each in out})
    assert found[0].keys() == found[1].keys()
    for each, values in found[0].items():
        np.testing.assert_array_equal(found[1][each], values)


def test_killed_it_goes_on_where_it_was(dense: TrainedPoint, home: Path, tmp_path: Path) -> None:
    paths = [str(home / f"unknown_{number}.h5") for number in range(3)]
    target, root = tmp_path / "out", tmp_path / "out.root"
    code = f"""
import importlib, os, shutil, signal, sys
from pathlib import Path
from dlscan.analysis.points.records import load
from dlscan.prediction import BesideEvents, RootFile, parts, predict
own = importlib.import_module("dlscan.prediction.predict")
own.events_at_once, own.EVENTS = lambda manifest: 10, 30
after, copies = map(int, sys.argv[1:])
added = []
def kill(count, most):
    if count == most:
        os.kill(os.getpid(), signal.SIGKILL)
def adding(self, arrays, add=parts.Parts.add):
    add(self, arrays)
    added.append(1)
    kill(len(self.paths), after)
def copying(*files, copy=shutil.copyfile, done=[]):
    copy(*files)
    done.append(1)
    kill(len(done), copies)
parts.Parts.add, shutil.copyfile = adding, copying
point, = load([Path({str(dense.paths.scan)!r})])
outputs = [BesideEvents(Path({str(target)!r}), "nn", False), RootFile(Path({str(root)!r}))]
predict([point], [Path(path) for path in {paths!r}], outputs, workers=0)
print(len(added))
"""

    def run(after: int, copies: int) -> "subprocess.CompletedProcess[str]":
        command = [sys.executable, "-c", code, str(after), str(copies)]
        return subprocess.run(command, capture_output=True, text=True)

    assert run(2, 9).returncode == -signal.SIGKILL
    assert len(list((tmp_path / ".out.parts").glob("part-*.h5"))) == 2
    # all is scored, and it is being written
    assert run(9, 2).returncode == -signal.SIGKILL
    assert not target.exists()
    assert not root.exists()
    third = run(9, 9)
    assert third.returncode == 0, third.stderr
    assert third.stdout.split() == ["0"]
    predict([dense], list(map(Path, paths)), [Hdf5File(tmp_path / "whole.h5")])
    with h5py.File(tmp_path / "whole.h5") as whole:
        right, sources = whole["scores"][()], whole["sources"][()]
    found = []
    for path in paths:
        with h5py.File(target / Path(path).name) as copy, h5py.File(path) as raw:
            assert set(copy) == {*raw, "nn"}
            np.testing.assert_array_equal(copy["ECAL"][()], raw["ECAL"][()])
            found.append(copy["nn"][()])
    np.testing.assert_allclose(np.concatenate(found), right, atol=1e-6)
    with uproot.open(root) as file:
        tree = file["predictions"].arrays(library="np")
        np.testing.assert_array_equal(np.column_stack([tree["file"], tree["row"]]), sources)
        for number, label in enumerate(("ChPi", "Ele", "Pi0")):
            np.testing.assert_allclose(tree[f"score_{label}"], right[:, number], atol=1e-6)
        assert str(file["files"]).split("\n") == paths
        assert json.loads(str(file["about"]))["classes"] == ["ChPi", "Ele", "Pi0"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *(".out.lock", ".whole.h5.lock", "out", "out.root", "whole.h5"),
    ]


def test_bad_files_are_named_and_left_out_if_asked(dense: TrainedPoint, home: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.h5"
    bad.write_bytes(b"nothing")
    other = tmp_path / "other.h5"
    with h5py.File(other, "w") as file:
        file["ECAL"], file["HCAL"] = np.zeros((5, 4, 5, 6), "f4"), np.zeros((5, 8), "f4")
    good = home / "unknown_0.h5"
    with pytest.raises(BadFilesError) as caught:
        predict([dense], [bad, good, other], [Hdf5File(tmp_path / "out.h5")])
    assert "bad.h5" in str(caught.value)
    assert "HCAL has shape (8,), but most files have (7,)" in str(caught.value)
    with pytest.raises(BadFilesError, match=r"HCAL has shape \(8,\), but the network takes \(7,\)"):
        predict([dense], [other], [Hdf5File(tmp_path / "out.h5")])
    done = predict([dense], [bad, good, other], [Hdf5File(tmp_path / "out.h5")], skip_bad=True)
    assert (done.events, done.files, set(done.bad)) == (25, 1, {bad, other})
    with pytest.raises(UsageError, match=r"out\.h5: exists"):
        predict([dense], [good], [Hdf5File(tmp_path / "out.h5")])
    with pytest.raises(DataError, match="no such file or directory"):
        predict([dense], [tmp_path / "missing"], [Hdf5File(tmp_path / "new.h5")])
    nan = tmp_path / "nan.h5"
    with h5py.File(good) as old, h5py.File(nan, "w") as file:
        file["ECAL"], file["HCAL"] = old["ECAL"][()], old["HCAL"][()]
        file["HCAL"][3, 2] = np.nan
    with pytest.raises(DataError, match="HCAL is not finite in row 3 of file 2 of those given"):
        predict([dense], [good, nan], [Hdf5File(tmp_path / "nan-out.h5")])


def test_scores_stand_beside_the_events_that_they_are_of(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    """Files of one name in two directories, in friend files: a row for each event."""
    for name, source in (("a", "unknown_0.h5"), ("b", "unknown_1.h5")):
        (tmp_path / "in" / name).mkdir(parents=True)
        (tmp_path / "in" / name / "x.h5").symlink_to(home / source)
    out = tmp_path / "out"
    arguments = [
        "predict",
        str(dense.paths.scan),
        "1",
        str(tmp_path / "in"),
        "-o",
        str(out),
        "--append",
        "nn",
    ]
    done = CliRunner().invoke(cli, [*arguments, "--friends"])
    assert done.exit_code == 0, done.output
    for name, source in (("a", "unknown_0.h5"), ("b", "unknown_1.h5")):
        with h5py.File(out / name / "x.h5") as friend:
            assert list(friend) == ["nn"]
            assert list(friend["nn"].attrs["classes"]) == ["ChPi", "Ele", "Pi0"]
            right = dense.model().predict(raw_inputs(home / source), verbose=0)
            np.testing.assert_allclose(friend["nn"][()], right, atol=1e-6)
    again = CliRunner().invoke(cli, [*arguments, "--overwrite"])
    assert again.exit_code == 1
    assert isinstance(again.exception, UsageError)
    assert f"{out}: exists; --append writes a new directory" in str(again.exception)


def test_what_cannot_be_written_is_said_before_anything_is_computed(
    dense: TrainedPoint, home: Path, tmp_path: Path
) -> None:
    linked = tmp_path / "linked.h5"
    with h5py.File(linked, "w") as file:
        for name in ("ECAL", "HCAL"):
            file[name] = h5py.ExternalLink(home / "unknown_0.h5", name)
    for output, message in (
        (BesideEvents(tmp_path / "out", "nn", False), "ECAL is in another file, .*add --friends"),
        (BesideEvents(tmp_path / "out", "a/b", False), "'a/b': not a name"),
        (BesideEvents(tmp_path / "out", "HCAL", False), "HCAL: .*linked.h5 has such a dataset"),
        (Hdf5File(linked), "linked.h5: exists"),
    ):
        with pytest.raises((UsageError, DataError), match=message):
            predict([dense], [linked, home / "unknown_1.h5"], [output])
    for options, message in (
        (["--append", "nn"], "give -o DIR too"),
        (["-o", "x.h5", "--friends"], "give --append NAME too"),
        ([], "say where to write"),
    ):
        done = CliRunner().invoke(cli, ["predict", str(dense.paths.scan), "1", str(linked), *options])
        assert message in str(done.exception)
    assert [path.name for path in tmp_path.iterdir()] == ["linked.h5"]
