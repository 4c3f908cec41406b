"""Clients of coroutines, called as those without them, so that both have the same rows."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any


class Blocking:
    """A client of coroutines of which each call runs to its end."""

    def __init__(self, client: Any, loop: asyncio.AbstractEventLoop) -> None:
        self.client = client
        self.loop = loop

    def __getattr__(self, name: str) -> Callable[..., Any]:
        method = getattr(self.client, name)
        return lambda *arguments, **named: self.loop.run_until_complete(method(*arguments, **named))


def connected(connect: Callable[[], Any]) -> Blocking:
    """A client that is made where coroutines run, as such clients must be."""
    loop = asyncio.new_event_loop()

    async def run() -> Any:
        return connect()

    return Blocking(loop.run_until_complete(run()), loop)
