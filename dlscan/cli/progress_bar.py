"""Progress on a terminal, silence in a log."""

import contextlib
import sys
from types import TracebackType
from typing import Any

import click

from dlscan.cli.output import clear_line


class ProgressBar:
    """A bar for each thing that is done, one after the other; call it with (what, done, total).

    A fourth argument, such as the time left, stands behind the bar. Nothing is drawn unless stderr is a
    terminal, nor after that was closed.
    """

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    @property
    def visible(self) -> bool:
        """Whether anything is drawn."""
        return sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int, note: str = "") -> None:
        if not self.visible:
            return
        with contextlib.suppress(OSError):
            self._draw(what, done, total, note)

    def clear(self) -> None:
        """Make room for a line of text."""
        if self._bar is not None and self.visible:
            with contextlib.suppress(OSError):
                clear_line()

    def _draw(self, what: str, done: int, total: int, note: str) -> None:
        if what != self._what:
            self._end()
            self._what = what
            self._bar = click.progressbar(
                length=total,
                label=f"{what:<8}",
                file=sys.stderr,
                show_pos=True,
                width=30,
                show_eta=not note,
                item_show_func=lambda shown: shown,
            )
            self._bar.__enter__()
        self._bar.length = total
        self._bar.update(done - self._bar.pos, note or None)

    def _end(self) -> None:
        if self._bar is not None:
            with contextlib.suppress(OSError):
                self._bar.__exit__(None, None, None)
            self._bar = None

    def __enter__(self) -> "ProgressBar":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
