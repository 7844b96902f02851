"""Labels that a column says, cuts, and weights that are a number of an event: prepared, and in an index."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.analysis.events.sample import read_sample
from dlscan.analysis.events.sample_text import sample_text
from dlscan.config import Experiment
from dlscan.dataset import SPLITS
from dlscan.errors import BadFilesError, ConfigError
from dlscan.prepare import prepare
from dlscan.stream import Batches

Make = Callable[..., Experiment]
FILES = ("data.classes=null", "data.files='*/*.h5'")
COLUMN = "data.labels={column: 'target[:,0,0]', classes: {Ele: 0, Pi0: 1, ChPi: 2}}"
BOTH = pytest.mark.parametrize("index_only", [False, True], ids=["prepared", "index"])


def events_of(prepared: Path, epoch: int = 0, **options: Any) -> dict[str, dict[str, np.ndarray]]:
    """Labels, weights, inputs and target of all events, by split."""
    found = {}
    for split in SPLITS:
        given = {"workers": 0, "shuffle": False, "extras": True, "batch_size": 32, **options}
        with Batches(prepared, split=split, **given) as batches:
            read = list(batches.epoch(epoch))
        found[split] = {
            "labels": np.concatenate([batch.labels for batch in read]),
            "weights": np.concatenate([batch.weights for batch in read]),
            "HCAL": np.concatenate([batch.inputs["HCAL"] for batch in read]),
            "target": np.concatenate([batch.extras["target"][:, 0] for batch in read]),
        }
    return found


@BOTH
def test_a_column_gives_the_dataset_that_directories_give(make_experiment: Make, index_only: bool) -> None:
    by_directory = make_experiment("data.prepared=one", "data.classes={ChPi: ChPi, Ele: Ele, Pi0: Pi0}")
    order = COLUMN.replace("{Ele: 0, Pi0: 1, ChPi: 2}", "{ChPi: 2, Ele: [0, 7], Pi0: 1}")
    by_column = make_experiment(*FILES, order, "data.prepared=two")
    one, two = (
        prepare(each, processes=1, index_only=index_only).manifest for each in (by_directory, by_column)
    )
    assert one.classes == two.classes == ("ChPi", "Ele", "Pi0")
    assert [one.splits[split].counts for split in SPLITS] == [two.splits[split].counts for split in SPLITS]
    assert one.statistics == two.statistics
    assert one.weights == two.weights
    # balanced and in random order too: the same events in the same batches
    for options in ({}, {"shuffle": True, "balance": "weights"}, {"shuffle": True, "balance": "oversample"}):
        expected, found = (events_of(each.data.prepared, 1, **options) for each in (by_directory, by_column))
        for split in SPLITS:
            # units without events of the split have a class by their files alone: they mix in another order
            orders = [np.lexsort(part[split]["target"].T) for part in (expected, found)]
            if not index_only or not options:
                orders = [np.arange(len(order)) for order in orders]
            for name, values in expected[split].items():
                if options.get("balance") != "oversample" or not index_only:
                    np.testing.assert_array_equal(found[split][name][orders[1]], values[orders[0]])
    assert {source.label for source in two.sources} == {""}


@BOTH
@pytest.mark.parametrize("workers", [0, 2])
def test_labels_are_those_of_events_where_a_file_holds_several_classes(
    make_experiment: Make, index_only: bool, workers: int
) -> None:
    """By the file's number, which each file of a class has once: both classes are in every directory."""
    # and by the row: a unit of an index is of several classes
    experiment = make_experiment(
        *FILES, "data.labels={column: split, classes: {often: 0, seldom: 1}, titles: {often: $o$}}"
    )
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    assert dict(experiment.data.labels) == {"often": "$o$"}
    found = events_of(experiment.data.prepared, workers=workers, shuffle=True)
    total = 0
    for split in SPLITS:
        wanted = (found[split]["target"][:, 2] % 5 == 0).astype(int)
        np.testing.assert_array_equal(found[split]["labels"], wanted)
        assert manifest.splits[split].counts == tuple(np.bincount(wanted, minlength=2))
        total += len(wanted)
    assert total == 300


@BOTH
def test_rarer_classes_come_again_as_often_as_it_takes(make_experiment: Make, index_only: bool) -> None:
    experiment = make_experiment(*FILES, "data.labels={column: split, classes: {often: 0, seldom: 1}}")
    prepare(experiment, processes=1, index_only=index_only)
    with Batches(
        experiment.data.prepared, workers=0, extras=True, balance="oversample", batch_size=50
    ) as batches:
        read = list(batches.epoch(0))
        events = batches.events
    labels = np.concatenate([batch.labels for batch in read])
    rows = np.concatenate([batch.extras["target"][:, 0, :3] for batch in read])
    assert len(labels) == events
    assert np.ptp(np.bincount(labels)) == 0
    again = np.unique(rows, axis=0, return_counts=True)[1]
    plain = events_of(experiment.data.prepared)["train"]
    assert len(again) == len(plain["labels"])
    of_class = [np.unique(rows[labels == label], axis=0, return_counts=True)[1] for label in (0, 1)]
    assert set(of_class[0]) == {1}
    assert np.ptp(of_class[1]) <= 1


def test_what_no_class_has_is_counted_unless_the_file_says_what_it_is(
    make_experiment: Make, raw: Path
) -> None:
    two = "data.labels={column: 'target[:,0,0]', classes: {Ele: 0, Pi0: 1}OTHER}"
    with pytest.raises(ConfigError) as caught:
        prepare(make_experiment(*FILES, two.replace("OTHER", "")), processes=1)
    assert "no class has the value 2 of target[:,0,0] in ChPi/ChPi_0.h5, row 0; 100 of 300 events" in str(
        caught.value
    )
    # a cut may take them
    where = "data.where='target[:,0,0] < 2'"
    assert (
        prepare(make_experiment(*FILES, two.replace("OTHER", ""), where), processes=1).manifest.events == 200
    )
    dropped = prepare(make_experiment(*FILES, two.replace("OTHER", ", other: drop")), processes=1).manifest
    assert dropped.classes == ("Ele", "Pi0")
    assert dropped.events == 200
    assert dropped.flow == ((100, 100, 100),)
    named = prepare(make_experiment(*FILES, two.replace("OTHER", ", other: rest")), processes=1).manifest
    assert named.classes == ("Ele", "Pi0", "rest")
    assert [sum(named.splits[split].counts[label] for split in SPLITS) for label in range(3)] == [100] * 3
    with h5py.File(raw / "Ele/Ele_0.h5", "a") as handle:
        handle["target"][3, 0, 0] = np.nan
    with pytest.raises(ConfigError, match=r"no class has the value nan of .* row 3; 1 of 300 events"):
        prepare(make_experiment(*FILES, COLUMN), processes=1)


@BOTH
def test_cuts_keep_what_passes_and_count_the_rest(make_experiment: Make, index_only: bool) -> None:
    cuts = ["target[:,0,3] > 40", "sum(HCAL) < 9 or target[:,0,0] == 2", "any(ECAL > 0.001)"]
    everything = make_experiment("data.prepared=all")
    prepare(everything, processes=1)
    whole = events_of(everything.data.prepared)
    experiment = make_experiment(f"data.where={json.dumps(cuts)}")
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    kept = events_of(experiment.data.prepared, workers=0)
    left = 0
    for split in SPLITS:
        target, hcal = whole[split]["target"], whole[split]["HCAL"]
        passes = (target[:, 3] > 40) & ((hcal.sum(axis=1, dtype=float) < 9) | (target[:, 0] == 2))
        # all images have a cell above the threshold
        expected, found = (np.sort(part[:, 3]) for part in (target[passes], kept[split]["target"]))
        np.testing.assert_array_equal(found, expected)
        assert manifest.splits[split].counts == tuple(np.bincount(target[passes, 0].astype(int), minlength=3))
        left += len(expected)
    assert 0 < left < 250
    assert manifest.flow[0] == (100, 100, 100, 0)
    assert len(manifest.flow) == 4
    assert sum(manifest.flow[-1]) == sum(manifest.flow[-2]) == left == manifest.events
    assert manifest.config["where"] == cuts
    shown = sample_text(read_sample(experiment))
    assert "target[:,0,3] > 40" in shown
    # one text is a list of one, in the dataset's hash
    again = make_experiment("data.where='target[:,0,3] > 40'", "data.prepared=again")
    assert prepare(again, processes=1).manifest.config["where"] == [cuts[0]]
    assert not prepare(make_experiment(f"data.where={json.dumps(cuts[:1])}", "data.prepared=again")).built
    assert prepare(make_experiment("data.prepared=again"), processes=1).built


def test_a_dataset_without_new_keys_is_what_it_was(make_experiment: Make) -> None:
    manifest = prepare(make_experiment(), processes=1).manifest
    assert list(manifest.config) == ["classes", "inputs", "extras", "split"]
    written = json.loads((make_experiment().data.prepared / "manifest.json").read_text())
    assert "flow" not in written


def test_cuts_take_away_what_is_broken(make_experiment: Make, raw: Path) -> None:
    with h5py.File(raw / "Ele/Ele_0.h5", "a") as handle:
        handle["HCAL"][7, 2] = np.nan
        handle["split"][8] = 9
    column = "data.split={column: split, train: 0, test: 1}"
    with pytest.raises(BadFilesError):
        prepare(make_experiment(column), processes=1)
    where = "data.where=['split < 2', 'all(HCAL < 1e9)']"
    assert prepare(make_experiment(column, where), processes=1).manifest.events == 298


def test_a_number_of_an_event_is_compared_as_it_is_in_the_file(make_experiment: Make, raw: Path) -> None:
    """An input is stored as float32, which cannot tell these integers apart."""
    for path in raw.glob("*/*.h5"):
        with h5py.File(path, "a") as handle:
            handle["number"] = 2**24 + np.arange(50)
    experiment = make_experiment("data.inputs=[HCAL, number]", f"data.where='number != {2**24 + 1}'")
    assert prepare(experiment, processes=1).manifest.events == 294


@pytest.mark.parametrize(
    ("where", "message"),
    [
        (
            "target[:,0,3] > 1e9",
            "data.where: 'target[:,0,3] > 1e9' leaves no event of class Ele; 100 were left",
        ),
        (
            "['sum(HCAL) > -99', 'target[:,0,0] != 1']",
            "leaves no event of class Pi0; 100 were left before it",
        ),
        ("traget[:,0,0] > 1", "data.where: no raw file has the dataset 'traget'"),
        ("traget[:,0,0] > 1", "did you mean 'target'?"),
        ("HCAL > 1", "data.where: 'HCAL > 1' is true or false for each of several constituents"),
        ("any(HCAL > ECAL)", "different numbers of constituents"),
        ("target[:,0,9] > 1", "there is no target[:, 0, 9]: an event of target has the shape 1x4"),
        ("target[0] > 1", "must be a dataset, with the place of one number per event"),
        ("open('x')", "data.where: \"open('x')\": open() is not a function here"),
        ("split", "is a number; compare it, such as split > 0"),
        ("3", "must be an expression such as 'jets.pt > 20'"),
        ("[]", ""),
    ],
)
def test_a_cut_that_cannot_be_is_one_line(make_experiment: Make, where: str, message: str) -> None:
    quoted = where if where[0] == "[" else json.dumps(where) if where != "3" else where
    if not message:
        assert prepare(make_experiment(f"data.where={quoted}"), processes=1).manifest.events == 300
        return
    with pytest.raises(ConfigError) as caught:
        prepare(make_experiment(f"data.where={quoted}"), processes=1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (
            "{column: target, classes: {a: 0, b: 1}}",
            "data.labels.column: target: must be one number per event",
        ),
        (
            "{column: nothing, classes: {a: 0, b: 1}}",
            "data.labels.column: no raw file has the dataset 'nothing'",
        ),
        ("{column: split, classes: {a: 0, b: 1, c: 5}}", "c: no event has 5 as its split"),
        ("{column: split, classes: {a: 0, b: 0}}", "data.labels.classes.b: 0 is listed for both a and b"),
        ("{column: split, classes: {a: [0, 0], b: 1}}", "data.labels.classes.a: 0 is listed for a twice"),
        (
            "{column: split, classes: {a: x, b: 1}}",
            "data.labels.classes.a: must be a number or a list of numbers",
        ),
        ("{column: split, classes: {a: [], b: 1}}", "data.labels.classes.a: must list at least one value"),
        ("{column: split, classes: {a: 0}}", "data.labels.classes: must name at least two classes"),
        ("{column: split, classes: {a: 0, A: 1}}", "differ only in upper and lower case"),
        ("{column: split}", "data.labels.classes: missing"),
        ("{classes: {a: 0, b: 1}}", "data.labels.column: missing"),
        (
            "{column: split, classes: {a: 0, b: 1}, othr: drop}",
            "data.labels.othr: unknown key; did you mean 'other'?",
        ),
        ("{column: split, classes: {a: 0, b: 1}, other: drpo}", "did you mean 'drop'?"),
        (
            "{column: split, classes: {a: 0, b: 1}, titles: {a: $x}}",
            "data.labels.titles.a: must be text, with every",
        ),
    ],
)
def test_labels_that_cannot_be_are_one_line(make_experiment: Make, labels: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        prepare(make_experiment(*FILES, f"data.labels={labels}"), processes=1)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_column_and_directories_of_classes_do_not_go_together(make_experiment: Make) -> None:
    with pytest.raises(ConfigError, match=r"data\.classes: names directories, but data.labels says"):
        make_experiment(COLUMN)


@BOTH
def test_a_weight_need_not_be_an_extra(make_experiment: Make, raw: Path, index_only: bool) -> None:
    experiment = make_experiment("data.weights='target[:,0,3]'")
    manifest = prepare(experiment, processes=1, index_only=index_only).manifest
    assert list(manifest.extras) == ["target", "target[:,0,3]"]
    name = "target[:,0,3]"
    found = events_of(experiment.data.prepared, event_weights=name, shuffle=True)
    for split in SPLITS:
        np.testing.assert_array_equal(found[split]["weights"], found[split]["target"][:, 3])
    assert manifest.weights[name].splits["train"].total[1] == pytest.approx(
        found["train"]["target"][found["train"]["labels"] == 1, 3].sum(dtype=float)
    )
    assert prepare(make_experiment(), processes=1, index_only=index_only).built
    with h5py.File(raw / "Pi0/Pi0_1.h5", "a") as handle:
        handle["target"][5, 0, 3] = np.nan
    with pytest.raises(BadFilesError) as caught:
        prepare(experiment, processes=1, index_only=index_only)
    ((path, reason),) = caught.value.bad
    assert path.name == "Pi0_1.h5"
    assert reason == "target[:,0,3], the event weight, is not finite as float32 in row 5"
