import functools

import numpy as np
import pytest

from dlscan.config import Train
from dlscan.models import backend, keras
from dlscan.train.optimizers import STRIDE, make_optimizer


def trained(made, slopes, start):
    """What `made` makes of a variable that starts at `start` and sees these slopes, and all that it keeps."""
    variable = keras.Variable(start)
    made.build([variable])
    for slope in slopes:
        made.apply([keras.ops.convert_to_tensor(slope)], [variable])
    return [keras.ops.convert_to_numpy(one) for one in (variable, *made.variables)]


@pytest.mark.parametrize("options", [{}, {"clip_norm": 0.1}, {"schedule": "cosine", "epochs": 2}])
def test_adam_takes_the_steps_of_keras(options):
    rng = np.random.default_rng(1)
    slopes, start = rng.normal(size=(30, 4, 3)).astype("float32"), rng.normal(size=(4, 3)).astype("float32")
    train = Train(optimizer="adam", learning_rate=0.01, **options)
    ours = make_optimizer(train, steps=20)
    theirs = keras.optimizers.Adam.from_config(ours.get_config())

    for own, other in zip(trained(ours, slopes, start), trained(theirs, slopes, start), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["adam", "adamw", "sgd", "rmsprop", "lion"])
def test_weight_decay_shrinks_weights_apart_from_the_gradient(name):
    start = np.full((3, 2), 2.0, "float32")
    train = Train(optimizer=name, learning_rate=0.1, weight_decay=0.5)
    weights, *_ = trained(make_optimizer(train, steps=1), np.zeros((4, 3, 2), "float32"), start)
    np.testing.assert_allclose(weights, start * (1 - 0.1 * 0.5) ** 4, rtol=1e-5)


def test_weight_decay_is_the_optimizers_own_unless_given():
    assert make_optimizer(Train(optimizer="adamw"), steps=1).weight_decay == 0.004
    assert make_optimizer(Train(optimizer="adamw", weight_decay=0), steps=1).weight_decay == 0
    assert make_optimizer(Train(optimizer="adam"), steps=1).weight_decay is None


def test_adam_takes_sparse_slopes():
    if backend() != "tensorflow":
        pytest.skip("others have none")
    import tensorflow as tf

    made = make_optimizer(Train(optimizer="adam"), steps=1)
    variable = keras.Variable(np.ones((3, 2), "float32"))
    made.build([variable])
    made.apply([tf.IndexedSlices(tf.ones((1, 2)), [1], [3, 2])], [variable])
    assert (keras.ops.convert_to_numpy(variable) < 1).tolist() == [[False] * 2, [True] * 2, [False] * 2]


def test_adam_is_compiled_by_xla_too():
    if backend() != "tensorflow":
        pytest.skip("of TensorFlow")
    import tensorflow as tf

    def apply(to, variable, slope):
        to.apply([slope], [variable])

    results = []
    for jit in (False, True):
        made = make_optimizer(Train(optimizer="adam", learning_rate=0.1), steps=1)
        variable = keras.Variable(np.ones((3, 2), "float32"))
        made.build([variable])
        step = tf.function(functools.partial(apply, made, variable), jit_compile=jit)
        for slope in np.random.default_rng(1).normal(size=(5, 3, 2)).astype("float32"):
            step(tf.constant(slope))
        results.append(keras.ops.convert_to_numpy(variable))
    np.testing.assert_allclose(*results, rtol=1e-5)


def test_slopes_that_overflow_in_16_bits_change_nothing_but_the_scale():
    made = make_optimizer(Train(optimizer="adam", precision="mixed_float16"), steps=1)
    variable = keras.Variable(np.ones((3, 2), "float32"))
    made.build([variable])
    scale = float(made.dynamic_scale)
    made.apply([keras.ops.full((3, 2), np.inf)], [variable])
    assert float(made.dynamic_scale) == scale / 2
    assert int(made.inner_optimizer.iterations) == 0
    for kept in (*made.inner_optimizer._momentums, *made.inner_optimizer._velocities):
        assert not keras.ops.convert_to_numpy(kept).any()
    assert (keras.ops.convert_to_numpy(variable) == 1).all()


@pytest.mark.parametrize("name", ["adam", "adamw", "nadam", "adamax", "sgd", "rmsprop", "adagrad", "lion"])
def test_the_body_takes_shorter_steps_by_its_rate(name):
    """As long as with a learning rate of its own, in several steps and with weight decay."""

    def trained(**options):
        body, head = keras.Variable(np.float32([1, -2])), keras.Variable(np.float32([0.5]))
        optimizer = make_optimizer(Train(optimizer=name, weight_decay=0.1, **options), 1, body=[body])
        optimizer.build([body, head])
        for step in range(3):
            slopes = [keras.ops.convert_to_tensor(np.float32([step + 1, -1])), keras.ops.ones((1,))]
            optimizer.apply(slopes, [body, head])
        return [keras.ops.convert_to_numpy(variable) for variable in (body, head)]

    both = trained(learning_rate=1e-3, body_rate=0.1)
    np.testing.assert_allclose(both[0], trained(learning_rate=1e-4)[0], rtol=3e-6)
    np.testing.assert_allclose(both[1], trained(learning_rate=1e-3)[1], rtol=1e-6)


@pytest.mark.parametrize("name", ["adam", "sgd", "rmsprop"])
def test_a_width_takes_longer_steps_whatever_the_optimizer(name):
    """As long as with a learning rate that is so much larger, and not more."""

    def trained(rate, is_width):
        width = keras.Variable(np.float32([1.0]))
        train = Train(optimizer=name, learning_rate=rate)
        optimizer = make_optimizer(train, 1, log_sigma=[width] if is_width else [])
        optimizer.build([width])
        for slope in (3.0, -1.0, 2.0):
            optimizer.apply([keras.ops.full((1,), slope)], [width])
        return keras.ops.convert_to_numpy(width)

    np.testing.assert_allclose(trained(1e-3, True), trained(1e-3 * STRIDE, False), rtol=3e-6)
