"""What networks take: masked inputs, some of the inputs of a dataset, points made of images."""

import numpy as np
import pytest

from dlscan.config import Dense, Model, Normalization
from dlscan.config.inputs import Input
from dlscan.config.normalization import NORMALIZATIONS
from dlscan.models import construct, keras
from dlscan.models.points import points
from dlscan.models.saved import meetings

from .conftest import statistics

MASK = np.array([[True, True, False, False], [True, False, False, False], [False] * 4])


def numpy(tensors):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, tensors)


def tracks(seed=1):
    """Events of two tracks, one and none, with three features each."""
    values = np.random.default_rng(seed).normal(5, 2, (3, 4, 3)).astype(np.float32)
    return {"tracks": values * MASK[..., None], "tracks_mask": MASK}


@pytest.mark.parametrize("kind", sorted(set(NORMALIZATIONS) - {"quantile"}))
def test_features_of_a_masked_input_are_scaled_each_and_padding_is_exactly_zero(kind, make_manifest):
    measured = statistics((2.0, 3.0, 4.0), (0.5, 1.0, 2.0), (0.0, 1.0, 2.0), (8.0, 9.0, 10.0))
    manifest = make_manifest(measured={"tracks": measured}, masked=["tracks"], tracks=(4, 3))
    network = construct(Model(), manifest, {"tracks": Normalization(kind)})
    raw = tracks()

    scaled = numpy(network.trunk()(raw))

    assert scaled.keys() == {"tracks", "tracks_mask"}
    np.testing.assert_array_equal(scaled["tracks_mask"], MASK)
    assert (scaled["tracks"][~MASK] == 0).all()
    assert (scaled["tracks"][MASK] != 0).all()
    if kind == "standard":
        wanted = (raw["tracks"] - [2, 3, 4]) / [0.5, 1, 2]
        np.testing.assert_allclose(scaled["tracks"][MASK], wanted[MASK], rtol=1e-5)


def test_what_is_in_the_padding_changes_nothing(make_manifest):
    network = construct(Model(), make_manifest(masked=["tracks"], tracks=(4, 3)), {}).model
    raw = tracks()
    filled = {**raw, "tracks": np.where(MASK[..., None], raw["tracks"], 7.0).astype(np.float32)}

    np.testing.assert_array_equal(network.predict_on_batch(raw), network.predict_on_batch(filled))


def test_a_saved_network_takes_masks_and_opens_with_keras_alone(make_manifest, tmp_path):
    network = construct(Model(), make_manifest(masked=["tracks"], tracks=(4, 3), jet=(2,)), {}).model
    raw = {**tracks(), "jet": np.ones((3, 2), np.float32)}
    network.save(tmp_path / "network.keras")

    again = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)

    assert again.input.keys() == {"tracks", "tracks_mask", "jet"}
    np.testing.assert_array_equal(again.predict_on_batch(raw), network.predict_on_batch(raw))
    # a mask is no input that would meet another
    assert [meeting.groups for meeting in meetings(again)] == [(("tracks",), ("jet",))]


def test_a_network_takes_the_inputs_that_it_names(make_manifest):
    manifest = make_manifest(masked=["tracks"], tracks=(4, 3), ECAL=(2, 2), jet=(2,))

    one = construct(Model("dense", Dense(), ("jet", "ECAL")), manifest, {})
    other = construct(Model("dense", Dense(), ("tracks",)), manifest, {})

    assert (one.model.input.keys(), other.model.input.keys()) == ({"ECAL", "jet"}, {"tracks", "tracks_mask"})
    assert list(one.scaled) == ["ECAL", "jet"]


def brightest(image, scaled, longest):
    """Of one event, by hand."""
    cells = sorted(np.argwhere(image), key=lambda cell: -abs(image[tuple(cell)]))[:longest]
    places = [
        [2 * i / (n - 1) - 1 if n > 1 else -1 for i, n in zip(cell, image.shape, strict=True)]
        for cell in cells
    ]
    return [[*place, scaled[tuple(cell)]] for place, cell in zip(places, cells, strict=True)]


@pytest.mark.parametrize("shape", [(2, 3, 4), (5,), (3, 1)])
@pytest.mark.parametrize("longest", [2, 100])
def test_points_are_the_places_and_values_of_the_brightest_cells(shape, longest):
    rng = np.random.default_rng(1)
    images = (rng.normal(size=(6, *shape)) * (rng.random((6, *shape)) < 0.4)).astype(np.float32)
    images[0], length = 0, min(longest, images[0].size)
    raw = keras.Input(shape)
    network = keras.Model(raw, points(raw, raw * 2 + 1, longest))

    found, mask = numpy(network(images))

    assert found.shape == (6, length, len(shape) + 1)
    for event, image in enumerate(images):
        wanted = brightest(image, image * 2 + 1, longest)
        assert mask[event].tolist() == [True] * len(wanted) + [False] * (length - len(wanted))
        np.testing.assert_allclose(
            found[event][mask[event]], np.reshape(wanted, (-1, len(shape) + 1)), rtol=1e-6
        )
        assert (found[event][~mask[event]] == 0).all()


def test_points_are_made_in_the_network_which_takes_the_image(make_manifest, tmp_path):
    inputs = {"ECAL": Input(), "cells": Input("ECAL", longest=5, view="points")}
    manifest = make_manifest(ECAL=(3, 3))
    both, points_alone = (
        construct(Model("dense", Dense(), names), manifest, {"ECAL": Normalization("none")}, inputs=inputs)
        for names in (None, ("cells",))
    )

    assert both.model.input.keys() == points_alone.model.input.keys() == {"ECAL"}
    assert both.scaled.keys() == {"ECAL", "cells", "cells_mask"}
    assert tuple(points_alone.scaled["cells"].shape) == (None, 5, 3)
    points_alone.model.save(tmp_path / "network.keras")
    image = {"ECAL": np.arange(9, dtype=np.float32).reshape(1, 3, 3)}
    again = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_array_equal(again.predict_on_batch(image), points_alone.model.predict_on_batch(image))


@pytest.mark.parametrize("masked", [["tracks"], []])
def test_a_network_that_was_cut_can_be_saved_where_an_input_is_not_scaled(masked, make_manifest, tmp_path):
    manifest = make_manifest(masked=masked, tracks=(4, 3), jet=(2,))
    network = construct(Model("dense", Dense(4, 1)), manifest, {"jet": Normalization("none")})
    raw = {**tracks(), "jet": np.ones((3, 2), np.float32)}
    raw = {name: raw[name] for name in network.model.input}
    scores = network.scoring()(network.trunk()(raw))["final"]["scores"]

    network.model.save(tmp_path / "network.keras")

    again = keras.saving.load_model(tmp_path / "network.keras", safe_mode=True)
    np.testing.assert_allclose(again.predict_on_batch(raw), numpy(scores), rtol=1e-6)
