import csv
import html.parser
import io
import json
import re

import pytest

from dlscan.analysis.points.records import load
from dlscan.analysis.tables.formats import FORMATS, render
from dlscan.analysis.tables.table import table

LECTURE = """\
256 2 365 .9473 .9199 .9913 .9103
256 3 437 .9798 .9544 .9969 .9570
256 4 294 .9276 .9025 .9859 .9034
512 1 292 .9397 .8777 .9858 .9067
512 2 325 .9588 .9355 .9868 .9224
512 3 289 .9762 .9339 .9972 .9195
512 4 308 .9349 .8710 .9921 .8861"""

PRINTED = """\
Model Name           Width    Depth    Epochs    Ele_AUC    Pi0_AUC    ChPi_AUC    Gamma_AUC
-----------------  -------  -------  --------  ---------  ---------  ----------  -----------
Width=256 Depth=2      256        2       365     0.9473     0.9199      0.9913       0.9103
Width=256 Depth=3      256        3       437     0.9798     0.9544      0.9969       0.9570
Width=256 Depth=4      256        4       294     0.9276     0.9025      0.9859       0.9034
Width=512 Depth=1      512        1       292     0.9397     0.8777      0.9858       0.9067
Width=512 Depth=2      512        2       325     0.9588     0.9355      0.9868       0.9224
Width=512 Depth=3      512        3       289     0.9762     0.9339      0.9972       0.9195
Width=512 Depth=4      512        4       308     0.9349     0.8710      0.9921       0.8861"""

HOSTILE = [
    "<script>alert('x')</script>",
    'a"b',
    "50% & more_$1 #~^{}\\",
    "é漢字",
    "a|b*c`d",
    "line\nbreak\x1b[31m",
]


def test_the_lecture_s_table_comes_out_to_the_character(write_scan):
    rows = [line.split() for line in LECTURE.splitlines()]

    def change(number, record):
        width, depth, epochs, *areas = rows[number - 1]
        record["params"] |= {"model.width": int(width), "model.depth": int(depth)}
        record["epochs"] = int(epochs)
        names = ("Ele_AUC", "Pi0_AUC", "ChPi_AUC", "Gamma_AUC")
        record["metrics"] |= dict(zip(names, map(float, areas), strict=True))

    scan = write_scan(grid={"model.width": [0] * len(rows), "model.depth": [0]}, change=change)
    columns = ["Width", "Depth", "Epochs", "Ele_AUC", "Pi0_AUC", "ChPi_AUC", "Gamma_AUC"]
    made = table(load([scan]), columns, ["Width", "Depth"])
    assert render(made, "text") == f"{PRINTED}\n\nAUC: test split"


@pytest.fixture
def gappy(write_scan):
    def change(number, record):
        record["metrics"]["Ele_AUC"] = None if number == 2 else 0.123456789012345678
        record["events_per_second"] = 1234567.89 if number == 1 else 0.0012345678

    return load([write_scan(change=change)])


COLUMNS = ["Width", "Learning_Rate", "Ele_AUC", "Events_per_Second", "test_loss"]


def test_text_rounds_for_people_and_shows_what_is_missing(gappy):
    lines = render(table(gappy, COLUMNS), "text").splitlines()
    assert lines[2].split() == ["Width=64", "Depth=2", "64", "0.001", "0.1235", "1234568", "0.5123"]
    assert lines[3].split() == ["Width=64", "Depth=3", "64", "0.001", "-", "0.001235", "0.5123"]


def test_csv_holds_every_digit_and_nothing_for_what_is_missing(gappy):
    rows = list(csv.DictReader(io.StringIO(render(table(gappy, COLUMNS), "csv"))))
    assert [row["Ele_AUC"] for row in rows] == ["0.12345678901234568", "", *["0.12345678901234568"] * 2]
    assert float(rows[1]["Events_per_Second"]) == 0.0012345678
    assert rows[0]["Model Name"] == "Width=64 Depth=2"
    assert rows[0]["Width"] == "64"


FORMULAS = ["=cmd|' /C calc'!A0", "+1+1", "-2+3", "@SUM(A1)", "plain"]


def test_a_spreadsheet_finds_no_formula_in_csv(write_scan):
    points = load([write_scan(grid={"model.name": FORMULAS}, classes=("=A", "B", "C"))])
    made = list(csv.reader(io.StringIO(render(table(points, ["Name", "=A_AUC", "Epochs"]), "csv"))))
    assert made[0] == ["Model Name", "Name", "'=A_AUC", "Epochs"]
    assert [row[1] for row in made[1:]] == [*(f"'{name}" for name in FORMULAS[:-1]), "plain"]
    assert all(row[3].isdigit() for row in made[1:])


def test_json_holds_every_digit_and_null_for_what_is_missing(gappy):
    rows = json.loads(render(table(gappy, COLUMNS), "json"))
    assert rows[1] == {
        "Model Name": "Width=64 Depth=3",
        "Width": 64,
        "Learning_Rate": 0.001,
        "Ele_AUC": None,
        "Events_per_Second": 0.0012345678,
        "test_loss": 0.512345678,
    }
    assert type(rows[1]["Width"]) is int


def test_a_truth_is_written_as_in_the_experiment_file(write_scan):
    points = load([write_scan(grid={"model.batch_norm": [True, False]})])
    made = table(points, ["Batch_Norm"])
    assert [line.split()[-1] for line in render(made, "text").splitlines()[2:]] == ["true", "false"]
    assert [row["Batch_Norm"] for row in json.loads(render(made, "json"))] == [True, False]


def test_a_model_named_like_a_number_is_left_alone(write_scan):
    points = load([write_scan(grid={"model.activation": ["1e5", "007"]})])
    lines = render(table(points, ["Activation"]), "text").splitlines()
    assert [line.split() for line in lines[2:]] == [["Activation=1e5", "1e5"], ["Activation=007", "007"]]


@pytest.fixture
def hostile(write_scan):
    return load([write_scan("x <b>", {"model.name": HOSTILE}, classes=("<i>&", "50%_", "é|"))])


@pytest.mark.parametrize("name", ["text", "markdown"])
def test_a_hostile_name_stays_in_its_line(hostile, name):
    text = render(table(hostile, ["Name", "<i>&_AUC"]), name)
    # the table, an empty line, and which split the numbers are from
    assert len(text.splitlines()) == 2 + len(HOSTILE) + 2
    assert "\x1b" not in text


class Cells(html.parser.HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.texts = set(), []

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        if tag in ("td", "th"):
            self.texts.append("")

    def handle_data(self, data):
        if self.texts:
            self.texts[-1] += data


def test_html_shows_hostile_names_as_text(hostile):
    cells = Cells()
    cells.feed(render(table(hostile), "html"))
    assert cells.tags == {"table", "thead", "tbody", "tr", "th", "td"}
    texts = {text.strip() for text in cells.texts}
    assert {"Name=<script>alert('x')</script>", 'Name=a"b', "<i>&_AUC", "50%__AUC"} <= texts


def test_latex_leaves_no_character_that_latex_would_obey(hostile):
    text = render(table(hostile), "latex")
    body = text.split("\\toprule\n")[1].split("\\bottomrule")[0]
    # what is left once escapes, column separators and line ends are taken away
    plain = re.sub(
        r"\\(textbackslash|textasciitilde|textasciicircum|textless|textgreater|textbar)\{\}"
        r"|\\midrule|\\[&%$#_{}]|\{[*[\]]\}|\\\\\n| & ",
        "",
        body,
    )
    assert not re.search(r"[&%$#_{}^~\\<>|]", plain)
    assert text.startswith("\\begin{tabular}{ll")


def test_markdown_keeps_its_columns(hostile):
    lines = render(table(hostile), "markdown").split("\n\n")[0].splitlines()
    assert {len(re.findall(r"(?<!\\)\|", line)) for line in lines} == {len(table(hostile).columns) + 1}


@pytest.mark.parametrize("name", ["csv", "json"])
def test_data_formats_keep_names_as_they_are(hostile, name):
    text = render(table(hostile, ["Name"]), name)
    rows = json.loads(text) if name == "json" else list(csv.DictReader(io.StringIO(text, newline="")))
    assert [row["Name"] for row in rows] == HOSTILE


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_the_same_twice_and_ends_without_a_newline(hostile, name):
    text = render(table(hostile), name)
    assert text == render(table(hostile), name)
    assert not text.endswith("\n")
