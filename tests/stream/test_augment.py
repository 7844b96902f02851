"""Augmented events: the same for any number of workers, layout and transport; others in each epoch."""

import itertools

import h5py
import numpy as np
import pytest
import yaml

from dlscan.config import load
from dlscan.config.augment import Augment
from dlscan.dataset import Manifest, fits
from dlscan.errors import ConfigError
from dlscan.prepare import prepare
from dlscan.stream import Batches
from dlscan.stream.augmented import Augmentation

OWN = """
import numpy as np

def darker(event, rng):
    return event * rng.uniform(0.5, 1)

def fewer(event, rng):
    return event[:max(len(event) // 2, 1)]

def transposed(event, rng):
    return event.T

def empty(event, rng):
    return np.full_like(event, np.nan)

def lost(event, rng):
    return event[unknown]

def one(event):
    return event
"""


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """Images (6, 6, 2) that are mostly zeros, and up to five tracks; `number` tells events apart."""
    home = tmp_path_factory.mktemp("augment")
    rng = np.random.default_rng(1)
    track = np.dtype([("pt", "f4"), ("d0", "f4"), ("there", "?")])
    for label, (name, events) in enumerate({"a": 90, "b": 40}.items()):
        (home / "raw" / name).mkdir(parents=True)
        with h5py.File(home / "raw" / name / "0.h5", "w") as file:
            lit = rng.random((events, 6, 6, 2)) < 0.1
            file["image"] = (rng.uniform(1, 2, lit.shape) * lit).astype("f4")
            tracks = np.zeros((events, 5), track)
            tracks["pt"], tracks["d0"] = rng.uniform(1, 2, (2, events, 5))
            tracks["there"] = np.arange(5) < rng.integers(0, 6, events)[:, None]
            file["tracks"] = tracks
            file["number"] = 1000 * label + np.arange(events)
    (home / "aug.py").write_text(OWN)
    for name, options in {"prepared": {}, "indexed": {"index_only": True}}.items():
        prepare(experiment_of(home, {}, name), processes=1, **options)
    return home


def experiment_of(home, augment, prepared="prepared", **sections):
    content = {
        "name": "toy",
        "data": {
            "raw": str(home / "raw"),
            "inputs": {
                "image": {},
                "tracks": {"dataset": "tracks", "fields": ["pt", "d0"], "valid": "there"},
            },
            "extras": ["number"],
            "prepared": str(home / prepared),
            "augment": augment,
        },
        "train": {"batch_size": 25},
        **sections,
    }
    path = home / "toy.yaml"
    path.write_text(yaml.safe_dump(content))
    return load(path)


def events_of(home, augment, prepared="prepared", epoch=0, **options):
    """What is delivered of each event, by its number; events that come several times in a list."""
    steps = experiment_of(home, augment).data.augment
    found = {}
    options = {"batch_size": 25, "workers": 0, "extras": ["number"]} | options
    with Batches(home / prepared, augment=steps, **options) as batches:
        for batch in batches.epoch(epoch):
            image = batch.inputs.get("image")
            if image is None:
                rows, index, value = vars(batch.sparse["image"]).values()
                image = np.zeros((len(batch), 72), np.float32)
                image[rows, index] = value
                assert (np.diff(rows.astype(int) * 72 + index) > 0).all()
                assert (value != 0).all()
                image = image.reshape(-1, 6, 6, 2)
            mask, tracks = batch.masks["tracks"], batch.inputs["tracks"]
            assert not tracks[~mask].any()
            assert (np.sort(mask)[:, ::-1] == mask).all()
            for row, number in enumerate(batch.extras["number"].tolist()):
                found.setdefault(number, []).append((image[row].copy(), tracks[row][mask[row]].copy()))
    return found


def only(found):
    return {number: event for number, (event,) in found.items()}


def assert_same(one, other):
    assert one.keys() == other.keys()
    for number in one:
        for a, b in itertools.chain(*map(lambda *pair: zip(*pair, strict=True), one[number], other[number])):
            np.testing.assert_array_equal(a, b)


def symmetries(image):
    turned = [np.rot90(image, turns, (0, 1)) for turns in range(4)]
    return [*turned, *(each[::-1] for each in turned)]


SQUARE = {"image": [{"flip": [0, 1]}, {"rotate": [0, 1]}]}
ALL = {
    "image": [*SQUARE["image"], {"shift": [1, 2, 0]}, {"smear": 0.1}, {"drop": 0.2}],
    "tracks": [
        "shuffle",
        {"drop": 0.3},
        {"smear": {"pt": 0.1}},
        {"noise": {"d0": 0.5}},
        {"noise": 0.01},
    ],
}


def test_events_are_the_same_however_they_travel(home):
    own = {name: [*steps, f"{home}/aug.py:darker"] for name, steps in ALL.items()}
    base = events_of(home, own)
    for options in (
        {"workers": 2},
        {"batch_size": 7},
        {"transport": "sparse"},
        {"transport": "sparse", "workers": 1},
        {"cache": "ram"},
        {"prepared": "indexed"},
        {"prepared": "indexed", "workers": 2},
        {"prepared": "indexed", "cache": "ram"},
    ):
        assert_same(base, events_of(home, own, **options))


def test_pools_that_are_gathered_have_the_same_events(home, monkeypatch):
    base = events_of(home, ALL)
    monkeypatch.setattr("dlscan.stream.planner._SMALL_EVENT", 2**20)
    assert_same(base, events_of(home, ALL, "indexed"))


def test_an_epoch_is_that_of_seed_and_number_and_no_other(home):
    base = events_of(home, ALL)
    for options in ({"epoch": 1}, {"seed": 2}):
        other = events_of(home, ALL, **options)
        assert any(not np.array_equal(base[number][0][0], other[number][0][0]) for number in base)
        assert_same(other, events_of(home, ALL, **options))


def test_an_event_becomes_each_of_the_eight_symmetries_equally_often(home):
    plain, seen = only(events_of(home, {})), np.zeros(8)
    for epoch in range(6):
        for number, (image, _) in only(events_of(home, SQUARE, epoch=epoch)).items():
            same = [np.array_equal(image, each) for each in symmetries(plain[number][0])]
            assert any(same)
            seen += np.array(same) / sum(same)
    # a multinomial: within five standard deviations
    assert (np.abs(seen - seen.sum() / 8) < 5 * np.sqrt(seen.sum() / 8)).all()


def test_a_shift_moves_cells_and_lets_zeros_in(home):
    plain = only(events_of(home, {}))
    found = only(events_of(home, {"image": [{"shift": [1, 2, 0]}]}))
    seen = set()
    for number, (image, _) in plain.items():
        padded = np.pad(image, ((1, 1), (2, 2), (0, 0)))
        fits = [
            (x, y)
            for x, y in itertools.product(range(3), range(5))
            if np.array_equal(found[number][0], padded[x : x + 6, y : y + 6])
        ]
        assert fits
        seen.update(fits if len(fits) == 1 else [])
    assert len(seen) == 15


def test_dropped_and_smeared_cells_are_some_of_those_that_were_lit(home):
    plain = only(events_of(home, {}))
    dropped = only(events_of(home, {"image": [{"drop": 0.3}]}))
    smeared = only(events_of(home, {"image": [{"smear": 0.1}]}))
    lit = left = 0
    pulls = []
    for number, (image, _) in plain.items():
        kept = dropped[number][0] != 0
        np.testing.assert_array_equal(dropped[number][0][kept], image[kept])
        lit, left = lit + np.count_nonzero(image), left + np.count_nonzero(kept)
        own = smeared[number][0]
        np.testing.assert_array_equal(own != 0, image != 0)
        pulls.append((own[image != 0] / image[image != 0] - 1) / 0.1)
    assert abs(left / lit - 0.7) < 5 * np.sqrt(0.21 / lit)
    pulls = np.concatenate(pulls)
    assert abs(pulls.std() - 1) < 5 / np.sqrt(2 * len(pulls))


def test_noise_is_in_units_of_the_raw_values(home):
    plain, noisy = only(events_of(home, {})), only(events_of(home, {"image": [{"noise": 0.25}]}))
    differences = np.concatenate([(noisy[number][0] - plain[number][0]).ravel() for number in plain])
    assert abs(differences.std() / 0.25 - 1) < 5 / np.sqrt(2 * len(differences))


def test_entries_are_shuffled_dropped_and_smeared_by_field(home):
    plain = only(events_of(home, {}))
    shuffled = only(events_of(home, {"tracks": ["shuffle"]}))
    dropped = only(events_of(home, {"tracks": [{"drop": 0.9}]}))
    smeared = only(events_of(home, {"tracks": [{"smear": {"pt": 0.1}}]}))
    moved = False
    for number, (_, tracks) in plain.items():
        rows = sorted(map(tuple, tracks.tolist()))
        assert sorted(map(tuple, shuffled[number][1].tolist())) == rows
        moved |= not np.array_equal(shuffled[number][1], tracks)
        left = dropped[number][1]
        assert min(len(tracks), 1) <= len(left) <= len(tracks)
        assert set(map(tuple, left.tolist())) <= set(rows)
        np.testing.assert_array_equal(smeared[number][1][:, 1], tracks[:, 1])
        assert not len(tracks) or (smeared[number][1][:, 0] != tracks[:, 0]).any()
    assert moved


def test_copies_of_an_event_in_an_epoch_differ(home):
    for prepared in ("prepared", "indexed"):
        found = events_of(home, {"image": [{"noise": 1.0}]}, prepared, balance="oversample")
        copies = [copies for copies in found.values() if len(copies) > 1]
        assert len(copies) > 20
        for one, other, *_ in copies:
            assert not np.array_equal(one[0], other[0])


def test_inputs_with_the_same_step_move_together(home):
    steps = Augment.parse({"x": [{"flip": [0]}, {"noise": 1.0}], "y": [{"flip": [0]}, {"noise": 1.0}]}, "")
    shapes = {"x": (4,), "y": (4,)}
    both = Augmentation(dict(steps), {"x": (), "y": ()}, shapes, 1)
    keys = both.keys(0, np.column_stack([np.zeros(50, int), np.arange(50)]))
    x, y = (np.tile(np.arange(0, 400, 100, np.float32), (50, 1)) for _ in "xy")
    both.apply("x", keys, x, None)
    both.apply("y", keys, y, None)
    np.testing.assert_array_equal(x[:, 0] > x[:, 3], y[:, 0] > y[:, 3])
    assert 10 < np.count_nonzero(x[:, 0] > x[:, 3]) < 40
    assert not np.allclose(x, y)


def test_own_functions_get_an_event_and_its_random_numbers(home):
    own = {"image": [f"{home}/aug.py:darker"], "tracks": [f"{home}/aug.py:fewer"]}
    plain, found = only(events_of(home, {})), only(events_of(home, own))
    factors = []
    for number, (image, tracks) in plain.items():
        lit = image != 0
        ratio = found[number][0][lit] / image[lit]
        assert ratio.std() < 1e-6
        factors.append(ratio.mean())
        np.testing.assert_array_equal(found[number][1], tracks[: max(len(tracks) // 2, 1)])
    assert len({round(float(each), 5) for each in factors}) == len(factors)


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        ("image", "transposed", "must return numbers of the shape (6, 6, 2), got float32 (2, 6, 6)"),
        ("image", "empty", "returns numbers that are not finite"),
        ("image", "lost", "NameError: name 'unknown' is not defined"),
        ("tracks", "transposed", "or another number of entries, 5 at most, got"),
    ],
)
def test_an_own_function_that_fails_is_named_with_its_line(home, name, function, message, workers):
    with pytest.raises(ConfigError) as caught:
        events_of(home, {name: [f"{home}/aug.py:{function}"]}, workers=workers)
    line = next(n for n, text in enumerate(OWN.splitlines(), 1) if f"def {function}" in text)
    assert message in str(caught.value)
    assert str(caught.value).startswith((f"{home}/aug.py:{line}: ", f"{home}/aug.py:{line + 1}: "))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("augment", "message"),
    [
        ({"imaeg": ["shuffle"]}, "data.augment.imaeg: is none of data.inputs; did you mean 'image'?"),
        ({"image": [{"flp": [0]}]}, "data.augment.image[0]: must be one of flip, rotate"),
        ({"image": ["flip"]}, "data.augment.image[0]: must be one of flip, rotate"),
        ({"image": [{"flip": [0], "rotate": [0, 1]}]}, "data.augment.image[0]: must be one step"),
        ({"image": [{"flip": [-1]}]}, "data.augment.image[0].flip[0]: must be at least 0, got -1"),
        ({"image": [{"flip": []}]}, "data.augment.image[0].flip: must name at least one axis"),
        ({"image": [{"rotate": [0]}]}, "data.augment.image[0].rotate: must be two axes ([0, 1]), got [0]"),
        ({"image": [{"rotate": [1, 1]}]}, "data.augment.image[0].rotate: names an axis twice: [1, 1]"),
        ({"image": [{"shift": 0}]}, "data.augment.image[0].shift: must be at least 1, got 0"),
        ({"image": [{"shift": [0, 0, 0]}]}, "data.augment.image[0].shift: shifts nothing"),
        ({"image": [{"drop": 1.5}]}, "data.augment.image[0].drop: must be less than 1, got 1.5"),
        ({"image": [{"drop": 0}]}, "data.augment.image[0].drop: must be greater than 0, got 0"),
        ({"image": [{"noise": -1}]}, "data.augment.image[0].noise: must be greater than 0, got -1"),
        ({"tracks": [{"smear": {}}]}, "data.augment.tracks[0].smear: names no field"),
        ({"tracks": [{"shuffle": 3}]}, "data.augment.tracks[0].shuffle: takes no value"),
        ({"image": ["HOME/aug.py:drker"]}, "has no function 'drker'; did you mean 'darker'?"),
        ({"image": ["HOME/aug.py:one"]}, "aug.py:one must take two arguments: the event, and a numpy Gen"),
        ({"image": ["HOME/no.py:one"]}, "no.py: no such file"),
        ({"image": [{"flip": [3]}]}, "data.augment.image[0]: there is no axis 3 in the shape 6x6x2"),
        ({"image": [{"rotate": [0, 2]}]}, "axes 0 and 2 of the shape 6x6x2 are not equally long"),
        ({"image": [{"shift": 2}]}, "2 cells would shift everything out of axis 2 of the shape 6x6x2"),
        ({"image": [{"shift": [1, 1]}]}, "lists 2 numbers, and the shape 6x6x2 has 3 axes"),
        ({"image": ["shuffle"]}, "shuffle is for inputs with entries, and this one has the shape 6x6x2"),
        ({"tracks": [{"flip": [0]}]}, "flip is for images, and this input has entries"),
        ({"tracks": ["shuffle", {"smear": {"p": 1}}]}, "data.augment.tracks[1]: 'p' is no field of this"),
        ({"image": [{"noise": {"pt": 1}}]}, "data.augment.image[0]: 'pt' is no field of this input"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(home, augment, message):
    augment = yaml.safe_load(yaml.safe_dump(augment).replace("HOME", str(home)))
    with pytest.raises(ConfigError) as caught:
        experiment = experiment_of(home, augment)
        fits.require(Manifest.of(experiment), experiment)
    assert message in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_view_is_augmented_as_its_image_is(home):
    experiment = experiment_of(home, {})
    content = experiment.plain()
    content["data"]["inputs"] = {"image": {}, "cells": {"dataset": "image", "as": "points", "longest": 9}}
    content["data"]["augment"] = {"cells": ["shuffle"]}
    (home / "views.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(ConfigError, match="cells is made from image, which is augmented first; write image"):
        load(home / "views.yaml")


def test_what_is_written_is_read_back(home):
    experiment = experiment_of(home, {**ALL, "image": [*ALL["image"], f"{home}/aug.py:darker"]})
    (home / "again.yaml").write_text(yaml.safe_dump(experiment.plain()))
    assert load(home / "again.yaml").data.augment == experiment.data.augment
    assert experiment_of(home, None).data.augment.plain() is None
