"""What `dlscan predict` makes of files: labels, cuts and weights that are numbers of each event."""

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import yaml

from dlscan import train
from dlscan.config import load
from dlscan.dataset import Manifest
from dlscan.errors import DataError, UsageError
from dlscan.locks import locked
from dlscan.metrics import auc_estimate
from dlscan.prediction import Hdf5File, predict
from dlscan.prediction.applied import Applied
from dlscan.prediction.predict import _identity
from dlscan.prepare import prepare
from dlscan.prepare.new_files import check_new_files, find_new_files
from dlscan.training import TrainedPoint

EVENTS = 200


def write(path: Path, seed: int, without: str = "") -> dict[str, Any]:
    """Write a file: `x`, `jets` with a flavour and a weight, `hits` with offsets."""
    rng = np.random.default_rng(seed)
    jets = np.zeros(EVENTS, [("pt", "f4"), ("flavour", "i1"), ("w", "f8")])
    jets["pt"], jets["flavour"] = rng.exponential(30, EVENTS), rng.integers(0, 3, EVENTS)
    jets["w"] = rng.uniform(0.5, 2, EVENTS)
    hits = [rng.normal(size=(size, 2)).astype(np.float32) for size in rng.integers(0, 4, EVENTS)]
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as handle:
        handle["jets"] = jets[[name for name in jets.dtype.names if name != without]]
        handle["x"] = np.column_stack([jets["flavour"], jets["pt"]]).astype(np.float32)
        handle["hits"] = np.concatenate(hits)
        handle["ends"] = np.cumsum([len(own) for own in hits])
    passes = np.array([bool((own[:, 0] > 0).any()) for own in hits])
    return {"jets": jets, "passes": passes}


@pytest.fixture(scope="module")
def point(tmp_path_factory: pytest.TempPathFactory) -> TrainedPoint:
    home = tmp_path_factory.mktemp("predict")
    write(home / "raw/a.h5", 1)
    classes = {"even": [0, 2], "odd": 1}
    data = {
        "raw": str(home / "raw"),
        "inputs": {"x": {}, "hits": {"offsets": "ends", "fields": ["t", "z"], "longest": 4}},
        "where": "any(hits.t > 0)",
        "weights": "jets.w",
        "resample": {"in": "jets.pt", "bins": 2, "by": "counts"},
        "prepared": str(home / "prepared"),
    }
    # the same dataset, for whoever lists its classes in another order
    prepared = {**data, "labels": {"column": "jets.flavour", "classes": classes}}
    (home / "e.yaml").write_text(yaml.safe_dump({"name": "e", "data": prepared}, sort_keys=False))
    prepare(load(home / "e.yaml"), processes=1)
    turned = dict(reversed(classes.items()))
    return train(
        {
            "data": {**data, "labels": {"column": "jets.flavour", "classes": turned}},
            "model": {"width": 4, "depth": 1, "inputs": ["x"]},
            "train": {"epochs": 1},
            "stream": {"workers": 0},
        },
        home / "scan",
    )


def test_cuts_on_entries_labels_and_weights_are_those_of_the_dataset(
    point: TrainedPoint, tmp_path: Path
) -> None:
    truth = write(tmp_path / "new.h5", 2)
    done = predict([point], [tmp_path / "new.h5"], [Hdf5File(tmp_path / "out.h5")])
    rows = np.flatnonzero(truth["passes"])
    assert 20 < len(rows) < 180
    with h5py.File(tmp_path / "out.h5") as out:
        assert list(out.attrs["classes"]) == ["even", "odd"]
        np.testing.assert_array_equal(out["sources"][:, 1], rows)
        np.testing.assert_array_equal(out["labels"][()], truth["jets"]["flavour"][rows] == 1)
        np.testing.assert_array_equal(out["weights"][()], truth["jets"]["w"][rows].astype("f4"))
        scores, labels, weights = (out[name][()] for name in ("scores", "labels", "weights"))
    assert done.measured is not None
    area = auc_estimate(scores[:, 1], labels == 1, weights).value
    assert done.measured.values["Mean_AUC"] == pytest.approx(area)


def test_each_purpose_is_asked_for_by_itself(point: TrainedPoint, tmp_path: Path) -> None:
    truth = write(tmp_path / "unweighed.h5", 3, without="w")
    rows = np.flatnonzero(truth["passes"])
    done = predict([point], [tmp_path / "unweighed.h5"], [Hdf5File(tmp_path / "out.h5")])
    assert done.measured is None
    assert done.unmeasured == "no metrics: data.weights is jets.w, which these files do not all have"
    with h5py.File(tmp_path / "out.h5") as out:
        np.testing.assert_array_equal(out["labels"][()], truth["jets"]["flavour"][rows] == 1)
        assert "weights" not in out
    write(tmp_path / "unlabelled.h5", 4, without="flavour")
    done = predict([point], [tmp_path / "unlabelled.h5"], [Hdf5File(tmp_path / "none.h5")])
    assert (done.measured, done.unmeasured) == (None, "")
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    write(tmp_path / "good.h5", 5)
    done = predict(
        [point],
        [tmp_path / "bad.h5", tmp_path / "good.h5"],
        [Hdf5File(tmp_path / "skip.h5")],
        skip_bad=True,
    )
    assert done.measured is not None
    assert set(done.bad) == {tmp_path / "bad.h5"}


def test_events_of_no_class_are_predicted_and_not_measured(point: TrainedPoint, tmp_path: Path) -> None:
    truth = write(tmp_path / "new.h5", 6)
    with h5py.File(tmp_path / "new.h5", "a") as file:
        jets = file["jets"][()]
        jets["flavour"][:50] = 9
        file["jets"][...] = jets
    predict([point], [tmp_path / "new.h5"], [Hdf5File(tmp_path / "out.h5")])
    with h5py.File(tmp_path / "out.h5") as out:
        none = out["sources"][:, 1] < 50
        assert len(none) == np.count_nonzero(truth["passes"])
        np.testing.assert_array_equal(out["labels"][()] < 0, none)


def test_a_dataset_that_was_prepared_again_is_refused(point: TrainedPoint, tmp_path: Path) -> None:
    write(tmp_path / "new.h5", 2)
    path = Path(point.record.dataset["path"]) / "manifest.json"
    before = path.read_text()
    path.write_text(json.dumps(json.loads(before) | {"config_hash": "other"}))
    try:
        with pytest.raises(DataError, match="has been prepared again since"):
            predict([point], [tmp_path / "new.h5"], [Hdf5File(tmp_path / "out.h5")])
    finally:
        path.write_text(before)


def test_one_process_at_a_time_writes_a_file(point: TrainedPoint, tmp_path: Path) -> None:
    write(tmp_path / "new.h5", 2)
    with (
        locked(tmp_path / ".out.h5.lock", UsageError("busy")),
        pytest.raises(UsageError, match=r"out\.h5: another `dlscan predict` is writing this; wait"),
    ):
        predict([point], [tmp_path / "new.h5"], [Hdf5File(tmp_path / "out.h5")])


def test_parts_of_other_files_are_begun_anew(point: TrainedPoint, tmp_path: Path) -> None:
    applied, experiment = Applied.of(point), load(point.paths.config)
    manifest = Manifest.read(Path(point.record.dataset["path"]))
    (tmp_path / "bad.h5").write_bytes(b"nothing")
    write(tmp_path / "good.h5", 5)
    bad, good = tmp_path / "bad.h5", tmp_path / "good.h5"
    one, other = (
        _identity([applied], check_new_files(experiment, manifest, paths, skip_bad=True))
        for paths in ([bad, good], [good, bad])
    )
    assert one != other
    assert other != _identity([applied], check_new_files(experiment, manifest, [good]))


def test_files_are_found_once_and_neither_hidden_nor_written(tmp_path: Path) -> None:
    for name in ("a.h5", "out.h5", ".hidden.h5", ".cache/b.h5"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "link.h5").symlink_to("a.h5")
    found = find_new_files([tmp_path, tmp_path / "a.h5"], tmp_path / "out.h5")
    assert [path.name for path in found] == ["a.h5"]
    with pytest.raises(DataError, match="no other file was given"):
        find_new_files([tmp_path / "out.h5"], tmp_path / "out.h5")
