"""A table as text: one function per format in one dict."""

import json
from collections.abc import Callable

from tabulate import tabulate

from dlscan.analysis.columns.cells import PLAIN, UNICODE, Style, entry, one_line
from dlscan.analysis.tables.latex import latex
from dlscan.analysis.tables.table import Table

MARKDOWN_SPECIAL = r"\`*<|["

# these say below the table what has to be said of it; for the others it goes with the messages
WITH_NOTES = ("text", "markdown", "latex")


def render(table: Table, name: str) -> str:
    """The table in the format called `name`, one of `FORMATS`, without a newline at the end.

    `csv` and `json` hold every digit, with nothing and null for what is missing; the others are rounded for
    people, with `-` for what is missing, and what a name holds is escaped. `text` and `markdown` end with the
    notes of the table, `latex` has them as comments.
    """
    return FORMATS[name](table).removesuffix("\n")


def _csv(table: Table) -> str:
    from dlscan.analysis.tables.frame import csv

    return csv(table.frame)


def _json(table: Table) -> str:
    frame = table.frame.astype(object)
    frame = frame.where(frame.notna(), None)
    return json.dumps(frame.to_dict("records"), indent=1, ensure_ascii=False, allow_nan=False)


def _tabulated(
    name: str, style: Style, escape: Callable[[str], str] = str, between: str | None = "\n"
) -> Callable[[Table], str]:
    def render_style(table: Table) -> str:
        rows = range(len(table.columns[0].values))
        entries = [[escape(entry(column, row, style)) for row in rows] for column in table.columns]
        text = tabulate(
            list(zip(*entries, strict=True)),
            headers=[escape(one_line(column.name)) for column in table.columns],
            tablefmt=name,
            # the entries are text already: tabulate must not take a model called 1e5 for a number
            disable_numparse=True,
            colalign=["left" if column.is_text else "right" for column in table.columns],
        )
        if between is None or not table.notes:
            return text
        notes = (note.replace("+-", "±") if style is UNICODE else note for note in table.notes)
        return f"{text}\n\n{between.join(escape(one_line(note)) for note in notes)}"

    return render_style


def _escaped_markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in MARKDOWN_SPECIAL else letter for letter in text)


def _latex(table: Table) -> str:
    return latex(table.columns, table.notes, table.titled)


# tabulate itself escapes what html would obey
FORMATS: dict[str, Callable[[Table], str]] = {
    "text": _tabulated("simple", PLAIN),
    "csv": _csv,
    "json": _json,
    "markdown": _tabulated("pipe", UNICODE, _escaped_markdown, "\n\n"),
    "html": _tabulated("html", UNICODE, between=None),
    "latex": _latex,
}
