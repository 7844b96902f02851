"""Selecting models by an expression that runs no code."""

import pytest

from dlscan.analysis.columns.column import Column, Columns
from dlscan.analysis.tables.where import select
from dlscan.errors import UsageError

FILLED = {
    column.name: column
    for column in (
        Column("Width", "parameter", (32, 64, 128, 256)),
        Column("Optimizer", "parameter", ("adam", "adam", "sgd", "sgd")),
        Column("Ele_AUC", "auc", (0.8, 0.9, None, 0.95)),
        Column("Batch_Norm", "parameter", (True, False, True, False)),
        Column("Train.Epochs", "parameter", (5, 6, 7, 8), key="train.epochs"),
        Column("Gamma_vs_Pi0_AUC", "auc", (0.6, 0.7, 0.8, 0.9)),
        Column("Gamma_vs_Pi0_Rejection@50", "number", (10.0, 20.0, 30.0, None)),
        Column("Model Name", "text", ("one `", "Two", "three", "four")),
        Column("Seed", "text", ("1, 2", "1", "1", "1"), joined=True),
    )
}
COLUMNS = Columns(FILLED.values(), lambda head: FILLED[head.name], {})


@pytest.mark.parametrize(
    ("expression", "rows"),
    [
        ("Width>=64", [1, 2, 3]),
        ("width >= 64 and ELE_AUC > 0.9", [3]),
        ("Ele_AUC > 0", [0, 1, 3]),
        ("not Ele_AUC > 0", [2]),
        ("Ele_AUC != 0.8", [1, 3]),
        ('Optimizer=="Adam"', [0, 1]),
        ("Optimizer in ['SGD', 'lion']", [2, 3]),
        ("Width not in (32, 64)", [2, 3]),
        ("32 < Width < 256", [1, 2]),
        ("Width == 32 or (Width > 64 and Optimizer == 'sgd')", [0, 2, 3]),
        ("Batch_Norm == True", [0, 2]),
        ("Width > -1", [0, 1, 2, 3]),
        ("Width > 1000", []),
        ("Gamma_vs_Pi0_AUC > 0.65", [1, 2, 3]),
        ("pi0_vs_gamma_auc > 0.65", [1, 2, 3]),
        ("Gamma_vs_Pi0_Rejection@50 > 15", [1, 2]),
        ("10 < gamma_vs_pi0_rejection @ 50 <= 30 and Width < 128", [1]),
        ("Train.Epochs == 6", [1]),
        ("train.epochs in (5, 8)", [0, 3]),
        ("`model name` == 'TWO'", [1]),
        ("`Gamma_vs_Pi0_Rejection@50` < 15 or `Width`==256", [0, 3]),
        ("`Model Name` == 'one `'", [0]),
        ('"one `" == `Model Name`', [0]),
    ],
)
def test_an_expression_selects(expression: str, rows: list[int]) -> None:
    assert select(expression, COLUMNS) == rows


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("Widht > 3", "did you mean 'Width'"),
        ("Width >", "not an expression"),
        ("", "not an expression"),
        ("Width = 3", "`==` compares"),
        ("Width", "not a comparison"),
        ("Width + 1 > 3", "not a column"),
        ("Width is 3", "use =="),
        ("Width > 'a'", "cannot compare"),
        ("__import__('os').system('true') == 0", "not a column"),
        ("Width.__class__ == 1", "no column 'Width.__class__'"),
        ("().__class__ == 1", "not a column"),
        ("Width.real(1) == 1", "not a column"),
        ("Width @ Depth() == 1", "not a column"),
        ("Gamma_vs_Pi0_Rejection@60 > 1", "did you mean 'Gamma_vs_Pi0_Rejection@50'"),
        ("`Modell Name` == 'x'", "no column 'Modell Name'; did you mean 'Model Name'"),
        ("Seed == 1", "add --repeats each"),
        ("`Width > 1", "not an expression"),
        ("not " * 300 + "Width > 1" + " and (" * 90, "not an expression"),
        ("(lambda: 1)() == 1", "not a column"),
        ("[x for x in (1, 2)] == Width", "not a column"),
        ("open('/etc/passwd')", "not a comparison"),
        ("Width > 1" + " and Width > 1" * 5 + " and exit()", "not a comparison"),
    ],
)
def test_what_is_no_such_expression_is_said_and_runs_nothing(expression: str, message: str) -> None:
    with pytest.raises(UsageError, match=r"--where|no column") as caught:
        select(expression, COLUMNS)
    assert message in str(caught.value)
