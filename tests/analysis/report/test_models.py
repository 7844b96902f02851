import re

from dlscan.analysis.report.models import choose_columns, hidden_columns, models_table
from dlscan.analysis.report.sections import models


def cells(table, row):
    (body,) = re.findall(r"<tbody>(.*)</tbody>", table, re.DOTALL)
    return re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", body.strip().splitlines()[row])


def test_what_tells_models_apart_and_how_good_they_are_is_shown(gather):
    facts = gather()
    shown = choose_columns(facts)
    visible = [column.name for column in shown.columns if column.name not in shown.hidden]
    assert visible[:5] == ["Model Name", "Width", "Depth", "Epochs", "val_Mean_AUC"]
    assert visible[5:] == [
        "Ele_AUC", "Gamma_AUC", "Pi0_AUC", "ChPi_AUC", "Mean_AUC", "test_loss", "Parameters",
        "Train_Seconds", "Point",
    ]  # fmt: skip


def test_pairs_and_rejections_can_be_shown(gather):
    shown = choose_columns(gather())
    assert {"Ele_vs_Gamma_AUC", "Gamma_vs_Pi0_Rejection@50", "test_accuracy", "Seed", "Host"} <= shown.hidden
    assert shown.left_out == 0
    names = [column.name for column in shown.columns]
    assert f":nth-child({names.index('test_accuracy') + 1}) {{ display: none; }}" in hidden_columns(shown)


def test_with_many_models_rejections_go_first(gather, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.report.models._MOST_ENTRIES", 4 * 30)
    shown = choose_columns(gather())
    assert len(shown.columns) == 30
    assert shown.left_out > 0
    assert not any("Rejection" in column.name for column in shown.columns)
    assert "test_accuracy" in shown.hidden


def test_the_best_on_validation_is_first_and_marked(gather):
    facts = gather(
        change=lambda number, record: record["metrics"].update(val_Mean_AUC=0.5 + 0.1 * (number == 3))
    )
    table = models_table(facts, choose_columns(facts))
    assert cells(table, 0)[0] == '<span>Width=256 Depth=2</span><span class="badge">best on validation</span>'
    assert table.count("badge") == 1
    assert 'aria-sort="descending"><button type="button"' in table


def test_trainings_of_one_model_stand_together_in_the_order_of_their_mean(gather):
    def change(number, record):
        record["metrics"]["val_Mean_AUC"] = [0.99, 0.5, 0.9, 0.9][number - 1]

    facts = gather(grid={"model.width": [1, 2]}, repeats=2, change=change)
    table = models_table(facts, choose_columns(facts))
    assert (
        "4 trainings of 2 models, at first by mean AUC (validation), the mean of each model, which" in table
    )
    names = [cells(table, row)[0].partition("</span>")[0] for row in range(4)]
    assert names == ["<span>Width=2"] * 2 + ["<span>Width=1"] * 2
    # the mean is that of both
    assert ["best model on validation, by its mean" in cells(table, row)[0] for row in range(4)] == [
        True,
        True,
        False,
        False,
    ]
    assert set(re.findall(r'aria-sort="(\w+)"', table)) == {"none"}


def test_a_lower_loss_stands_first(gather):
    facts = gather(
        change=lambda number, record: record["metrics"].update(val_Mean_AUC=None, best_val_loss=1.0 / number)
    )
    table = models_table(facts, choose_columns(facts))
    assert cells(table, 0)[0].startswith("<span>Width=256 Depth=3</span>")
    assert re.findall(r'aria-sort="ascending"><button[^>]*>([^<]*)', table) == ["Loss of the kept weights"]


def test_a_rounded_number_carries_all_its_digits_for_sorting(gather):
    facts = gather(change=lambda _, record: record["metrics"].update(test_loss=0.123456789123))
    table = models_table(facts, choose_columns(facts))
    assert re.search(r'<td data-v="0.123456789">0.123\d* ', table)
    assert "<td>64</td>" in table


def test_a_missing_number_is_a_dash_that_is_no_number(gather):
    facts = gather(change=lambda _, record: record["metrics"].update(Ele_AUC=None))
    assert '<td data-v="">-</td>' in models_table(facts, choose_columns(facts))


def test_names_stay_text(gather):
    evil = '<script>alert("1")</script>'
    facts = gather("lcd", {"model.activation": [evil, "$x$ & y"]}, classes=(evil, "a&b"))
    table = models_table(facts, choose_columns(facts))
    assert "<script" not in table
    assert "Activation=&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;" in table
    assert "$x$ &amp; y" in table
    assert "a&amp;b_AUC" in table


def test_headings_say_unit_split_and_meaning(gather):
    facts = gather()
    table = models_table(facts, choose_columns(facts))
    assert re.search(
        r'title="Train_Seconds: training time[^"]*">Training time</button><small>\(s\)</small>', table
    )
    assert re.search(r">Loss</button><small>test</small>", table)
    assert re.search(r">Mean AUC</button><small>validation</small>", table)


def test_of_very_many_trainings_there_is_a_line_per_model(gather, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.report.models.MOST_LINES", 5)
    facts = gather(grid={"model.width": [8, 16, 32]}, repeats=2)
    shown = choose_columns(facts)
    assert len(shown.order) == 3
    assert "Seed" not in [column.name for column in shown.columns]
    table = models_table(facts, shown)
    assert "± is the standard deviation over the repeats of a model." in table
    means = {cells(table, row)[2] for row in range(3)}
    assert means == {"2"}
    assert "dlscan table --repeats each has all 6 trainings" in models(facts, shown)


def test_of_very_many_models_the_best_are_on_the_page_and_it_says_so(gather, monkeypatch):
    monkeypatch.setattr("dlscan.analysis.report.models.MOST_LINES", 3)
    facts = gather(change=lambda number, record: record["metrics"].update(val_Mean_AUC=0.5 + 0.1 * number))
    shown = choose_columns(facts)
    assert shown.order == (3, 2, 1)
    assert "The 3 best on the validation split are shown; the other 1 are not on this page." in models(
        facts, shown
    )
    assert models_table(facts, shown).count("badge") == 1
