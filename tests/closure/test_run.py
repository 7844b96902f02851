"""Replicas go through the whole chain, are not made twice, and say when they are of something else."""

import dataclasses
import json
import logging
import re
from pathlib import Path

import click
import numpy as np
import pytest
from click.testing import CliRunner

from dlscan.cli.closure import closure as command
from dlscan.cli.closure import text
from dlscan.closure import close, find_law, replica
from dlscan.closure.settings import Settings
from dlscan.config import Experiment, experiment_from
from dlscan.errors import ScanError
from tests.slow import slow


def experiment(home: Path, **sections: object) -> Experiment:
    content = {
        "name": "toy",
        "output": str(home),
        "data": {"raw": "raw", "inputs": ["x"]},
        "model": {"family": "bdt", "trees": 30, "leaves": 4},
        **sections,
    }
    return experiment_from(content, home / "toy.yaml")


GAUSSIANS = Settings(find_law("gaussians", {}), events=1200, true_events=20_000)


def test_replicas_close_and_are_not_made_twice(tmp_path: Path) -> None:
    data = {"raw": "raw", "inputs": ["x"], "folds": 2}
    scan = {"grid": {"model.leaves": [2, 6]}, "folds": True}
    own = experiment(tmp_path, scan=scan, data=data)
    first = close(own, GAUSSIANS, 1, processes=1)
    (one,) = first.replicas
    assert one.models == 2
    assert one.exact == pytest.approx(0.92135, abs=0.004)
    assert 0.85 < one.true < one.exact
    assert abs(one.pull) < 4
    again = close(own, GAUSSIANS, 2, processes=1)
    assert again.replicas[0] == one
    assert again.replicas[1].test != one.test
    assert again.replicas[1].exact == one.exact
    place = first.directory
    # a part of the disk for each replica would be too much
    assert not (place / "replica-0001" / "raw").exists()
    assert not (place / "replica-0001" / "prepared").exists()
    assert json.loads((place / "summary.json").read_text())["count"] == 2
    assert f"exact answer: {again.summary.best_covered} of 2 on the same test events\ntest - truth" in text(
        again
    )
    assert "2 replicas cannot tell whether to believe it" in text(again)
    assert (place / "pulls.png").stat().st_size > 1000
    for other, said in (
        (
            dataclasses.replace(GAUSSIANS, law=find_law("gaussians", {"distance": 1})),
            "law.parameters.distance (not set, now 1)",
        ),
        (dataclasses.replace(GAUSSIANS, level=1, events=900), "level (2, now 1), events (1200, now 900)"),
    ):
        with pytest.raises(ScanError, match=re.escape(f"holds replicas with other values of {said}; undo")):
            close(own, other, 2, processes=1)


def test_a_network_that_predicts_a_number_closes(tmp_path: Path) -> None:
    settings = Settings(find_law("resolution", {}), events=900, true_events=5_000)
    own = experiment(
        tmp_path,
        model={"width": 8, "depth": 1},
        train={"epochs": 3, "batch_size": 64, "learning_rate": 0.03},
    )
    (found,) = close(own, settings, 1, processes=1).replicas
    assert found.metric == "Target_RMSE"
    assert found.models == 1
    assert found.exact < found.true < 35
    assert found.test == pytest.approx(found.true, rel=0.2)


def test_a_search_and_its_rungs_are_a_part_of_the_chain(tmp_path: Path) -> None:
    scan = {
        "search": {"method": "random", "points": 3},
        "space": {"train.learning_rate": {"log": [0.001, 0.1]}},
        "halving": {"first": 1, "factor": 2},
    }
    train = {"epochs": 2, "batch_size": 256}
    own = experiment(tmp_path, model={"width": 4, "depth": 1}, train=train, scan=scan)
    settings = dataclasses.replace(GAUSSIANS, events=600, true_events=2_000)
    found = close(own, settings, 1, processes=1)
    points = list((found.directory / "replica-0001/scan/points").iterdir())
    assert len(points) == 3
    assert found.replicas[0].models == sum((point / "record.json").exists() for point in points) < 3


def test_an_interrupt_says_how_to_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Training ends with what it has when a signal comes, and says that it was stopped."""
    file = tmp_path / "toy.yaml"
    file.write_text("{name: toy, data: {raw: raw, inputs: [x]}, model: {family: bdt, trees: 2}}")
    monkeypatch.setattr(replica, "train_planned", lambda plan, points: {1: "preempted"})
    found = CliRunner().invoke(
        command, [str(file), "--replicas", "1", "--events", "200"], standalone_mode=False
    )
    assert isinstance(found.exception, click.Abort)
    assert found.output.strip() == "What is finished is kept; run the same command again to continue."


def test_tensorflow_says_nothing_of_many_networks(tmp_path: Path) -> None:
    said: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = said.append  # type: ignore[method-assign]
    log = logging.getLogger("tensorflow")
    log.addHandler(handler)
    try:
        model, train = {"width": 4, "depth": 1}, {"epochs": 1, "batch_size": 128}
        own = experiment(tmp_path, model=model, train=train, scan={"repeats": 6})
        close(own, dataclasses.replace(GAUSSIANS, events=300, true_events=10_000), 1, processes=1)
    finally:
        log.removeHandler(handler)
    assert [record.getMessage() for record in said] == []


@slow
@pytest.mark.parametrize("permute", [False, True])
def test_intervals_cover_as_often_as_they_should(tmp_path: Path, permute: bool) -> None:
    settings = dataclasses.replace(GAUSSIANS, permute=permute, events=2000, true_events=100_000)
    found = close(experiment(tmp_path), settings, 100).summary
    assert found.covers
    assert not found.test_bias.differs
    assert found.width == pytest.approx(1, abs=0.2)
    if permute:
        assert found.reached.value == 0.5
        assert np.isclose(found.exact.value, 0.5)
