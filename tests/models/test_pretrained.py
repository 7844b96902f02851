"""A network that begins with another one: its weights and its scaling, whatever the family."""

import numpy as np
import pytest

from dlscan.config import Model, Normalization
from dlscan.config.inputs import Input
from dlscan.config.losses import Loss
from dlscan.config.task import Tasks
from dlscan.errors import ConfigError
from dlscan.models import Start, construct, keras
from dlscan.models.saved import read_network
from dlscan.tasks import Reconstruction, Standard, make
from tests.models.conftest import statistics
from tests.models.test_every_family import IMAGE, KEYS, NETWORKS, SHAPES, events, scores_of

ELSEWHERE = statistics(mean=(5.0,), std=(3.0,), minimum=(-1.0,), maximum=(20.0,), magnitude=9.0)


@pytest.fixture
def begin(make_manifest, tmp_path):
    """Build a network and save it; and another one, on other events, that begins with it."""

    def make(keys, shapes, normalize=None, masked=(), inputs=None, same_head=True, freeze="none", **changes):
        model = Model.parse(keys, "model")
        file = tmp_path / "source.keras"
        manifest = make_manifest(masked=masked, **shapes)
        source = construct(model, manifest, normalize or {}, 1, inputs=inputs).model
        source.save(file)
        own = Model.parse({**keys, **changes.pop("other", {})}, "model")
        here = make_manifest(
            **{"measured": dict.fromkeys(shapes, ELSEWHERE), "masked": masked, **shapes, **changes}
        )
        built = construct(own, here, {}, 2, inputs=inputs, start=Start(file, freeze, same_head))
        return source, built, manifest

    return make


@pytest.mark.parametrize("family", NETWORKS)
def test_before_its_first_step_it_gives_the_scores_of_the_other(family, begin, tmp_path):
    keys = {"family": family, **KEYS.get(family, {})}
    source, built, manifest = begin(keys, SHAPES.get(family, IMAGE))
    raw = events(manifest)
    np.testing.assert_array_equal(scores_of(built.model, raw), scores_of(source, raw))
    # as does what it is saved as, in safe mode
    built.model.save(tmp_path / "again.keras")
    again = read_network(tmp_path / "again.keras")
    np.testing.assert_array_equal(scores_of(again, raw), scores_of(source, raw))


@pytest.mark.parametrize("kind", ["none", "scale", "minmax", "log", "tanh-log"])
def test_inputs_are_scaled_as_the_other_scales_them(kind, begin):
    how = {"v": Normalization(kind), "x-ray": Normalization("none")}
    source, built, manifest = begin({"width": 3}, IMAGE, how)
    raw = events(manifest)
    np.testing.assert_array_equal(scores_of(built.model, raw), scores_of(source, raw))


def test_masks_and_shares_are_those_of_the_other(begin):
    keys = {"family": "deepsets", "energy_weighted": 0}
    source, built, manifest = begin(keys, {"tracks": (5, 2)}, masked=("tracks",))
    mask = np.arange(5) < np.array([[5], [2], [0]])
    raw = {**events(manifest), "tracks_mask": mask}
    np.testing.assert_array_equal(scores_of(built.model, raw), scores_of(source, raw))


def test_points_of_an_image_are_chosen_as_by_the_other(begin):
    inputs = {"cells": Input(dataset="ECAL", view="points", longest=4)}
    source, built, manifest = begin({"family": "deepsets"}, {"ECAL": (3, 3)}, inputs=inputs)
    raw = events(manifest)
    np.testing.assert_array_equal(scores_of(built.model, raw), scores_of(source, raw))


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("mse", "mae", True),
        ("poisson", "poisson", True),
        ("mse", "poisson", False),
        ("poisson", "mse", False),
    ],
)
def test_a_head_of_numbers_is_not_taken_for_one_of_logarithms(before, after, kept, make_manifest, tmp_path):
    tasks = Tasks.parse({"kind": "regress", "targets": {"N": "n"}}, "task")
    how = (Model.parse({"width": 3}, "model"), make_manifest(v=(3,)), {})

    def built(loss, seed, start=None):
        standards = {"predictions": Standard((5.0,), (2.0,))}
        return construct(
            *how, seed, task=make(tasks, ("A", "B"), Loss(loss)), standards=standards, start=start
        )

    def head_of(network):
        return network.model.get_layer("net-standardised").get_weights()[0]

    source = built(before, 1)
    source.model.save(tmp_path / "source.keras")
    other = built(after, 2, Start(tmp_path / "source.keras", "none", same_head=True))
    assert np.array_equal(head_of(source), head_of(other)) == kept


def test_the_head_is_new_where_something_else_is_learned(begin):
    source, built, _ = begin({"width": 3, "depth": 2}, {"v": (3,)}, same_head=False)
    there = {layer.name: layer.get_weights() for layer in source.layers}
    differs = {
        layer.name: not all(map(np.array_equal, layer.get_weights(), there[layer.name]))
        for layer in built.model.layers
        if layer.weights
    }
    assert differs == {"v-hidden_1": False, "v-hidden_2": False, "net-output": True}


def test_other_classes_and_another_head_get_a_head_of_their_own(begin):
    _, built, manifest = begin(
        {"family": "lenet", "head": [5]},
        {"x": (6, 5)},
        other={"head": [4, 4]},
        classes=("a", "b"),
    )
    assert scores_of(built.model, events(manifest)).shape == (3, 2)


@pytest.mark.parametrize(
    ("freeze", "trained"),
    [
        ("none", {"v-hidden_1", "v-hidden_2", "net-output"}),
        (1, {"v-hidden_2", "net-output"}),
        ("body", {"net-output"}),
    ],
)
def test_layers_that_are_frozen_have_nothing_to_train(begin, freeze, trained):
    _, built, _ = begin({"width": 3, "depth": 2}, {"v": (3,)}, freeze=freeze)
    assert {layer.name for layer in built.model.layers if layer.trainable_variables} == trained


@pytest.mark.parametrize(
    ("keys", "changes", "message"),
    [
        ({}, {"other": {"width": 4}}, r"v-hidden_1 has weights of 3x3, 3 there and of 3x4, 4 here"),
        ({}, {"other": {"depth": 3}}, r"it has no layer v-hidden_2; it has no layer v-hidden_3"),
        ({}, {"v": (4,)}, r"takes v \(3,\), and this network v \(4,\)"),
        ({}, {"w": (2,)}, r"takes v \(3,\), and this network w \(2,\)"),
        ({}, {"freeze": 2}, r"model\.pretrained\.freeze: 2, but the body has 1 layers with weights"),
    ],
)
def test_what_does_not_fit_is_refused_in_one_line(begin, keys, changes, message):
    with pytest.raises(ConfigError, match=message) as refused:
        begin({"width": 3, "depth": 1, **keys}, {"v": (3,)}, **changes)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("noise", [0.0, 0.3])
@pytest.mark.parametrize(
    "keys",
    [
        {"family": "autoencoder", "filters": 2},
        {"family": "autoencoder", "layers": "dense", "depth": 0},
        {"family": "vae", "filters": 2, "batch_norm": True},
    ],
)
def test_a_classifier_begins_with_the_encoder_of_an_autoencoder(keys, noise, make_manifest, tmp_path):
    model, manifest = Model.parse({**keys, "code": 3, "width": 8}, "model"), make_manifest(**IMAGE)
    learned = Reconstruction(manifest.classes, noise=noise, beta=getattr(model.parameters, "beta", None))
    how = {"v": Normalization("log"), "x-ray": Normalization("minmax")}
    source = construct(model, manifest, how, 1, task=learned).model
    source.save(tmp_path / "source.keras")
    measured = dict.fromkeys(IMAGE, ELSEWHERE)
    built = construct(
        *(model, make_manifest(measured=measured, classes=("A", "B"), **IMAGE), {}, 2),
        start=Start(tmp_path / "source.keras", "body", same_head=False),
    )
    raw = events(manifest)
    code = keras.Model(built.model.input, built.hidden)
    there = keras.ops.convert_to_numpy(source(raw)["code"])
    np.testing.assert_array_equal(scores_of(code, raw), there)
    there = {layer.name: layer for layer in source.layers}
    body = [layer for layer in built.body_layers if layer.weights]
    assert "net-code" in [layer.name for layer in body]
    for layer in body:
        for own, other in zip(layer.get_weights(), there[layer.name].get_weights(), strict=True):
            np.testing.assert_array_equal(own, other)
    # nothing of the decoder, no noise, and only the head trains
    assert not any("decode" in layer.name or "noise" in layer.name for layer in built.model.layers)
    assert [weight.path.split("/")[0] for weight in built.model.trainable_variables] == ["net-output"] * 2
