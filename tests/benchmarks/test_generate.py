"""The files that are read."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.cases import Case, lcd, make_cases, tabular
from benchmarks.generate import OCCUPANCY, draw, generate


@pytest.mark.parametrize(
    ("name", "chunks"), [("lcd-gzauto", (9, 4, 4, 7)), ("lcd-gz32", (32, 25, 25, 25)), ("lcd-plain", None)]
)
def test_files_have_the_layout_of_their_case(
    name: str, chunks: tuple[int, ...] | None, cases: dict[str, Case], root: Path
) -> None:
    with h5py.File(cases[name].paths(root)[0][0]) as handle:
        found = handle["ECAL"].chunks
        assert (found is None) == (chunks is None)
        if name == "lcd-gz32":
            assert found == chunks
        assert handle["ECAL"].compression == (None if name == "lcd-plain" else "gzip")


@pytest.mark.parametrize("label", range(4))
def test_showers_have_the_occupancy_of_their_class(label: int) -> None:
    values = draw(lcd(files=1, events=300), label, 0)
    for name, occupancy in OCCUPANCY.items():
        assert np.mean(values[name] != 0) == pytest.approx(occupancy[label], rel=0.05)


def test_files_are_kept_while_the_sample_is_the_same_and_replaced_when_it_is_not(tmp_path: Path) -> None:
    def times(total: int, files: int) -> dict[str, int]:
        cases = make_cases([tabular(3, total, files)])
        generate(tmp_path, list(cases.values()), 1)
        return {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("tabular3/plain/*/*.h5")}

    first = times(240, 2)
    assert times(240, 2) == first
    second = times(240, 1)

    assert len(first) == 8
    assert len(second) == 4, "files of the larger sample would be taken for events of this one"
    assert all(first[name] != second[name] for name in second)
