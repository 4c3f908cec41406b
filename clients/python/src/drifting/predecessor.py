"""The names of the Python package that this one follows: ``DriftingClient`` and ``DriftType``.

Programs written for its client run as they are, against the same paths of the server; what they catch has to change, as the
exceptions are those of this package. New programs use ``drifting.Client``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

from drifting import _rows
from drifting._cells import Cell
from drifting._requests import Request, Response, Send, json_body, new_key
from drifting._retrying import Flow, exchange
from drifting._settings import Settings
from drifting._waiting import Waiting

_DATATYPES = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


class DriftType(Enum):
    """What kind of data a detector watches."""

    LABEL = "label"
    TABULAR = "tabular"
    TEXT = "text"
    SEQUENTIAL = "sequential"
    IMAGE = "image"
    DUMMY = "dummy"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as it came, with the members of an answer of ``requests`` that programs look at."""

    status_code: int
    headers: Mapping[str, str]
    content: bytes

    @property
    def ok(self) -> bool:
        """Whether the request was carried out."""
        return self.status_code < 400

    @property
    def text(self) -> str:
        """Its body."""
        return self.content.decode(errors="replace")

    def json(self) -> Any:
        """Its JSON document.

        Raises:
            AnswerError: There is none.
        """
        return self._response.json()

    def raise_for_status(self) -> None:
        """Raises what a refusal is told as.

        Raises:
            ApiError: The request was not carried out.
        """
        if not self.ok:
            raise self._response.error()

    @property
    def _response(self) -> Response:
        return Response(self.status_code, self.headers, self.content)


class DriftingClient:
    """The client of the predecessor. An API key is taken from ``DRIFTING_API_KEY``.

    Args:
        host: The URL of the server, with or without a slash at its end.
        fit_timeout: Seconds for ``fit`` and ``load``.
        regular_timeout: Seconds for the rest.

    Raises:
        DriftingError: The server is not ready.
    """

    def __init__(self, host: str = "http://localhost:8080/", fit_timeout: float = 300, regular_timeout: float = 10) -> None:
        self.host = host.rstrip("/")
        self.fit_timeout = fit_timeout
        self.regular_timeout = regular_timeout
        self._waiting = Waiting(Settings(url=self.host))
        self._carried_out(Request("GET", ("v2", "health", "ready"), regular_timeout))

    def __reduce__(self) -> tuple[Any, ...]:
        return (type(self), (self.host, self.fit_timeout, self.regular_timeout))

    def fit(self, train_data: Any, drift_type: DriftType, detector_name: str, **parameters: float) -> Answer:
        """Fits a detector and returns the answer as it came, whatever its status.

        Args:
            train_data: An array, a column or a frame.
            drift_type: What kind of data it is.
            detector_name: The name of the detector.
            **parameters: ``ert``, ``window_size``, ``n_bootstraps``.
        """
        body = json_body({"inputs": _inputs(_rows.reference(train_data, as_json=True))})
        query = _query(drift_type, detector_name, parameters)
        # The slash at the end of the path is the predecessor's.
        request = Request("POST", ("v2", "models", "fit", ""), self.fit_timeout, query, body=body)
        return _told(self._waiting.run(_once(request)))

    def load(self, detector_name: str) -> Answer:
        """Makes a detector serve.

        Raises:
            ApiError: It was refused.
        """
        path = ("v2", "repository", "models", detector_name, "load")
        return _told(self._carried_out(Request("POST", path, self.fit_timeout)))

    def predict(self, data: Any, drift_type: DriftType, detector_name: str, **parameters: float) -> tuple[bool, float]:
        """Feeds a row and tells whether it drifts (1 or 0), and the statistic.

        Raises:
            ApiError: It was refused.
        """
        body = json_body({"inputs": _inputs(_rows.window(data, as_json=True))})
        query = _query(drift_type, detector_name, parameters)
        path = ("v2", "models", detector_name, "infer")
        key = {"idempotency-key": new_key()}
        outputs = self._carried_out(Request("POST", path, self.regular_timeout, query, key, body)).json()["outputs"]
        return outputs[0]["data"][0], outputs[6]["data"][0]

    def _carried_out(self, request: Request) -> Response:
        return self._waiting.run(exchange(request, retries=3))


def _once(request: Request) -> Flow[Response]:
    response: Response = yield Send(request, request.deadline)
    return response


def _told(response: Response) -> Answer:
    return Answer(response.status, response.headers, response.content)


def _query(drift_type: DriftType, detector_name: str, parameters: Mapping[str, float]) -> tuple[tuple[str, str], ...]:
    given = ((name, str(value)) for name, value in parameters.items())
    return (("detector_name", detector_name), ("drift_type", drift_type.value), *given)


def _inputs(rows: _rows.Rows) -> list[dict[str, Any]]:
    """One input a column; of values and of rows one input of all, named as the predecessor named it."""
    content = rows.content
    if isinstance(content, dict):
        return [_input(name, column, len(column), 1) for name, column in content.items()]
    if content and isinstance(content[0], dict):
        names = list(content[0])
        return [_input(name, [row[name] for row in content], len(content), 1) for name in names]
    if content and isinstance(content[0], list):
        values = [value for row in content for value in row]
        return [_input("input-1", values, len(content), len(content[0]))]
    return [_input("input-1", content, len(content), 1)]


def _input(name: str, values: list[Cell], n_rows: int, n_columns: int) -> dict[str, Any]:
    kinds = {type(value) for value in values if value is not None}
    datatype = "FP64" if kinds == {int, float} else next((_DATATYPES[kind] for kind in kinds), "FP64")
    kind = "str" if datatype == "BYTES" else "np"
    shape = [n_rows, n_columns]
    return {"name": name, "shape": shape, "datatype": datatype, "parameters": {"content_type": kind}, "data": values}
