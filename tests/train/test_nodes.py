"""Processes that train together, as on several nodes: here they are all on this machine."""

import csv
import dataclasses
import json
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import h5py
import numpy as np
import pytest

from dlscan.attempts import last_attempt
from dlscan.config import experiment_from
from dlscan.dataset import Manifest
from dlscan.record import Record
from dlscan.scan import Plan, freeze
from dlscan.train.checkpoint import Checkpoint
from dlscan.training import train_planned

from ..slow import slow

COLUMNS = ("epoch", "loss", "accuracy", "val_loss", "val_accuracy", "val_Mean_AUC")


@pytest.fixture
def make_plan(mapping, tmp_path):
    """Freeze the plan of a scan of two points; keyword arguments are keys of `train`."""

    def make(name, **train):
        content = {
            **mapping,
            "name": name,
            "output": str(tmp_path / "scans"),
            "model": {"width": 8, "depth": 1},
            # whole batches are shared, the last one of an epoch may not be
            "train": {
                **mapping["train"],
                "epochs": 2,
                "early_stopping": {"monitor": "val_Mean_AUC"},
                **train,
            },
            "scan": {"grid": {"model.width": [4, 8]}},
        }
        loaded = experiment_from(content, tmp_path / f"{name}.yaml")
        return freeze(loaded, Manifest.of(loaded).config_hash)

    return make


def start(plan: Plan, count: int = 2) -> "list[subprocess.Popen[str]]":
    """The processes of a job, which begins with the first point."""
    command = [sys.executable, "-P", "-m", "dlscan", "train", str(plan.directory), "--point", "1", "2"]
    place = plan.directory / "1-0.nodes"
    return [
        subprocess.Popen(
            [*command, "--stopped-exit-code", "85"],
            env={
                **os.environ,
                **{"DLSCAN_NODES": str(count), "DLSCAN_NODE": str(number), "DLSCAN_RENDEZVOUS": str(place)},
                "CUDA_VISIBLE_DEVICES": "",
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for number in range(count)
    ]


def ended(jobs: "list[subprocess.Popen[str]]") -> tuple[list[int], list[str]]:
    """Exit codes of the processes, and what they said."""
    try:
        said = [job.communicate(timeout=240)[0] for job in jobs]
    finally:
        for job in jobs:
            job.kill()
    return [job.returncode for job in jobs], said


def history(plan: Plan, point: int) -> list[list[float]]:
    with plan.paths(plan.point(point)).history.open(newline="") as file:
        return [[float(row[key]) for key in COLUMNS] for row in csv.DictReader(file)]


def require_same(plan: Plan, other: Plan) -> None:
    for number in (1, 2):
        np.testing.assert_allclose(history(plan, number), history(other, number), rtol=1e-5)
        paths, theirs = (each.paths(each.point(number)) for each in (plan, other))
        with h5py.File(paths.predictions) as file, h5py.File(theirs.predictions) as reference:
            np.testing.assert_allclose(file["scores"][:], reference["scores"][:], atol=1e-5)


def wait_for_epoch(plan: Plan, after: int, jobs: "list[subprocess.Popen[str]]") -> None:
    while not plan.paths(plan.point(1)).history.exists() or len(history(plan, 1)) <= after:
        if jobs[0].poll() is not None:
            raise AssertionError(ended(jobs))
        time.sleep(0.05)


def stop_after_the_first_epoch(epoch: int, step: int, steps: int) -> None:
    if (epoch, step) == (1, 1):
        os.kill(os.getpid(), signal.SIGTERM)


def test_a_training_goes_on_on_two_nodes_as_it_would_on_one(make_plan):
    alone, plan = make_plan("alone"), make_plan("together")
    assert set(train_planned(alone, alone.points).values()) == {"done"}
    assert set(train_planned(plan, plan.points, stop_after_the_first_epoch).values()) == {"preempted"}
    assert len(history(plan, 1)) == 1

    codes, said = ended(start(plan))

    assert codes == [0, 0], said
    require_same(plan, alone)
    assert Record.read(plan.paths(plan.point(1)).record).device.startswith("2 nodes x CPU")
    # only the first process tells, and nothing is left of how they met
    assert "epoch 2/2" in said[0]
    assert "epoch" not in said[1]
    assert not list(plan.directory.glob("*.nodes"))


def test_a_point_that_the_first_process_cannot_go_on_with_is_trained_by_none(make_plan):
    alone, plan = make_plan("alone"), make_plan("together")
    assert set(train_planned(alone, alone.points).values()) == {"done"}
    assert set(train_planned(plan, plan.points, stop_after_the_first_epoch).values()) == {"preempted"}
    # only the first process reads checkpoints
    checkpoint = Checkpoint(plan.paths(plan.point(2)).last)
    state = checkpoint.read()
    variables = checkpoint.variables(state.epoch).read_bytes()
    checkpoint.commit(dataclasses.replace(state, dataset="another"), lambda path: path.write_bytes(variables))

    codes, said = ended(start(plan))

    assert codes == [1, 0], said
    assert "the dataset was rebuilt after epoch 1" in said[0]
    np.testing.assert_allclose(history(plan, 1), history(alone, 1), rtol=1e-5)
    assert [last_attempt(plan.paths(point)).outcome for point in plan.points] == ["done", "failed"]


@slow
def test_a_training_that_lost_a_node_goes_on_on_one(make_plan):
    alone, plan = (make_plan(name, epochs=30, batch_size=96) for name in ("alone", "together"))
    assert set(train_planned(alone, alone.points).values()) == {"done"}
    first = plan.paths(plan.point(1))
    jobs = start(plan, 3)
    wait_for_epoch(plan, 0, jobs)
    jobs[2].send_signal(signal.SIGKILL)
    codes, _ = ended(jobs)
    assert codes[0] == 1
    assert codes[1] != 0
    attempt = last_attempt(first)
    assert (attempt.outcome, attempt.exit_code) == ("failed", 1)
    assert "process 3 of 3 (127.0.0.1) is gone" in attempt.error
    assert 1 <= len(history(plan, 1)) < 30

    before = len(history(plan, 1))
    jobs = start(plan)
    wait_for_epoch(plan, before, jobs)
    # what counts is the first one
    jobs[1].send_signal(signal.SIGTERM)
    jobs[0].send_signal(signal.SIGTERM)
    codes, said = ended(jobs)
    assert codes == [85, 0], said
    assert last_attempt(first).outcome == "preempted"

    assert set(train_planned(plan, plan.points).values()) == {"done"}
    require_same(plan, alone)
    assert not Record.read(first.record).device.startswith("2 nodes")


MEMBER = """
import sys
import time
from pathlib import Path
from dlscan.train import nodes, rendezvous

rendezvous._PATIENCE = float(sys.argv[4])
rendezvous._ANSWER = min(rendezvous._ANSWER, rendezvous._PATIENCE)
place, count, number, deed = Path(sys.argv[1]), *sys.argv[2:4], sys.argv[5]
environment = {"DLSCAN_NODES": count, "DLSCAN_NODE": number, "DLSCAN_RENDEZVOUS": str(place)}
with nodes.joined(environment) as here:
    here.on_lost = lambda error: print(error, flush=True)
    print(here.agree(f"process {number}"), here.agree([1]), len(here.addresses), flush=True)
    if deed == "fail" and number == "0":
        raise SystemExit("wrong")
    if deed == "devices":
        here.require_alike(1 + int(number))
    if deed.startswith("connect"):
        from dlscan.train.steps.across import connect

        connect(here)
        here.agree("both are connected")
        if deed == f"connect, then {number} fails":
            raise SystemExit("wrong")
    if deed in ("wait", "devices") or here.follows or deed == "connect, then 1 fails":
        here.agree(None) if deed != "wait" and here.follows else input()
"""


def members(place, count, deed, patience=60.0, numbers=None):
    """Processes of a job of so many, the first one last."""
    return [
        subprocess.Popen(
            [sys.executable, "-c", MEMBER, str(place), str(count), str(number), str(patience), deed],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
        )
        for number in numbers or reversed(range(count))
    ]


def test_the_first_process_decides_and_the_others_end_with_it(tmp_path):
    jobs = members(tmp_path / "place", 3, "end")
    said = [job.communicate(timeout=60) for job in jobs]
    assert [job.returncode for job in jobs] == [0, 0, 0], said
    assert {out for out, _ in said} == {"process 0 [1] 3\n"}
    assert not list(tmp_path.iterdir())


def test_an_error_of_the_first_process_ends_the_others(tmp_path):
    *others, first = members(tmp_path / "place", 3, "fail")
    assert "wrong" in first.communicate(timeout=60)[1]
    assert first.returncode == 1
    assert [(job.communicate(timeout=60)[1], job.returncode) for job in others] == [("", 0)] * 2


def test_nodes_with_other_numbers_of_devices_do_not_wait_for_each_other(tmp_path):
    second, first = members(tmp_path / "place", 2, "devices")
    assert "process 2 of 2" in second.communicate(timeout=60)[1]
    first.wait(timeout=60)
    assert "is gone" in first.communicate()[0]
    assert [first.returncode, second.returncode] == [1, 1]


@pytest.mark.parametrize("number", [0, 1])
def test_a_failure_ends_all_whatever_their_back_end_waits_for(tmp_path, number):
    jobs = members(tmp_path / "place", 2, f"connect, then {number} fails")[::-1]
    codes = [job.wait(timeout=60) for job in jobs]
    said = [job.communicate() for job in jobs]
    assert "wrong" in said[number][1]
    # others that the first one ends have not failed
    assert codes == [1, number], said


@pytest.mark.parametrize("gone", [0, 1])
def test_all_end_once_one_is_gone(tmp_path, gone):
    jobs = members(tmp_path / "place", 2, "wait")[::-1]
    for job in jobs:
        assert job.stdout.readline() == "process 0 [1] 2\n"
    jobs[gone].kill()
    codes = [job.wait(timeout=60) for job in jobs]
    said = [job.communicate()[0] for job in jobs]
    assert codes == [-signal.SIGKILL if number == gone else 1 for number in (0, 1)]
    if gone:
        assert said[0] == (
            "process 2 of 2 (127.0.0.1) is gone; this one ends too, and the next attempt continues from the "
            "last checkpoint\n"
        )


def test_processes_that_do_not_come_are_not_waited_for_without_an_end(tmp_path):
    (first,) = members(tmp_path / "place", 2, "end", patience=0.5, numbers=[0])
    assert "only 1 of 2 processes have started" in first.communicate(timeout=60)[1]
    (tmp_path / "place").write_text("{")
    (second,) = members(tmp_path / "place", 2, "end", patience=0.5, numbers=[1])
    assert "has not found the first one" in second.communicate(timeout=60)[1]


def test_whoever_connects_and_says_nothing_does_not_keep_the_processes_waiting(tmp_path):
    place = tmp_path / "place"
    (first,) = members(place, 2, "end", patience=1.0, numbers=[0])
    while not place.exists():
        assert first.poll() is None
    with socket.create_connection(("127.0.0.1", json.loads(place.read_text())["port"])):
        assert "only 1 of 2 processes have started" in first.communicate(timeout=60)[1]


# in a network of its own
OUT_OF_REACH = """
import socket
import subprocess
from dlscan.train import rendezvous

subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
rendezvous._ALIVE = {option: max(value // 20, 1) for option, value in rendezvous._ALIVE.items()}
with socket.create_server(("127.0.0.1", 0)) as server:
    connection = rendezvous._connection(socket.create_connection(server.getsockname()))
    other = server.accept()
    subprocess.run(["ip", "link", "set", "lo", "down"], check=True)
    connection.send("to nobody")
    try:
        connection.recv()
    except OSError as error:
        print(type(error).__name__)
"""


def test_a_node_that_is_out_of_reach_is_noticed_though_something_is_under_way_to_it():
    alone = ["unshare", "--map-root-user", "--net"]
    try:
        subprocess.run([*alone, "ip", "link", "set", "lo", "up"], check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no network of its own for a process here")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(
        [*alone, sys.executable, "-c", OUT_OF_REACH],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout == "TimeoutError\n"
