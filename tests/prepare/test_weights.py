"""Event weights: measured by `prepare`, refused where they cannot weigh, and what balancing makes of them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from dlscan.cli.prepare import summary
from dlscan.config import Experiment
from dlscan.dataset import SPLITS, Manifest, fits
from dlscan.errors import BadFilesError, ConfigError, DataError
from dlscan.prepare import prepare
from dlscan.stream import Batches

Make = Callable[..., Experiment]
CLASSES = ("Ele", "Pi0", "ChPi")
# the mean weight of an event of each class: cross sections differ by orders of magnitude
SCALE = {"Ele": 1e-4, "Pi0": 3.0, "ChPi": 1.0}


def weigh(raw: Path, change: Callable[[str, np.ndarray], Any] = lambda name, weights: weights) -> None:
    """Give every raw file the dataset `w`, by the name of its class."""
    for path in sorted(raw.glob("*/*.h5")):
        rng = np.random.default_rng(len(path.name))
        with h5py.File(path, "a") as handle:
            events = len(handle["HCAL"])
            values = change(path.name, rng.uniform(0.5, 1.5, events) * SCALE[path.parent.name])
            if "w" in handle:
                del handle["w"]
            handle["w"] = values


@pytest.fixture
def weighted(make_experiment: Make, raw: Path) -> Make:
    """Make experiments over weighted events of unequal classes."""
    (raw / "Ele/Ele_1.h5").unlink()
    weigh(raw)

    def make(*overrides: str) -> Experiment:
        return make_experiment("data.extras=[target, w]", "data.weights=w", *overrides)

    return make


def events_of(experiment: Experiment, split: str = "train", **options: Any) -> tuple[np.ndarray, np.ndarray]:
    """Labels and weights of an epoch."""
    options = {"event_weights": experiment.data.weights, "workers": 0, **options}
    with Batches(experiment.data.prepared, split, 32, **options) as batches:
        parts = [(batch.labels, batch.weights) for batch in batches.epoch(0)]
    labels, weights = (np.concatenate(column) for column in zip(*parts, strict=True))
    return labels, weights.astype(np.float64)


@pytest.mark.parametrize("index_only", [False, True])
@pytest.mark.parametrize("balance", ["weights", "oversample"])
def test_balanced_classes_have_the_same_sum_of_event_weights(
    weighted: Make, balance: str, index_only: bool
) -> None:
    experiment = weighted()
    prepare(experiment, processes=1, index_only=index_only)
    labels, weights = events_of(experiment, balance=balance)
    totals = np.bincount(labels, weights)
    # where events repeat, a class gets its rare ones once more or not
    np.testing.assert_allclose(totals, totals.mean(), rtol=1e-5 if balance == "weights" else 0.2)
    # the mean loss is as large as it was
    plain = events_of(experiment)[1]
    assert weights.mean() == pytest.approx(plain.mean(), rel=1e-5 if balance == "weights" else 0.2)


def test_every_split_has_the_factors_of_the_training_split(weighted: Make) -> None:
    experiment = weighted()
    prepare(experiment, processes=1)
    factors = []
    for split in SPLITS:
        labels, plain = events_of(experiment, split, shuffle=False)
        _, weights = events_of(experiment, split, shuffle=False, balance="weights")
        factors += [(label, factor) for label, factor in zip(labels, weights / plain, strict=True)]
    for label in range(3):
        own = [factor for other, factor in factors if other == label]
        np.testing.assert_allclose(own, own[0], rtol=1e-6)


@pytest.mark.parametrize("sum_of_ele", [0.0, -2.0])
@pytest.mark.parametrize("balance", ["weights", "oversample"])
def test_a_class_whose_weights_add_up_to_nothing_cannot_be_balanced(
    weighted: Make, raw: Path, balance: str, sum_of_ele: float
) -> None:
    weigh(raw, lambda name, weights: weights * 0 + sum_of_ele if "Ele" in name else weights)
    experiment = weighted(f"data.balance={balance}")
    expected = rf"data\.balance: {balance} gives .* weights w of class Ele add up to .* in the training split"
    with pytest.raises(ConfigError, match=expected):
        prepare(experiment, processes=1)
    with pytest.raises(ConfigError, match=expected):
        fits.require(Manifest.read(experiment.data.prepared), experiment)
    with pytest.raises(DataError, match=f"balance: {balance} gives"):
        events_of(experiment, balance=balance)
    assert not prepare(weighted(), processes=1).built


def test_a_class_without_weight_is_warned_of(
    weighted: Make, raw: Path, caplog: pytest.LogCaptureFixture
) -> None:
    prepare(weighted(), processes=1)
    assert not [record for record in caplog.records if "add up to" in record.getMessage()]
    weigh(raw, lambda name, weights: weights * 0 - 1 if "ChPi" in name else weights)
    experiment = weighted()
    counts = prepare(experiment, processes=1).manifest.splits["test"].counts
    found = [record.getMessage() for record in caplog.records if "add up to" in record.getMessage()]
    assert len(found) == len(SPLITS)
    assert f"weights w of class ChPi add up to -{counts[2]} in the test split" in found[2]


@pytest.mark.parametrize("value", [np.nan, np.inf, 1e300])
def test_a_weight_that_is_not_finite_is_named_with_its_row(weighted: Make, raw: Path, value: float) -> None:
    def spoil(name: str, weights: np.ndarray) -> np.ndarray:
        weights[7] = value if name == "Pi0_1.h5" else weights[7]
        return weights

    weigh(raw, spoil)
    reason = "w, the event weight, is not finite as float32 in row 7"
    with pytest.raises(BadFilesError) as caught:
        prepare(weighted(), processes=1)
    assert caught.value.bad == [(raw / "Pi0/Pi0_1.h5", reason)]
    # an extra that is only carried along may be anything
    unweighted = weighted("data.weights=null")
    assert prepare(unweighted, processes=1).built
    # the experiment changes its mind: said before anything is trained, and by prepare with file and row
    where = r"w is not finite as float32 in Pi0/Pi0_1\.h5, row 7"
    with pytest.raises(DataError, match=where):
        fits.require(Manifest.read(unweighted.data.prepared), weighted())
    with pytest.raises(DataError, match=where):
        events_of(weighted())
    with pytest.raises(BadFilesError, match=reason):
        prepare(weighted(), processes=1)
    assert prepare(weighted(), processes=1, skip_bad=True).built
    assert np.isfinite(events_of(weighted())[1]).all()


def test_the_column_of_the_split_must_be_a_number(make_experiment: Make, raw: Path) -> None:
    for path in raw.glob("Pi0/*.h5"):
        with h5py.File(path, "a") as handle:
            sides = handle["split"][...].astype(float)
            del handle["split"]
            sides[11] = np.nan
            handle["split"] = sides
    for path in raw.glob("[!P]*/*.h5"):
        with h5py.File(path, "a") as handle:
            sides = handle["split"][...].astype(float)
            del handle["split"]
            handle["split"] = sides
    with pytest.raises(
        BadFilesError, match=r"Pi0_0\.h5: split is nan in row 11, which is not the value of any split"
    ):
        prepare(make_experiment("data.split={column: split, train: 0, test: 1}"), processes=1)


def test_weights_of_several_numbers_are_refused(weighted: Make) -> None:
    with pytest.raises(ConfigError, match=r"data\.weights: must hold one number per event, .* shape 1x4"):
        prepare(weighted("data.weights=target"), processes=1)


def test_a_manifest_of_an_older_version_is_measured_once_more(
    weighted: Make, caplog: pytest.LogCaptureFixture
) -> None:
    experiment = weighted("data.balance=weights")
    first = prepare(experiment, processes=1).manifest
    path = experiment.data.prepared / "manifest.json"
    value = json.loads(path.read_text())
    del value["weights"]
    path.write_text(json.dumps(value))
    with pytest.raises(
        DataError, match=r"older version .* did not add up the event weights w of this dataset; run `dlscan"
    ):
        fits.require(Manifest.read(experiment.data.prepared), experiment)
    # without balance nothing needs the sums
    plain = weighted()
    fits.require(Manifest.read(plain.data.prepared), plain)
    assert events_of(plain)[1].sum() > 0
    caplog.set_level("INFO", "dlscan")
    outcome = prepare(experiment, processes=1)
    assert outcome.built
    assert "did not add up the event weights w" in caplog.text
    assert outcome.manifest.config_hash == first.config_hash
    assert outcome.manifest.weights == first.weights


def test_weights_that_were_never_measured_are_looked_at_in_the_stream(weighted: Make, raw: Path) -> None:
    weigh(raw, lambda name, weights: np.where(np.arange(len(weights)) == 3, np.nan, weights))
    experiment = weighted("data.weights=null")
    prepare(experiment, processes=1)
    path = experiment.data.prepared / "manifest.json"
    path.write_text(
        json.dumps({key: v for key, v in json.loads(path.read_text()).items() if key != "weights"})
    )
    with pytest.raises(DataError, match="an event weight w is not finite"):
        for split in SPLITS:
            events_of(experiment, split, event_weights="w")


def test_the_summary_says_what_weights_are_worth(weighted: Make, raw: Path) -> None:
    weigh(raw, lambda name, weights: np.where(np.arange(len(weights)) % 5 == 0, -1.0, 1.0))
    experiment = weighted()
    manifest = prepare(experiment, processes=2).manifest
    total = np.zeros((len(SPLITS), 3))
    for number, split in enumerate(SPLITS):
        labels, weights = events_of(experiment, split)
        total[number] = np.bincount(labels, weights, minlength=3)
        assert manifest.weights["w"].splits[split].total == tuple(total[number])
        assert manifest.weights["w"].splits[split].squares == manifest.splits[split].counts
        assert manifest.weights["w"].splits[split].negative == tuple(np.bincount(labels, weights < 0, 3))
    (line,) = (
        line
        for line in summary(manifest, experiment).splitlines()
        if line.startswith("Pi0  ") and "%" in line
    )
    worth = total[:, 1] ** 2 / [manifest.splits[split].counts[1] for split in SPLITS]
    assert line.split() == ["Pi0", f"{total[0, 1]:.4g}", "20", "%", *(f"{number:,.0f}" for number in worth)]
