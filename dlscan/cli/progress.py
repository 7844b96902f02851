"""Progress on a terminal, silence in a log."""

import sys
from types import TracebackType
from typing import Any

import click


class Progress:
    """A bar for each thing that is done, one after the other; call it with (what, done, total).

    Nothing is drawn unless stderr is a terminal.
    """

    def __init__(self) -> None:
        self._what = ""
        self._bar: Any = None

    @property
    def visible(self) -> bool:
        """Whether anything is drawn."""
        return sys.stderr.isatty()

    def __call__(self, what: str, done: int, total: int) -> None:
        if not self.visible:
            return
        if what != self._what:
            self._end()
            self._what = what
            self._bar = click.progressbar(
                length=total, label=f"{what:<8}", file=sys.stderr, show_pos=True, width=30
            )
            self._bar.__enter__()
        self._bar.update(done - self._bar.pos)

    def _end(self) -> None:
        if self._bar is not None:
            self._bar.__exit__(None, None, None)
            self._bar = None

    def __enter__(self) -> "Progress":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()
