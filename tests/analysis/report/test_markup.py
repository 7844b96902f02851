import pytest

from dlscan.analysis.report.markup import escaped, escaped_lines, section, simple_table, tag


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("<script>alert(1)</script>", "&lt;script&gt;alert(1)&lt;/script&gt;"),
        ("a\"b'c", "a&quot;b&#x27;c"),
        ("R&D $x$ 100 %", "R&amp;D $x$ 100 %"),
        ("two\nlines\x1b[31m\u202e", "two lines [31m "),
        (64, "64"),
    ],
)
def test_a_text_stays_text_in_elements_and_attributes(text, written):
    assert escaped(text) == written
    assert tag("p", title=text) == f'<p title="{written}"></p>'


def test_lines_stay_lines_where_they_are_wanted():
    assert escaped_lines("a: <b>\n  c: &") == "a: &lt;b&gt;\n  c: &amp;"


@pytest.mark.parametrize(
    ("attributes", "written"),
    [
        ({"class_": "a", "aria_label": "b"}, '<p class="a" aria-label="b"></p>'),
        ({"hidden": True}, "<p hidden></p>"),
        ({"hidden": False, "title": None}, "<p></p>"),
        ({"tabindex": 0}, '<p tabindex="0"></p>'),
    ],
)
def test_attributes_are_written_as_html_has_them(attributes, written):
    assert tag("p", **attributes) == written


def test_elements_without_content_are_not_closed():
    assert tag("img", src="data:,") == '<img src="data:,">'


def test_a_simple_table_has_a_caption_and_says_what_its_headings_belong_to():
    table = simple_table("Files & more", ("File", "Bytes"), [("a<b", "1")])
    assert "<caption>Files &amp; more</caption>" in table
    assert '<th scope="col">Bytes</th>' in table
    assert '<tr><th scope="row">a&lt;b</th><td>1</td></tr>' in table


def test_a_section_is_named_by_its_heading():
    assert section("models", "Models", "x") == (
        '<section id="models" aria-labelledby="models-title"><h2 id="models-title">Models</h2>\nx</section>'
    )
