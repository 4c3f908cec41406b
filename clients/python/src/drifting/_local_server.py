"""A server of one's own, for notebooks and tests."""

from __future__ import annotations

import atexit
import collections
import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from html import escape
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from drifting import _default, _program
from drifting._async_client import AsyncClient
from drifting._client import Client
from drifting.errors import LocalServerError

_LISTENING = "listening on "
_LINES_KEPT = 200


class LocalServer:
    """A server that was started by ``serve``. It stops at the end of a ``with`` block, by ``stop``, or with the interpreter.

    Attributes:
        url: Its URL.
        path: The folder in which it keeps everything.
    """

    def __init__(self, process: subprocess.Popen[str], path: Path, is_temporary: bool) -> None:
        self._process = process
        self._is_temporary = is_temporary
        self._starter = os.getpid()
        self.path = path
        self.url = ""
        self._log: collections.deque[str] = collections.deque(maxlen=_LINES_KEPT)
        self._has_started = threading.Event()
        # Both are read as long as it runs, so that it never waits for somebody to read what it says.
        self._readers = [
            threading.Thread(target=self._read_output, daemon=True),
            threading.Thread(target=self._read_log, daemon=True),
        ]
        for reader in self._readers:
            reader.start()
        atexit.register(self.stop)

    def _read_output(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            if line.startswith(_LISTENING):
                self.url = line.removeprefix(_LISTENING).strip()
                self._has_started.set()
        # It has ended: whoever waits for its start need not.
        self._has_started.set()

    def _read_log(self) -> None:
        assert self._process.stderr is not None
        for line in self._process.stderr:
            self._log.append(line)

    @property
    def log(self) -> str:
        """The latest lines of its log."""
        return "".join(self._log)

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self._process.poll() is None

    def client(self, **arguments: Any) -> Client:
        """A client of it; arguments are those of ``Client``."""
        return Client(self.url, **arguments)

    def async_client(self, **arguments: Any) -> AsyncClient:
        """A client of it for asyncio; arguments are those of ``AsyncClient``."""
        return AsyncClient(self.url, **arguments)

    def stop(self, timeout: float = 10.0) -> None:
        """Has it save what it keeps and end; kills it if it takes longer. Twice is no error."""
        atexit.unregister(self.stop)
        # A fork of the program that started it ends by itself.
        if self._starter != os.getpid():
            return
        _default.forget(self.url)
        if self.is_running:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        for reader in self._readers:
            reader.join(timeout)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if self._is_temporary:
            shutil.rmtree(self.path, ignore_errors=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.stop()

    def __repr__(self) -> str:
        return f"<LocalServer at {self.url}{'' if self.is_running else ', stopped'}>"

    def _repr_html_(self) -> str:
        if not self.is_running:
            return "<p>A drifting server that has stopped</p>"
        url = escape(self.url, quote=True)
        return f'<p>A drifting server at <a href="{url}">{url}</a></p>'


def serve(
    path: str | os.PathLike[str] | None = None,
    *,
    database_uri: str | None = None,
    port: int = 0,
    arguments: Sequence[str] = (),
    timeout: float = 60.0,
) -> LocalServer:
    """Starts a server on this machine. While it runs, ``drifting.fit`` and its like talk to it.

    Args:
        path: The folder in which it keeps everything; by default one for the time being, which is removed at its stop.
        database_uri: Where metrics are kept. By default in memory, the latest; with a ``path`` in a database of the server's
            own beside it.
        port: The port; by default a free one.
        arguments: More arguments of the command ``drifting serve``.
        timeout: Seconds that its start may take.

    Raises:
        LocalServerError: Its program is not there, or it did not start.
    """
    program = _program.find()
    is_temporary = path is None
    folder = Path(tempfile.mkdtemp(prefix="drifting-")) if path is None else Path(path).absolute()
    if database_uri is None and is_temporary:
        database_uri = "none"
    command = [str(program), "serve", "--artifacts-path", str(folder / "projects" if is_temporary else folder)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    command += [] if database_uri is None else ["--database-uri", database_uri]
    # Later flags do not win over earlier ones, so that what was said already is left out here.
    command += [] if any(argument.startswith("--grpc-port") for argument in arguments) else ["--grpc-port", "none"]
    folder.mkdir(parents=True, exist_ok=True)
    process = subprocess.Popen(
        [*command, *arguments],
        # A configuration file of the folder that a notebook happens to be in is not meant.
        cwd=folder,
        env=_program.environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        errors="replace",
        # An interrupt on the terminal is for the program that started it.
        start_new_session=True,
    )
    server = LocalServer(process, folder, is_temporary)
    if not _has_started(server, timeout):
        log = server.log
        server.stop()
        raise LocalServerError(f"the server has not started within {timeout:g} s or ended at once:\n{log}")
    _default.remember(server.url)
    return server


def _has_started(server: LocalServer, timeout: float) -> bool:
    server._has_started.wait(timeout)
    if not server.url:
        # What it says at its end may come a little later than the end.
        with contextlib.suppress(subprocess.TimeoutExpired):
            server._process.wait(1.0)
            time.sleep(0.05)
    return bool(server.url)
