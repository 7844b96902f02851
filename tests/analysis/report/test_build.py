import html.parser
import json
import re
import runpy
from pathlib import Path

import pytest

from dlscan.analysis.report import pictures
from dlscan.analysis.report.build import report
from dlscan.errors import DlscanError, ScanError, UsageError
from tests.slow import slow

EVIL = """<script>alert("1")</script>'$x$&amp;</title>"""


@pytest.fixture
def few_pictures(monkeypatch):
    """Draw only what other tests do not look at: they are the slow part."""
    monkeypatch.setattr(pictures, "WANTED", [each for each in pictures.WANTED if each.kind == "confusion"])


class Reader(html.parser.HTMLParser):
    """What a browser would make of a page: elements with their attributes, and whether all are closed."""

    def __init__(self, text):
        super().__init__()
        self.elements = []
        self.open = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        if tag not in ("img", "input", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def every(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


def read(path):
    text = path.read_text(encoding="utf-8")
    return text, Reader(text)


@pytest.fixture(scope="module")
def reported(tmp_path_factory):
    """A scan with its page, which has all pictures."""
    write_scan = runpy.run_path(str(Path(__file__).parents[1] / "fakes.py"))["write_scan"]
    scan = write_scan(tmp_path_factory.mktemp("whole") / "scan", done=3)
    return scan, report([scan])


@pytest.fixture(scope="module")
def whole(reported):
    """The text of a page, and what a browser makes of it."""
    return read(reported[1])


def test_the_page_stands_in_the_scan_unless_told_otherwise(write_scan, few_pictures, tmp_path):
    first = write_scan("a")
    assert report([first]) == first / "report.html"
    assert report([first], tmp_path / "new" / "r.html") == tmp_path / "new" / "r.html"


def test_the_same_scan_gives_the_same_bytes(reported, tmp_path):
    scan, page = reported
    assert report([scan], tmp_path / "other.html").read_bytes() == page.read_bytes()


def test_the_page_is_well_formed_and_every_name_in_it_stands_once(whole):
    _, page = whole
    assert page.open == []
    names = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(names) == len(set(names))
    targets = [a["href"][1:] for a in page.every("a")] + [a["for"] for a in page.every("label") if "for" in a]
    targets += [
        attributes["aria-labelledby"] for _, attributes in page.elements if "aria-labelledby" in attributes
    ]
    assert set(targets) <= set(names)


def test_the_page_loads_nothing(whole):
    text, page = whole
    assert {attributes["src"].partition(":")[0] for attributes in page.every("img")} == {"data"}
    assert not page.every("link")
    assert not any("src" in attributes for attributes in page.every("script"))
    assert not re.search(r"url\(|@import", text[: text.index("</style>")])
    (policy,) = [a["content"] for a in page.every("meta") if a.get("http-equiv") == "Content-Security-Policy"]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_the_page_speaks_to_a_screen_reader(whole):
    _, page = whole
    assert page.every("html")[0]["lang"] == "en"
    assert [len(page.every(tag)) for tag in ("header", "nav", "main", "footer", "h1", "title")] == [1] * 6
    assert all(attributes["alt"] for attributes in page.every("img"))
    assert all(attributes.get("scope") in ("col", "row") for attributes in page.every("th"))
    assert len(page.every("caption")) == len(page.every("table"))
    sorted_by = [attributes for attributes in page.every("th") if "aria-sort" in attributes]
    assert len(sorted_by) == len(page.every("button"))


def test_names_stay_text_everywhere(write_scan, tmp_path):
    scan = write_scan(
        "s <script> 'x' & $y$",
        {"model.activation": [EVIL, "relu"], "model.depth": [1, 2]},
        classes=(EVIL, "Pi0", "a$b"),
        change=lambda _, record: record.update(host=EVIL, device=EVIL, scan=EVIL, git_commit=EVIL),
        done=3,
    )
    plan = json.loads((scan / "plan.json").read_text())
    plan["config"] = {"name": EVIL, "data": {"classes": {EVIL: "x"}}}
    (scan / "plan.json").write_text(json.dumps(plan))
    text, page = read(report([scan], tmp_path / "r.html"))
    assert page.open == []
    assert len(page.every("script")) == 1
    assert EVIL not in text
    assert "alert(1)" not in text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(&quot;1&quot;)&lt;/script&gt;&#x27;$x$&amp;amp;&lt;/title&gt;" in text


def test_damaged_points_give_a_line_each_and_all_else_is_there(write_scan, few_pictures, tmp_path, caplog):
    scan = write_scan()
    next(scan.glob("points/0001*/record.json")).write_text('{"point": 1')
    next(scan.glob("points/0002*/predictions.h5")).write_bytes(b"\x89HDF\r\n\x1a\n but short")
    next(scan.glob("points/0003*/history.csv")).unlink()
    text, page = read(report([scan], tmp_path / "r.html"))
    listed = text[text.index("Files that could not be read") :]
    listed = listed[: listed.index("</ul>")]
    assert listed.count("<li>") == 3
    for name in ("record.json", "predictions.h5", "history.csv"):
        assert name in listed
    assert "3 models" in text
    assert page.every("img")
    assert "3 files could not be read: the page says which" in caplog.text


def test_configuration_and_provenance_are_there(write_scan, few_pictures, tmp_path):
    scan = write_scan(change=lambda _, record: record.update(git_commit="c0ffee"))
    plan = json.loads((scan / "plan.json").read_text())
    plan["config"] = {"name": "lcd", "model": {"width": 128}}
    (scan / "plan.json").write_text(json.dumps(plan))
    text, _ = read(report([scan], tmp_path / "r.html"))
    assert "name: lcd\nmodel:\n  width: 128</pre>" in text
    assert "<dd>c0ffee</dd>" in text
    assert "its raw files are not listed: prepared/lcd: no prepared dataset here" in text.lower()


@slow
def test_a_thousand_points_stay_small(write_scan, few_pictures, tmp_path):
    grid = {
        "model.width": [2**number for number in range(10)],
        "model.depth": list(range(1, 11)),
        "model.dropout": [number / 20 for number in range(10)],
    }
    path = report([write_scan("big", grid, events=40, epochs=3)], tmp_path / "r.html")
    text, page = read(path)
    assert path.stat().st_size < 10e6
    assert len(page.every("tr")) > 1000
    assert "the best of 1,000 by mean AUC (validation). The class with the highest score" in text


def test_the_number_that_energy_goes_by_can_be_chosen(write_scan, monkeypatch, tmp_path):
    monkeypatch.setattr(pictures, "WANTED", [each for each in pictures.WANTED if each.kind == "energy"])
    scan = write_scan()
    assert "in bins of target[:,0,1], which ranges from" in read(report([scan], tmp_path / "r.html"))[0]
    text, _ = read(report([scan], tmp_path / "r.html", by="target[:,0,0]"))
    assert "in bins of target[:,0,0], which ranges from" in text
    with pytest.raises(UsageError, match="no extra 'energy'"):
        report([scan], tmp_path / "r.html", by="energy")


def test_no_finished_point_is_an_error(write_scan):
    with pytest.raises(ScanError, match="no point is done"):
        report([write_scan(done=0)])


def test_a_place_that_cannot_be_written_is_an_error(write_scan, few_pictures, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DlscanError, match="cannot be written"):
        report([write_scan()], tmp_path / "file" / "r.html")


def test_style_and_script_are_part_of_the_package():
    setup = (Path(__file__).parents[3] / "setup.cfg").read_text(encoding="utf-8")
    (line,) = re.findall(r"^dlscan\.analysis\.report = (.*)$", setup, re.M)
    folder = Path(pictures.__file__).parent
    assert set(line.split(", ")) == {path.name for path in folder.iterdir() if path.suffix in (".css", ".js")}
