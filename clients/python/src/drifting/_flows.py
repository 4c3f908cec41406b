"""Every operation of the server's interface, once: what is sent, and what its answer means.

Both clients run these; they differ in how they wait. A flow yields what is to be done (``Send``, ``Pause``, ``Listen``) and
is given what came of it.
"""

from __future__ import annotations

import contextlib
import json
import sys
import time
import warnings
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import drifting  # Its models are imported with the first answer.
from drifting import _hints, _rows
from drifting._progress import Progress
from drifting._reading import read
from drifting._requests import Body, Listen, Pause, Request, Response, fit_body, new_key, predict_body
from drifting._retrying import Flow, exchange
from drifting._settings import OnError, Settings, check_on_error, plain
from drifting._trend import Trend
from drifting.errors import (
    AnswerError,
    ConnectionLostError,
    DeadlineError,
    DriftingError,
    DriftingWarning,
    FitCancelledError,
    UnreachableError,
    from_problem,
)

if TYPE_CHECKING:
    from drifting.models import AcceptedEvents, Detection, Metric, MetricBucket, Operation, Project, Refreshed

T = TypeVar("T")
OnProgress = Callable[["Operation"], None]

_API = ("api", "v1")
_PAGE = "1000"
# The server says something three times as often on a stream of events.
_SILENCE = 45.0
# A short cancelling answers at once, a longer one within this.
_CANCELLING = 5.0


def health(settings: Settings, probe: str) -> Flow[bool]:
    """Whether a probe is answered with yes; no answer at all is a no."""
    try:
        yield from exchange(Request("GET", (probe,), settings.timeout), retries=0)
    except DriftingError:
        return False
    return True


def server_metrics(settings: Settings) -> Flow[str]:
    """What Prometheus reads."""
    response = yield from exchange(Request("GET", ("metrics",), settings.timeout), settings.retries)
    return response.content.decode()


def list_projects(settings: Settings, drift_type: str | None, status: str | None) -> Flow[list[Project]]:
    """Every project, in the order of their names."""
    query = {"drift_type": drift_type, "status": status}
    pages = yield from _pages(settings, ("projects",), query, "projects", limit=None)
    return [read(drifting.models.Project, project) for project in pages]


def get_project(settings: Settings, project: str) -> Flow[Project]:
    """A project."""
    return (yield from _answered(drifting.models.Project, settings, "GET", ("projects", project)))


def delete_project(settings: Settings, project: str, purge_metrics: bool) -> Flow[None]:
    """Deletes a project, and its metrics if wanted."""
    query = (("purge_metrics", "true"),) if purge_metrics else ()
    path = (*_API, "projects", project)
    request = Request("DELETE", path, settings.timeout, query, absent_is_done=True)
    yield from exchange(request, settings.retries)


def change_project(settings: Settings, project: str, verb: str) -> Flow[Project]:
    """Loads, unloads or resets a project."""
    # Rows that come between two resets would be taken back by the second.
    path = ("projects", project, verb)
    return (yield from _answered(drifting.models.Project, settings, "POST", path, is_repeatable=verb != "reset"))


def refresh_projects(settings: Settings) -> Flow[Refreshed]:
    """Has the server look at its store."""
    return (yield from _answered(drifting.models.Refreshed, settings, "POST", ("projects", "refresh")))


def list_operations(settings: Settings) -> Flow[list[Operation]]:
    """Every operation, the latest first."""
    pages = yield from _pages(settings, ("operations",), {}, "operations", limit=None)
    return [read(drifting.models.Operation, operation) for operation in pages]


def get_operation(settings: Settings, operation: str) -> Flow[Operation]:
    """An operation."""
    return (yield from _answered(drifting.models.Operation, settings, "GET", ("operations", operation)))


def cancel_operation(settings: Settings, operation: str) -> Flow[Operation]:
    """Has an operation end; one that has ended goes on as it was."""
    return (yield from _answered(drifting.models.Operation, settings, "POST", ("operations", operation, "cancel")))


def metrics(
    settings: Settings,
    project: str,
    since: datetime | str | None,
    until: datetime | str | None,
    resolution: int | timedelta | str | None,
    features: bool,
    limit: int | None,
) -> Flow[Trend[Any]]:
    """Drift values over time, one by one or in buckets."""
    query = {
        "from": _time(since),
        "to": _time(until),
        "resolution": _resolution(resolution),
        "features": "true" if features else None,
    }
    pages = yield from _pages(settings, ("projects", project, "metrics"), query, "metrics", limit)
    kind: type[Metric | MetricBucket] = drifting.models.Metric if resolution is None else drifting.models.MetricBucket
    return Trend(project, kind, tuple(read(kind, point) for point in pages))


def send_events(settings: Settings, project: str, events: Sequence[Mapping[str, Any]]) -> Flow[AcceptedEvents]:
    """Sends CloudEvents; each has an ``id``, so that the same one is taken once."""
    body = Body("application/cloudevents-batch+json", (json.dumps(list(events), allow_nan=False).encode(),))
    request = Request("POST", ("v1", "events", project), settings.timeout, body=body)
    response = yield from exchange(request, settings.retries)
    return read(drifting.models.AcceptedEvents, response.json())


def predict(
    settings: Settings,
    rows: Any,
    project: str,
    truth: Any,
    context: Any,
    explain: bool | None,
    on_error: OnError | None,
    timeout: float | None,
    idempotency_key: str | None,
) -> Flow[Detection]:
    """Feeds rows."""
    on_error = settings.on_error if on_error is None else on_error
    check_on_error(on_error)
    try:
        request = predict_request(settings, rows, project, truth, context, explain, timeout, idempotency_key)
        response = yield from exchange(request, settings.retries)
        return read(drifting.models.Detection, response.json())
    # Also what a frame that is not as it should be raises by itself: nothing but the interrupt of a user comes out.
    except Exception as error:
        with contextlib.suppress(Exception):
            _hints.of_prediction(error, rows)
        return not_known(project, error, on_error)


def predict_request(
    settings: Settings,
    rows: Any,
    project: str,
    truth: Any = None,
    context: Any = None,
    explain: bool | None = None,
    timeout: float | None = None,
    idempotency_key: str | None = None,
) -> Request:
    """The request of a prediction."""
    beside = {name: data for name, data in (("truth", truth), ("context", context)) if data is not None}
    window = _rows.window(rows, as_json=bool(beside))
    members = {name: _rows.window(data, as_json=True).content for name, data in beside.items()}
    query = () if explain is None else (("explain", _bool(explain)),)
    key = {"idempotency-key": idempotency_key or new_key()}
    path = (*_API, "projects", project, "predict")
    return Request("POST", path, timeout or settings.timeout, query, key, predict_body(window, members))


def not_known(project: str, error: Exception, on_error: OnError) -> Detection:
    """What is told of rows whose verdict is not known, or the error itself."""
    if on_error == "raise":
        raise error
    if not isinstance(error, DriftingError):
        wrapped = DriftingError(f"{type(error).__name__}: {error}")
        wrapped.__cause__ = error
        error = wrapped
    if on_error == "warn":
        warnings.warn(f"no verdict on rows for {project!r}: {error}", DriftingWarning, stacklevel=_levels_to_caller())
    return drifting.models.Detection(project, is_drift=None, error=error)


def _levels_to_caller() -> int:
    """How far from the function that asks whoever called this package is: the line that a warning is about."""
    here = str(Path(__file__).parent)
    frame = sys._getframe(1)
    levels = 1
    while frame.f_back is not None and frame.f_code.co_filename.startswith(here):
        frame = frame.f_back
        levels += 1
    return levels


def fit(
    settings: Settings,
    data: Any,
    project: str,
    drift_type: str | None,
    truth: Any,
    context: Any,
    detector: Mapping[str, Any],
    others: Mapping[str, Any],
    wait: bool,
    on_progress: OnProgress | None,
    timeout: float | None,
    idempotency_key: str | None,
) -> Flow[Project | Operation]:
    """Fits a project; the time-out is that of the sending and of what can be refused at once."""
    beside = {name: data for name, data in (("truth", truth), ("context", context)) if data is not None}
    reference = _rows.reference(data, as_json=bool(beside))
    document: dict[str, Any] = {"drift_type": drift_type or ("label" if reference.is_column else "tabular")}
    document |= {name: value for name, value in others.items() if value is not None}
    if detector:
        document["detector"] = {name.rstrip("_"): plain(value) for name, value in detector.items()}
    document |= {name: _rows.reference(data, as_json=True).content for name, data in beside.items()}
    headers = {"prefer": "respond-async", "idempotency-key": idempotency_key or new_key()}
    path = (*_API, "projects", project, "fit")
    body = fit_body(reference, document)
    request = Request("POST", path, timeout or settings.fit_timeout, headers=headers, body=body)
    try:
        response = yield from exchange(request, settings.retries)
    except DriftingError as error:
        _hints.of_fit(error)
        raise
    if response.status != 202:
        return _fitted(read(drifting.models.Project, response.json()), on_progress)
    operation = read(drifting.models.Operation, response.json())
    if not wait:
        return operation
    try:
        yield from wait_for(settings, operation, None, on_progress)
    except GeneratorExit:
        raise
    except BaseException as error:
        # Whoever interrupts the waiting does not want the fit any longer.
        if not isinstance(error, Exception):
            yield from _give_up(settings, operation.id)
        else:
            _hints.of_fit(error)
        raise
    return _fitted((yield from get_project(settings, project)), on_progress)


def _fitted(project: Project, on_progress: OnProgress | None) -> Project:
    if isinstance(on_progress, Progress):
        on_progress.warn(project)
    return project


def _give_up(settings: Settings, operation: str) -> Flow[None]:
    path = (*_API, "operations", operation, "cancel")
    with contextlib.suppress(DriftingError):
        yield from exchange(Request("POST", path, _CANCELLING), retries=0)


def wait_for(
    settings: Settings, operation: Operation | str, timeout: float | None, on_progress: OnProgress | None
) -> Flow[Operation]:
    """Follows an operation to its end.

    Raises:
        ApiError: It has failed.
        FitCancelledError: It was cancelled.
        DeadlineError: It has not ended in time; it goes on.
    """
    end = float("inf") if timeout is None else time.monotonic() + timeout
    known = (
        operation if isinstance(operation, drifting.models.Operation) else (yield from get_operation(settings, operation))
    )
    failures = 0
    while not known.has_ended:
        if on_progress is not None:
            on_progress(known)
        remaining = end - time.monotonic()
        if remaining <= 0:
            raise DeadlineError(f"operation {known.id} has not ended within {timeout:g} s; it goes on")
        followed = _Follower(known, on_progress)
        path = (*_API, "operations", known.id, "events")
        listening = Request("GET", path, settings.timeout, headers={"accept": "text/event-stream"})
        try:
            response: Response = yield Listen(listening, min(_SILENCE, remaining), followed.receive)
            if not response.is_success:
                raise response.error()
        except (ConnectionLostError, UnreachableError, DeadlineError):
            pass
        if followed.operation is not known:
            known, failures = followed.operation, 0
            continue
        # A stream that tells nothing is no reason to ask faster and faster.
        yield Pause(min(0.2 * 2**failures, 2.0, max(end - time.monotonic(), 0.0)))
        failures += 1
        known = yield from get_operation(settings, known.id)
    if on_progress is not None:
        on_progress(known)
    if known.status == "failed":
        problem = known.problem or {}
        raise from_problem(problem, int(problem.get("status", 500)))
    if known.status == "cancelled":
        raise FitCancelledError(f"the fit of {known.project!r} was cancelled")
    return known


class _Follower:
    """Reads the events of an operation."""

    def __init__(self, operation: Operation, on_progress: OnProgress | None) -> None:
        self.operation = operation
        self._on_progress = on_progress

    def receive(self, line: str) -> bool:
        """Reads a line; whether it was the last that counts."""
        if line.startswith("data:"):
            self.operation = read(drifting.models.Operation, json.loads(line.removeprefix("data:")))
            if self._on_progress is not None and not self.operation.has_ended:
                self._on_progress(self.operation)
        return self.operation.has_ended


def _answered(cls: type[T], settings: Settings, method: str, path: tuple[str, ...], is_repeatable: bool = True) -> Flow[T]:
    request = Request(method, (*_API, *path), settings.timeout, is_repeatable=is_repeatable)
    response = yield from exchange(request, settings.retries)
    return read(cls, response.json())


def _pages(
    settings: Settings, path: tuple[str, ...], query: Mapping[str, str | None], member: str, limit: int | None
) -> Flow[list[Any]]:
    given = [(name, value) for name, value in query.items() if value is not None]
    items: list[Any] = []
    token: str | None = None
    while True:
        page = [("page_size", _PAGE), *([("page_token", token)] if token else [])]
        request = Request("GET", (*_API, *path), settings.timeout, (*given, *page))
        response = yield from exchange(request, settings.retries)
        document = response.json()
        if not isinstance(document, Mapping) or not isinstance(document.get(member), list):
            raise AnswerError(f"expected a page of {member}, the answer is none")
        items += document[member]
        token = document.get("next_page_token")
        if token is None or (limit is not None and len(items) >= limit):
            return items if limit is None else items[:limit]


def _bool(value: bool) -> str:
    return "true" if value else "false"


def _time(value: datetime | str | None) -> str | None:
    if not isinstance(value, datetime):
        return value
    if value.tzinfo is None:
        raise ValueError("expected a time with a zone, such as datetime.now(timezone.utc); one without came")
    return value.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _resolution(value: int | timedelta | str | None) -> str | None:
    if isinstance(value, timedelta):
        minutes, rest = divmod(value, timedelta(minutes=1))
        if rest or minutes < 1:
            raise ValueError(f"expected a resolution of whole minutes, {value} came")
        return f"{minutes}m"
    return None if value is None else str(value)


def id_of(operation: Operation | str) -> str:
    """The id of an operation."""
    return operation if isinstance(operation, str) else operation.id
