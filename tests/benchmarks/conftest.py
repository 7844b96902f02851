"""A few small files in every layout, and the processes that read them."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TOP = Path(__file__).parents[2]
# the benchmark is no part of the package: it is run from the repository
sys.path.insert(0, str(TOP))

from benchmarks.cases import Case, lcd, make_cases, tabular  # noqa: E402
from benchmarks.generate import generate  # noqa: E402
from benchmarks.rounds import ReaderProcesses, Settings  # noqa: E402


@pytest.fixture(scope="session")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the generated files are."""
    return tmp_path_factory.mktemp("benchmark data")


@pytest.fixture(scope="session")
def cases(root: Path) -> dict[str, Case]:
    """Cases of few events, their files written: 4 x 1 of 70 showers, 4 x 2 of 700 rows."""
    made = make_cases([lcd(files=1, events=70), tabular(10, 5600, files=2)])
    generate(root, list(made.values()), 1)
    return made


@pytest.fixture(scope="session")
def settings(root: Path) -> Settings:
    """Short turns on one CPU."""
    return Settings(
        root=root,
        workers=2,
        cpus=frozenset({0}),
        rounds=1,
        warm=0.0,
        seconds=0.01,
        batches=2,
        check_files=1,
        touch=False,
    )


@pytest.fixture(scope="session")
def processes(settings: Settings) -> Iterator[ReaderProcesses]:
    """The readers' processes, which serve all tests."""
    with ReaderProcesses(settings) as processes:
        yield processes
