"""Autoencoders: which inputs they take, what they give, and what a saved one needs."""

import numpy as np
import pytest

from dlscan import tasks
from dlscan.config import Model
from dlscan.config.losses import Loss
from dlscan.config.task import Tasks
from dlscan.errors import ConfigError
from dlscan.models import construct, keras
from dlscan.models.flops import flops
from dlscan.models.inside import reconstructed
from dlscan.models.trunk import first_layers

CASES = {
    "vectors": ({"v": (7,), "n": ()}, {}),
    "odd images": ({"a": (5, 4), "v": (3,)}, {}),
    "three axes": ({"a": (5, 3, 2)}, {"stages": 3}),
    "channels": ({"a": (5, 4, 3)}, {"channels": "last"}),
    "waveform": ({"w": (9,)}, {"layers": "convolution", "kernel": 5}),
    "dense": ({"a": (5, 4)}, {"layers": "dense", "depth": 0}),
    "one cell": ({"a": (1, 4)}, {"batch_norm": True, "dropout": 0.2}),
}


def built(make_manifest, shapes, family="autoencoder", loss="mse", task="reconstruct", masked=(), **keys):
    model = Model.parse({"family": family, "code": 2, "width": 6, "filters": 2, **keys}, "model")
    manifest = make_manifest(**shapes, masked=masked)
    made = tasks.make(Tasks.parse(task, "task"), manifest.classes, Loss(loss)).by(model)
    return construct(model, manifest, {}, task=made)


def events(shapes, number=3):
    rng = np.random.default_rng(1)
    return {name: rng.normal(2, 1, (number, *shape)).astype(np.float32) for name, shape in shapes.items()}


@pytest.mark.parametrize("family", ["autoencoder", "vae"])
@pytest.mark.parametrize("case", CASES)
def test_every_cell_comes_out_and_the_saved_network_opens_in_safe_mode(make_manifest, tmp_path, case, family):
    shapes, keys = CASES[case]
    network = built(make_manifest, shapes, family, task={"kind": "reconstruct", "noise": 0.5}, **keys)
    raw = events(shapes)
    given = network.model(raw, training=False)
    cells = sum(int(np.prod(shape)) for shape in shapes.values())
    assert tuple(given["reconstruction"].shape) == (3, cells)
    assert tuple(given["code"].shape) == (3, 2)
    found = reconstructed(network.model, raw)
    # scaled: mean 2 and width 0.5
    flat = np.concatenate([values.reshape(3, -1) for values in raw.values()], axis=1)
    np.testing.assert_allclose(
        np.concatenate(list(found.events.values()), axis=1), (flat - 2) / 0.5, rtol=1e-4
    )
    squares = [(found.given[name] - found.events[name]) ** 2 for name in shapes]
    np.testing.assert_allclose(found.errors, np.concatenate(squares, axis=1).mean(axis=1), rtol=1e-4)
    network.model.save(tmp_path / "best.keras")
    opened = keras.saving.load_model(tmp_path / "best.keras", compile=False, safe_mode=True)
    for name, values in opened(raw, training=False).items():
        np.testing.assert_allclose(
            keras.ops.convert_to_numpy(values), keras.ops.convert_to_numpy(given[name]), rtol=1e-4, atol=1e-5
        )
    assert flops(opened)[0]


def test_noise_is_of_its_width_and_in_training_alone(make_manifest):
    task = {"kind": "reconstruct", "noise": 0.5}
    network = built(make_manifest, {"v": (400,)}, layers="dense", task=task)
    noisy = keras.Model(network.model.input, network.model.get_layer("v-noise").output)
    raw = events({"v": (400,)}, 50)
    clean, trained = (keras.ops.convert_to_numpy(noisy(raw, training=each)) for each in (False, True))
    np.testing.assert_allclose(clean, (raw["v"] - 2) / 0.5, rtol=1e-4)
    assert (trained - clean).std() == pytest.approx(0.5, rel=0.02)


@pytest.mark.parametrize(
    ("loss", "low", "high"), [("cross_entropy", 0, 1), ("poisson", 0, np.inf), ("mse", -np.inf, np.inf)]
)
def test_the_last_step_is_that_of_the_loss(make_manifest, loss, low, high):
    network = built(make_manifest, {"v": (5,)}, loss=loss)
    made = keras.ops.convert_to_numpy(
        network.model(events({"v": (5,)}, 50), training=False)["reconstruction"]
    )
    assert low <= made.min() < made.max() <= high


def test_an_input_with_missing_rows_is_refused_in_one_line(make_manifest):
    with pytest.raises(
        ConfigError, match=r"hits \(4 x 3\) may have fewer rows; leave it out with model.inputs"
    ) as error:
        built(make_manifest, {"hits": (4, 3)}, masked=("hits",))
    assert "\n" not in str(error.value)


def test_what_losses_see_keeps_networks_from_being_cut_behind_their_first_products(make_manifest):
    network = built(make_manifest, {"v": (5,)}, layers="dense")
    assert first_layers(network, {"v"}) is None
