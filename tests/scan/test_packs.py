"""Which points share a job."""

import dataclasses
import itertools
import json
import math
import os
import random

import pytest

from dlscan.attempts import ended, new_attempt, write_attempt
from dlscan.config import Dense
from dlscan.dataset import Manifest
from dlscan.prepare import prepare
from dlscan.scan import Plan, freeze
from dlscan.scan.costs import cost, sections
from dlscan.scan.load_balance import Item, distribute
from dlscan.scan.packs import pack, packs_wanted
from dlscan.scan.resources import Resources, find_resources
from dlscan.scan.speed import Speed

ANYWHERE = Resources(memory=None, slots=None)
# nothing takes time but what a test says
IDLE = Speed(stream=1e12, step=0.0, network=0.0, rate=0.0, overlaps=False, startup=1e-9, setup=0.0)
GRID = {"model.width": [8, 16, 32], "model.depth": [1, 2]}


def numbers(packs):
    return [tuple(point.number for point in points) for points in packs]


def packed(experiment, resources=ANYWHERE, **options):
    plan = freeze(experiment)
    return numbers(pack(plan, plan.points, experiment.batch, resources=resources, **options))


@pytest.mark.parametrize(
    ("most", "expected"),
    [
        (1, [(1,), (2,), (3,), (4,), (5,), (6,)]),
        (2, [(1, 2), (3, 4), (5, 6)]),
        (4, [(1, 2, 3), (4, 5, 6)]),
        (6, [(1, 2, 3, 4, 5, 6)]),
        (100, [(1, 2, 3, 4, 5, 6)]),
    ],
)
def test_packs_of_equal_points_keep_their_order(make_experiment, most, expected):
    experiment = make_experiment(scan={"grid": GRID}, batch={"models_per_job": most})

    assert packed(experiment) == expected


def test_points_of_unlike_batch_sizes_do_not_share_a_stream(make_experiment):
    grid = {
        "train.batch_size": [16, 32],
        "train.optimizer": ["sgd", "adam"],
        "train.learning_rate": [0.1, 0.01],
        "model.dropout": [0.0, 0.5],
    }
    experiment = make_experiment(scan={"grid": grid, "repeats": 2}, batch={"models_per_job": 100})

    # everything else may differ, seeds too
    assert packed(experiment) == [tuple(range(1, 17)), tuple(range(17, 33))]


def test_packs_take_about_equally_long(make_experiment):
    experiment = make_experiment(
        "batch.models_per_job=4", scan={"grid": {"model.width": [8, 64], "train.epochs": [1, 5, 50, 400]}}
    )
    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)
    plan = freeze(experiment)
    speed = dataclasses.replace(IDLE, rate=1.0)

    first, second = pack(plan, plan.points, experiment.batch, manifest, speed, ANYWHERE)

    # the two longest, 400 epochs of a wide one and of a narrow one, are not together
    assert {point.params["train.epochs"] for point in first} >= {400}
    assert {point.params["train.epochs"] for point in second} >= {400}


def test_networks_that_do_not_fit_together_are_packed_apart(make_experiment, caplog):
    experiment = make_experiment(
        "batch.models_per_job=6", scan={"grid": {"model.width": [512], "train.learning_rate": [1, 2, 3, 4]}}
    )
    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)
    plan = freeze(experiment)
    one = cost(sections(plan, plan.points[0]), manifest).memory

    def count(memory):
        return [
            len(points) for points in pack(plan, plan.points, experiment.batch, manifest, resources=memory)
        ]

    assert count(Resources(64 * 2**30, None)) == [4]
    assert not caplog.messages
    # what is left of a device beside the framework and batches under way is room for two and a half
    assert count(Resources(math.ceil((2**30 + 8 * 32 * 508 + 2.5 * one) / 0.75), None)) == [2, 2]
    assert "4 points need 2 jobs: no more networks fit into the memory of a job" in caplog.messages
    assert count(Resources(2**20, None)) == [1, 1, 1, 1]


@pytest.mark.parametrize(
    ("outcome", "before", "expected"),
    [
        ("oom", 8, [(1, 2, 3, 4), (5, 6)]),
        ("oom", 4, [(1, 2), (3, 4), (5, 6)]),
        ("oom", 3, [(1,), (2,), (3,), (4,), (5, 6)]),
        ("oom", 1, [(1,), (2,), (3,), (4,), (5, 6)]),
        (None, 4, [(1, 2), (3, 4), (5, 6)]),
        ("failed", 4, [(1, 2, 3, 4, 5, 6)]),
        # the kernel gives no other word when memory is at its end
        ("killed", 4, [(1, 2), (3, 4), (5, 6)]),
        ("found dead", 4, [(1, 2), (3, 4), (5, 6)]),
        ("never begun", 1, [(1, 2, 3, 4, 5, 6)]),
        ("preempted", 4, [(1, 2, 3, 4, 5, 6)]),
        ("lost", 4, [(1, 2, 3, 4, 5, 6)]),
    ],
)
def test_a_pack_that_died_of_memory_is_halved(make_experiment, outcome, before, expected):
    experiment = make_experiment(scan={"grid": GRID}, batch={"models_per_job": 8})
    plan = freeze(experiment)
    for point in plan.points[:4]:
        paths = plan.paths(point)
        paths.attempts.mkdir()
        attempt = new_attempt(1, pack=before)
        code = {"failed": 1, "killed": -9}.get(outcome)
        if outcome is not None:
            seldom = outcome in ("killed", "found dead", "never begun")
            attempt = ended(attempt, "failed" if seldom else outcome, exit_code=code)
        write_attempt(paths, attempt)

    assert numbers(pack(plan, plan.points, experiment.batch, resources=ANYWHERE)) == expected


def test_a_point_with_a_damaged_attempt_is_tried_alone(make_experiment):
    experiment = make_experiment(scan={"grid": GRID}, batch={"models_per_job": 8})
    plan = freeze(experiment)
    plan.paths(plan.points[2]).attempts.mkdir()
    (plan.paths(plan.points[2]).attempts / "0001.json").write_text("{")

    assert numbers(pack(plan, plan.points, experiment.batch, resources=ANYWHERE)) == [(1, 2, 4, 5, 6), (3,)]


@pytest.mark.parametrize(
    ("own", "shared", "slots", "expected"),
    [
        # cheap networks: so many a job that it spends as much on them as it spends anyway
        ([1.0] * 20, 10.0, None, 2),
        ([1.0] * 20, 10.0, 8, 2),
        ([1.0] * 20, 40.0, None, 1),
        # fewer slots than that: as many jobs as can run at once
        ([1.0] * 20, 5.0, 2, 2),
        # expensive ones, all alike: alone where there are slots, else as many jobs as slots
        ([9.0] * 20, 1.0, None, 20),
        ([9.0] * 20, 1.0, 100, 20),
        ([9.0] * 20, 1.0, 8, 8),
        ([9.0] * 20, 1.0, 1, 1),
        # one expensive among cheap ones: what takes as long as it does together holds nobody up
        ([8.0, *[1.0] * 8], 1.0, None, 2),
        # but slots that are free are used
        ([8.0, *[1.0] * 8], 1.0, 6, 6),
        ([8.0, *[1.0] * 8], 4.0, 6, 4),
        # a single point is a single job
        ([5.0], 1.0, 4, 1),
    ],
)
def test_auto_packs_until_networks_cost_as_much_as_what_they_share(own, shared, slots, expected):
    assert packs_wanted(own, shared, slots) == expected


@pytest.mark.parametrize(
    ("changes", "slots", "expected"),
    [
        # 2 epochs of one step each, and no validation known: 2 s of own work
        ({"network": 1.0, "startup": 12.0}, None, [(1, 2, 3, 4, 5, 6)]),
        ({"network": 1.0, "startup": 4.0}, None, [(1, 2), (3, 4), (5, 6)]),
        ({"network": 1.0, "step": 2.0}, None, [(1, 2), (3, 4), (5, 6)]),
        ({"network": 1.0, "stream": 16.0}, None, [(1, 2), (3, 4), (5, 6)]),
        ({"setup": 2.0, "startup": 4.0}, None, [(1, 2), (3, 4), (5, 6)]),
        ({"network": 1.0, "startup": 4.0}, 2, [(1, 2, 3), (4, 5, 6)]),
        ({"network": 1.0, "startup": 1.0}, None, [(n,) for n in range(1, 7)]),
    ],
)
def test_auto_follows_the_measured_speed(make_experiment, changes, slots, expected):
    experiment = make_experiment(scan={"grid": GRID}, batch={"models_per_job": "auto"})

    speed = dataclasses.replace(IDLE, **changes)
    assert packed(experiment, speed=speed, resources=Resources(None, slots)) == expected


def test_auto_without_a_trial_packs_small_networks_and_not_large_ones(make_experiment):
    large = {"model.width": [200_000, 300_000], "model.depth": [3]}
    for grid, sizes in ((GRID, [6]), (large, [1, 1])):
        experiment = make_experiment(
            f"name=with-{len(sizes)}", scan={"grid": grid}, batch={"models_per_job": "auto"}
        )
        prepare(experiment, processes=1)
        manifest = Manifest.read(experiment.data.prepared)
        found = packed(experiment, manifest=manifest, resources=Resources(None, 1 if sizes == [6] else 2))
        assert [len(points) for points in found] == sizes


def test_auto_packs_stay_within_the_memory_of_the_job(make_experiment):
    experiment = make_experiment("batch.models_per_job=auto", scan={"grid": GRID})
    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)

    found = packed(experiment, Resources(2**20, None), manifest=manifest, speed=IDLE)
    assert found == [(n,) for n in range(1, 7)]


def test_distributing_gives_each_item_once_within_the_limits():
    rng = random.Random(3)
    for most, fewest in itertools.product((1, 2, 5, 8), (1, 3, 40)):
        items = [Item(n, rng.choice([1.0, 2.0, 7.5]), rng.randrange(1, 60)) for n in range(37)]
        packs = distribute(items, most, fewest, memory=100)

        assert sorted(itertools.chain(*packs)) == list(range(37))
        assert packs == sorted(sorted(indices) for indices in packs)
        assert max(map(len, packs)) <= most
        assert all(sum(items[index].memory for index in indices) <= 100 for indices in packs)
        assert len(packs) >= min(fewest, 37)
        assert packs == distribute(items, most, fewest, memory=100)


def test_distributing_balances_loads():
    loads = [7.0, 6.0, 5.0, 4.0, 3.0, 2.0, 1.0, 1.0, 1.0]
    packs = distribute([Item(n, load, 0) for n, load in enumerate(loads)], most=4)

    assert sorted(sum(loads[index] for index in indices) for indices in packs) == [10, 10, 10]


def test_distributing_thousands_is_quick_to_end():
    # more than half of the memory each: no two go together, whatever was hoped at first
    items = [Item(n, float(n % 7), 51) for n in range(1500)]

    assert len(distribute(items, most=8, memory=100)) == 1500


@pytest.mark.parametrize(
    "parameters",
    [
        *({}, {"depth": 0}, {"depth": 3, "batch_norm": True, "dropout": 0.1}, {"merged_depth": 0}),
        *({"merged_depth": 2, "merged_width": 5}, {"depth": 0, "merged_depth": 1}),
    ],
)
def test_a_network_has_the_weights_that_its_parameters_promise(experiment, parameters):
    from dlscan import models
    from dlscan.config import Model
    from dlscan.models.saved import layers_of, trainable_parameters

    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)
    dense = Dense(width=24, **parameters)
    network = models.build(Model("dense", dense), manifest, {})
    size = dense.size([column.shape for column in manifest.inputs.values()], len(manifest.classes))

    assert size.weights == trainable_parameters(network)
    # what is done value by value is left out
    products = [layer.flops for layer in layers_of(network) if layer.kind == "Dense"]
    assert 2 * size.multiplications == sum(products)


def test_scores_that_wait_in_memory_count(experiment):
    """A pack of many small networks over many classes has more of them than of weights."""
    from dlscan.scan import costs
    from dlscan.train import evaluate

    # costs are counted without Keras
    assert (costs._SAMPLE, costs._SAMPLE_FACTOR) == (evaluate.TRAIN_SAMPLE, evaluate.TRAIN_FACTOR)
    assert evaluate.BUFFERED == costs._BUFFERED
    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)
    largest = max(manifest.splits[name].events for name in ("test", "validation"))
    values = sections(freeze(experiment), freeze(experiment).points[0])
    size = costs.network_size(values, manifest)
    network = 4 * (4 * size.weights + 2 * 32 * size.values)
    assert cost(values, manifest).memory == network + 4 * largest * (3 + 1)


def test_what_a_network_gives_is_counted_by_its_task(make_experiment):
    from dlscan.scan import costs

    targets = {"A": "target[:,0,3]", "B": "target[:,0,2]"}
    regress = {"kind": "regress", "targets": targets}
    experiment = make_experiment()
    prepare(experiment, processes=1)
    manifest = Manifest.read(experiment.data.prepared)
    wanted = [
        (*("classify", "auto"), 3),
        (*(regress, "auto"), 2),
        (*(regress, "gaussian_nll"), 4),
        (*(["classify", {**regress, "loss": "gaussian_nll"}], "auto"), 7),
    ]
    for number, (task, loss, outputs) in enumerate(wanted):
        made = make_experiment(name=f"n{number}", task=task, train={"loss": loss})
        values = sections(Plan.of(made), Plan.of(made).points[0])
        found = cost(values, manifest)
        assert (found.outputs, costs.asked_of(made, manifest)[1]) == (outputs, outputs)


def test_a_dataset_that_is_not_prepared_leaves_epochs_to_tell_points_apart(make_experiment):
    experiment = make_experiment(scan={"grid": {"train.epochs": [1, 100]}}, batch={"models_per_job": 2})
    plan = freeze(experiment)
    known = cost(sections(plan, plan.points[1]), None)

    assert (known.step, known.memory, known.epochs) == (0, 0, 100)


def fake_nvidia_smi(directory, monkeypatch, printed):
    program = directory / "nvidia-smi"
    program.write_text(f'#!/bin/sh\ncase "$1" in -L) echo "GPU 0: x";; *) echo "{printed}";; esac\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{directory}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.parametrize(
    ("batch", "gpu", "expected"),
    [
        # memory, slots, whether networks are trained on a GPU, and whether there is one here
        (
            {"system": "slurm", "memory": "32G", "max_running": 5},
            "143771",
            Resources(143771 * 2**20, 5, True),
        ),
        ({"system": "local", "gpus": 1, "memory": "32G"}, "143771", Resources(143771 * 2**20, 1, True)),
        # the memory of a processor is no limit on the GPU of a job elsewhere, but a first guess for auto
        ({"system": "slurm", "models_per_job": 8, "memory": "32G"}, None, Resources(None, None, True, False)),
        (
            {"system": "slurm", "models_per_job": "auto", "memory": "32G"},
            None,
            Resources(32 * 2**30, None, True, False),
        ),
        (
            {"system": "slurm", "models_per_job": 8, "memory": "1G", "gpus": 0},
            None,
            Resources(2**30, None, False),
        ),
        ({"system": "local", "memory": "1G", "max_running": 1}, None, Resources(2**30, 1, False)),
        ({"system": "slurm", "gpus": 1, "models_per_job": 8}, "[N/A]", Resources(None, None, True)),
    ],
)
def test_memory_is_that_of_the_gpu_or_of_the_job(
    make_experiment, tmp_path, monkeypatch, batch, gpu, expected
):
    if gpu is None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    else:
        fake_nvidia_smi(tmp_path, monkeypatch, gpu)

    assert find_resources(make_experiment(batch=batch).batch) == expected


def test_memory_of_local_jobs_is_shared_by_those_that_run_at_once(make_experiment, monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    one = find_resources(make_experiment(batch={"max_running": 1, "cpus": 1}).batch)

    assert one.slots == 1
    assert one.memory > 0
    assert json.dumps(one.memory).isdecimal()
