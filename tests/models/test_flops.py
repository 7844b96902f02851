import pytest

from dlscan.models import keras
from dlscan.models.flops import flops

layers = keras.layers


def network(shape, *steps):
    start = tensor = keras.Input(shape)
    for step in steps:
        tensor = step(tensor)
    return keras.Model(start, tensor)


@pytest.mark.parametrize(
    ("shape", "step", "count"),
    [
        ((5,), lambda: layers.Dense(7), 2 * 5 * 7),
        ((5,), lambda: layers.Dense(7, activation="relu"), 2 * 5 * 7 + 7),
        ((5,), lambda: layers.Dense(7, activation="softmax"), 2 * 5 * 7 + 3 * 7),
        ((4, 5), lambda: layers.Dense(7), 4 * 2 * 5 * 7),
        ((8, 8, 3), lambda: layers.Conv2D(4, (3, 2)), 2 * (3 * 2 * 3) * (6 * 7 * 4)),
        ((8, 8, 4), lambda: layers.Conv2D(4, 3, groups=2), 2 * (3 * 3 * 2) * (6 * 6 * 4)),
        ((6, 6, 6, 1), lambda: layers.Conv3D(2, 3, strides=3), 2 * 27 * (2 * 2 * 2 * 2)),
        ((8, 8, 3), lambda: layers.MaxPooling2D(2), 4 * (4 * 4 * 3)),
        ((8, 8, 3), layers.GlobalAveragePooling2D, 8 * 8 * 3),
        ((5,), layers.BatchNormalization, 2 * 5),
        ((5,), lambda: layers.Activation("tanh"), 5),
        ((5,), lambda: layers.Activation("softmax"), 3 * 5),
        ((2, 3), layers.Flatten, 0),
        ((5,), lambda: layers.Dropout(0.5), 0),
        ((5,), lambda: lambda tensor: tensor * 2.0 - 1.0, 2 * 5),
        ((5,), lambda: lambda tensor: tensor[:, 2:], 0),
        ((4, 2), lambda: layers.SimpleRNN(3), 4 * (2 * (2 + 3) * 3 + 3 * 3)),
        ((4, 2), lambda: layers.LSTM(3), 4 * (2 * (2 + 3) * 12 + 17 * 3)),
        ((4, 2), lambda: layers.GRU(3), 4 * (2 * (2 + 3) * 9 + 14 * 3)),
        ((4, 2), lambda: lambda tensor: keras.ops.matmul(tensor, keras.ops.transpose(tensor, (0, 2, 1))), 64),
        ((5,), lambda: lambda tensor: layers.Add()([tensor, tensor, tensor]), 2 * 5),
    ],
)
def test_operations_of_a_layer(shape, step, count):
    assert flops(network(shape, step())) == (count, "")


def test_a_layer_that_is_used_twice_counts_twice():
    dense = layers.Dense(4)
    assert flops(network((4,), dense, dense)) == (2 * 2 * 4 * 4, "")


def test_a_network_in_a_network_counts():
    assert flops(network((4,), network((4,), layers.Dense(3)), layers.Dense(2))) == (24 + 12, "")


def test_what_cannot_be_counted_is_named():
    count, reason = flops(network((4, 3, 2), layers.ConvLSTM1D(3, 2, name="memory")))
    assert count is None
    assert "memory (ConvLSTM1D)" in reason
    count, reason = flops(network((None, 2), layers.Dense(3)))
    assert count is None
    assert "no fixed shape" in reason
