"""Files of users that hold functions of an experiment: `./nets.py:mine`. They are read here and never run.

What a point is must not change with a file that somebody edits, so the text itself belongs to the experiment.
"""

import ast
import dataclasses
import functools
import hashlib
import re
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from dlscan.config.build import Problem
from dlscan.spelling import hint

# A file with more was not meant.
_MOST_BYTES = 1_000_000
_IN_FILE = re.compile(r"(?P<path>.+\.py):(?P<function>.*)", re.DOTALL)


@dataclasses.dataclass(frozen=True)
class Source:
    """The text of a Python file.

    Attributes
    ----------
    path : Path
        Where it was, absolute.
    text : str
        What it said.
    """

    path: Path
    text: str

    @functools.cached_property
    def sha256(self) -> str:
        """That of the file."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    @functools.cached_property
    def _tree(self) -> ast.Module:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of escapes such as "\d": they are said when it is run
            tree = ast.parse(self.text, str(self.path))
            # finds more than `parse`, such as a `return` outside of functions
            compile(tree, str(self.path), "exec", dont_inherit=True)
        return tree

    def tree(self, key: str) -> ast.Module:
        """The file, parsed.

        Raises
        ------
        Problem
            If it is not Python; it names file and line.
        """
        try:
            return self._tree
        except SyntaxError as error:
            raise Problem(key, f"{self.path}:{error.lineno or 1}: {error.msg}") from None
        except (ValueError, RecursionError, MemoryError) as error:  # null characters, endless nesting
            raise Problem(key, f"{self.path}: cannot be read as Python ({error})") from None

    def function(self, name: str, key: str) -> ast.FunctionDef:
        """A function of the file.

        Raises
        ------
        Problem
            If there is none of this name; it names the nearest one.
        """
        found = {node.name: node for node in self.tree(key).body if isinstance(node, ast.FunctionDef)}
        if name not in found:
            public = [other for other in found if not other.startswith("_")]
            raise Problem(key, f"{self.path} has no function {name!r}; {hint(name, public)}")
        return found[name]

    def plain(self) -> dict[str, str]:
        """What `source_of` reads back."""
        return {"path": str(self.path), "sha256": self.sha256, "text": self.text}


class InFile(str):
    """A function in a file, which is written `/home/me/nets.py:mine`.

    Attributes
    ----------
    source : Source
        The file.
    function : str
        Its name.
    """

    source: Source
    function: str

    def __new__(cls, source: Source, function: str) -> "InFile":
        made = super().__new__(cls, f"{source.path}:{function}")
        made.source, made.function = source, function
        return made

    @classmethod
    def parse(cls, value: Any, key: str) -> "InFile":
        """Read `./geometry.py:edges`."""
        if not is_in_file(value):
            raise Problem(key, f"must be a function in a file (./FILE.py:NAME), got {value!r}")
        return in_file(value, key)

    @property
    def short(self) -> str:
        """`nets.py:mine`."""
        return short_name(self)

    def __getnewargs__(self) -> tuple[Any, ...]:
        return self.source, self.function


def short_name(value: str) -> str:
    """`nets.py:mine` of `/home/me/nets.py:mine`; anything else as it is."""
    return with_path(value, lambda path: Path(path).name)


def is_in_file(value: Any) -> bool:
    """Whether a value names a function in a file."""
    return isinstance(value, str) and _IN_FILE.fullmatch(value) is not None


def in_file(value: str, key: str, sources: Mapping[str, Source] | None = None) -> InFile:
    """The function that a text such as `/home/me/nets.py:mine` names.

    Parameters
    ----------
    value : str
        See `is_in_file`.
    key : str
        Of the experiment, for the message.
    sources : mapping of str to Source, optional
        Files by their paths that are not to be read again.

    Raises
    ------
    Problem
        If there is no such file, or it is not Python, or has no such function.
    """
    if isinstance(value, InFile):
        return value
    match = _IN_FILE.fullmatch(value)
    assert match is not None
    source = (sources or {}).get(match["path"]) or read_source(Path(match["path"]), key)
    source.function(match["function"], key)
    return InFile(source, match["function"])


def with_path(value: str, change: Callable[[str], str]) -> str:
    """A text that names a function in a file, with its path changed; anything else as it is."""
    match = _IN_FILE.fullmatch(value)
    return value if match is None else f"{change(match['path'])}:{match['function']}"


def read_source(path: Path, key: str) -> Source:
    """Read a file.

    Raises
    ------
    Problem
        If that cannot be, or it is too long.
    """
    try:
        if not path.is_file():
            raise Problem(key, f"{path}: no such file")
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise Problem(key, f"{path}: more than {_MOST_BYTES:,} bytes, which is no file of functions")
        return Source(path, content.decode())
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(key, f"{path}: cannot be read ({error})") from None


def source_of(value: Mapping[str, Any]) -> Source:
    """The source that `Source.plain` wrote.

    Raises
    ------
    ValueError
        If its text is not the one of its checksum.
    """
    source = Source(Path(value["path"]), value["text"])
    if source.sha256 != value["sha256"]:
        raise ValueError(f"the text of {source.path} does not match its sha256")
    return source


def functions_in(value: Any) -> Iterator[InFile]:
    """Every function in a file that nested values hold."""
    if isinstance(value, InFile):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from functions_in(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from functions_in(item)
