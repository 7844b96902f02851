"""How the modules of the package hang together, beyond the contracts of import-linter."""

import ast
import configparser
import re
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import dlscan

TOP = Path(__file__).parents[1]
HOME = Path(dlscan.__file__).parent
# `dlscan.load` and `dlscan.train` import what they need when they are called
FRONT_DOOR = "dlscan"
# a function that takes what calls it: a type alone
KNOWN = ("dlscan.train.finished", "dlscan.train.member")


def module_of(file: Path) -> str:
    parts = ("dlscan", *file.relative_to(HOME).with_suffix("").parts)
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports_of(file: Path, modules: set[str]) -> set[str]:
    """The modules of the package that a module names in any import, in a function or for a type too."""
    found = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = {f"{node.module}.{alias.name}" for alias in node.names}
            found |= names & modules or {node.module}
    return found & modules


def first_circle(graph: dict[str, set[str]]) -> list[str]:
    """The modules of a circle, empty if there is none."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        circle: list[str] = error.args[1]
        return circle
    return []


def test_no_module_imports_itself_by_way_of_others():
    files = {module_of(file): file for file in HOME.rglob("*.py")}
    graph = {name: imports_of(file, set(files)) - {name} for name, file in files.items()}
    graph[FRONT_DOOR] = set()
    graph[KNOWN[0]].discard(KNOWN[1])
    assert first_circle(graph) == []


def test_a_circle_is_found_of_types_and_of_imports_in_functions(tmp_path):
    (tmp_path / "a.py").write_text("if TYPE_CHECKING:\n    from dlscan.b import B\n", encoding="utf-8")
    (tmp_path / "b.py").write_text("def f():\n    from dlscan import a\n", encoding="utf-8")
    modules = {"dlscan", "dlscan.a", "dlscan.b"}
    graph = {f"dlscan.{name}": imports_of(tmp_path / f"{name}.py", modules) for name in "ab"}
    assert set(first_circle(graph)) == {"dlscan.a", "dlscan.b"}


def test_the_layout_in_contributing_is_the_one_that_there_is():
    """Its levels are the layers of the first contract, which import-linter keeps."""
    page = (TOP / "CONTRIBUTING.md").read_text(encoding="utf-8")
    table = page.split("| level | packages and modules |")[1].split("\n\n")[0]
    rows = [set(re.findall(r"(?:^\| \d+ \||·) `(\w+)(?:/|\.py)` ", line)) for line in table.splitlines()[2:]]
    setup = configparser.ConfigParser()
    setup.read(TOP / "setup.cfg", encoding="utf-8")
    layers = setup["importlinter:contract:house"]["layers"].split("\n")[1:]
    levels = [set(re.findall(r"dlscan\.(\w+)", line)) for line in layers]
    assert rows == levels
    there = {path.stem for path in HOME.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert set.union(*levels) == there - {"__init__", "__main__"}
