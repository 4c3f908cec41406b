"""What can go wrong, as exceptions that a program can tell apart.

The server answers what it refuses with a ``code`` (RFC 9457); each code that a caller may want to act on has a class here.
A code that this version does not know becomes the class of its status, so that a newer server is no surprise.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


class DriftingError(Exception):
    """Whatever goes wrong in this package."""


class DriftingWarning(UserWarning):
    """What went wrong where ``on_error="warn"`` asked for no exception."""


class RowsError(DriftingError, ValueError):
    """The rows are in no form that can be sent; nothing was sent."""


class UnreachableError(DriftingError, ConnectionError):
    """No connection to the server could be made; nothing was sent."""


class ConnectionLostError(DriftingError, ConnectionError):
    """The connection broke before the answer had come; whether the request was carried out is not known."""


class DeadlineError(DriftingError, TimeoutError):
    """There was no answer in time; whether the request was carried out is not known."""


class AnswerError(DriftingError):
    """What answers does not speak as a drifting server does."""


class LocalServerError(DriftingError):
    """A local server could not be started, or its program not be found."""


@dataclass(frozen=True, slots=True)
class Issue:
    """One place in a request that is at fault.

    Attributes:
        pointer: JSON pointer (RFC 6901) into the body; for a setting in the query, ``/`` and its name.
        detail: What was expected and what came.
    """

    pointer: str
    detail: str


class ApiError(DriftingError):
    """The server refused a request, or could not carry it out.

    Attributes:
        status: Status of the answer.
        code: The kind of problem, such as ``project_not_found``.
        detail: What was expected and what came.
        issues: Every place in the request that is at fault, where places are known.
        request_id: Under this id the server's log tells more.
        retry_after: After how many seconds trying again may help, where the server says so.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        issues: tuple[Issue, ...] = (),
        request_id: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        # All of them are arguments of the exception, so that it can be pickled.
        super().__init__(status, code, detail, issues, request_id, retry_after)
        self.status = status
        self.code = code
        self.detail = detail
        self.issues = issues
        self.request_id = request_id
        self.retry_after = retry_after

    def __str__(self) -> str:
        # The detail of several places tells the first; here each has a line.
        if len(self.issues) > 1:
            return "\n".join([f"{self.code}:", *(f"  {issue.pointer}: {issue.detail}" for issue in self.issues)])
        return f"{self.code}: {self.detail}"


class InvalidRequestError(ApiError):
    """The request cannot be carried out as it is."""


class InvalidDataError(InvalidRequestError):
    """The rows do not fit the project, or the detector."""


class InvalidSettingsError(InvalidRequestError):
    """A setting of a fit cannot be used."""


class InvalidNameError(InvalidRequestError):
    """What was given is no name of a project."""


class BodyTooLargeError(InvalidRequestError):
    """More was sent than the server takes in one request."""


class UnauthenticatedError(ApiError):
    """The API key is missing or not accepted."""


class ForbiddenError(ApiError):
    """The API key is not good for this, or the server takes no such request."""


class ReadOnlyError(ForbiddenError):
    """The server serves beside the one that writes, and changes nothing."""


class NotFoundError(ApiError):
    """What was asked for is not there."""


class ProjectNotFoundError(NotFoundError):
    """There is no project of this name."""


class OperationNotFoundError(NotFoundError):
    """There is no operation of this id, or it ended long ago."""


class ConflictError(ApiError):
    """The request does not go with how things stand."""


class ProjectExistsError(ConflictError):
    """A project of this name exists; ``overwrite=True`` replaces it."""


class ProjectInactiveError(ConflictError):
    """The project is unloaded; ``projects.load`` makes it serve."""


class FitInProgressError(ConflictError):
    """The project is being fitted."""


class RateLimitedError(ApiError):
    """More requests came than the server allows."""


class UnavailableError(ApiError):
    """The server cannot do this now."""


class OverloadedError(UnavailableError):
    """Too many predictions are on their way."""


class FitQueueFullError(UnavailableError):
    """Too many fits wait."""


class ProjectFailedError(UnavailableError):
    """The project cannot be loaded; its files are damaged."""


class StorageUnavailableError(UnavailableError):
    """The server's disk or bucket cannot be reached."""


class InterruptedFitError(UnavailableError):
    """The server ended before the fit did."""


class StorageFullError(ApiError):
    """The server has no room left."""


class ServerFaultError(ApiError):
    """The server failed; its log tells more under the ``request_id``."""


class FitCancelledError(DriftingError):
    """The fit was cancelled; nothing of it is stored."""


_OF_CODES: dict[str, type[ApiError]] = {
    "body_too_large": BodyTooLargeError,
    "fit_in_progress": FitInProgressError,
    "fit_queue_full": FitQueueFullError,
    "interrupted": InterruptedFitError,
    "invalid_data": InvalidDataError,
    "invalid_name": InvalidNameError,
    "invalid_settings": InvalidSettingsError,
    "operation_not_found": OperationNotFoundError,
    "overloaded": OverloadedError,
    "project_exists": ProjectExistsError,
    "project_failed": ProjectFailedError,
    "project_inactive": ProjectInactiveError,
    "project_not_found": ProjectNotFoundError,
    "read_only": ReadOnlyError,
    "storage_full": StorageFullError,
    "storage_unavailable": StorageUnavailableError,
}

_OF_STATUSES: dict[int, type[ApiError]] = {
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    429: RateLimitedError,
    502: UnavailableError,
    503: UnavailableError,
    504: UnavailableError,
    507: StorageFullError,
}


def from_problem(problem: Mapping[str, Any], status: int, retry_after: float | None = None) -> ApiError:
    """The exception of a problem document (RFC 9457)."""
    code = str(problem.get("code") or f"status_{status}")
    fallback = ServerFaultError if status >= 500 else InvalidRequestError
    kind = _OF_CODES.get(code) or _OF_STATUSES.get(status, fallback)
    places = problem.get("errors")
    issues = tuple(
        Issue(str(place.get("pointer", "")), str(place.get("detail", "")))
        for place in (places if isinstance(places, list) else [])
        if isinstance(place, Mapping)
    )
    detail = str(problem.get("detail") or problem.get("error") or problem.get("title") or f"status {status}")
    request_id = problem.get("request_id")
    return kind(status, code, detail, issues, None if request_id is None else str(request_id), retry_after)
