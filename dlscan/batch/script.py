"""Job scripts from templates: a word between at signs is replaced by one word of bash.

In a template `@scan@` stands for a value. It comes out quoted, always on one line, whatever it holds:
`/data/my scan` as `'/data/my scan'`, a newline as `$'\\n'`. So a template writes `scan=@scan@`, without
quotes of its own. `@options@`, alone on its line, stands for lines that the batch system makes. `@@` is one
at sign. Any other word between at signs is an error that names those there are; `user@example.org` is left
alone.
"""

import importlib.resources
import os
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from dlscan.batch.system import Request
from dlscan.errors import BatchError
from dlscan.files import write_text

_PLACEHOLDER = re.compile(r"@@|@([a-z][a-z_]*)@")
_PACKAGED = re.compile(r"[A-Za-z0-9_-]+")
_ESCAPES = {"\n": r"\n", "\t": r"\t", "\r": r"\r", "'": r"\'", "\\": r"\\"}


class Lines(str):
    """Lines of a script that are put in as they are: made by dlscan, never what a user wrote."""


def read_template(template: str | None, default: str) -> tuple[str, str]:
    """Find a job script's template.

    Parameters
    ----------
    template : str or None
        `batch.template`: the name of one in the package, without its suffix, or a path, which has a slash or
        a dot; `dlscan.config.load` makes it absolute, from where the experiment file is. None: the default.
    default : str
        The file in the package that is used without `batch.template`, such as `slurm.sh`; its suffix is
        that of all templates of this batch system.

    Returns
    -------
    (str, str)
        Its text, and what to call it in messages.
    """
    if template is not None and not _PACKAGED.fullmatch(template):
        try:
            return Path(template).read_text(encoding="utf-8"), template
        except (OSError, UnicodeDecodeError) as error:
            reason = error.strerror if isinstance(error, OSError) else "not UTF-8 text"
            raise BatchError(f"batch.template: {template} cannot be read: {reason}") from None
    suffix = Path(default).suffix
    packaged = importlib.resources.files("dlscan.batch") / "templates"
    file = packaged / (default if template is None else template + suffix)
    if not file.is_file():
        names = sorted(Path(item.name).stem for item in packaged.iterdir() if item.name.endswith(suffix))
        raise BatchError(
            f"batch.template: dlscan has no template {template!r}, only {', '.join(names)}; the path to "
            f"your own template needs a slash or a dot: ./{template}{suffix}"
        )
    return file.read_text(encoding="utf-8"), file.name


def read_script_template(template: str | None, default: str) -> tuple[str, str]:
    """As `read_template`, of a whole script: it has to say where what the jobs ask for is put in."""
    text, name = read_template(template, default)
    if "@options@" not in text:
        raise BatchError(
            f"{name}: has no line @options@, where dlscan puts the resource requests of the jobs"
        )
    return text, name


def keep(request: Request, name: str, script: str) -> None:
    """Write a script into the submission's directory, and `jobs.txt`: the points of each job, a line each."""
    request.directory.mkdir(parents=True, exist_ok=True)
    lines = (" ".join(map(str, points)) + "\n" for points in request.jobs)
    write_text(request.directory / "jobs.txt", "".join(lines))
    write_text(request.directory / name, script)


def fill(text: str, name: str, values: Mapping[str, object]) -> str:
    """Put values into a template.

    Parameters
    ----------
    text, name : str
        The template, and what to call it in messages.
    values : mapping
        What each word stands for. `Lines` are put in as they are, anything else as one quoted word.

    Raises
    ------
    BatchError
        If the template has a placeholder that is not in `values`, or puts `Lines` beside something else.
    """

    def replace(found: "re.Match[str]") -> str:
        word = found[1]
        if word is None:
            return "@"
        line = text.count("\n", 0, found.start()) + 1
        if word not in values:
            known = ", ".join(f"@{known}@" for known in sorted(values))
            raise BatchError(
                f"{name}: line {line}: unknown placeholder @{word}@; valid: {known}, and @@ for an at sign"
            )
        value = values[word]
        if not isinstance(value, Lines):
            return quoted(str(value))
        if text.splitlines()[line - 1].strip() != found[0]:
            raise BatchError(
                f"{name}: line {line}: @{word}@ expands to whole lines; put it on a line of its own"
            )
        return value.rstrip("\n")

    return _PLACEHOLDER.sub(replace, text)


def quoted(word: str) -> str:
    """Quote one word for bash, on one line and in UTF-8 whatever is in it.

    `shlex.quote` leaves newlines as they are, which would end a comment, and bytes that are no text (names of
    files are bytes) cannot be written at all.
    """
    if all(letter.isprintable() for letter in word):
        return shlex.quote(word)
    return "$'" + "".join(map(_escaped, word)) + "'"


def _escaped(letter: str) -> str:
    if letter in _ESCAPES:
        return _ESCAPES[letter]
    if letter.isprintable():
        return letter
    # three digits each, so that a digit that follows is not taken for one more
    return "".join(f"\\{byte:03o}" for byte in os.fsencode(letter))
