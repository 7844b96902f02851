"""YAML of a person or a stranger: safe, within bounds, and with numbers as people write them."""

import re
from typing import Any

import yaml

# Of what a file expands to, aliases followed: most have a hundred, one that lists 10,000 points 70,000.
MOST_NODES = 200_000
DEEPEST = 50
# Python refuses to print integers that are longer, and nothing here has use for one.
MOST_DIGITS = 4000

# YAML 1.1, which PyYAML reads, wants a dot in every float; people write 1e-3. It takes 4:00:00 for a number
# to the base of 60, and 2024-01-01 for a date, of which an experiment has no use: they stay texts.
_FLOAT = re.compile(
    r"[-+]?(?:\d[\d_]*\.[\d_]*(?:[eE][-+]?\d+)?|\.\d[\d_]*(?:[eE][-+]?\d+)?|\d+[eE][-+]?\d+"
    r"|\.(?:inf|Inf|INF))|\.(?:nan|NaN|NAN)"
)
_INTEGER = re.compile(r"[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][\d_]*|0x[\da-fA-F_]+)")


def read_yaml(text: str) -> Any:
    """The plain values of a YAML text.

    Raises
    ------
    yaml.YAMLError
        If it is none, a key is listed twice in a mapping, or it is too deep, too large once its aliases are
        followed, or endless.
    """
    _require_shallow(text)
    loader = _Loader(text)
    try:
        node = loader.get_single_node()
        if node is None:
            return None
        _require_small(node)
        return loader.construct_document(node)
    finally:
        loader.dispose()


class _Loader(yaml.SafeLoader):
    """Safe YAML in which 1e-3 is a number, 4:00:00 is none, and a key may stand only once."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        """Build a value; what cannot be one, such as `!!int x`, is a `YAMLError` with its line."""
        try:
            value = super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError):
            raise yaml.YAMLError(f"line {_line(node)}: {_short(node)} cannot be read as a value") from None
        if type(value) is int and value.bit_length() > MOST_DIGITS * 3:
            raise yaml.YAMLError(f"line {_line(node)}: {_short(node)} is too long for a number")
        return value

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Build a mapping, each key of which stands once."""
        seen = set()
        for key_node, _ in node.value:
            if key_node.tag == "tag:yaml.org,2002:merge":
                continue
            key = self.construct_object(key_node, deep=True)
            line = _line(key_node)
            if isinstance(key, list | dict | set):
                raise yaml.YAMLError(f"line {line}: {key!r} cannot be a key")
            if key in seen:
                raise yaml.YAMLError(f"line {line}: key {key!r} is listed twice in one mapping")
            seen.add(key)
        self.flatten_mapping(node)  # `<<: *other` takes over the keys of another mapping
        return super().construct_mapping(node, deep)


_OTHER = {"tag:yaml.org,2002:float", "tag:yaml.org,2002:int", "tag:yaml.org,2002:timestamp"}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OTHER]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
for _tag, _pattern, _first in (("float", _FLOAT, "-+0123456789."), ("int", _INTEGER, "-+0123456789")):
    _whole = re.compile(f"^(?:{_pattern.pattern})$")
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", _whole, list(_first))


def _require_shallow(text: str) -> None:
    """Follow the text, which takes no memory: what is built from it is built by recursion."""
    depth = 0
    for count, event in enumerate(yaml.parse(text, Loader=_Loader)):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        line = 0 if event.start_mark is None else event.start_mark.line + 1
        if depth > DEEPEST:
            raise yaml.YAMLError(f"line {line}: nested more than {DEEPEST} deep")
        if count > MOST_NODES:
            raise yaml.YAMLError(f"line {line}: more than {MOST_NODES:,} values")


def _require_small(root: yaml.Node) -> None:
    """Measure what the aliases of a document expand to."""
    found: dict[int, tuple[int, int]] = {}

    def measure(node: yaml.Node) -> tuple[int, int]:
        """Values in a node, and how deep it is."""
        if id(node) in found:
            if not found[id(node)][0]:
                raise yaml.YAMLError(f"line {_line(node)}: an alias refers to a value that contains it")
            return found[id(node)]
        found[id(node)] = 0, 0  # under way
        below = [] if isinstance(node, yaml.ScalarNode) else node.value
        parts = [measure(part) for pair in below for part in (pair if isinstance(pair, tuple) else (pair,))]
        size, depth = 1 + sum(each for each, _ in parts), 1 + max((each for _, each in parts), default=0)
        if size > MOST_NODES:
            raise yaml.YAMLError(f"line {_line(node)}: aliases expand to more than {MOST_NODES:,} values")
        if depth > DEEPEST:
            raise yaml.YAMLError(f"line {_line(node)}: aliases nest more than {DEEPEST} deep")
        found[id(node)] = size, depth
        return size, depth

    measure(root)


def _line(node: yaml.Node) -> int:
    line: int = node.start_mark.line + 1
    return line


def _short(node: yaml.Node) -> str:
    text = str(node.value)
    return repr(text if len(text) <= 40 else f"{text[:40]}...")
