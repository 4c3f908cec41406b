"""Requests and answers without any connection: what both transports carry."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drifting._rows import Rows
from drifting.errors import AnswerError, ApiError, RowsError, from_problem

PIECE = 256 * 1024


@dataclass(frozen=True, slots=True)
class Body:
    """A body, of bytes in memory and of files, which are read while they are sent."""

    media_type: str
    pieces: tuple[bytes | Path, ...]

    @property
    def n_bytes(self) -> int:
        """Its length."""
        return sum(len(piece) if isinstance(piece, bytes) else piece.stat().st_size for piece in self.pieces)

    @property
    def in_memory(self) -> bytes | None:
        """All of it, unless there are files in it."""
        parts = [piece for piece in self.pieces if isinstance(piece, bytes)]
        return b"".join(parts) if len(parts) == len(self.pieces) else None

    def __iter__(self) -> Iterator[bytes]:
        for piece in self.pieces:
            if isinstance(piece, bytes):
                yield piece
            else:
                with piece.open("rb") as file:
                    while read := file.read(PIECE):
                        yield read


@dataclass(frozen=True, slots=True)
class Request:
    """A request.

    Attributes:
        path: The segments below the URL of the server.
        deadline: Seconds for all of it, tries and pauses included.
        is_repeatable: Whether it may be sent again when it may have been carried out already.
        absent_is_done: Whether the answer that there is no such thing, to a request that is sent again, tells that the first
            one was carried out.
    """

    method: str
    path: tuple[str, ...]
    deadline: float
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Body | None = None
    is_repeatable: bool = True
    absent_is_done: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    """An answer, read to its end. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def is_success(self) -> bool:
        """Whether the request was carried out."""
        return 200 <= self.status < 300

    @property
    def retry_after(self) -> float | None:
        """After how many seconds trying again may help, where it says so in seconds."""
        text = self.headers.get("retry-after", "")
        return float(text) if text.isdecimal() else None

    def json(self) -> Any:
        """Its JSON document.

        Raises:
            AnswerError: There is none.
        """
        try:
            return json.loads(self.content)
        except ValueError as error:
            raise AnswerError(f"expected JSON, the answer with status {self.status} is none; is it drifting?") from error

    def error(self) -> ApiError:
        """The exception of a request that was not carried out."""
        try:
            problem = json.loads(self.content)
        except ValueError:
            problem = None
        if not isinstance(problem, Mapping):
            detail = f"the server, or what stands before it, answered with status {self.status}"
            problem = {"detail": detail}
        return from_problem(problem, self.status, self.retry_after)


@dataclass(frozen=True, slots=True)
class Send:
    """To be done by a transport: send a request and read its answer, within so many seconds."""

    request: Request
    seconds: float


@dataclass(frozen=True, slots=True)
class Pause:
    """To be done by a transport: wait for so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Listen:
    """To be done by a transport: send a request and give each line of its answer to ``receive`` until that says enough.

    The answer that comes back is without content where lines have come.
    """

    request: Request
    seconds: float
    receive: Callable[[str], bool]


def new_key() -> str:
    """An ``Idempotency-Key`` of its own."""
    return str(uuid.uuid4())


def json_body(document: Mapping[str, Any]) -> Body:
    """A JSON document."""
    try:
        text = json.dumps(document, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise RowsError(f"this cannot be written as JSON: {error}") from error
    return Body("application/json", (text.encode(),))


def fit_body(rows: Rows, settings: Mapping[str, Any]) -> Body:
    """Rows and the settings of a fit: one JSON document, or a form where the rows are bytes."""
    if rows.media_type is None:
        return json_body({**settings, "data": rows.content})
    boundary = uuid.uuid4().hex
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="settings"\r\nContent-Type: application/json\r\n\r\n'
        f"{json.dumps(settings, allow_nan=False)}\r\n"
        f'--{boundary}\r\nContent-Disposition: form-data; name="data"; filename="data"\r\n'
        f"Content-Type: {rows.media_type}\r\n\r\n"
    )
    pieces = (head.encode(), rows.content, f"\r\n--{boundary}--\r\n".encode())
    return Body(f"multipart/form-data; boundary={boundary}", pieces)


def predict_body(rows: Rows, members: Mapping[str, Any]) -> Body:
    """Rows to judge."""
    if rows.media_type is None:
        return json_body({"data": rows.content, **members})
    return Body(rows.media_type, (rows.content,))
