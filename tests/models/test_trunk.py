import dataclasses

import numpy as np
import pytest

from dlscan.config import Model, Normalization
from dlscan.dataset import Statistics
from dlscan.models import Network, construct, keras, trunks
from dlscan.models.trunk import first_layers


def network_of(raw, scaled, output):
    return Network(keras.Model(raw, output), scaled, {"scores": output}, {"scores": output})


def numpy(found):
    return keras.tree.map_structure(keras.ops.convert_to_numpy, found)


def test_trunk_scales_and_the_rest_is_the_familys():
    image, vector = keras.Input((2, 2), name="image"), keras.Input((3,), name="vector")
    scaled = keras.ops.softsign(image * 2.0)
    # what a family does first is its own, even if it has no weights
    one = keras.layers.Dense(4, name="one")(keras.layers.Flatten()(keras.ops.square(scaled)))
    # one input is not scaled at all, and two layers see it
    two, three = keras.layers.Dense(4, name="two")(vector), keras.layers.Dense(4, name="three")(vector)
    network = network_of(
        {"image": image, "vector": vector},
        {"image": scaled, "vector": vector},
        keras.ops.relu(one + two) * three,
    )
    values = {"image": np.random.rand(5, 2, 2).astype("f"), "vector": np.random.rand(5, 3).astype("f")}

    trunk, body = network.trunk(), network.body()

    assert not trunk.weights
    assert [weight.path for weight in body.weights] == [weight.path for weight in network.model.weights]
    wanted, scores = numpy(network.model(values)), numpy(network.scoring()(trunk(values)))
    np.testing.assert_allclose(numpy(body(trunk(values)))["scores"], wanted, rtol=1e-6)
    np.testing.assert_allclose(numpy(network.training()(values))["scores"], wanted, rtol=1e-6)
    np.testing.assert_allclose(scores["raw"]["scores"], wanted, rtol=1e-6)
    assert scores["final"] == {}
    expected = {"image": 2 * values["image"] / (1 + 2 * values["image"]), "vector": values["vector"]}
    scaled = trunk(values)
    assert scaled.keys() == expected.keys()
    for name, wanted in expected.items():
        np.testing.assert_allclose(numpy(scaled[name]), wanted, rtol=1e-6)


def test_rest_takes_what_the_first_layers_give():
    image, vector = keras.Input((2, 2), name="image"), keras.Input((3,), name="vector")
    scaled = {"image": keras.ops.softsign(image), "vector": vector * 2.0}
    flat = keras.layers.Flatten()(scaled["image"])
    hidden = keras.layers.Dense(4, name="one")(flat) * keras.layers.Dense(4, name="two")(flat)
    both = keras.layers.Concatenate()([keras.ops.relu(hidden), scaled["vector"]])
    network = network_of(
        {"image": image, "vector": vector}, scaled, keras.layers.Dense(2, name="three")(both)
    )
    values = {"image": np.random.rand(5, 2, 2).astype("f"), "vector": np.random.rand(5, 3).astype("f")}

    products, rest = first_layers(network, {"image"})

    assert {(product.layer.name, product.parts) for product in products.values()} == {
        ("one", (("image", 4),)),
        ("two", (("image", 4),)),
    }
    lit = values["image"].reshape(5, 4) / (1 + values["image"].reshape(5, 4))
    taken = {key: numpy(product.layer(lit)) for key, product in products.items()}
    taken["vector"] = 2 * values["vector"]
    np.testing.assert_allclose(numpy(rest(taken))["scores"], numpy(network.model(values)), rtol=1e-5)
    # no dense layer takes the vector alone
    assert first_layers(network, {"vector"}) is None


def test_what_a_family_makes_of_an_input_before_its_layers_is_not_cut():
    image = keras.Input((2, 2), name="image")
    scaled = image * 0.5
    output = keras.layers.Dense(2)(keras.layers.Flatten()(keras.ops.square(scaled)))
    assert first_layers(network_of({"image": image}, {"image": scaled}, output), {"image"}) is None


@pytest.mark.parametrize(
    ("keys", "others"),
    [
        ({"family": "siamese"}, {"family": "dense"}),
        ({"family": "deepsets", "energy_weighted": 0}, {"family": "deepsets", "energy_weighted": 1}),
    ],
)
def test_networks_of_a_pack_that_scale_an_input_in_their_own_ways_keep_them(make_manifest, keys, others):
    other = Statistics((5.0,), (3.0,), (0.0,), (9.0,), 4.0, occupancy=0.5)
    manifest = make_manifest(measured={"b": other}, a=(4, 3), b=(4, 3))
    networks = [construct(Model.parse(each, "model"), manifest, {}) for each in (keys, others)]
    rng = np.random.default_rng(1)
    raw = {name: rng.uniform(1, 8, (5, 4, 3)).astype(np.float32) for name in "ab"}
    for order in (networks, networks[::-1]):
        scaled = {name: values for trunk in trunks(order) for name, values in trunk(raw).items()}
        for network in order:
            body = network.body()
            told = numpy(body({name: scaled[name] for name in body.input}))
            whole = numpy(network.training()(raw))
            np.testing.assert_allclose(told["scores"], whole["scores"], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("how", "shared"),
    [("standard", False), ("minmax", False), ("scale", False), ({"scale": 2}, True), ({"log": 10}, True)],
    ids=str,
)
def test_networks_of_a_pack_that_leave_out_other_folds_share_what_is_not_measured(make_manifest, how, shared):
    networks = []
    for fold in (1, 2):
        measured = Statistics((fold,), (2.0 * fold,), (-fold,), (9.0 * fold,), 4.0 * fold, occupancy=0.5)
        manifest = dataclasses.replace(make_manifest(measured={"a": measured}, a=(4, 3)), left_out=(fold,))
        networks.append(construct(Model(), manifest, {"a": Normalization.parse(how, "how")}))
    assert len(trunks(networks)) == (1 if shared else 2)
    raw = {"a": np.random.default_rng(1).uniform(1, 8, (5, 4, 3)).astype(np.float32)}
    scaled = {name: values for trunk in trunks(networks) for name, values in trunk(raw).items()}
    for network in networks:
        body = network.body()
        told = numpy(body({name: scaled[name] for name in body.input}))
        np.testing.assert_allclose(told["scores"], numpy(network.training()(raw))["scores"], rtol=1e-5)
