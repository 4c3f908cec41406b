"""How far a fit has come: a bar on a terminal, lines of text where standard error goes elsewhere. And what it warns of."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from drifting.models import Operation, Project

# A fit that is done sooner shows nothing.
_SHOWN_AFTER = 0.5
_LINES_AFTER = 2.0
_LINE_EVERY = 10.0
_BAR = 30

Shown = bool | Callable[["Operation"], None]


class Progress:
    """Shows an operation on standard error."""

    def __init__(self, stream: TextIO | None = None) -> None:
        # A notebook, or a test, may have replaced it since this module was imported.
        self._stream = sys.stderr if stream is None else stream
        self._is_terminal = self._stream.isatty()
        self._began = time.monotonic()
        self._told = self._began + _LINES_AFTER - _LINE_EVERY
        self._has_bar = False

    def __call__(self, operation: Operation) -> None:
        now = time.monotonic()
        if self._is_terminal:
            self._draw(operation, now)
        elif (operation.has_ended and self._told > self._began) or now - self._told >= _LINE_EVERY:
            self._told = now
            print(_line(operation), file=self._stream, flush=True)

    def warn(self, project: Project) -> None:
        """Says what the fit found worth knowing about the reference."""
        for warning in project.warnings:
            print(f"drifting: {project.project}: warning: {warning}", file=self._stream, flush=True)

    def _draw(self, operation: Operation, now: float) -> None:
        if not self._has_bar and (now - self._began < _SHOWN_AFTER or operation.has_ended):
            return
        self._has_bar = True
        filled = round(operation.progress.fraction * _BAR)
        bar = "█" * filled + "░" * (_BAR - filled)
        # To the start of the line, and what stood there is erased.
        self._stream.write(f"\r\x1b[K{operation.project} {bar} {operation.progress.fraction:4.0%} {operation.stage}")
        if operation.has_ended:
            self._stream.write("\n")
        self._stream.flush()


def of(shown: Shown) -> Callable[[Operation], None] | None:
    """What is called with each change of an operation."""
    if shown is True:
        return Progress()
    return None if shown is False else shown


def _line(operation: Operation) -> str:
    return f"drifting: {operation.project}: {operation.progress.fraction:.0%}, {operation.stage}"
