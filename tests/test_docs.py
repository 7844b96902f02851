"""What the documents say is what there is."""

import re
from pathlib import Path

import pytest

import dlscan
from dlscan.analysis.plots import KINDS
from dlscan.cli.main import cli
from dlscan.config import experiment, models
from dlscan.config.build import keys

TOP = Path(__file__).parents[1]
PAGES = [TOP / "README.md", TOP / "CONTRIBUTING.md", *sorted((TOP / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
        assert target.startswith("http") or (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tests_that_are_named_are_there(page: Path) -> None:
    for name in re.findall(r"`(tests/[^`*]+)`", page.read_text(encoding="utf-8")):
        assert (TOP / name.partition("::")[0]).exists(), name


def test_ci_runs_the_test_command_of_the_readme() -> None:
    readme = (TOP / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"## Test\n\n```\n(.*)\n```", readme)
    assert command in (TOP / ".ci" / "run").read_text(encoding="utf-8").splitlines()


def test_every_key_of_the_experiment_file_is_explained() -> None:
    page = (TOP / "docs" / "config.md").read_text(encoding="utf-8")
    sections = (
        experiment.Experiment,
        experiment.Data,
        experiment.Train,
        experiment.ScanOptions,
        experiment.Stream,
        experiment.BatchOptions,
        *models.FAMILIES.values(),
    )
    for section in sections:
        for key in keys(section):
            assert f"`{key}`" in page, key


def test_every_command_is_in_the_documents() -> None:
    pages = "".join(page.read_text(encoding="utf-8") for page in PAGES)
    for name in cli.commands:
        assert f"dlscan {name}" in pages, name


def test_every_package_has_a_reason() -> None:
    page = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    setup = (TOP / "setup.cfg").read_text(encoding="utf-8")
    required = setup.split("install_requires =")[1].split("\n\n")[0]
    for name in re.findall(r"^    ([A-Za-z0-9-]+)", required, re.MULTILINE):
        assert name in page, name


def test_lower_bounds_are_the_ones_that_are_tested() -> None:
    setup = (TOP / "setup.cfg").read_text(encoding="utf-8")
    bounds = dict(re.findall(r"([A-Za-z0-9-]+)(?:\[.*\])?>=([\d.]+)", setup))
    tested = dict(
        re.findall(r"^([A-Za-z0-9-]+)==([\d.]+)", (TOP / "constraints-lowest.txt").read_text(), re.M)
    )
    for name in ("click", "dask", "h5py", "keras", "matplotlib", "numpy", "pandas", "PyYAML", "tabulate"):
        assert (tested[name] + ".").startswith(bounds[name] + "."), name
    assert (tested["tensorflow-cpu"] + ".").startswith(bounds["tensorflow-cpu"] + ".")


def test_the_version_is_that_of_the_package() -> None:
    assert re.fullmatch(r"\d+\.\d+\.\d+", dlscan.__version__)


def test_the_gallery_has_every_kind_of_plot() -> None:
    page = (TOP / "docs" / "gallery.md").read_text(encoding="utf-8")
    pictures = TOP / "docs" / "images" / "gallery"
    assert re.findall(r"^## (\w+)$", page, re.MULTILINE) == list(KINDS)
    assert {path.stem for path in pictures.iterdir()} == set(KINDS)
    assert sum(path.stat().st_size for path in pictures.iterdir()) < 1_000_000


def test_no_page_has_the_name_of_one_that_sphinx_makes() -> None:
    """Sphinx writes these over a page of ours, without a warning."""
    assert not {path.stem for path in PAGES} & {"search", "genindex", "py-modindex"}
