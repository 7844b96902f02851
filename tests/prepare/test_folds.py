"""Folds: who is in which, that nothing of what is left out is measured, and that without folds nothing is."""

import itertools
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.config import Experiment, Folds
from dlscan.config.folds import NO_FOLD
from dlscan.dataset import Manifest, fits
from dlscan.dataset.statistics import Statistics
from dlscan.errors import BadFilesError, ConfigError, DataError
from dlscan.prepare import prepare
from dlscan.prepare.deal import Deal
from dlscan.stream import Batches

DATA = {
    "raw": "raw",
    "inputs": ["image", "vector"],
    "extras": ["run", "time", "weight"],
    "split": {"train": 0.6, "validation": 0.2, "test": 0.2},
    "weights": "weight",
    "prepared": "prepared",
}
COUNT = 4


def write(raw: Path, events: int = 150) -> None:
    for label, name in enumerate(("Ele", "Pi0")):
        (raw / name).mkdir(parents=True, exist_ok=True)
        for number in range(2):
            rng = np.random.default_rng([label, number])
            with h5py.File(raw / name / f"{number}.h5", "w") as file:
                image = rng.exponential(1.0, (events, 6, 6)) * (rng.random((events, 6, 6)) < 0.1)
                file["image"] = image.astype(np.float32)
                file["vector"] = rng.normal(label, 1 + number, (events, 3)).astype(np.float32)
                file["run"] = rng.integers(0, 12, events).astype(np.float32)
                file["time"] = rng.permutation(events).astype(np.int32) + 1000 * number
                file["weight"] = rng.uniform(0.5, 2.0, events).astype(np.float32)


@pytest.fixture(scope="module")
def raw_folds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("folds")
    write(home / "raw")
    return home / "raw"


def made(raw: Path, place: Path, **data: Any) -> Experiment:
    from dlscan.config import experiment_from

    content = {**DATA, "raw": str(raw), "prepared": str(place), **data}
    return experiment_from({"name": "folds", "data": content}, place.with_suffix(".yaml"))


@pytest.fixture(scope="module")
def dealt(raw_folds: Path) -> Experiment:
    """A dataset with four folds; leave it as it is."""
    experiment = made(raw_folds, raw_folds.parent / "dealt", folds=COUNT)
    prepare(experiment, processes=1)
    return experiment


Event = tuple[int, int]


def events(place: Path, split: str, left_out: tuple[int, ...] = ()) -> dict[Event, dict[str, Any]]:
    """Every event of a split by its file and row, with what it carries."""
    found: dict[Event, dict[str, Any]] = {}
    with Batches(place, split, 64, workers=0, shuffle=False, extras=True, left_out=left_out) as batches:
        for batch in batches.epoch(0):
            assert batch.sources is not None
            for row, source in enumerate(batch.sources.tolist()):
                assert tuple(source) not in found
                found[source[0], source[1]] = {
                    **{name: values[row] for name, values in (batch.inputs | batch.extras).items()},
                    "label": int(batch.labels[row]),
                }
    return found


def test_each_event_but_those_of_test_validates_once(dealt: Experiment) -> None:
    place = dealt.data.prepared
    test = events(place, "test")
    seen: dict[Event, int] = {}
    for fold in range(1, COUNT + 1):
        train, validation = (events(place, split, (fold,)).keys() for split in ("train", "validation"))
        assert events(place, "test", (fold,)).keys() == test.keys()
        assert not (train & validation) | (train & test.keys()) | (validation & test.keys())
        assert len(train | validation) + len(test) == 600
        assert len(validation) == pytest.approx(480 / COUNT, abs=45)
        assert not seen.keys() & validation
        seen |= dict.fromkeys(validation, fold)
    assert len(seen) == 600 - len(test)
    first, others = events(place, "train", (1, 3)).keys(), events(place, "validation", (1, 3)).keys()
    assert first == {event for event, fold in seen.items() if fold in (2, 4)}
    assert others == {event for event, fold in seen.items() if fold in (1, 3)}
    # what is left out where nobody says which
    assert events(place, "validation").keys() == {event for event, fold in seen.items() if fold == 1}


def assert_same(found: Statistics, values: np.ndarray) -> None:
    for name, wanted in {
        "mean": values.mean(axis=0),
        "std": values.std(axis=0),
        "minimum": values.min(axis=0),
        "maximum": values.max(axis=0),
    }.items():
        assert getattr(found, name) == pytest.approx(wanted.tolist(), rel=1e-12), name
    size = np.abs(values[values != 0])
    assert found.magnitude == pytest.approx(size.mean(), rel=1e-12)
    assert found.occupancy == pytest.approx(len(size) / values.size, rel=1e-12)


@pytest.mark.parametrize("left_out", [(1,), (2,), (4,), (1, 3)], ids=str)
def test_statistics_of_folds_are_those_of_the_events_that_train(
    dealt: Experiment, left_out: tuple[int, ...]
) -> None:
    manifest = Manifest.read(dealt.data.prepared).leaving_out(left_out)
    train = events(dealt.data.prepared, "train", left_out).values()
    for name, columns in (("image", 1), ("vector", 3)):
        values = np.array([event[name] for event in train], np.float64).reshape(-1, columns)
        assert_same(manifest.statistics[name], values)
        if columns > 1 and len(left_out) == 1:
            # of so few events all are the sample
            middle = [feature[len(feature) // 2] for feature in manifest.statistics[name].quantiles]
            assert middle == pytest.approx(np.median(values, axis=0).tolist(), rel=1e-12)
        else:
            assert manifest.statistics[name].quantiles == ()
    for split in ("train", "validation", "test"):
        own = list(events(dealt.data.prepared, split, left_out).values())
        counts = np.bincount([event["label"] for event in own], minlength=2).tolist()
        sums = [sum(float(event["weight"]) for event in own if event["label"] == label) for label in (0, 1)]
        assert list(manifest.splits[split].counts) == counts
        assert manifest.weights["weight"].splits[split].total == pytest.approx(sums, rel=1e-12)


def test_folds_equal_a_dataset_that_is_split_so(dealt: Experiment, raw_folds: Path, tmp_path: Path) -> None:
    codes = {
        **dict.fromkeys(events(dealt.data.prepared, "train", (2,)), 0),
        **dict.fromkeys(events(dealt.data.prepared, "test", (2,)), 1),
        **dict.fromkeys(events(dealt.data.prepared, "validation", (2,)), 2),
    }
    write(tmp_path / "raw")
    for number, source in enumerate(Manifest.read(dealt.data.prepared).sources):
        with h5py.File(tmp_path / "raw" / source.file, "r+") as file:
            file["side"] = np.array([codes[number, row] for row in range(source.events)])
    alone = made(tmp_path / "raw", tmp_path / "alone", split={"column": "side", "validation": 2})
    prepare(alone, processes=1)
    whole, folded = Manifest.of(alone), Manifest.read(dealt.data.prepared).leaving_out((2,))
    for split in ("train", "validation", "test"):
        there, here = events(alone.data.prepared, split), events(dealt.data.prepared, split, (2,))
        assert there.keys() == here.keys()
        assert all(np.array_equal(there[event]["image"], here[event]["image"]) for event in there)
        assert whole.splits[split].counts == folded.splits[split].counts
    for name, found in folded.statistics.items():
        for key, value in vars(whole.statistics[name]).items():
            assert np.ravel(getattr(found, key)) == pytest.approx(np.ravel(value), rel=1e-12), key


def test_groups_stay_together_and_fill_folds_evenly(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "groups", folds={"count": COUNT, "group": "run"})
    prepare(experiment, processes=1)
    sizes, runs = [], []
    for fold in range(1, COUNT + 1):
        found = events(experiment.data.prepared, "validation", (fold,)).values()
        sizes.append(len(found))
        runs.append({float(event["run"]) for event in found})
    assert not any(a & b for a, b in itertools.combinations(runs, 2))
    assert set.union(*runs) == set(map(float, range(12)))
    # twelve runs of about 40 events
    assert max(sizes) - min(sizes) < 50


def test_groups_of_a_split_are_not_torn_by_folds(raw_folds: Path, tmp_path: Path) -> None:
    split = {"group": "run", "train": 0.5, "validation": 0.25, "test": 0.25, "seed": 3}
    experiment = made(raw_folds, tmp_path / "both", split=split, folds=2)
    prepare(experiment, processes=1)
    parts = [("test", ()), ("validation", (1,)), ("validation", (2,))]
    runs = [
        {float(event["run"]) for event in events(experiment.data.prepared, split, left).values()}
        for split, left in parts
    ]
    assert all(runs)
    assert not any(a & b for a, b in itertools.combinations(runs, 2))


def test_ordered_folds_are_stretches_of_equal_length(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "ordered", folds={"count": COUNT, "order": "time"})
    prepare(experiment, processes=1)
    times = []
    for fold in range(1, COUNT + 1):
        found = events(experiment.data.prepared, "validation", (fold,)).values()
        times.append(sorted(int(event["time"]) for event in found))
    assert all(a[-1] < b[0] for a, b in itertools.pairwise(times))
    assert max(map(len, times)) - min(map(len, times)) <= 4


def test_an_event_keeps_its_fold_when_others_come() -> None:
    deal, splits = Deal(Folds(5)), np.zeros(100, np.int8)
    some = deal.codes(splits[:40], "a/0.h5", np.arange(40), 1, None)
    all_of_them = deal.codes(splits, "a/0.h5", np.arange(100), 1, None)
    assert np.array_equal(some, all_of_them[:40])
    assert set(all_of_them.tolist()) == set(range(5))
    assert not np.array_equal(all_of_them, deal.codes(splits, "a/0.h5", np.arange(100), 2, None))


def test_a_dataset_without_folds_says_nothing_of_them(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "plain")
    prepare(experiment, processes=1)
    text = (tmp_path / "plain" / "manifest.json").read_text()
    assert "fold" not in text
    assert "left_out" not in text


def test_other_folds_are_another_dataset(dealt: Experiment, raw_folds: Path) -> None:
    for folds in (None, COUNT + 1):
        other = made(raw_folds, dealt.data.prepared, **({} if folds is None else {"folds": folds}))
        with pytest.raises(DataError, match=r"prepared with other values of data\.folds"):
            fits.require(Manifest.of(other), other)


def test_a_dataset_without_folds_leaves_out_none(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "plain")
    manifest = prepare(experiment, processes=1).manifest
    for numbers in (NO_FOLD, (1,)):
        assert manifest.leaving_out(numbers) is manifest


def test_which_fold_validates_is_no_part_of_the_dataset(dealt: Experiment, raw_folds: Path) -> None:
    other = made(raw_folds, dealt.data.prepared, folds=COUNT, fold=3)
    manifest = Manifest.of(other)
    fits.require(manifest, other)
    assert manifest.left_out == (3,)
    assert prepare(other, processes=1).built is False
    assert manifest.config_hash == Manifest.of(dealt).config_hash


def test_an_index_has_no_folds(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "index", folds=3)
    with pytest.raises(ConfigError, match=r"data\.folds: an index of raw files has no folds"):
        prepare(experiment, processes=1, index_only=True)


def test_a_column_of_folds_that_no_file_has_is_named(raw_folds: Path, tmp_path: Path) -> None:
    experiment = made(raw_folds, tmp_path / "none", folds={"count": 3, "group": "runs"})
    with pytest.raises(ConfigError, match=r"data\.folds: no raw file has the dataset 'runs'"):
        prepare(experiment, processes=1)


def test_a_column_of_folds_with_several_numbers_an_event_says_how_many(
    raw_folds: Path, tmp_path: Path
) -> None:
    with pytest.raises(BadFilesError, match=r"image, .* must hold one number per event, not 6x6"):
        prepare(made(raw_folds, tmp_path / "images", folds={"count": 2, "group": "image"}), processes=1)


def test_quantiles_are_refused_where_several_folds_are_left_out(dealt: Experiment, raw_folds: Path) -> None:
    normalize = {"vector": "quantile"}
    one = made(raw_folds, dealt.data.prepared, folds=COUNT, fold=2, normalize=normalize)
    fits.require(Manifest.of(one), one)
    with pytest.raises(ConfigError, match=r"data\.normalize: .* known with one fold left out, not with 2"):
        made(raw_folds, dealt.data.prepared, folds=COUNT, fold=[2, 3], normalize=normalize)
