import pytest

from dlscan.analysis.report.effects import effects
from dlscan.analysis.report.matters import extremes
from dlscan.analysis.tables.rows import rows_of


def found(facts, number="test_loss"):
    rows = rows_of(facts.points, each=True)
    return effects(rows, rows.columns[number])


def losses(values):
    def change(number, record):
        record["metrics"]["test_loss"] = values[number - 1]

    return change


def test_the_share_is_that_of_the_sum_of_squares(gather):
    # width moves the loss by 4, depth by 2: squares 4 x 2^2 and 4 x 1^2 of their sum 20
    facts = gather(change=losses([1.0, 3.0, 5.0, 7.0]))
    first, second = found(facts)
    assert (first.name, second.name) == ("Width", "Depth")
    assert first.share == pytest.approx(16 / 20)
    assert second.share == pytest.approx(4 / 20)
    assert first.means == {"64": 2.0, "256": 6.0}
    assert first.chance == pytest.approx(1 / 3)


def test_values_stand_from_the_lowest_mean_to_the_highest(gather):
    facts = gather(change=losses([5.0, 7.0, 1.0, 3.0]))
    assert list(found(facts)[0].means) == ["256", "64"]


def test_numbers_of_a_search_are_averaged_over_halves(gather):
    rates = [0.001, 0.02, 0.0004, 0.03, 0.007, 0.0001]
    facts = gather("x", {"train.learning_rate": rates}, change=losses([2.0, 5.0, 3.0, 7.0, 6.0, 1.0]))
    (only,) = found(facts)
    assert only.means == {"≤ 0.001": 2.0, "> 0.001": 6.0}
    assert extremes(only, facts.rows.columns["test_loss"]).endswith("6 at Learning_Rate > 0.001")


def test_a_model_without_a_number_is_left_out(gather):
    facts = gather(change=losses([1.0, 3.0, 5.0, None]))
    assert all(each.models == 3 for each in found(facts))


@pytest.mark.parametrize(
    ("grid", "values"),
    [
        ({"model.width": [8, 16, 32]}, [1.0, 2.0, 3.0]),
        ({"model.width": [8, 16], "model.depth": [1, 2]}, [2.0] * 4),
        ({"model.width": [8]}, [1.0]),
    ],
    ids=["a value per model", "no difference", "one model"],
)
def test_nothing_is_said_where_nothing_can_be_known(gather, grid, values):
    assert found(gather("x", grid, change=losses(values))) == []
