"""What classes, inputs and extras are called for people: `data.labels`, as TeX and as Unicode.

A marked text is one as matplotlib reads it: a formula stands between two `$`, and a dollar is `\\$`.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping

_FORMULA = re.compile(r"(?<!\\)\$(.*?)(?<!\\)\$", re.DOTALL)
_COMMAND = re.compile(r"\\([A-Za-z]+|.)\s*")
_SYMBOLS = {
    "pm": "±", "mp": "∓", "times": "×", "cdot": "·", "to": " → ", "rightarrow": " → ", "leftarrow": " ← ",
    "ell": "ℓ", "infty": "∞", "approx": " ≈ ", "sim": "∼", "leq": " ≤ ", "geq": " ≥ ", "le": " ≤ ",
    "ge": " ≥ ", "neq": "≠", "partial": "∂", "nabla": "∇", "sqrt": "√", "sum": "Σ", "hbar": "ħ", "circ": "°",
    "prime": "′", "varepsilon": "ε", "varphi": "φ", "vartheta": "θ", "quad": " ", ",": " ", ";": " ",
    " ": " ", ":": " ", "!": "", "left": "", "right": "", "%": "%", "&": "&", "#": "#", "_": "_", "$": "$",
    "{": "{", "}": "}",
}  # fmt: skip
# set behind the letter that they stand above
_ACCENTS = {"bar": "\u0304", "overline": "\u0304", "tilde": "\u0303", "hat": "\u0302", "vec": "\u20d7"}
_ACCENTED = re.compile(r"\\(" + "|".join(_ACCENTS) + r")\s*(?:\{([^{}]*)\}|(\\[A-Za-z]+|[^\\{}]))")
_FONTS = re.compile(r"\\(?:mathrm|mathbf|mathit|mathsf|mathcal|text|textrm|rm|operatorname)\b\s*")
_RAISED = dict(zip("0123456789+-=()n", "⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁼⁽⁾ⁿ", strict=True))
_LOWERED = dict(zip("0123456789+-=()", "₀₁₂₃₄₅₆₇₈₉₊₋₌₍₎", strict=True))
_SHIFTED = re.compile(r"([_^])\s*(?:\{([^{}]*)\}|(.))")


# what is labelled, and how
Labels = Mapping[str, str]
NO_LABELS: Labels = {}


class Marked(str):
    """A marked text: what draws it must not escape it again."""

    __slots__ = ()


def literal(text: str) -> Marked:
    """`text` letter by letter, never read as a formula."""
    return text if isinstance(text, Marked) else Marked(text.replace("$", r"\$"))


def called(name: str, labels: Labels) -> Marked:
    """The label of a class, a dataset or a place in one such as `target[:,0,1]`; else the name itself."""
    folded = {re.sub(r"\s", "", key): label for key, label in labels.items()}
    label = folded.get(re.sub(r"\s", "", name))
    return literal(name) if label is None else Marked(label)


def merged(every: Iterable[Labels]) -> dict[str, str]:
    """The labels of several scans together; of two for one name the first counts."""
    found: dict[str, str] = {}
    # the points of a scan share them
    for labels in {id(labels): labels for labels in every}.values():
        found = {**labels, **found}
    return found


def unicode_of(text: str) -> str:
    """A marked text for a terminal or a page: formulas as far as letters go, `$p_T$` as `pT`."""
    if not isinstance(text, Marked):
        return text
    return _FORMULA.sub(lambda found: _formula(found[1]), text).replace(r"\$", "$")


def parts(text: Marked) -> list[tuple[bool, str]]:
    """A marked text cut into plain pieces and formulas: (whether a formula, its content)."""
    pieces = _FORMULA.split(text)
    return [
        (bool(number % 2), piece if number % 2 else piece.replace(r"\$", "$"))
        for number, piece in enumerate(pieces)
        if piece
    ]


def _formula(text: str) -> str:
    text = _FONTS.sub("", text)
    text = _ACCENTED.sub(lambda found: (found[2] or found[3] or "") + _ACCENTS[found[1]], text)
    text = _COMMAND.sub(lambda found: _symbol(found[1]), text)
    # from inside out
    while (shifted := _SHIFTED.sub(_shifted, text)) != text:
        text = shifted
    plain = re.sub(r" +", " ", text.replace("{", "").replace("}", "").replace("~", " "))
    return unicodedata.normalize("NFC", plain)


def _symbol(name: str) -> str:
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    size = "CAPITAL" if name[:1].isupper() else "SMALL"
    try:
        return unicodedata.lookup(f"GREEK {size} LETTER {name.upper().replace('LAMBDA', 'LAMDA')}")
    except KeyError:
        return name


def _shifted(found: re.Match[str]) -> str:
    content = found[2] if found[2] is not None else found[3]
    table = _RAISED if found[1] == "^" else _LOWERED
    # what has no raised letters stands beside: pT, π*
    return "".join(table.get(letter, letter) for letter in content)
