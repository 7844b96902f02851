"""How Sphinx builds the pages (`make docs`); the reference is made from the code, and cannot go stale."""

import dataclasses
import inspect
import re
import types
import typing
from collections.abc import Iterator
from pathlib import Path

import click

import dlscan
from dlscan.cli.main import cli
from dlscan.config import experiment, models

project, author, copyright = "dlscan", "the dlscan developers", "the dlscan developers"
release = version = dlscan.__version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
source_suffix = {".md": "markdown"}
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"dlscan {release}"
html_static_path = ["static"]
html_css_files = ["tables.css"]
myst_heading_anchors = 3
myst_enable_extensions = ["colon_fence"]
napoleon_google_docstring = False
autodoc_typehints = "none"
autodoc_member_order = "bysource"
nitpicky = False


_NAMES = {
    "int": "whole number",
    "float": "number",
    "bool": "`true` or `false`",
    "str": "text",
    "NoneType": "`null`",
    "Any": "anything",
    "dict": "mapping",
    "tuple": "list",
}
_LIMITS = {"Min": "at least", "Max": "at most", "Above": "above", "Below": "below"}


def _shown(kind: object) -> str:
    """An annotation as people read it: `Annotated[int, Min(1)]` is "whole number, at least 1"."""
    origin, arguments = typing.get_origin(kind), typing.get_args(kind)
    if origin is typing.Annotated:
        limits = [f"{_LIMITS[type(part).__name__]} {part.bound}" for part in arguments[1:]]
        return ", ".join([_shown(arguments[0]), *limits])
    if origin is typing.Literal:
        return " or ".join(f"`{value}`" for value in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_shown(part) for part in arguments)
    if arguments:
        inner = [_shown(part) for part in arguments if part is not Ellipsis]
        return f"{_NAMES.get(origin.__name__, origin.__name__)} of {' to '.join(inner)}"
    name = getattr(kind, "__name__", str(kind))
    return _NAMES.get(name, name.lower())


def _default(field: "dataclasses.Field[object]") -> str:
    if field.default is not dataclasses.MISSING:
        value = field.default
    elif field.default_factory is not dataclasses.MISSING:
        value = field.default_factory()
    else:
        return "required"
    plain = {True: "true", False: "false", None: "null", (): "[]"}
    try:
        return f"`{plain[value]}`" if isinstance(value, bool | tuple | None) else f"`{value}`"
    except KeyError:
        return f"`{value}`"


def _table(kind: type) -> list[str]:
    hints = typing.get_type_hints(kind, include_extras=True)
    rows = ["| key | value | default |", "|---|---|---|"]
    for field in dataclasses.fields(kind):
        default = _default(field)
        if "(" in default:  # a part of its own, described by its own table or page
            default = "see the page"
        shown = _shown(hints[field.name]).replace("|", "or")
        rows.append(f"| `{field.metadata.get('key', field.name)}` | {shown} | {default} |")
    return rows


def _keys() -> str:
    """The page of all keys, from the dataclasses that read them."""
    sections = {
        "data": experiment.Data,
        "train": experiment.Train,
        "scan": experiment.ScanOptions,
        "stream": experiment.Stream,
        "batch": experiment.BatchOptions,
    }
    lines = ["# All keys", "", "The page about [the experiment file](../config.md) explains each key.", ""]
    for name, kind in sections.items():
        lines += [f"## {name}", "", *_table(kind), ""]
    for name, kind in models.FAMILIES.items():
        about = (inspect.getdoc(kind) or "").split("\n\n")[0]
        lines += [f"## model, family {name}", "", about, "", *_table(kind), ""]
    return "\n".join(lines)


def _commands() -> str:
    """The page of all commands: what their `--help` says."""
    lines = ["# All commands", ""]
    for name, command in sorted(_named(cli, "dlscan")):
        context = click.Context(command, info_name=name, max_content_width=100)
        lines += [f"## {name}", "", "```text", command.get_help(context), "```", ""]
    return "\n".join(lines)


def _named(group: click.Group, above: str) -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        yield f"{above} {name}", command
        if isinstance(command, click.Group):
            yield from _named(command, f"{above} {name}")


def _write(app: object) -> None:
    for name, text in (("keys", _keys()), ("commands", _commands())):
        place = Path(__file__).parent / "reference" / f"{name}.md"
        # Sphinx reads again what is newer than its result
        if not place.exists() or place.read_text(encoding="utf-8") != text:
            place.write_text(text, encoding="utf-8")


def _without_bars(
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """Bars are absolute values here, not the substitutions of reStructuredText."""
    lines[:] = [line.replace("|", "\\|") for line in lines]


def _unbroken(app: object, page: str, source: list[str]) -> None:
    """In narrow columns of tables an uncertainty stays with its sign."""
    lines = source[0].split("\n")
    source[0] = "\n".join(
        re.sub(r"(\+-|±) (?=[\d.])", "\\1\N{NO-BREAK SPACE}", line) if line.startswith("| ") else line
        for line in lines
    )


def setup(app: typing.Any) -> None:
    """Make what is made from the code."""
    app.connect("source-read", _unbroken)
    app.connect("builder-inited", _write)
    app.connect("autodoc-process-docstring", _without_bars)
