"""Expressions over events: the arithmetic of physicists, over whole columns, and never code."""

import re
from typing import Any

import numpy as np
import pytest

from dlscan.expressions import Language, parse
from dlscan.expressions.constituents import Ragged
from dlscan.expressions.evaluate import select

WORDS = Language("a dataset", "jets.pt > 20", texts=False, computes=True, fault=ValueError)
COLUMNS: dict[str, Any] = {
    "pt": np.array([10.0, 20.0, 30.0, np.nan], np.float32),
    "jets.eta": np.array([[-3.0], [-1.0], [1.0], [2.0]]),
    "byte": np.array([1, 2, 3, 255], np.uint8),
    "good": np.array([True, False, True, True]),
    "big": np.array([1, 2, 3, 4], ">i4"),
    "image": np.array([[[1, 2], [3, 4]], [[0, 0], [0, 0]], [[5, 5], [5, 5]], [[-1, 0], [0, 2]]], np.float32),
    "target[:, 0]": np.array([7.0, 8.0, 9.0, 10.0]),
    "group/x": np.array([0, 1, 0, 1]),
    "tracks.pt": Ragged(np.array([0, 2, 2, 5, 6]), np.array([1.0, 6.0, 2.0, 3.0, 4.0, 9.0])),
    "tracks.q": Ragged(np.array([0, 2, 2, 5, 6]), np.array([1, -1, 1, 1, -1, 1], np.int8)),
    "hits.t": Ragged(np.array([0, 1, 2, 3, 4]), np.array([1.0, 2.0, 3.0, 4.0])),
    "padded": np.array([[1.0, np.nan], [2.0, 5.0], [np.nan, np.nan], [0.0, 1.0]]),
}


def rows(text: str) -> list[int]:
    return np.flatnonzero(select(parse(text, WORDS), 4, COLUMNS.__getitem__)).tolist()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("pt > 15", [1, 2]),
        ("not pt > 15", [0, 3]),
        ("15 < pt <= 30 and abs(jets.eta) < 2.5", [1, 2]),
        ("pt + 5 * byte >= 30", [1, 2]),
        ("byte - 3 < 0", [0, 1]),
        ("-byte < -2", [2, 3]),
        ("byte + 1 == 256", [3]),
        ("byte / 2 == 0.5 or 2 ** byte == 8", [0, 2]),
        ("byte in (1, 255)", [0, 3]),
        ("big not in [1, 4]", [1, 2]),
        ("good and pt > 0", [0, 2]),
        ("not good", [1]),
        ("sqrt(jets.eta) > 1.2", [3]),
        ("log(big) > 1 and max(big, byte, 3) < 5", [2]),
        ("min(pt, 15) == 15", [1, 2]),
        ("sum(image) == 10", [0]),
        ("max(image) - min(image) > 2", [0, 3]),
        ("mean(image) == 2.5 and len(image) == 4", [0]),
        ("any(image < 0)", [3]),
        ("all(image > 0)", [0, 2]),
        ("count(image > 1) >= 3", [0, 2]),
        ("count(image > byte) == 3", [0]),
        ("target[:,0] > 8", [2, 3]),
        ("`group/x` == 1", [1, 3]),
        ("any(tracks.pt > 5)", [0, 3]),
        ("all(tracks.pt > 1.5)", [1, 2, 3]),
        ("count(tracks.pt > 2.5 and tracks.q > 0) == 1", [2, 3]),
        ("sum(tracks.pt * tracks.q) == 1", [2]),
        ("sum(tracks.pt > 2.5) == 2", [2]),
        ("len(tracks.pt) < 2", [1, 3]),
        ("mean(tracks.pt) == 3", [2]),
        ("max(tracks.pt) > pt / 10", [0, 2]),
        ("any(tracks.pt > byte)", [0, 2]),
        ("any(not tracks.q > 0)", [0, 2]),
        ("max(tracks.pt) < 100", [0, 2, 3]),
        ("sum(padded) == 1 and mean(padded) == 1", [0]),
        ("max(padded) > 0", [0, 1, 3]),
        ("1 < 2", [0, 1, 2, 3]),
        ("1 / 0 < 2", []),
        ("pt > 1e400", []),
    ],
)
def test_an_expression_selects_events(text: str, expected: list[int]) -> None:
    assert rows(text) == expected


def test_a_number_of_a_file_is_compared_as_it_is_stored() -> None:
    columns = {"x": np.array([0.1, 0.2], np.float32)}
    assert select(parse("x == 0.1", WORDS), 2, columns.__getitem__).tolist() == [True, False]


def test_sums_of_many_small_numbers_keep_their_digits() -> None:
    image = np.full((1, 10**6), 0.1, np.float32)
    exact = float(np.float32(0.1)) * 10**6
    found = select(parse(f"abs(sum(x) - {exact!r}) < 1e-4", WORDS), 1, lambda name: image)
    assert found.all()


def test_names_are_those_that_are_looked_up() -> None:
    found = parse("any(tracks.pt > 5) and `a/b` < target[:, 0] + pt and pt < 3", WORDS)
    assert found.names == ("tracks.pt", "a/b", "target[:, 0]", "pt")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("pt", "is a number; compare it"),
        ("pt + 1", "not a comparison"),
        ("sum(image)", "not a comparison"),
        ("pt >", "not an expression such as 'jets.pt > 20'"),
        ("pt = 3", "not an expression"),
        ("pt == 'a'", "not a dataset, a number or a function"),
        ("pt is 3", "use =="),
        ("pt in byte", "not a list"),
        ("pt in (byte, 3)", "list of numbers"),
        ("anny(image > 1)", "anny() is not a function here; did you mean 'any'?"),
        ("exp(pt) > 1", "exp() is not a function here"),
        ("any(image)", "is a number; compare it"),
        ("any(image > 1) > 0", "is true or false"),
        ("abs(pt, 1) > 0", "abs() takes one value, not 2"),
        ("abs() > 0", "abs() takes one value, not 0"),
        ("max(image, axis=1) > 0", "takes nothing but values"),
        ("max(*image) > 0", "takes nothing but values"),
        ("sum(pt) > 0", "one number per event, and sum() is for several"),
        ("any(pt > 3)", "one number per event, and any() is for several"),
        ("image > 0", "for each of several constituents"),
        ("tracks.pt > 0", "for each of several constituents"),
        ("any(tracks.pt > hits.t)", "different numbers of constituents"),
        ("any(image > padded)", "different numbers of constituents"),
        ("any(tracks.pt > image)", "different numbers of constituents"),
        ("__import__('os').system('true') == 0", "not a dataset"),
        ("pt.__class__.__init__('x') == 1", "not a dataset"),
        ("(lambda: 1)() == 1", "not a dataset"),
        ("[x for x in (1, 2)] == pt", "not a dataset"),
        ("pt @ big == 1", "not a dataset"),
        ("exec('1')", "not a function here"),
        ("f'{pt}' == 1", "not a dataset"),
        ("pt" + " + 1" * 2000 + " > 1", "nested too deeply"),
    ],
)
def test_what_is_no_such_expression_is_said_and_runs_nothing(text: str, message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        rows(text)
