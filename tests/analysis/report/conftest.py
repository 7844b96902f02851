import runpy
from pathlib import Path

import pytest

# by path: tests are no package
BROWSER = runpy.run_path(str(Path(__file__).with_name("browser.py")))


@pytest.fixture(scope="module")
def browser():
    """A page in a headless Chromium."""
    found = BROWSER["executable"]()
    if found is None:
        pytest.skip(f"NO BROWSER: none of {', '.join(BROWSER['NAMES'])} is here; apt-get install chromium")
    with BROWSER["opened"](found) as page:
        yield page


@pytest.fixture
def gather(write_scan):
    """The facts of a made-up scan: `gather("lcd", grid, done=3)`."""
    from dlscan.analysis.report.facts import gather

    def made(*arguments, **options):
        return gather([write_scan(*arguments, **options)])

    return made
