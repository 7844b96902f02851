"""Networks read back from their file."""

import math

import pytest

from dlscan.config import Model, Normalization
from dlscan.errors import ScanError
from dlscan.models import build, keras
from dlscan.models.flops import flops
from dlscan.models.saved import layers_of, meetings, read_network, trainable_parameters


@pytest.fixture
def network(manifest):
    parameters = Model.parse({"width": 8, "depth": 1, "batch_norm": True}, "model")
    return build(parameters, manifest, {"ECAL": Normalization("scale", 2.0)})


def test_layers_hold_all_parameters(network):
    layers = layers_of(network)
    assert sum(layer.parameters for layer in layers) == network.count_params()
    by_name = {layer.name: layer for layer in layers}
    assert by_name["ECAL"].shape == (4, 4, 2)
    assert by_name["ECAL-hidden_1"].parameters == math.prod((4, 4, 2)) * 8 + 8
    assert (by_name["net-scores"].kind, by_name["net-scores"].shape) == ("Activation", (3,))


def test_the_operations_of_the_layers_add_up(network):
    assert sum(layer.flops for layer in layers_of(network)) == flops(network)[0]


def test_a_layer_whose_operations_are_not_known_has_none():
    inputs = keras.Input((4, 3, 2))
    network = keras.Model(inputs, keras.layers.Flatten()(keras.layers.ConvLSTM1D(2, 1, name="odd")(inputs)))
    assert {layer.name: layer.flops for layer in layers_of(network)}["odd"] is None


def test_the_normalisation_is_listed_too(network):
    assert "Multiply" in {layer.kind for layer in layers_of(network)}


def test_trained_parameters_are_without_running_means(network):
    # batch normalisation of two branches of 8 and of 8 behind: mean and variance are measured, not trained
    assert trainable_parameters(network) == network.count_params() - 3 * 2 * 8


def test_it_is_said_which_inputs_meet_where(make_manifest):
    manifest = make_manifest(pt=(), ECAL=(4, 4), eta=(7,))

    def sentences(**parameters):
        return [str(meeting) for meeting in meetings(build(Model.parse(parameters, "model"), manifest, {}))]

    assert sentences(depth=3) == [
        "pt and eta meet in net-joined; 5 layers with weights follow",
        "pt + eta and ECAL meet in net-merged; 2 layers with weights follow",
    ]
    alone = "only the output layer follows, so no hidden layer combines them"
    assert sentences(merged_depth=0) == [f"pt, ECAL and eta meet in net-merged; {alone}"]
    manifest = make_manifest(ECAL=(4, 4))
    assert sentences() == []


def test_a_network_is_read_back(network, tmp_path):
    network.save(tmp_path / "best.keras")
    assert layers_of(read_network(tmp_path / "best.keras")) == layers_of(network)


@pytest.mark.parametrize("content", [None, b"", b"no network"])
def test_a_file_that_holds_no_network_is_named(tmp_path, content):
    path = tmp_path / "best.keras"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ScanError, match=r"best\.keras: cannot read a network") as caught:
        read_network(path)
    assert len(str(caught.value).splitlines()) == 1
