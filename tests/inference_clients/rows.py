"""What a client must be able to do, as named rows: each is told as `ok`, or as `FAILED` with the reason.

Where a row stands in the table of docs/compatibility.md, it has the words of that table.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable


class Rows:
    """The rows of a client, told as they are run."""

    def __init__(self, client: str) -> None:
        self.client = client
        self.n_failed = 0

    def row(self, name: str) -> Callable[[Callable[[], None]], None]:
        """Runs a function at once and tells how it went; any exception is a failure."""

        def run(function: Callable[[], None]) -> None:
            try:
                function()
            except Exception as error:  # noqa: BLE001: whatever a client raises is the failure of its row
                self.n_failed += 1
                frames = [frame for frame in traceback.extract_tb(error.__traceback__) if frame.filename != __file__]
                place = f"line {frames[0].lineno}" if frames else "nowhere"
                print(f"FAILED  {self.client}: {name}: {place}: {type(error).__name__}: {error}", flush=True)
            else:
                print(f"ok      {self.client}: {name}", flush=True)

        return run


def addresses(*protocols: str) -> list[str]:
    """The arguments of a program: the server's address for each of these protocols, as `host:port`."""
    if len(sys.argv) != 1 + len(protocols):
        sys.exit(f"usage: {sys.argv[0]} " + " ".join(f"{protocol}_ADDRESS" for protocol in protocols))
    return sys.argv[1:]


def end(*clients: Rows) -> None:
    """Ends the program: with 1 where any row has failed."""
    sys.exit(1 if any(rows.n_failed for rows in clients) else 0)


def equal(came: object, expected: object) -> None:
    """Fails unless both are equal, and shows both."""
    if came != expected:
        raise AssertionError(f"expected {expected!r}, {came!r} came")


def contains(text: object, part: str) -> None:
    """Fails unless a text holds another one, and shows both."""
    if part not in str(text):
        raise AssertionError(f"expected a text with {part!r}, {text!r} came")
