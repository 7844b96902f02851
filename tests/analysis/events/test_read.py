"""Single events of a prepared dataset, and what its features are called."""

import dataclasses
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.analysis.events.read import feature_names, prepared_manifest, read_events, without_single_axes
from dlscan.config import load
from dlscan.errors import DataError, UsageError


@pytest.fixture
def experiment(small_scan):
    return load(small_scan)


def test_events_are_those_of_their_raw_files(experiment):
    shown = read_events(experiment, "Pi0", 5)
    assert len(shown.events) == 5
    for event in shown.events:
        assert event.label == "Pi0"
        assert Path(event.file).parent.name == "Pi0"
        with h5py.File(experiment.data.raw / event.file) as raw:
            for name, values in event.inputs.items():
                np.testing.assert_array_equal(values, raw[name][event.row])


def test_without_a_class_there_are_events_of_every_class(experiment):
    shown = read_events(experiment, number=2, split="train")
    assert [event.label for event in shown.events] == ["Ele"] * 2 + ["Gamma"] * 2 + ["Pi0"] * 2 + ["ChPi"] * 2


def test_the_seed_decides_which_events(experiment):
    def places(seed):
        return [(event.file, event.row) for event in read_events(experiment, "ele", 4, seed=seed).events]

    assert places(3) == places(3)
    assert places(3) != places(4)


def test_no_event_comes_twice(experiment):
    number = prepared_manifest(experiment).splits["test"].counts[0]
    events = read_events(experiment, "Ele", number).events
    assert len({(event.file, event.row) for event in events}) == number


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"label": "Gama"}, "no class 'Gama'; did you mean 'Gamma'"),
        ({"split": "tets"}, "no split 'tets'; did you mean 'test'"),
        ({"label": "Ele", "number": 1000}, r"there are \d+ events of Ele in split test, not 1,000"),
    ],
)
def test_what_there_is_not_is_said(experiment, arguments, message):
    with pytest.raises(UsageError, match=message):
        read_events(experiment, **arguments)


def test_a_dataset_that_is_not_prepared_is_named(experiment, tmp_path):
    data = dataclasses.replace(experiment.data, prepared=tmp_path / "nowhere")
    with pytest.raises(DataError, match="nowhere: no prepared dataset here; run `dlscan prepare "):
        read_events(dataclasses.replace(experiment, data=data))


def test_a_dataset_of_another_experiment_is_refused(experiment):
    data = dataclasses.replace(experiment.data, inputs=("ECAL",))
    with pytest.raises(DataError, match=r"other values of data\.inputs"):
        prepared_manifest(dataclasses.replace(experiment, data=data))


@pytest.mark.parametrize(
    ("columns", "names"),
    [
        (None, tuple(f"HCAL[{number}]" for number in range(7))),
        ("a, b,c,d,e,f,g", ("a", "b", "c", "d", "e", "f", "g")),
        ("too,few", tuple(f"HCAL[{number}]" for number in range(7))),
    ],
)
def test_features_have_the_names_of_the_raw_file(experiment, make_raw, tmp_path, columns, names):
    make_raw(tmp_path, files=2, classes=("Ele",))
    if columns:
        with h5py.File(tmp_path / "Ele" / "Ele_0.h5", "a") as file:
            file["HCAL"].attrs["columns"] = columns
    moved = dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, raw=tmp_path))
    assert feature_names(moved, prepared_manifest(experiment), "HCAL") == names


def test_features_are_numbered_where_the_raw_files_are_gone(experiment, tmp_path):
    gone = dataclasses.replace(experiment, data=dataclasses.replace(experiment.data, raw=tmp_path / "gone"))
    assert feature_names(gone, prepared_manifest(experiment), "HCAL")[6] == "HCAL[6]"


def test_axes_of_length_one_are_not_looked_at():
    assert without_single_axes((28, 1, 28, 1)) == (28, 28)
    assert without_single_axes(()) == ()
