"""`train.loss` as it is read: by name, with its number, or a function in a file."""

from collections.abc import Callable
from pathlib import Path

import pytest

from dlscan.config import Experiment
from dlscan.errors import ConfigError

Make = Callable[..., Experiment]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("def mine(t): ...", "mine: must take two arguments, (targets, outputs)"),
        ("def mine(t, o, p): ...", "must take two arguments"),
        ("def mine(t, o, *, p): ...", "must take two arguments"),
        ("def mein(t, o): ...", "losses.py has no function 'mine'; valid: mein"),
        ("\ndef mine(t, o) ...", "losses.py:2: expected ':'"),
        (None, "losses.py: no such file"),
    ],
)
def test_a_loss_in_a_file_that_cannot_be_is_one_line(
    make_experiment: Make, tmp_path: Path, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / "losses.py").write_text(text)
    for sections in (
        {"train": {"loss": "./losses.py:mine"}},
        {"scan": {"grid": {"train.loss": ["mse", "./losses.py:mine"]}}},
    ):
        with pytest.raises(ConfigError) as caught:
            make_experiment(**sections)
        assert "train.loss: " in str(caught.value)
        assert message in str(caught.value)
        assert "\n" not in str(caught.value)


def test_losses_and_their_keys_can_be_varied(make_experiment: Make, tmp_path: Path) -> None:
    (tmp_path / "losses.py").write_text("def mine(t, o, power=2): ...")
    grid = {
        "train.loss": ["auto", "Focal", "./losses.py:mine"],
        "train.gamma": [1, 3],
        "train.label_smoothing": [0.1],
    }
    experiment = make_experiment(scan={"grid": grid})
    mine = f"{tmp_path.resolve()}/losses.py:mine"
    assert [each.params for each in experiment.combinations.all] == [
        {"train.loss": "auto", "train.label_smoothing": 0.1},
        {"train.loss": "focal", "train.gamma": 1.0, "train.label_smoothing": 0.1},
        {"train.loss": "focal", "train.gamma": 3.0, "train.label_smoothing": 0.1},
        {"train.loss": mine, "train.label_smoothing": 0.1},
    ]
    point = experiment.at(experiment.combinations.all[3].params)
    assert point.plain()["train"]["loss"] == mine
    assert [*point.sources] == [mine.rpartition(":")[0]]
