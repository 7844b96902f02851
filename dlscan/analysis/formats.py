"""A table as text: one function per format in one dict."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
from tabulate import tabulate

from dlscan.analysis.columns import Column
from dlscan.analysis.table import Table

MISSING = "-"
MARKDOWN_SPECIAL = r"\`*<|["


def render(table: Table, name: str) -> str:
    """The table in the format called `name`, one of `FORMATS`, without a newline at the end.

    `csv` and `json` hold every digit, with nothing and null for what is missing; the others are rounded for
    people, with `-` for what is missing, and what a name holds is escaped.
    """
    return FORMATS[name](table).removesuffix("\n")


def cell(value: Any, column: Column) -> str:
    """One entry as a person wants to read it."""
    if pd.isna(value):
        return MISSING
    if column.kind == "auc":
        return f"{value:.4f}"
    if column.kind == "number":
        # 123457 events per second, not 1.235e+05
        return f"{value:.4g}" if abs(value) < 1e4 else f"{value:.0f}"
    if isinstance(value, bool):
        return str(value).lower()
    return one_line(str(value))


def one_line(text: str) -> str:
    """`text` without line breaks and without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _csv(table: Table) -> str:
    return table.frame.to_csv(index=False, lineterminator="\n")


def _json(table: Table) -> str:
    frame = table.frame.astype(object).where(table.frame.notna(), None)
    return json.dumps(frame.to_dict("records"), indent=1, ensure_ascii=False, allow_nan=False)


def _tabulated(style: str, escape: Callable[[str], str] = str) -> Callable[[Table], str]:
    def render_style(table: Table) -> str:
        entries = [
            [escape(cell(value, column)) for value in table.frame[column.name].astype(object)]
            for column in table.columns
        ]
        return tabulate(
            list(zip(*entries, strict=True)),
            headers=[escape(one_line(column.name)) for column in table.columns],
            tablefmt=style,
            # the entries are text already: tabulate must not take a model called 1e5 for a number
            disable_numparse=True,
            colalign=["left" if _is_text(table.frame[column.name]) else "right" for column in table.columns],
        )

    return render_style


def _is_text(values: "pd.Series[Any]") -> bool:
    return isinstance(values.dtype, pd.StringDtype)


def _escaped_markdown(text: str) -> str:
    return "".join(f"\\{letter}" if letter in MARKDOWN_SPECIAL else letter for letter in text)


# tabulate itself escapes what html and latex would obey
FORMATS: dict[str, Callable[[Table], str]] = {
    "text": _tabulated("simple"),
    "csv": _csv,
    "json": _json,
    "markdown": _tabulated("pipe", _escaped_markdown),
    "html": _tabulated("html"),
    "latex": _tabulated("latex_booktabs"),
}
