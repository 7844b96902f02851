"""What a report says of how points were chosen: of plans as scans leave them."""

import json

import numpy as np
import pytest

from dlscan import event_losses
from dlscan.analysis.report.facts import gather
from dlscan.analysis.report.plans import how_chosen
from dlscan.analysis.report.sections import configuration

HALVING = {"first": 3, "factor": 3}


@pytest.fixture
def facts(write_scan):
    """The facts of a made-up scan with this `scan` section of its configuration, and this in its plan."""

    def made(section, grid=None, *, repeats=1, **more):
        scan = write_scan(grid=grid, repeats=repeats)
        plan = json.loads((scan / "plan.json").read_text())
        for number, point in enumerate(plan["points"]):
            if repeats > 1:
                point["params"]["train.seed"] = 1 + number % repeats
        plan |= {"config": {"train": {"epochs": 27}, "scan": section}, **more}
        (scan / "plan.json").write_text(json.dumps(plan))
        return gather([scan])

    return made


def said(facts):
    return how_chosen(facts.scans[0])


def test_a_grid_needs_no_words(facts):
    assert said(facts({"grid": {"model.width": [64, 256]}, "points": [], "repeats": 1})) == ""


def test_a_search_is_said_with_its_method_metric_and_budget(facts):
    found = facts({"search": {"method": "tpe", "points": 60, "seed": 1, "rounds": 3}, "repeats": 1})
    assert said(found) == "Search with tpe for val_Mean_AUC: 4 of at most 60 choices of parameters."
    assert f"<p>{said(found)}</p>" in configuration(found)


def test_several_methods_and_metrics_and_no_budget(facts):
    search = {"method": "grid", "metric": ["val_Mean_AUC", "-Parameters"], "seed": 1}
    proposals = [{"method": "random", "points": [1]}, {"method": "grid", "points": [2, 3, 4]}]
    assert said(facts({"search": search}, proposals=proposals)) == (
        "Search with random, then grid for val_Mean_AUC and -Parameters: 4 choices of parameters."
    )


def test_folds_and_repeats_are_no_choices(facts):
    search = {"method": "random", "points": 9, "metric": "best_val_loss"}
    grid = {"model.width": [64, 256], "data.fold": [1, 2, 3]}
    assert said(facts({"search": search, "repeats": 2, "folds": True}, grid, repeats=2)) == (
        "Search with random for best_val_loss: 2 of at most 9 choices of parameters. "
        "Each choice of parameters is trained once for each of 3 folds and 2 seeds."
    )


def test_halving_is_said_with_its_rungs(facts):
    assert said(facts({"halving": HALVING})) == (
        "Halving: after 3 and 9 epochs the best of every 3 points continues."
    )


def test_racing_says_whether_there_are_too_few_events(facts):
    found = facts({"halving": {**HALVING, "racing": True}})
    racing = (
        "Halving: after 3 and 9 epochs the best of every 3 points continues, and with racing every point "
        "that is not significantly worse than the best."
    )
    assert said(found) == racing
    for point in found.points:
        event_losses.keep(point.paths, 3, np.zeros(300, np.float32), 0)
    few = "300 validation events are too few for racing, which needs 1,000: it drops no point."
    assert said(found) == f"{racing} {few}"


@pytest.mark.parametrize("section", [{"halving": {}}, {"search": {"points": "many"}}, {"repeats": "x"}, 3])
def test_a_plan_that_is_not_understood_costs_the_sentence_alone(facts, section):
    found = facts(section)
    assert said(found) == ""
    assert "<pre" in configuration(found)
