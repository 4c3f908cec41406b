"""When a request is sent again, and when not: fail fast, never feed rows twice."""

from __future__ import annotations

import random
import time
from collections.abc import Generator
from typing import Any, TypeVar

from drifting._requests import Listen, Pause, Request, Response, Send
from drifting.errors import ConnectionLostError, DeadlineError, DriftingError, UnreachableError

T = TypeVar("T")

# What is to be done, with what came of it sent back: the same for both transports, which carry it out.
Flow = Generator[Send | Pause | Listen, Any, T]

FIRST_PAUSE = 0.1


def exchange(request: Request, retries: int) -> Flow[Response]:
    """Sends a request, again where that can help and feeds nothing twice, until it has been carried out.

    Connections that could not be made and refusals with ``Retry-After`` are tried again whatever the request;
    connections that broke, where it is repeatable. Pauses double and are drawn between half and all of their length, so that
    clients that were cut off together do not come back together. Nothing is waited for that the deadline does not allow.

    Raises:
        DriftingError: It has not been carried out, or nobody knows.
    """
    end = time.monotonic() + request.deadline
    may_have_been_done = False
    for attempt in range(retries + 1):
        try:
            response: Response = yield Send(request, _remaining(request, end))
        except (UnreachableError, ConnectionLostError) as caught:
            error: DriftingError = caught
            may_have_been_done |= isinstance(caught, ConnectionLostError)
            if isinstance(caught, ConnectionLostError) and not request.is_repeatable:
                raise
            wanted: float | None = 0.0
        else:
            if response.is_success or (response.status == 404 and may_have_been_done and request.absent_is_done):
                return response
            error = response.error()
            wanted = _pause_wanted(request, response)
            if wanted is None:
                raise error
        pause = max(wanted, FIRST_PAUSE * 2**attempt * random.uniform(0.5, 1.0))
        if attempt == retries or time.monotonic() + pause >= end:
            raise error
        yield Pause(pause)
    raise AssertionError("the last attempt returns or raises")


def _remaining(request: Request, end: float) -> float:
    remaining = end - time.monotonic()
    if remaining <= 0:
        raise DeadlineError(f"there was no answer within {request.deadline:g} s")
    return remaining


def _pause_wanted(request: Request, response: Response) -> float | None:
    """How long the server asks to wait, or ``None`` where waiting does not help."""
    if response.status in (429, 503) and response.retry_after is not None:
        return response.retry_after
    # Of something between here and the server, which does not say how far the request came.
    if response.status in (502, 504) and request.is_repeatable:
        return 0.0
    return None
