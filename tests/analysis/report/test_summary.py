import pytest

from dlscan.analysis.columns.column import Column
from dlscan.analysis.report.compare import compare
from dlscan.analysis.report.facts import gather as gather_scans
from dlscan.analysis.report.sections import not_done, overview
from dlscan.analysis.report.summary import summary
from dlscan.analysis.report.words import counted, named, number_text
from dlscan.claims import note_end
from dlscan.metrics import Estimate
from dlscan.record import PointPaths


def words(facts):
    return " ".join(summary(facts, compare(facts)))


def fail(scan, number, name, error, outcome="failed"):
    paths = PointPaths(scan / "points" / f"{number:04}-{name}")
    paths.directory.mkdir()
    note_end(paths, outcome, error)


def test_the_best_is_chosen_on_validation_and_shown_on_test(gather):
    facts = gather()
    text = words(facts)
    assert f"The best model is {facts.name(facts.best)}. It was chosen by mean AUC (validation): 0." in text
    assert (
        f"its AUC is {number_text(facts.headline, compare(facts).whole)}, the mean over the classes (Ele 0."
        in text
    )
    assert "The statistical uncertainty (68 %) is that of 400 test events" in text


def test_without_scores_the_record_tells_the_auc(write_scan):
    scan = write_scan()
    for path in scan.glob("points/*/predictions.h5"):
        path.unlink()
    facts = gather_scans([scan])
    assert "had no part in the choice, its mean AUC is 0." in words(facts)
    assert "4 files could not be read" in words(facts)


def test_a_best_model_without_an_auc_says_why(write_scan):
    def change(number, record):
        record["metrics"]["Mean_AUC"] = None
        record["reasons"] = {"Mean_AUC": "only one class has events"}

    scan = write_scan(change=change)
    for path in scan.glob("points/*/predictions.h5"):
        path.unlink()
    assert "It has no AUC on the test split: only one class has events." in words(gather_scans([scan]))


def test_without_validation_numbers_nothing_is_called_the_best(gather):
    text = words(
        gather(change=lambda _, record: record["metrics"].update(val_Mean_AUC=None, best_val_loss=None))
    )
    assert "No model is called the best" in text
    assert "matters most" not in text


def falling_apart(number, record):
    record["metrics"]["val_Mean_AUC"] = [1, 3, 5, 7][number - 1]


def test_too_few_models_to_tell_what_matters_come_with_what_chance_gives(gather):
    text = words(gather(change=falling_apart))
    assert (
        "Width seems to matter most, but there are too few models to be sure. On average the mean AUC "
        "(validation) is 2.0000 at Width=64 and 6.0000 at Width=256. That accounts for 80 % of the "
        "variance between them; "
        "a parameter without effect would account for 33 %."
    ) in text


def row(name, share, told):
    return {
        "parameter": name,
        "share": share,
        "low": share - 0.1,
        "high": share + 0.1,
        "more_than_chance": told,
    }


def test_what_matters_is_what_the_picture_of_it_shows(gather):
    rows = [row("Width", 0.7, True), row("Depth", 0.1, False), {"parameter": "(left over)", "share": 0.2}]
    facts = gather(change=falling_apart)
    assert (
        "Width matters most: it explains 70 % (68 % interval 60 % to 80 %) of the variance of the mean AUC "
        "(validation) between the models; on average it is 2.0000 at Width=64 and 6.0000 at Width=256; "
        "compatible with chance: Depth."
    ) in " ".join(summary(facts, None, rows))


def test_nothing_matters_if_nothing_is_told_from_chance(gather):
    facts = gather(change=falling_apart)
    assert (
        "None of the varied parameters changes the mean AUC (validation) by more than chance would."
        in summary(facts, None, [row("Width", 0.1, False)])
    )


def test_parameters_that_vary_together_are_named_and_not_called_chance(gather):
    none = {"share": None, "low": None, "high": None, "more_than_chance": False}
    rows = [
        {"parameter": "Epochs", **none},
        {"parameter": "Batch_Size", **none},
        row("Width", 0.7, True),
        row("Depth", 0.0, False),
        row("(vary together)", 0.04, True),
    ]
    text = " ".join(summary(gather(change=falling_apart), None, rows))
    assert (
        "compatible with chance: Depth; the effects of Epochs and Batch_Size, which vary together, cannot be "
        "separated (as a group they explain 4 %)."
    ) in text


def test_what_failed_is_said_with_why_and_which(write_scan):
    scan = write_scan(grid={"model.width": [1, 2, 3, 4, 5, 6]}, done=2)
    fail(scan, 3, "width=3", "CUDA: out of memory")
    fail(scan, 5, "width=5", "CUDA: out of memory")
    fail(scan, 6, "width=6", "disk full")
    text = words(gather_scans([scan]))
    assert "Of the 6 points of lcd, 4 are not done: 3 failed, 1 pending." in text
    assert "Points 3 and 5: CUDA: out of memory. Point 6: disk full." in text


def test_of_many_different_errors_the_most_frequent_are_said(write_scan):
    scan = write_scan(grid={"model.width": [1, 2, 3, 4, 5, 6, 7]}, done=1)
    for number in range(2, 8):
        fail(scan, number, f"width={number}", "common" if number < 4 else f"error {number}")
    text = words(gather_scans([scan]))
    assert (
        "Points 2 and 3: common. Point 4: error 4. Point 5: error 5. The list below has 2 other errors."
        in text
    )


def test_repeats_of_the_best_give_mean_and_spread(gather):
    def change(number, record):
        record["metrics"]["Mean_AUC"] = [0.9, 0.92, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5][number - 1]
        record["metrics"]["val_Mean_AUC"] = 0.99 if number == 1 else 0.5

    facts = gather(repeats=2, change=change)
    text = words(facts)
    page = overview(facts, compare(facts), ())
    assert "Its mean AUC (test, mean over repeats)</dt><dd>0.9100 ± 0.0141</dd>" in page
    assert "in 8 trainings" in page
    assert "The 2 repeats of this model with other seeds reach mean AUC (test) 0.9100 ± 0.0141" in text


def test_the_best_of_repeated_models_is_that_of_the_best_mean(gather):
    """A lucky seed is no better model."""

    def change(number, record):
        record["metrics"]["val_Mean_AUC"] = [0.99, 0.5, 0.9, 0.9, 0.5, 0.5, 0.5, 0.5][number - 1]

    facts = gather(repeats=2, change=change)
    assert facts.best.record.point == 3
    assert [point.record.point for point in facts.leading[:2]] == [3, 1]
    assert [point.record.point for point in facts.ranked[:4]] == [3, 4, 1, 2]
    text = words(facts)
    chosen = (
        "It was chosen by mean AUC (validation): 0.9000, the mean over 2 repeats, the highest of 4 models"
    )
    assert f"The best model is {facts.best_name}. {chosen}" in text
    assert "AUC of the first of its 2 trainings is" in text


def test_what_halving_stopped_is_not_missing(write_scan):
    scan = write_scan(grid={"model.width": [1, 2, 3, 4]}, done=2)
    fail(scan, 3, "width=3", None, "paused")
    fail(scan, 4, "width=4", None, "paused")
    facts = gather_scans([scan])
    text = words(facts)
    assert "Of the 4 points of lcd, 2 are paused or stopped by scan.halving; `dlscan status` tells" in text
    assert "not done" not in text
    assert not_done(facts) == ""


@pytest.mark.parametrize(
    ("names", "text"),
    [([], ""), (["a"], "a"), (["a", "b"], "a and b"), (list("abcdef"), "a, b, c, d, e and 1 more")],
)
def test_names_are_listed_as_in_a_sentence(names, text):
    assert named(names) == text


@pytest.mark.parametrize(("count", "text"), [(1, "1 model"), (0, "0 models"), (1204, "1,204 models")])
def test_things_are_counted(count, text):
    assert counted(count, "model") == text


def test_an_area_has_its_interval():
    assert number_text(Column("Mean_AUC", "auc"), Estimate(0.94041, 0.0031, 0.0031)) == "0.9404 ± 0.0031"
