"""The names of the Python package that this one follows: ``DriftingClient`` and ``DriftType``.

Programs written for its client run as they are, against the same paths of the server. New programs use ``drifting.Client``.
"""

from __future__ import annotations

import os
from enum import Enum
from typing import TYPE_CHECKING, Any

from drifting import _rows
from drifting._cells import Cell
from drifting.errors import DeadlineError, UnreachableError, from_problem

if TYPE_CHECKING:
    import httpx2

_DATATYPES = {bool: "BOOL", int: "INT64", float: "FP64", str: "BYTES"}


class DriftType(Enum):
    """What kind of data a detector watches."""

    LABEL = "label"
    TABULAR = "tabular"
    TEXT = "text"
    SEQUENTIAL = "sequential"
    IMAGE = "image"
    DUMMY = "dummy"


class DriftingClient:
    """The client of the predecessor.

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
        _checked(self._send("GET", "health/ready", regular_timeout))

    def fit(self, train_data: Any, drift_type: DriftType, detector_name: str, **parameters: float) -> httpx2.Response:
        """Fits a detector and returns the answer as it came, whatever its status.

        Args:
            train_data: An array, a column or a frame.
            drift_type: What kind of data it is.
            detector_name: The name of the detector.
            **parameters: ``ert``, ``window_size``, ``n_bootstraps``.
        """
        query = _query(drift_type, detector_name) | {name: str(value) for name, value in parameters.items()}
        inputs = _inputs(_rows.reference(train_data, as_json=True))
        return self._send("POST", "models/fit/", self.fit_timeout, query, inputs)

    def load(self, detector_name: str) -> httpx2.Response:
        """Makes a detector serve.

        Raises:
            ApiError: It was refused.
        """
        return _checked(self._send("POST", f"repository/models/{detector_name}/load", self.fit_timeout))

    def predict(self, data: Any, drift_type: DriftType, detector_name: str, **parameters: float) -> tuple[bool, float]:
        """Feeds a row and tells whether it drifts, and the statistic.

        Raises:
            ApiError: It was refused.
        """
        query = _query(drift_type, detector_name) | {name: str(value) for name, value in parameters.items()}
        inputs = _inputs(_rows.window(data, as_json=True))
        answer = _checked(self._send("POST", f"models/{detector_name}/infer", self.regular_timeout, query, inputs))
        outputs = answer.json()["outputs"]
        return outputs[0]["data"][0], outputs[6]["data"][0]

    def _send(
        self,
        method: str,
        path: str,
        timeout: float,
        query: dict[str, str] | None = None,
        inputs: list[dict[str, Any]] | None = None,
    ) -> httpx2.Response:
        import httpx2

        key = os.environ.get("DRIFTING_API_KEY")
        try:
            return httpx2.request(
                method,
                f"{self.host}/v2/{path}",
                params=query,
                json=None if inputs is None else {"inputs": inputs},
                headers={"authorization": f"Bearer {key}"} if key else None,
                timeout=timeout,
            )
        except httpx2.TimeoutException as error:
            raise DeadlineError(f"there was no answer of {self.host} within {timeout:g} s") from error
        except httpx2.TransportError as error:
            raise UnreachableError(f"no server answers at {self.host}: {error}") from error


def _query(drift_type: DriftType, detector_name: str) -> dict[str, str]:
    return {"detector_name": detector_name, "drift_type": drift_type.value}


def _checked(answer: httpx2.Response) -> httpx2.Response:
    if answer.status_code >= 400:
        try:
            problem = answer.json()
        except ValueError:
            problem = {}
        raise from_problem(problem if isinstance(problem, dict) else {}, answer.status_code)
    return answer


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
