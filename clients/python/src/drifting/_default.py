"""The client of the functions of this package: of the server that was started here last, or of the environment."""

from __future__ import annotations

import os
import threading

from drifting._client import Client
from drifting._settings import DEFAULT_URL

_lock = threading.Lock()
_started: list[str] = []
_client: Client | None = None


def remember(url: str) -> None:
    """A server was started here."""
    with _lock:
        _started.append(url)


def forget(url: str) -> None:
    """A server that was started here stops."""
    with _lock:
        if url in _started:
            _started.remove(url)


def client() -> Client:
    """The client that ``drifting.fit`` and its like use.

    That of the server that ``drifting.serve`` started last, as long as it runs; else of ``DRIFTING_URL``, else of
    ``http://127.0.0.1:8080``.
    """
    global _client
    with _lock:
        url = _started[-1] if _started else os.environ.get("DRIFTING_URL") or DEFAULT_URL
        if _client is None or _client.url != url:
            _client = Client(url)
        return _client
