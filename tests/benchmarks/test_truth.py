"""What the verification notices."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from benchmarks.cases import Case
from benchmarks.slices import Arrays, Labels, read, slices
from benchmarks.truth import Check, Wrong


def all_batches(case: Case, root: Path) -> list[tuple[Arrays, Labels]]:
    """The batches of a pass."""
    plan = slices(case, root)
    return [read(group, case.sample.inputs) for group in plan.groups(0)]


def test_verification_accepts_the_events_of_the_files(cases: dict[str, Case], root: Path) -> None:
    check = Check(cases["lcd-gz32"], root)
    for arrays, labels in all_batches(cases["lcd-gz32"], root):
        assert check(len(labels), arrays, labels)

    assert check.finish() == 280


def flip_a_bit(batches: list[tuple[Arrays, Labels]]) -> None:
    batches[0][0]["HCAL"].view(np.uint32)[3, 2, 1, 50] ^= 1


def negate_a_zero(batches: list[tuple[Arrays, Labels]]) -> None:
    values = batches[0][0]["ECAL"].reshape(len(batches[0][1]), -1)
    values[0, np.flatnonzero(values[0] == 0)[-1]] = -0.0


def exchange_labels(batches: list[tuple[Arrays, Labels]]) -> None:
    batches[0][1][:] = batches[0][1][::-1]


def exchange_rows_of_one_input(batches: list[tuple[Arrays, Labels]]) -> None:
    values = batches[0][0]["HCAL"]
    values[[0, 1]] = values[[1, 0]]


def repeat_an_event(batches: list[tuple[Arrays, Labels]]) -> None:
    arrays, labels = batches[0]
    for array in arrays.values():
        array[1] = array[0]
    labels[1] = labels[0]


def lose_an_event(batches: list[tuple[Arrays, Labels]]) -> None:
    arrays, labels = batches[0]
    batches[0] = {name: array[1:] for name, array in arrays.items()}, labels[1:]


def deliver_doubles(batches: list[tuple[Arrays, Labels]]) -> None:
    batches[0][0]["ECAL"] = batches[0][0]["ECAL"].astype(np.float64)  # type: ignore[assignment]


@pytest.mark.parametrize(
    ("damage", "complaint"),
    [
        (flip_a_bit, "HCAL: other bits"),
        (negate_a_zero, "ECAL: other bits"),
        (exchange_labels, "a wrong label"),
        (exchange_rows_of_one_input, "HCAL: other bits"),
        (repeat_an_event, "delivered twice"),
        (lose_an_event, "279 events of 280"),
        (deliver_doubles, "ECAL is float64"),
    ],
)
def test_verification_refuses_damaged_batches(
    damage: Callable[[list[tuple[Arrays, Labels]]], None],
    complaint: str,
    cases: dict[str, Case],
    root: Path,
) -> None:
    case = cases["lcd-gz32"]
    batches = all_batches(case, root)
    damage(batches)
    check = Check(case, root)

    with pytest.raises(Wrong, match=complaint):
        for arrays, labels in batches:
            check(len(labels), arrays, labels)
        check.finish()
