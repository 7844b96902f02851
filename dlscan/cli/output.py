"""Where text leaves: everything that a command prints goes through here."""

import re

import click

# C0 and C1 controls, and what turns the direction of writing: a terminal would obey them. JSON stays JSON.
_CONTROLS = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")
# the same for the output of jobs, in whatever encoding; they may return the carriage for a progress bar
_CONTROL_BYTES = re.compile(
    rb"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]"
)


def say(text: object, err: bool = False, nl: bool = True) -> None:
    """Print `text` to stdout, or to stderr, as `harmless` gives it."""
    click.echo(harmless(str(text)), err=err, nl=nl)


def examples(*lines: str) -> str:
    """What the `--help` of a command ends with, for its `epilog`: lines as they are typed."""
    return "\n".join(["\b", "Examples:", *(f"  {line}" for line in lines)])


def tell(text: object) -> None:
    """Print a line to stderr: how a command goes on, not what it gives."""
    say(text, err=True)


def clear_line() -> None:
    """Clear the line of the terminal that stderr is."""
    click.echo("\r\x1b[2K", nl=False, err=True)


def harmless(text: str) -> str:
    r"""`text` with control characters but tabs and new lines written out, such as `\u001b` for escape.

    Names of classes, datasets, files and scans are chosen by others, and a terminal obeys what they hold.
    """
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def harmless_bytes(output: bytes) -> bytes:
    r"""The output of a job likewise; carriage returns stay.

    Parameters
    ----------
    output : bytes
        In any encoding; UTF-8 is understood.
    """
    return _CONTROL_BYTES.sub(lambda match: f"\\u{ord(match[0].decode()):04x}".encode(), output)
