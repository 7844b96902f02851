import pytest

from dlscan.analysis.report.facts import gather as gather_scans
from dlscan.analysis.report.facts import moment
from dlscan.errors import ScanError


def metric(name, values):
    def change(number, record):
        record["metrics"] |= {"val_Mean_AUC": None, "best_val_loss": None} | {name: values[number - 1]}

    return change


def order(facts):
    return [point.record.point for point in facts.ranked]


def test_the_best_has_the_highest_validation_auc(gather):
    facts = gather(change=metric("val_Mean_AUC", [0.8, 0.9, None, 0.85]))
    assert facts.choice.column.name == "val_Mean_AUC"
    assert order(facts) == [2, 4, 1, 3]


def test_the_test_split_has_no_part_in_the_choice(gather):
    def change(number, record):
        record["metrics"] |= {"val_Mean_AUC": 0.9 - 0.1 * number, "Mean_AUC": 0.5 + 0.1 * number}

    assert gather(change=change).best.record.point == 1


def test_older_points_are_chosen_by_the_lowest_validation_loss(gather):
    facts = gather(change=metric("best_val_loss", [0.3, 0.1, 0.2, None]))
    assert facts.choice.column.name == "best_val_loss"
    assert order(facts) == [2, 3, 1, 4]


def test_what_most_points_have_decides(gather):
    def change(number, record):
        record["metrics"] |= {"val_Mean_AUC": 0.9 if number == 1 else None, "best_val_loss": 0.1 * number}

    assert gather(change=change).choice.column.name == "best_val_loss"


def test_without_a_number_of_the_validation_split_there_is_no_choice(gather):
    facts = gather(change=metric("val_Mean_AUC", [None] * 4))
    assert facts.choice is None
    assert order(facts) == [1, 2, 3, 4]


def test_the_time_is_that_of_the_newest_record(gather):
    facts = gather(change=lambda number, record: record.update(ended=f"2025-01-0{number}T10:30:00+02:00"))
    assert facts.created == "2025-01-04 08:30 UTC"


@pytest.mark.parametrize(
    ("text", "shown"), [("2025-01-01T00:00:59Z", "2025-01-01 00:00 UTC"), ("yesterday", "yesterday")]
)
def test_a_time_is_shown_for_people(text, shown):
    assert moment(text) == shown


def test_a_damaged_record_is_one_problem_and_all_else_is_there(write_scan):
    scan = write_scan()
    next(scan.glob("points/0002*/record.json")).write_text("{")
    facts = gather_scans([scan])
    assert [point.record.point for point in facts.points] == [1, 3, 4]
    ((problem),) = facts.problems
    assert "0002" in problem
    (point,) = facts.scans[0].unfinished
    assert (point.number, point.state) == (2, "unreadable")


def test_missing_files_are_one_problem_each(write_scan):
    scan = write_scan()
    next(scan.glob("points/0001*/predictions.h5")).unlink()
    next(scan.glob("points/0004*/history.csv")).unlink()
    facts = gather_scans([scan])
    facts.scores(facts.points[0])
    assert [problem.split("/")[-1] for problem in facts.problems] == [
        "predictions.h5: no such file",
        "history.csv: no such file",
    ]


def test_a_damaged_plan_is_one_problem(write_scan):
    scan = write_scan()
    (scan / "plan.json").write_text("{")
    facts = gather_scans([scan])
    assert len(facts.points) == 4
    (problem,) = facts.problems
    assert "plan.json" in problem
    assert facts.notes == ()


def test_points_of_another_dataset_are_noted(gather):
    facts = gather(change=lambda number, record: record["dataset"].update(config_hash=str(number)))
    (note,) = facts.notes
    assert "numbers on different events cannot be compared" in note


def test_several_scans_share_the_facts(write_scan):
    facts = gather_scans([write_scan("one", done=2), write_scan("two")])
    assert [(scan.name, len(scan.points), len(scan.unfinished)) for scan in facts.scans] == [
        ("one", 2, 2),
        ("two", 4, 0),
    ]
    assert facts.name(facts.points[0]) == "one: Width=64 Depth=2"


def test_a_scan_that_stands_twice_counts_once(write_scan):
    scan = write_scan()
    assert len(gather_scans([scan, scan / "points" / ".."]).scans) == 1


def test_no_scan_is_an_error(tmp_path):
    with pytest.raises(ScanError, match="no such scan"):
        gather_scans([tmp_path / "none"])
