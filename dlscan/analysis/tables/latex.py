"""A table for LaTeX, which compiles with the package booktabs alone."""

import unicodedata
from collections.abc import Iterable, Sequence

from dlscan.analysis.columns.cells import MISSING, Style, entry, one_line
from dlscan.analysis.columns.column import Column
from dlscan.analysis.labels import parts

# raised and lowered numbers of neighbouring rows would touch without a strut
_STRUT = r"\rule[-1.2ex]{{0pt}}{{3.8ex}}"

MATH = Style(
    r"${value} \pm {up}$",
    rf"${{value}}^{{{{+{{up}}}}}}_{{{{-{{down}}}}}}${_STRUT}",
    r"\infty",
    r"${side} {limit}$ (68\,\%)",
)

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    **{letter: f"\\{letter}" for letter in "&%$#_{}"},
    # after the end of a line LaTeX takes these for an argument
    "[": "{[}",
    "]": "{]}",
    "*": "{*}",
    "±": r"\ensuremath{\pm}",
    "×": r"\ensuremath{\times}",
    "→": r"\ensuremath{\to}",
}
# Greek capitals that LaTeX has no command for, as they look like Latin ones
_CAPITALS = dict(
    zip(
        [
            "ALPHA",
            "BETA",
            "EPSILON",
            "ZETA",
            "ETA",
            "IOTA",
            "KAPPA",
            "MU",
            "NU",
            "OMICRON",
            "RHO",
            "TAU",
            "CHI",
        ],
        "ABEZHIKMNOPTX",
        strict=True,
    )
)


def latex(columns: Sequence[Column], notes: Iterable[str] = (), titled: bool = False) -> str:
    """The columns as a `tabular`, units in the header; the notes as comments behind it.

    `titled` has titles in words and formulas in the header, as `data.labels` gives them, in place of names.
    """
    rows = range(len(columns[0].values))
    header = [_heading(column, titled) for column in columns]
    # a loss that is minimised and its value, say, have the same title
    header = [
        own if header.count(own) == 1 else _heading(column, False)
        for own, column in zip(header, columns, strict=True)
    ]
    body = [[_entry(column, row) for column in columns] for row in rows]
    return "\n".join(
        [
            rf"\begin{{tabular}}{{{''.join('l' if column.is_text else 'r' for column in columns)}}}",
            r"\toprule",
            _line(header),
            r"\midrule",
            *map(_line, body),
            r"\bottomrule",
            r"\end{tabular}",
            *(f"% {one_line(note)}" for note in notes),
        ]
    )


def escaped(text: str) -> str:
    """`text` so that LaTeX prints it as it is; Greek letters and raised or lowered digits included."""
    return "".join(_SPECIAL.get(letter) or _letter(letter) for letter in one_line(text))


def _heading(column: Column, titled: bool) -> str:
    unit = escaped(f" [{column.about.unit}]") if column.about.unit else ""
    if not titled:
        return escaped(column.name) + unit
    split = " (validation)" if column.about.split == "validation" else ""
    words = (f"${text}$" if formula else escaped(text) for formula, text in parts(column.heading))
    return "".join(words) + split + unit


def _entry(column: Column, row: int) -> str:
    text = entry(column, row, MATH)
    if column.is_text:
        return escaped(text)
    # a minus, not a hyphen; what is uncertain is mathematics already
    return f"${text}$" if text.startswith(("-", "+")) and text != MISSING else text


def _line(entries: Iterable[str]) -> str:
    return " & ".join(entries) + r" \\"


def _letter(letter: str) -> str:
    """A letter that the usual fonts lack as a command that every LaTeX has."""
    if letter.isascii():
        return letter
    kind, _, base = unicodedata.decomposition(letter).partition(" ")
    if kind in ("<super>", "<sub>"):
        plain = chr(int(base.split()[0], 16)).replace("\u2212", "-")
        raised = "superscript" if kind == "<super>" else "subscript"
        return rf"\text{raised}{{{plain}}}"
    words = unicodedata.name(letter, "").split()
    if words[:1] == ["GREEK"] and words[2:3] == ["LETTER"] and len(words) == 4:
        return _greek(words[3], small=words[1] == "SMALL")
    return letter


def _greek(name: str, *, small: bool) -> str:
    if small and name == "OMICRON":
        return "o"
    if not small and name in _CAPITALS:
        return _CAPITALS[name]
    name = name.replace("LAMDA", "LAMBDA")
    return rf"\ensuremath{{\{name.lower() if small else name.capitalize()}}}"
