"""A report of networks that were trained against an adversary says what that has brought."""

import h5py
import numpy as np
import pytest

from dlscan.analysis.plots import Options
from dlscan.analysis.report.against import against
from dlscan.analysis.report.captions import history
from dlscan.analysis.report.facts import gather
from dlscan.analysis.report.models import choose_columns
from dlscan.analysis.report.pictures import draw_all

STRENGTHS = {"adversary.strength": [0.0, 1.0, 10.0]}
# the less the scores depend on it, the less they are worth
DEPENDENCES, AREAS = (0.5, 0.2, 0.05), (0.9, 0.8, 0.75)


def trained(number, record):
    record["params"] |= {"adversary.kind": "pivot", "adversary.nuisance.Mass": "m"}
    record["metrics"] |= {"val_Mean_AUC": AREAS[number - 1], "Mean_AUC": AREAS[number - 1]}
    for name in ("Mass_Dependence", "val_Mass_Dependence"):
        record["metrics"][name] = DEPENDENCES[number - 1]
        record["errors"][name] = [0.01, 0.01]


def adapted(number, record):
    record["params"] |= {"adversary.kind": "domain"}
    record["metrics"] |= {"val_Mean_AUC": AREAS[number - 1], "Domain_Mean_AUC": 1 - AREAS[number - 1] / 2}
    record["errors"]["Domain_Mean_AUC"] = [0.01, 0.01]


@pytest.fixture
def pivoted(write_scan):
    scan = write_scan("pivot", STRENGTHS, change=trained)
    for path in scan.glob("points/*/predictions.h5"):
        with h5py.File(path, "r+") as file:
            events = len(file["labels"])
            file["nuisance"] = np.linspace(0, 1, events, dtype=np.float32)[:, None]
    return gather([scan])


def test_the_summary_names_the_model_that_depends_least(pivoted):
    text = against(pivoted)
    assert "the dependence on Mass of the best model is 0.500 ± 0.010" in text
    assert (
        "that of Strength=10.0, which goes farthest on the validation split, is 0.050 ± 0.010, with" in text
    )
    assert "with the mean AUC 0.75" in text


def test_of_another_domain_no_model_is_chosen_by_its_test_events(write_scan):
    text = against(gather([write_scan("domain", STRENGTHS, change=adapted)]))
    assert "favours a low strength" in text
    assert "of the best model is 0.5500 ± 0.0100; over all 3 models it ranges from 0.5500 ± 0.0100" in text
    assert text.endswith("to 0.6250 ± 0.0100.")
    assert "Strength=" not in text


def test_the_strength_is_spoken_of_only_where_it_varies(write_scan):
    text = against(gather([write_scan("pivot", {"model.width": [1, 2, 3]}, change=trained)]))
    assert "does not look at what the adversary is for. On the test split" in text
    assert "that of Width=3, which goes farthest" in text


def test_the_last_epoch_is_kept_of_those_with_an_adversary(write_scan):
    def change(number, record):
        if number == 2:
            record["params"] |= {"adversary.kind": "pivot"}

    facts = gather([write_scan("some", {"model.width": [1, 2]}, change=change)])
    ordinary, against_it = "The best epoch is chosen by val_loss", "With an adversary the last epoch is kept."
    assert ordinary in history(facts, facts.points, Options())
    assert against_it in history(facts, facts.points, Options())
    assert against_it not in history(facts, facts.points[:1], Options())
    assert ordinary not in history(facts, facts.points[1:], Options())


def test_the_table_and_the_pictures_show_the_dependence(pivoted):
    shown = choose_columns(pivoted)
    assert "Mass_Dependence" in {column.name for column in shown.columns} - shown.hidden
    drawn = {picture.wanted.title: picture for picture in draw_all(pivoted)}
    assert not drawn["Dependence on the nuisance"].absent
    assert len(drawn["Dependence on the nuisance"].images) == 2
    assert "0.500 ± 0.010 for Strength=0.0 and 0.050 ± 0.010 for Strength=10.0" in (
        drawn["Dependence on the nuisance"].caption
    )
    assert [row["on_front"] for row in drawn["Quality and dependence"].rows] == [True] * 3
    assert "With an adversary the last epoch is kept." in drawn["Histories of training"].caption


def test_without_an_adversary_nothing_of_it_is_there(write_scan):
    facts = gather([write_scan()])
    assert against(facts) == ""
    assert "Dependence on the nuisance" not in {picture.wanted.title for picture in draw_all(facts)}
