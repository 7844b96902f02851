"""All columns that a table of some models can have, as a table itself."""

from dlscan.analysis.column import Column
from dlscan.analysis.rows import Rows
from dlscan.analysis.splits import reasons_of, spoken


def listing(rows: Rows) -> tuple[Column, ...]:
    """A line per column: name, kind, unit, split, what it is, and for how many models it is missing."""
    count = len(rows.models)
    lines = []
    for column in rows.columns.values():
        missing = sum(value is None for value in column.values)
        reasons = spoken(reasons_of(column, rows.models))
        lines.append(
            (
                column.name,
                column.kind,
                column.about.unit or None,
                column.about.split or None,
                column.about.meaning or None,
                f"{missing} of {count}{': ' + reasons if reasons else ''}" if missing else None,
            )
        )
    titles = ("Column", "Kind", "Unit", "Split", "Meaning", "Missing")
    return tuple(
        Column(title, "text", tuple(values))
        for title, values in zip(titles, zip(*lines, strict=True), strict=True)
    )
