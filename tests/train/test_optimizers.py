import numpy as np
import pytest

from dlscan.config import Train
from dlscan.models import backend, keras
from dlscan.train.optimizers import optimizer


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
    ours = optimizer(train, steps=20)
    theirs = keras.optimizers.Adam.from_config(ours.get_config())

    for own, other in zip(trained(ours, slopes, start), trained(theirs, slopes, start), strict=True):
        np.testing.assert_allclose(own, other, rtol=1e-4, atol=1e-5)


def test_adam_takes_sparse_slopes():
    if backend() != "tensorflow":
        pytest.skip("others have none")
    import tensorflow as tf

    made, variable = optimizer(Train(optimizer="adam"), steps=1), keras.Variable(np.ones((3, 2), "float32"))
    made.build([variable])
    made.apply([tf.IndexedSlices(tf.ones((1, 2)), [1], [3, 2])], [variable])
    assert (keras.ops.convert_to_numpy(variable) < 1).tolist() == [[False] * 2, [True] * 2, [False] * 2]
