"""HTML from Python: every text is escaped here, and nowhere else."""

import html
from collections.abc import Iterable, Sequence
from typing import Any

from dlscan.analysis.columns.cells import one_line

_VOID = ("img", "input", "meta", "col")


def escaped(value: Any) -> str:
    """`value` as text that no browser takes for markup, within elements and within attributes."""
    return html.escape(one_line(str(value)))


def escaped_lines(value: str) -> str:
    """As `escaped`, for text of several lines."""
    return "\n".join(escaped(line) for line in value.splitlines())


def tag(name: str, *content: str, **attributes: Any) -> str:
    """An element around `content`, which is markup already.

    Attributes are escaped; `class_` is `class`, `aria_label` is `aria-label`, True is an attribute without
    value, and None or False is none.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items())
    opened = f"<{name}{written}>"
    return opened if name in _VOID else f"{opened}{''.join(content)}</{name}>"


def paragraphs(texts: Iterable[str]) -> str:
    """Each text as a paragraph."""
    return "\n".join(tag("p", escaped(text)) for text in texts)


def listed(texts: Iterable[str]) -> str:
    """Texts as a list."""
    return tag("ul", *(tag("li", escaped(text)) for text in texts))


def simple_table(caption: str, header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, whose first column names the row, that scrolls by itself where the page is narrow."""
    lines = [
        tag("tr", tag("th", escaped(first), scope="row"), *(tag("td", escaped(each)) for each in others))
        for first, *others in rows
    ]
    return scrolling(
        tag(
            "table",
            tag("caption", escaped(caption)),
            tag("thead", tag("tr", *(tag("th", escaped(name), scope="col") for name in header))),
            tag("tbody", "\n".join(lines)),
        ),
        caption,
    )


def scrolling(content: str, label: str) -> str:
    """A region that scrolls sideways by itself, by keyboard too."""
    return tag("div", content, class_="scroll", role="region", aria_label=label, tabindex="0")


def section(name: str, title: str, *content: str) -> str:
    """A part of the page that `name` leads to."""
    heading = f"{name}-title"
    inner = "\n".join((tag("h2", escaped(title), id=heading), *content))
    return tag("section", inner, id=name, aria_labelledby=heading)


def _attribute(key: str, value: Any) -> str:
    if value is None or value is False:
        return ""
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{escaped(value)}"'
