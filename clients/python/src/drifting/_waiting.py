"""The two transports: flows carried out by a thread that waits, or by a coroutine.

httpx2 is imported when the first request is sent, so that importing this package costs little where nothing is reported.
"""

from __future__ import annotations

import os
import threading
import time
import weakref
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from drifting._requests import Body, Listen, Pause, Response, Send
from drifting._settings import Settings
from drifting.errors import ConnectionLostError, DeadlineError, DriftingError, UnreachableError

if TYPE_CHECKING:
    import httpx2

    from drifting._retrying import Flow

T = TypeVar("T")
USER_AGENT = "drifting-python"


class Waiting:
    """Carries out flows in the calling thread. Threads may share it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._lock = threading.Lock()
        self._http: httpx2.Client | None = None
        self._close: weakref.finalize[[], Waiting] | None = None
        self._process = os.getpid()

    def run(self, flow: Flow[T]) -> T:
        """Carries out a flow and returns its result."""
        try:
            step = next(flow)
            while True:
                try:
                    came = self._carry_out(step)
                # An interrupt as well: the flow may have something to take back.
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            result: T = end.value
            return result
        except DriftingError as error:
            # Where in this package it was noticed tells a caller nothing, and fills a notebook. Other errors keep it.
            raise error.with_traceback(None) from error.__cause__

    def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        with self._lock:
            self._http = None
            close, self._close = self._close, None
        if close is not None:
            close()

    def _carry_out(self, step: Send | Pause | Listen) -> Response | None:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return None
        with _told(self._settings, step.seconds):
            return self._send(step)

    def _send(self, step: Send | Listen) -> Response:
        end = time.monotonic() + step.seconds
        http = self._client()
        request = http.build_request(**_arguments(self._settings, step, _sync_content(step.request.body)))
        answer = http.send(request, stream=True)
        try:
            if isinstance(step, Listen) and answer.status_code == 200:
                for line in answer.iter_lines():
                    if step.receive(line):
                        break
                return _response(answer, b"")
            # The time-outs of a socket are for each reading; an answer that trickles is told by the clock.
            pieces = []
            for piece in answer.iter_bytes():
                pieces.append(piece)
                _check(end)
            return _response(answer, b"".join(pieces))
        finally:
            answer.close()

    def _client(self) -> httpx2.Client:
        with self._lock:
            # Connections of the process that forked this one are not for it, nor to be closed by it.
            if self._http is None or self._process != os.getpid():
                import httpx2

                self._http = httpx2.Client(**_configuration(self._settings))
                self._process = os.getpid()
                # Many a notebook closes nothing.
                self._close = weakref.finalize(self, self._http.close)
            return self._http


class Awaiting:
    """Carries out flows in a coroutine of asyncio. To be used by one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._http: httpx2.AsyncClient | None = None
        self._loop: Any = None

    async def run(self, flow: Flow[T]) -> T:
        """Carries out a flow and returns its result."""
        try:
            step = next(flow)
            while True:
                try:
                    came = await self._carry_out(step)
                # A cancellation as well: the flow may have something to take back.
                except BaseException as error:
                    step = flow.throw(error)
                else:
                    step = flow.send(came)
        except StopIteration as end:
            result: T = end.value
            return result
        except DriftingError as error:
            # Where in this package it was noticed tells a caller nothing, and fills a notebook. Other errors keep it.
            raise error.with_traceback(None) from error.__cause__

    async def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        http, self._http = self._http, None
        if http is not None:
            await http.aclose()

    async def _carry_out(self, step: Send | Pause | Listen) -> Response | None:
        import asyncio

        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return None
        with _told(self._settings, step.seconds):
            if isinstance(step, Listen):
                return await self._send(step)
            async with asyncio.timeout(step.seconds):
                return await self._send(step)

    async def _send(self, step: Send | Listen) -> Response:
        http = self._client()
        request = http.build_request(**_arguments(self._settings, step, _async_content(step.request.body)))
        answer = await http.send(request, stream=True)
        try:
            if isinstance(step, Listen) and answer.status_code == 200:
                async for line in answer.aiter_lines():
                    if step.receive(line):
                        break
                return _response(answer, b"")
            return _response(answer, await answer.aread())
        finally:
            await answer.aclose()

    def _client(self) -> httpx2.AsyncClient:
        import asyncio

        # Connections belong to the loop that made them; notebooks and tests run several after each other.
        loop = asyncio.get_running_loop()
        if self._http is None or self._loop is not loop:
            import httpx2

            self._http = httpx2.AsyncClient(**_configuration(self._settings))
            self._loop = loop
        return self._http


def _configuration(settings: Settings) -> dict[str, Any]:
    """The arguments of a client of httpx2."""
    configuration: dict[str, Any] = {
        "headers": {"user-agent": USER_AGENT},
        # A proxy of the environment is for servers elsewhere.
        "trust_env": not settings.is_loopback,
        "follow_redirects": False,
    }
    if settings.ca_file is not None or settings.client_cert is not None:
        import ssl

        context = ssl.create_default_context(cafile=settings.ca_file)
        if settings.client_cert is not None:
            context.load_cert_chain(*settings.client_cert)
        configuration["verify"] = context
    return configuration


def _arguments(settings: Settings, step: Send | Listen, content: Any) -> dict[str, Any]:
    """The arguments of a request of httpx2."""
    import httpx2

    request = step.request
    parts = settings.parts
    path = "/".join([parts.path.rstrip("/"), *(quote(segment, safe="") for segment in request.path)])
    headers = {"accept": "application/json", **request.headers}
    if settings.key is not None:
        headers["authorization"] = f"Bearer {settings.key}"
    if request.body is not None:
        headers |= {"content-type": request.body.media_type, "content-length": str(request.body.n_bytes)}
    connect = min(settings.connect_timeout, step.seconds)
    return {
        "method": request.method,
        "url": f"{parts.scheme}://{parts.netloc}{path}",
        "params": list(request.query),
        "headers": headers,
        "content": content,
        "timeout": httpx2.Timeout(step.seconds, connect=connect, pool=connect),
    }


def _sync_content(body: Body | None) -> bytes | Iterator[bytes] | None:
    if body is None:
        return None
    whole = body.in_memory
    return iter(body) if whole is None else whole


def _async_content(body: Body | None) -> bytes | AsyncIterator[bytes] | None:
    if body is None:
        return None
    whole = body.in_memory
    return _pieces(body) if whole is None else whole


async def _pieces(body: Body) -> AsyncIterator[bytes]:
    import asyncio

    pieces = iter(body)
    while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
        yield piece


def _response(answer: httpx2.Response, content: bytes) -> Response:
    return Response(answer.status_code, {name.lower(): value for name, value in answer.headers.items()}, content)


def _check(end: float) -> None:
    if time.monotonic() > end:
        raise TimeoutError


@contextmanager
def _told(settings: Settings, seconds: float) -> Iterator[None]:
    """Tells the failures of httpx2 as those of this package. Their texts say why, so that its own are not shown beside."""
    import httpx2

    server = f"{settings.parts.scheme}://{settings.parts.netloc}"
    try:
        yield
    except (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout, httpx2.ProxyError) as error:
        why = str(error) or f"no connection within {settings.connect_timeout:g} s"
        unreachable = UnreachableError(f"no server answers at {server}: {why}")
        unreachable.add_note("Start one with `drifting serve` or drifting.serve(), or say in DRIFTING_URL where it is.")
        raise unreachable from None
    except (httpx2.TimeoutException, TimeoutError):
        raise DeadlineError(f"there was no answer of {server} within {seconds:g} s") from None
    except httpx2.TransportError as error:
        raise ConnectionLostError(f"the connection to {server} broke: {error}") from None
