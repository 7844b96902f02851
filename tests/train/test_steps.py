"""A step of several parts, networks and streams: a generator and a critic, against the same by hand."""

import numpy as np
import pytest

from dlscan.models import Network, backend, keras
from dlscan.train.feed import Fed
from dlscan.train.objectives import Told
from dlscan.train.steps import Part, Trained, steps

ops = keras.ops
RATE = 0.1


class Critic:
    """Least squares: real events are 1 and generated ones 0. Streams: `events` and `noise`."""

    def __call__(self, networks, batches, training):
        real, noise = batches["events"], batches["noise"]
        made = networks["generator"](noise.inputs, training=training)["made"]
        says = [networks["critic"]({"x": x}, training=training)["says"] for x in (real.inputs["x"], made)]
        loss = ops.mean(ops.square(says[0] - 1)) + ops.mean(ops.square(says[1]))
        return Told(loss, ops.stack([loss, ops.sum(says[0])]), {"says": says[0]})


class Generator:
    """What it makes is to be taken for real."""

    def __call__(self, networks, batches, training):
        made = networks["generator"](batches["noise"].inputs, training=training)["made"]
        says = networks["critic"]({"x": made}, training=training)["says"]
        loss = ops.mean(ops.square(says - 1))
        return Told(loss, ops.stack([loss]), {"made": made})


def network(name, wide, out):
    inputs = keras.Input((wide,), name="x" if name == "critic" else "z")
    made = keras.layers.Dense(1, kernel_initializer=keras.initializers.Constant(0.5), name=name)(inputs)
    return Network(keras.Model({inputs.name: inputs}, made), {inputs.name: inputs}, {out: made}, {out: made})


def point(times=1):
    generator, critic = network("generator", 2, "made"), network("critic", 1, "says")
    parts = []
    for own, objective in ((critic, Critic()), (generator, Generator())):
        optimizer = keras.optimizers.SGD(RATE)
        optimizer.build(own.model.trainable_variables)
        many = times if own is critic else 1
        parts.append(Part(own.model.trainable_variables, optimizer, objective, many))
    return Trained({"generator": generator, "critic": critic}, parts)


def fed(name, values):
    weights = ops.ones(len(values))
    return Fed({name: ops.convert_to_tensor(values)}, {}, weights, len(values))


def by_hand(real, noise, times):
    """Numbers before the step, and the weights after it: critic first, then generator with the new critic."""
    g, b, c, d = np.array([0.5, 0.5]), 0.0, 0.5, 0.0
    made = noise @ g + b
    told = []
    for _ in range(times):
        says = c * real + d, c * made + d
        told.append((np.mean((says[0] - 1) ** 2) + np.mean(says[1] ** 2), says[0].sum()))
        slope = np.array(
            [
                np.mean(2 * (says[0] - 1) * real) + np.mean(2 * says[1] * made),
                np.mean(2 * (says[0] - 1)) + np.mean(2 * says[1]),
            ]
        )
        c, d = np.array([c, d]) - RATE * slope
    after = c * made + d
    pull = 2 * (after - 1) * c
    generator_loss = np.mean((after - 1) ** 2)
    g = g - RATE * np.mean(pull[:, None] * noise, axis=0)
    b = b - RATE * np.mean(pull)
    return [generator_loss, *told[0]], [*g, b, c, d]


@pytest.mark.parametrize(("together", "times"), [(1, 1), (2, 1), (1, 3)])
def test_each_part_takes_its_steps_with_what_the_one_before_has_changed(together, times):
    rng = np.random.default_rng(0)
    real, noise = rng.normal(2, 1, (8, 1)).astype("f"), rng.normal(size=(8, 2)).astype("f")
    points = [point(times) for _ in range(together)]
    made = steps(points)
    streams = {"events": fed("x", real), "noise": fed("z", noise)}

    ((looked, raw),) = made.look((streams, None))
    told = ops.convert_to_numpy(made.train((streams, None))[0])
    made.settle()

    numbers, weights = by_hand(real[:, 0].astype(float), noise.astype(float), times)
    assert set(raw[0]) == {"made"}
    # the generator is looked at beside the critic as it was
    assert ops.convert_to_numpy(looked)[0][1:] == pytest.approx(numbers[1:], rel=1e-5)
    for own, trained in zip(told, points, strict=True):
        assert own == pytest.approx(numbers, rel=1e-5)
        found = [
            ops.convert_to_numpy(variable).reshape(-1)
            for name in ("generator", "critic")
            for variable in trained.networks[name].model.trainable_variables
        ]
        assert np.concatenate(found) == pytest.approx(weights, rel=1e-5)


def test_batches_are_not_written_as_text_to_train_on_them(monkeypatch):
    """TensorFlow writes them into an error that it catches, if it is called by names: 5 ms a step."""
    made = steps([point()])
    streams = {"events": fed("x", np.ones((4, 1), "f")), "noise": fed("z", np.ones((4, 2), "f"))}

    def written(tensor):
        raise AssertionError("a tensor was written")

    monkeypatch.setattr(type(streams["events"].weights), "__repr__", written)
    made.train((streams, None))
    made.look((streams, None))


@pytest.fixture
def several():
    """Batches of some lengths, and which of two points take them."""
    rng = np.random.default_rng(0)
    lengths, whose = (8, 5, 8), ((0,), (1,), None)
    return [
        (
            {
                "events": fed("x", rng.normal(size=(n, 1)).astype("f")),
                "noise": fed("z", np.ones((n, 2), "f")),
            },
            who,
        )
        for n, who in zip(lengths, whose, strict=True)
    ]


def test_batches_of_a_call_are_taken_one_after_the_other(several):
    weights = []
    for calls in ([several], [[batch] for batch in several]):
        points = [point(), point()]
        made = steps(points)
        told = [numbers for call in calls for numbers in made.train(*call)]
        made.settle()
        assert [len(ops.convert_to_numpy(numbers)) for numbers in told] == [1, 1, 2]
        weights.append(
            [
                ops.convert_to_numpy(variable)
                for own in points
                for network in own.networks.values()
                for variable in network.model.trainable_variables
            ]
        )
    for one, other in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.skipif(backend() != "tensorflow", reason="of TensorFlow")
@pytest.mark.parametrize(("jit", "calls"), [(False, 1), (True, 3)])
def test_batches_of_a_call_are_compiled_as_one_but_by_xla(several, monkeypatch, jit, calls):
    from dlscan.train.steps import on_tensorflow

    traced, compiled = on_tensorflow.traced, []
    monkeypatch.setattr(on_tensorflow, "traced", lambda *how: compiled.append(how) or traced(*how))
    made = steps([point(), point()], jit)
    made.train(*several)
    assert made.as_one is not jit
    assert len(compiled) == calls
