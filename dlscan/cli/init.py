"""`dlscan init`."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dlscan.cli.output import examples, say
from dlscan.spelling import counted

if TYPE_CHECKING:
    from dlscan.inspection import Choice, Contents, Item

# Fields of a record that are named in the table; the experiment file has all.
_SHOWN = 4


@click.command(
    epilog=examples(
        "dlscan init /data/LCD/V2", "dlscan init raw -o flavour.yaml", "dlscan init --example demo"
    )
)
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@click.option(
    "--example",
    metavar="NAME",
    help="Write an example experiment file and its scripts into DIR instead.",
)
@click.option(
    "-o",
    "target",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The experiment file.  [default: DIR.yaml in this directory]",
)
@click.option("--overwrite", is_flag=True, help="Replace FILE if it exists.")
def init(directory: Path, example: str | None, target: Path | None, overwrite: bool) -> None:
    """Write an experiment file for the HDF5 files in DIR.

    Prints what is in the files: datasets with their shapes, types, filters and ranges, and what each could be
    used for. The experiment file proposes inputs, labels and normalisation by their names and shapes. Read it
    before you go on. It marks what you have to decide.
    """
    if example is not None:
        _write_example(example, directory, target, overwrite)
        return
    from dlscan.errors import UsageError
    from dlscan.files import write_text
    from dlscan.inspection import choose, look_at, text_of

    contents = look_at(directory)
    choice = choose(contents)
    name = directory.resolve().name or "experiment"
    target = target or Path(f"{name}.yaml")
    _print(contents, choice)
    if target.exists() and not overwrite:
        raise UsageError(f"{target}: exists; remove it, choose another name with -o, or give --overwrite")
    write_text(target, text_of(target.stem, contents, choice, target.parent))
    say("")
    for doubt in choice.doubts:
        say(f"To decide: {doubt}")
    say(f"{target} written; check it, then run: dlscan prepare {target}")


def _write_example(name: str, directory: Path, target: Path | None, overwrite: bool) -> None:
    from dlscan.errors import UsageError
    from dlscan.inspection import examples

    if target is not None:
        raise UsageError("-o and --example exclude each other: DIR says where the files of an example go")
    file, *others = examples.write(name, directory, overwrite)
    say(f"{file} written, with {', '.join(sorted({f'{path.parent}/' for path in others}))}")
    for line in file.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        say(line)


def _print(contents: "Contents", choice: "Choice") -> None:
    for part in contents.parts:
        about = "" if part.counted == len(part.files) else f" in the first {part.counted}"
        say(
            f"{part.name or '.'}/  {counted(len(part.files), 'file')}, {counted(part.events, 'event')}{about}"
        )
    say("")
    rows = [[item.name, *_words(item), choice.uses.get(item.name, "")] for item in contents.items] + [
        [name, "", "", "", "", f"left out: {why}"] for name, why in contents.unlike.items()
    ]
    from tabulate import tabulate

    from dlscan.inspection import ROWS

    say(
        tabulate(
            rows, ["Dataset", "Shape", "Type", "Filter", f"Range ({ROWS} rows)", "Use"], disable_numparse=True
        )
    )
    for path, reason in contents.unreadable.items():
        say(f"Warning: {path}: {reason}", err=True)


def _words(item: "Item") -> list[str]:
    shape = ", ".join(map(str, ("N", *item.shape[1:]))) if item.shape else ""
    kind = item.dtype
    if item.kind == "fields":
        shown = [*list(item.fields)[:_SHOWN], *(["..."] if len(item.fields) > _SHOWN else [])]
        kind = f"{counted(len(item.fields), 'field')}: {', '.join(shown)}"
    elif item.kind == "lists":
        kind = f"lists of {item.dtype}, up to {item.longest}"
    values = ""
    if item.lowest is not None:
        values = f"{item.lowest:.4g} to {item.highest:.4g}"
        if item.zeros > 0.1:
            values += f", {100 * item.zeros:.0f} % zeros"
    return [f"({shape})" if shape else "one value", kind, " + ".join(item.filters), values]
