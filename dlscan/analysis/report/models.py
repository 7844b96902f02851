"""The table of all models, which a person sorts and filters in the browser."""

import dataclasses
from collections.abc import Sequence
from typing import Any

from dlscan.analysis.columns.catalog import EVENTS, FOLDS, MODEL_NAME, REPEATS, SCAN
from dlscan.analysis.columns.cells import UNICODE, cell, entry
from dlscan.analysis.columns.column import Column
from dlscan.analysis.columns.names import TRAININGS, varying_columns
from dlscan.analysis.labels import unicode_of
from dlscan.analysis.points.adversaries import purpose
from dlscan.analysis.points.folds import what_differs
from dlscan.analysis.points.tasks import metrics_of
from dlscan.analysis.report.facts import Facts
from dlscan.analysis.report.markup import escaped, scrolling, tag
from dlscan.analysis.tables.notes import presented
from dlscan.analysis.tables.rows import Rows
from dlscan.tasks.metric import TEST_LOSS

_SHOWN_LAST = (TEST_LOSS, "Parameters", "Train_Seconds", "Point")
# what is worth a column that is not shown at first, by how the column's family is called
_OPTIONAL = (
    "Seed",
    "Best_Epoch",
    "FLOPs",
    "Inference_Events_per_Second",
    "Device",
    "Host",
    "Attempts",
    "Stopped",
)
# entries altogether: what a browser lays out in an instant, and a few megabytes
_MOST_ENTRIES = 60_000
# of more trainings there is a line per model, and of more models the best
MOST_LINES = 2000
MOST_SHOWN_PARTS = 12


@dataclasses.dataclass(frozen=True)
class Shown:
    """The columns of the page's table.

    Attributes
    ----------
    columns : tuple of Column
        In order, with an entry for each line of `rows`.
    rows : Rows
        A line per training, or of thousands of trainings a line per model.
    order : tuple of int
        The lines that are shown, the best on the validation split first.
    hidden : frozenset of str
        Those that are not shown until they are asked for.
    left_out : int
        Columns that are not on the page at all.
    """

    columns: tuple[Column, ...]
    rows: Rows
    order: tuple[int, ...]
    hidden: frozenset[str]
    left_out: int

    @property
    def of_models(self) -> bool:
        """Whether a line stands for all trainings of a model."""
        return self.rows.repeated

    @property
    def not_shown(self) -> int:
        """Lines that are not on the page."""
        return len(self.rows.models) - len(self.order)


def choose_columns(facts: Facts) -> Shown:
    """Which columns the page has: what tells models apart and how good they are, and more to choose from."""
    rows = facts.models if len(facts.points) > MOST_LINES else facts.rows
    order = _order(facts, rows)[:MOST_LINES]
    columns = rows.columns
    measured = [name for task in metrics_of(facts.points) for name in task.first(MOST_SHOWN_PARTS).defaults]
    chosen_by = [] if facts.choice is None else [facts.choice.column.name]
    several = [SCAN] if len({point.scan for point in facts.points}) > 1 else []
    varying = varying_columns(facts.points)
    if rows.repeated:
        varying = [*(name for name in varying if name not in TRAININGS), REPEATS, FOLDS]
    wanted = [MODEL_NAME, *several, EVENTS, *varying, "Epochs", *chosen_by, purpose(facts.points)]
    wanted += [*measured, *_SHOWN_LAST]
    shown = [name for name in dict.fromkeys(wanted) if name in columns]
    others = [name for name, column in columns.items() if column.about.split or name in _OPTIONAL]
    # pairs of classes and rejections grow with the square of the classes: what is short goes first
    others.sort(key=lambda name: ("Rejection@" in name, name.startswith("val_"), "_vs_" in name))
    # what the trainings of a line differ in is a list of all of them
    without = {*shown, *(TRAININGS if rows.repeated else ())}
    optional = [name for name in others if name not in without and _is_there(columns[name])]
    room = max(_MOST_ENTRIES // max(len(order), 1) - len(shown), 0)
    kept = set(optional[:room])
    names = [*shown, *(name for name in columns if name in kept)]
    made = [columns[name] for name in names]
    made = presented(made, errors=False) if rows.repeated else made
    return Shown(tuple(made), rows, order, frozenset(kept), len(optional) - len(kept))


def _order(facts: Facts, rows: Rows) -> tuple[int, ...]:
    """The lines from the best on the validation split down."""
    place = {model[0].paths.directory: row for row, model in enumerate(rows.models)}
    points = facts.leading if rows.repeated else facts.ranked
    return tuple(place[point.paths.directory] for point in points)


def models_table(facts: Facts, shown: Shown) -> str:
    """The table with its controls, best model on the validation split first."""
    best = _best_lines(facts, shown)
    # the best of means has no best line
    badge = "best on validation" if len(best) == 1 else "best model on validation, by its mean"
    plus = f"the standard deviation over the {what_differs(shown.rows.models)} of a model"
    caption = (
        facts.how_many
        + (f", at first by {facts.chosen_by}{_of_each(facts)}, which chose the best" if facts.choice else "")
        + f". ± is {plus if shown.of_models else 'the statistical uncertainty (68 %)'}."
    )
    body = "\n".join(_row(shown.columns, row, badge if row in best else "") for row in shown.order)
    made = tag(
        "table",
        tag("caption", escaped(caption)),
        tag("thead", tag("tr", *(_heading(column, facts, shown) for column in shown.columns))),
        tag("tbody", "\n" + body),
        id="models-table",
    )
    return "\n".join((_controls(shown), scrolling(made, "Table of models")))


def _best_lines(facts: Facts, shown: Shown) -> set[int]:
    """The lines of the best model: one, or that of each of its trainings."""
    if facts.choice is None:
        return set()
    best = {point.paths.directory for point in facts.models.models[facts.choice.position]}
    return {row for row in shown.order if shown.rows.models[row][0].paths.directory in best}


def _of_each(facts: Facts) -> str:
    return ", the mean of each model" if facts.models.repeated else ""


def hidden_columns(shown: Shown) -> str:
    """The style sheet that hides columns; the page's script changes it."""
    numbers = [number for number, column in enumerate(shown.columns, 1) if column.name in shown.hidden]
    return "\n".join(f"#models-table tr > :nth-child({number}) {{ display: none; }}" for number in numbers)


def _controls(shown: Shown) -> str:
    choices = [
        tag(
            "label",
            tag(
                "input",
                type="checkbox",
                data_column=number,
                checked=column.name not in shown.hidden,
                # a table without names of rows says nothing
                disabled=number == 1,
            ),
            " " + escaped(_named(column)),
        )
        for number, column in enumerate(shown.columns, 1)
    ]
    hint = f"Type words of the name, or conditions{_examples(shown)}. Columns lists all names."
    return tag(
        "div",
        tag("label", "Filter ", tag("input", type="search", id="filter", autocomplete="off"), for_="filter"),
        tag("span", escaped(hint), class_="hint", id="filter-hint"),
        tag("details", tag("summary", "Columns"), tag("div", *choices, class_="choices")),
        tag("p", id="table-status", role="status"),
        class_="controls",
        id="table-controls",
        hidden=True,
    )


def _named(column: Column) -> str:
    """Title and name of a column: conditions are written with the name."""
    title = unicode_of(column.full_title)
    return title if title == column.name else f"{title}: {column.name}"


def _examples(shown: Shown) -> str:
    """Conditions on columns that are there, which hold for some of the models."""
    found = []
    for parameter in (False, True):
        for column in shown.columns:
            values = [value for value in column.values if value is not None]
            wanted = column.kind == "parameter" if parameter else column.about.split
            if wanted and column.name not in shown.hidden and values and " " not in column.name:
                middle = sorted(values, key=str)[len(values) // 2]
                sign = "=" if parameter else "<" if column.about.better == "less" else ">"
                found.append(f"{column.name}{sign}{cell(middle, column) if parameter else f'{middle:.2f}'}")
                break
    return f" such as {' or '.join(found)}" if found else ""


def _heading(column: Column, facts: Facts, shown: Shown) -> str:
    # trainings are in the order of the means of their models, which are not in the column
    means = facts.models.repeated and not shown.of_models
    order = None if means or facts.choice is None else facts.choice.column.name
    is_order = column.name == order
    rising = is_order and column.about.better == "less"
    unit = f"{column.about.split} {f'({column.about.unit})' if column.about.unit else ''}".strip()
    return tag(
        "th",
        tag(
            "button",
            escaped(unicode_of(column.heading)),
            type="button",
            title=f"{column.name}: {column.about.meaning}",
        ),
        tag("small", escaped(unit)) if unit else "",
        scope="col",
        data_name=column.name,
        data_kind="text" if column.is_text else "number",
        aria_sort=("ascending" if rising else "descending") if is_order else "none",
    )


def _row(columns: Sequence[Column], row: int, badge: str) -> str:
    name, *others = columns
    mark = tag("span", badge, class_="badge") if badge else ""
    first = tag("th", tag("span", escaped(entry(name, row))), mark, scope="row")
    cells = [_cell(column, row) for column in others]
    return tag("tr", first, *cells, class_="best" if badge else None)


def _cell(column: Column, row: int) -> str:
    text = escaped(entry(column, row, UNICODE))
    value = column.values[row]
    if column.is_text:
        return f'<td class="t">{text}</td>'
    # the number itself where it is not the text: sorting must not depend on rounding
    written = "" if value is None else f"{float(value):.9g}"
    return f"<td>{text}</td>" if written == text else f'<td data-v="{written}">{text}</td>'


def _is_there(column: Column) -> bool:
    present: list[Any] = [value for value in column.values if value is not None]
    return bool(present)
