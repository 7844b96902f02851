"""The page in a real browser: what a person does with it, and what it complains of."""

import json
import re
import runpy
from pathlib import Path

import pytest

from dlscan.analysis.plots import NEEDS
from dlscan.analysis.report import pictures
from dlscan.analysis.report.build import report

GRID = {"model.width": [8, 64, 512], "model.activation": ["relu", "<script>boom()</script>"]}


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    """The address of a page of six models, one without Ele_AUC, and one that failed."""
    write_scan = runpy.run_path(str(Path(__file__).parents[1] / "fakes.py"))["write_scan"]

    def change(number, record):
        record["metrics"] |= {
            "val_Mean_AUC": 0.5 + 0.01 * number,
            "Ele_AUC": [0.9, None, 0.7, 0.8, 0.95][number - 1],
        }

    scan = write_scan(tmp_path_factory.mktemp("browser") / "scan", GRID, done=5, change=change)
    return report([scan]).as_uri()


@pytest.fixture
def page(browser, address):
    """The page just opened; at the end it must not have complained or loaded anything."""
    browser.complaints.clear()
    browser.requests.clear()
    browser.open(address)
    yield browser
    assert browser.complaints == []
    assert {request.partition(":")[0] for request in browser.requests} <= {"file", "data"}


def column(page, name, *, shown=True):
    """The entries of a column from top to bottom."""
    return page.evaluate(
        f"""(() => {{
          const table = document.getElementById("models-table");
          const column = [...table.tHead.rows[0].cells].findIndex(
            (cell) => cell.dataset.name === {json.dumps(name)});
          return [...table.tBodies[0].rows].filter((row) => !{str(shown).lower()} || !row.hidden)
            .map((row) => row.cells[column].textContent);
        }})()"""
    )


def heading(name):
    return f'#models-table th[data-name="{name}"] button'


def sort_state(page, name):
    return page.evaluate(f"document.querySelector('{heading(name)}').closest('th').getAttribute('aria-sort')")


def status(page):
    return page.evaluate("document.getElementById('table-status').textContent")


def test_the_best_on_validation_is_first(page):
    assert column(page, "Point") == ["5", "4", "3", "2", "1"]


def test_a_click_sorts_numbers_as_numbers_and_a_second_one_turns_them_round(page):
    page.click(heading("Width"))
    assert column(page, "Width") == ["8", "8", "64", "64", "512"]
    assert sort_state(page, "Width") == "ascending"
    page.click(heading("Width"))
    assert column(page, "Width") == ["512", "64", "64", "8", "8"]
    assert sort_state(page, "Width") == "descending"
    assert sort_state(page, "val_Mean_AUC") == "none"
    assert status(page) == "Sorted by Width, descending."


def test_missing_numbers_are_last_either_way(page):
    for expected in (["3", "4", "1", "5", "2"], ["5", "1", "4", "3", "2"]):
        page.click(heading("Ele_AUC"))
        assert column(page, "Point") == expected
    assert column(page, "Ele_AUC")[-1] == "-"


def test_the_keyboard_sorts_too(page):
    page.evaluate(f"document.querySelector('{heading('Epochs')}').focus()")
    page.press("Tab", "Tab", 9)
    assert page.evaluate("document.activeElement.textContent") == "Mean AUC"
    page.press("Enter", "Enter", 13)
    assert column(page, "Point") == ["1", "2", "3", "4", "5"]
    assert sort_state(page, "val_Mean_AUC") == "ascending"


@pytest.mark.parametrize(
    ("typed", "points"),
    [
        ("width=64", ["4", "3"]),
        ("RELU", ["5", "3", "1"]),
        ("relu width>=64", ["5", "3"]),
        ("<script>", ["4", "2"]),
        ("ele_auc>0.8", ["5", "1"]),
        ("ele_auc<0.8", ["3"]),
        ("point!=3 width>", ["5", "4", "2", "1"]),
        ("nothing-like-this", []),
    ],
)
def test_typing_filters(page, typed, points):
    page.click("#filter")
    page.type(typed)
    assert column(page, "Point") == points
    assert status(page) == f"{len(points)} of 5 models."


def test_a_filter_outlives_sorting_and_goes_with_its_text(page):
    page.click("#filter")
    page.type("relu")
    page.click(heading("Point"))
    assert column(page, "Point") == ["1", "3", "5"]
    page.click("#filter")
    for _ in "relu":
        page.press("Backspace", "Backspace", 8)
    assert column(page, "Point") == ["1", "2", "3", "4", "5"]


def test_columns_can_be_shown_and_hidden(page):
    def visible(name):
        return page.evaluate(f"document.querySelector('{heading(name)}').offsetParent !== null")

    assert not visible("test_accuracy")
    page.click("#table-controls summary")
    for name in ("test_accuracy", "Epochs"):
        page.evaluate(
            "[...document.querySelectorAll('#table-controls label')]"
            f".find((label) => label.textContent.trim().split(': ').pop() === '{name}')"
            f".firstChild.id = 'box-{name}'"
        )
        page.click(f"#box-{name}")
    assert visible("test_accuracy")
    assert not visible("Epochs")


def test_hostile_names_are_text_and_run_nowhere(page):
    assert page.evaluate("document.scripts.length") == 1
    assert "Activation=<script>boom()</script>" in column(page, "Model Name")[1]


def test_no_entry_of_the_table_lies_over_another(page):
    inside = """[...document.querySelectorAll("#models-table th, #models-table td")].every(
        (cell) => [...cell.children].every((part) => part.getBoundingClientRect().right
          <= cell.getBoundingClientRect().right + 1))"""
    assert page.evaluate(inside)


def test_every_picture_is_shown(page):
    sizes = page.evaluate("[...document.images].map((image) => image.naturalWidth)")
    fitting = [wanted for wanted in pictures.WANTED if NEEDS.get(wanted.kind, "scores") == "scores"]
    fitting = [wanted for wanted in fitting if not wanted.of_nuisance]
    assert len(sizes) >= len(fitting) - 1
    assert all(sizes)


@pytest.mark.parametrize(("width", "phone"), [(1280, False), (390, True)])
def test_the_page_is_no_wider_than_the_window_and_a_picture_of_it_is_kept(
    browser, address, tmp_path, width, phone
):
    browser.open(address, width=width, phone=phone)
    assert browser.evaluate("document.documentElement.scrollWidth") <= width
    file = tmp_path / f"report-{width}.png"
    browser.screenshot(file, whole=True)
    assert file.stat().st_size > 10_000


def test_the_page_prints(page, tmp_path):
    page.pdf(tmp_path / "report.pdf")
    assert (tmp_path / "report.pdf").read_bytes().startswith(b"%PDF")


@pytest.mark.parametrize(("media", "found"), [("screen", "hidden"), ("print", "visible")])
def test_what_is_folded_on_the_screen_is_open_on_paper(page, media, found):
    page.call("Emulation.setEmulatedMedia", media=media)
    folded = "getComputedStyle(document.querySelector('details:not([open])'), '::details-content')"
    assert page.evaluate(f"{folded}.contentVisibility") == found
    page.call("Emulation.setEmulatedMedia", media="")


def test_a_table_that_goes_on_to_the_right_says_so_until_its_end_is_seen(page):
    region = "document.querySelector('#models .scroll')"
    shown = f"{region}.previousElementSibling.offsetParent !== null"

    def comes_true(condition):
        """Once the browser has laid the page out again."""
        look = f"const look = () => {condition} ? done(true) : requestAnimationFrame(look); look();"
        return page.evaluate(f"new Promise((done) => {{ {look} }})")

    page.evaluate(f"{region}.style.width = '300px'")
    assert comes_true(shown)
    page.evaluate(f"{region}.scrollLeft = 1e6")
    assert comes_true(f"!({shown})")


def test_the_hint_of_the_filter_is_a_condition_that_holds_for_some(page):
    hint = page.evaluate("document.getElementById('filter-hint').textContent")
    condition = re.search(r"such as (\S+) or", hint)[1]
    name = re.match(r"\w+", condition)[0]
    assert page.evaluate(f"document.querySelector('{heading(name)}') !== null")
