"""Networks made of networks: a branch for each input, and two inputs that share their weights."""

import numpy as np
import pytest

from dlscan.config import Model
from dlscan.dataset import Statistics
from dlscan.errors import ConfigError
from dlscan.models import build, keras
from dlscan.models.saved import meetings, read_network

NETS = """
import keras
from keras import layers

def mine(inputs, *, width: int = 4):
    (tensor,) = inputs.values()
    return layers.Dense(width, name="first")(layers.Flatten(name="flat")(tensor))
"""
LENET = {"family": "lenet", "filters": 4, "head": [6]}
DENSE = {"family": "dense", "width": 6, "depth": 1}


@pytest.fixture
def made(make_manifest):
    """Build a network of these keys of `model`, and events for it."""

    def make(shapes, seed=1, masked=(), measured=None, **keys):
        manifest = make_manifest(masked=masked, measured=measured, **shapes)
        model = Model.parse(keys, "model")
        rng = np.random.default_rng(1)
        raw = {
            name.replace("/", "_"): rng.normal(2, 1, (4, *shape)).astype(np.float32)
            for name, shape in shapes.items()
        }
        return build(model, manifest, {}, seed), raw

    return make


def scores_of(network, raw):
    return keras.ops.convert_to_numpy(network(raw, training=False))


TWO = {"ECAL": (6, 5, 4), "HCAL": (4, 4)}


@pytest.mark.parametrize("merge", ["concatenate", "add", "attention"])
def test_each_input_has_the_family_of_its_branch_and_vectors_join_behind(made, merge):
    branches = {"ECAL": LENET, "HCAL": {**DENSE, "width": 7}}
    network, raw = made({**TWO, "jets/pt": (3,)}, branches=branches, merge=merge, head=[5])
    assert scores_of(network, raw).shape == (4, 3)
    names = {layer.name: type(layer).__name__ for layer in network.layers}
    assert names["ECAL-conv_1"] == "Conv3D"
    # what a family calls `net-` belongs to its branch
    assert {"ECAL-head_1", "HCAL-hidden_1", "net-head_1"} <= names.keys()
    assert [meeting.groups for meeting in meetings(network)][-1][-1] == ("jets_pt",)
    kernel = network.get_layer("net-head_1").kernel.shape
    assert kernel == ((13 if merge == "concatenate" else 7) + 3, 5)


def test_branches_of_one_family_start_with_different_weights(made):
    network, _ = made({"a": (4, 4), "b": (4, 4)}, branches={"a": LENET, "b": LENET})
    first, second = (network.get_layer(f"{name}-head_1").kernel for name in ("a", "b"))
    assert not np.array_equal(*map(keras.ops.convert_to_numpy, (first, second)))


def test_a_branch_is_the_network_of_its_family(made):
    """With weights of one that takes the input alone, it gives the same features."""
    branched, raw = made(TWO, branches={"ECAL": LENET, "HCAL": DENSE}, head=[])
    alone, _ = made({"ECAL": TWO["ECAL"]}, **LENET)
    for layer in alone.layers:
        if layer.get_weights() and layer.name != "net-output":
            branched.get_layer(layer.name.replace("net-", "ECAL-")).set_weights(layer.get_weights())
    end = keras.Model(branched.input, branched.get_layer("ECAL-head_1_relu").output)
    own = keras.Model(alone.input, alone.get_layer("net-head_1_relu").output)
    np.testing.assert_allclose(
        scores_of(end, raw), scores_of(own, {"ECAL": raw["ECAL"]}), rtol=1e-5, atol=1e-6
    )


def test_add_adds_and_attention_is_a_mean_with_weights(made):
    shapes = {"a": (3,), "b": (3,)}
    branches = {"a": DENSE, "b": DENSE}
    added, raw = made(shapes, branches=branches, merge="add", head=[])
    attended, _ = made(shapes, branches=branches, merge="attention", head=[])

    def outputs(network, *names):
        return scores_of(keras.Model(network.input, [network.get_layer(name).output for name in names]), raw)

    names = [f"{name}-hidden_1_relu" for name in shapes]
    parts = keras.Model(added.input, [added.get_layer(name).output for name in [*names, "net-added"]])
    one, two, both = (keras.ops.convert_to_numpy(each) for each in parts(raw, training=False))
    np.testing.assert_allclose(one + two, both, rtol=1e-6)
    ends = [attended.get_layer("net-attention_weights").output, attended.get_layer("net-output").input]
    weights, merged = (keras.ops.convert_to_numpy(each) for each in keras.Model(attended.input, ends)(raw))
    np.testing.assert_allclose(weights.sum(axis=1), 1, rtol=1e-6)
    stacked = np.stack([one, two], axis=1)
    np.testing.assert_allclose((stacked * weights).sum(axis=1), merged, rtol=1e-5)


def test_two_branches_may_be_one_function_of_a_file_and_the_network_is_saved(made, tmp_path):
    path = tmp_path / "nets.py"
    path.write_text(NETS)
    branches = {name: {"family": f"{path}:mine", "width": width} for name, width in (("a", 3), ("b", 5))}
    network, raw = made({"a": (4,), "b": (2, 2)}, branches=branches, head=[4])
    assert {"a-first", "b-first"} <= {layer.name for layer in network.layers}
    network.save(tmp_path / "best.keras")
    np.testing.assert_allclose(
        scores_of(read_network(tmp_path / "best.keras"), raw), scores_of(network, raw), rtol=1e-5
    )


@pytest.mark.parametrize("distance", ["absolute", "euclidean", "cosine"])
def test_a_siamese_network_gives_the_same_when_its_inputs_change_places(made, distance):
    # the second is scaled as the first, whatever its own statistics are
    measured = {"b": Statistics((-1.0,), (3.0,), (-9.0,), (9.0,), 3.0, 1.0)}
    shapes = {"a": (6, 5), "b": (6, 5)}
    network, raw = made(shapes, measured=measured, family="siamese", body=LENET, distance=distance, head=[4])
    scores = scores_of(network, raw)
    np.testing.assert_allclose(scores_of(network, {"a": raw["b"], "b": raw["a"]}), scores, rtol=1e-4)
    features = keras.Model(network.input, network.get_layer("net-head_1").input)
    same = scores_of(features, {"a": raw["a"], "b": raw["a"]})
    np.testing.assert_allclose(
        same, 1 if distance == "cosine" else 0, atol=2e-6 if distance == "euclidean" else 1e-6
    )
    body = network.get_layer("net-body")
    first, second = (keras.ops.convert_to_numpy(body({"pair": (raw[n] - 2) / 0.5})) for n in ("a", "b"))
    expected = {
        "absolute": np.abs(first - second),
        "euclidean": np.linalg.norm(first - second, axis=1, keepdims=True),
        "cosine": np.sum(first * second, axis=1, keepdims=True)
        / np.linalg.norm(first, axis=1, keepdims=True)
        / np.linalg.norm(second, axis=1, keepdims=True),
    }
    np.testing.assert_allclose(scores_of(features, raw), expected[distance], rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("shapes", "keys", "message"),
    [
        (
            TWO,
            {"branches": {"ECAL": LENET}},
            r"branches has none for HCAL \(4 x 4\); only inputs of one axis",
        ),
        (
            TWO,
            {"branches": {"ECAL": {}, "HCAL": {}, "met": {}}},
            "branches has one for met, which is none of",
        ),
        (
            {"x": ()},
            {"branches": {"x": LENET}},
            "branches has one for x that cannot be: lenet needs an image or a waveform",
        ),
        (
            TWO,
            {"family": "siamese"},
            r"takes two inputs of one shape, and there are ECAL \(6 x 5 x 4\), HCAL",
        ),
        ({"a": (3,)}, {"family": "siamese"}, "choose two with model.inputs"),
        (
            {"a": (), "b": ()},
            {"family": "siamese", "body": LENET},
            "siamese has a body that cannot be: lenet needs an image",
        ),
    ],
)
def test_inputs_that_it_cannot_take_are_refused(made, shapes, keys, message):
    with pytest.raises(ConfigError, match=message):
        made(shapes, **keys)


def test_two_inputs_of_different_kinds_and_weighed_rows_are_refused_before_training():
    sets = Model.parse({"family": "siamese", "body": {"family": "deepsets"}}, "model")
    weighed = {"family": "deepsets", "energy_weighted": 0}
    shapes = {"a": (5, 3), "b": (5, 3)}
    assert sets.why_not_inputs(shapes, ["a", "b"]) is None
    wanted = "siamese takes two inputs of one kind, and b has a varying number of entries, a has not; choose"
    assert sets.why_not_inputs(shapes, ["b"]).startswith(wanted)
    refused = Model.parse({"family": "siamese", "body": weighed}, "model").why_not_inputs(shapes, ["a", "b"])
    assert refused == "siamese cannot have a body with model.body.energy_weighted; leave that out"


def test_masks_go_with_their_input_into_branches_and_bodies(made):
    """What stands in rows that are missing changes nothing."""
    shapes, masked = {"a": (5, 3), "b": (5, 3)}, ("a", "b")
    sets = {"family": "deepsets"}
    branched, raw = made(shapes, masked=masked, branches={"a": sets, "b": {"family": "lstm"}})
    siamese, _ = made(shapes, masked=masked, family="siamese", body=sets)
    rows = np.arange(5) < np.array([[2], [5], [0], [3]])
    masks = {"a_mask": rows, "b_mask": rows}
    other = {name: np.where(rows[..., None], values, 7.0) for name, values in raw.items()}
    for network in (branched, siamese):
        scores = scores_of(network, {**raw, **masks})
        np.testing.assert_allclose(scores_of(network, {**other, **masks}), scores, rtol=1e-5)
        assert not np.allclose(
            scores_of(network, {**raw, **dict.fromkeys(masks, rows | True)}), scores, rtol=1e-3
        )
