"""The page on a billion events has the tables of its script."""

from pathlib import Path

import pytest

from benchmarks.scale import GPUS, LCD, NETWORKS, tables

PAGE = Path(__file__).parents[2] / "docs" / "scale.md"


def test_the_page_has_what_the_script_prints():
    page = PAGE.read_text()
    for table in tables(1e9, LCD).strip().split("\n\n"):
        assert table in page


def test_tables_are_in_proportion_to_the_events():
    """By hand: a tenth of the events is 6.85 TB dense, and passes in a tenth of the time."""
    text = tables(1e8, LCD)
    assert "| | the same as float32 | 6.8 TB |" in text
    hours = NETWORKS * 30 * 0.8e8 / 50_000 / GPUS / 3600
    assert hours == pytest.approx(33.3, abs=0.1)
    assert f"| 50,000 | {hours:.0f} |" in text
