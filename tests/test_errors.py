"""The tree of errors that `dlscan.errors` draws is the one that there is."""

import ast
import builtins
from pathlib import Path

from dlscan import errors

HOME = Path(errors.__file__).parent
ROOT = "DlscanError"


def defined() -> dict[str, list[str]]:
    """Every class of the package with the names of its bases."""
    found: dict[str, list[str]] = {}
    for file in HOME.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found[node.name] = [base.id for base in node.bases if isinstance(base, ast.Name)]
    return found


def is_exception(name: str, classes: dict[str, list[str]]) -> bool:
    known = getattr(builtins, name, None)
    if isinstance(known, type) and issubclass(known, BaseException):
        return True
    return any(is_exception(base, classes) for base in classes.get(name, ()))


def drawn() -> dict[str, str]:
    """The parent of each error, as the tree has it."""
    assert errors.__doc__
    parents: dict[str, str] = {}
    above: list[str] = []
    for line in errors.__doc__.splitlines():
        before, _, text = line.rpartition("── ")
        if before:
            depth = (len(before) - 1) // 4
            above[depth:] = [text.split()[0]]
            parents[above[-1]] = above[-2]
        elif line.strip().startswith(ROOT):
            above = [ROOT]
    return parents


def test_every_error_is_a_dlscan_error_and_in_the_tree():
    classes = defined()
    there = {
        name: bases[0]
        for name, bases in classes.items()
        if not name.startswith("_") and name != ROOT and is_exception(name, classes)
    }
    assert there == drawn()
