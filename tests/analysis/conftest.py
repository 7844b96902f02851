import runpy
from pathlib import Path

import pytest

# by path: tests are no package
FAKES = runpy.run_path(str(Path(__file__).with_name("fakes.py")))


@pytest.fixture
def write_scan(tmp_path):
    """Write a made-up scan below the test's directory: `write_scan("lcd", grid, done=3)`."""

    def write(name="lcd", grid=None, **options):
        return FAKES["write_scan"](tmp_path / name, grid, **options)

    return write


@pytest.fixture
def forty_points():
    """The grid of a scan of 40 points."""
    return FAKES["FORTY"]


@pytest.fixture(scope="session")
def fakes():
    """What `fakes.py` has."""
    return FAKES
