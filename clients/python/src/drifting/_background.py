"""Rows that a thread feeds, while the model that has them goes on."""

from __future__ import annotations

import atexit
import os
import threading
import weakref
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import drifting
from drifting import _flows
from drifting._reading import read
from drifting._requests import Request
from drifting._retrying import exchange
from drifting._settings import Settings
from drifting._waiting import Waiting

if TYPE_CHECKING:
    from drifting.models import Detection

OnDetection = Callable[["Detection"], None]

# At the end of the program what waits is given so long.
_AT_EXIT = 2.0


@dataclass(frozen=True, slots=True)
class BackgroundCounts:
    """What became of the calls of ``submit``: the first is the sum of the others.

    Attributes:
        submitted: Calls.
        answered: Those with a verdict.
        failed: Those without: the rows could not be read or sent, or were refused.
        dropped: Those that found the queue full or closed, or were given up when it closed.
        waiting: Those in the queue, or on their way.
    """

    submitted: int
    answered: int
    failed: int
    dropped: int
    waiting: int


@dataclass(slots=True)
class _Item:
    request: Request
    n_bytes: int


class Background:
    """A bounded queue of rows of one project, fed in their order by a thread of its own.

    ``submit`` takes a copy of the rows, never waits and never raises. Where the server is slow or gone the queue fills, and
    what comes then is dropped and counted. The thread starts with the first rows; a process that is forked begins with an
    empty queue and a thread of its own.
    """

    def __init__(
        self, settings: Settings, project: str, max_rows: int, max_bytes: int, on_detection: OnDetection | None
    ) -> None:
        if max_rows < 1 or max_bytes < 1:
            raise ValueError("expected a queue that holds at least one call")
        self._settings = settings
        self.project = project
        self._max_rows = max_rows
        self._max_bytes = max_bytes
        self._on_detection = on_detection
        self._begin()
        # Does not keep it alive: one that nobody holds any longer is closed by its finalizer.
        itself = weakref.ref(self)
        atexit.register(_close, itself)

    def _begin(self) -> None:
        self._process = os.getpid()
        self._changed = threading.Condition()
        self._waiting: deque[_Item] = deque()
        self._n_bytes = 0
        self._is_busy = False
        self._is_closed = False
        self._thread: threading.Thread | None = None
        self._answered = self._failed = self._dropped = self._submitted = 0
        self._latest: Detection | None = None

    def __reduce__(self) -> tuple[Any, ...]:
        arguments = (self._settings, self.project, self._max_rows, self._max_bytes, self._on_detection)
        return (type(self), arguments)

    def __repr__(self) -> str:
        return f"<Background of {self.project!r}: {self.counts}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def submit(self, rows: Any, *, truth: Any = None, context: Any = None, explain: bool | None = None) -> bool:
        """Leaves rows, in any form that ``predict`` takes, and returns at once: whether they were taken."""
        if self._process != os.getpid():
            self._begin()
        try:
            request = _flows.predict_request(self._settings, rows, self.project, truth, context, explain)
            item = _Item(request, len(request.body.in_memory or b"") if request.body else 0)
        except Exception as error:
            with self._changed:
                self._submitted += 1
                self._failed += 1
            self._tell(_flows.not_known(self.project, error, "ignore"))
            return False
        with self._changed:
            self._submitted += 1
            is_full = len(self._waiting) >= self._max_rows or self._n_bytes + item.n_bytes > self._max_bytes
            if is_full or self._is_closed:
                self._dropped += 1
                return False
            self._waiting.append(item)
            self._n_bytes += item.n_bytes
            if self._thread is None:
                self._thread = threading.Thread(target=_feed, args=(weakref.ref(self),), daemon=True)
                self._thread.name = f"drifting-{self.project}"
                self._thread.start()
            self._changed.notify_all()
        return True

    @property
    def counts(self) -> BackgroundCounts:
        """What has become of the rows so far."""
        with self._changed:
            waiting = len(self._waiting) + self._is_busy
            return BackgroundCounts(self._submitted, self._answered, self._failed, self._dropped, waiting)

    @property
    def latest(self) -> Detection | None:
        """The latest verdict, known or not."""
        return self._latest

    def flush(self, timeout: float | None = None) -> bool:
        """Waits until nothing waits any longer, for so many seconds at most: whether it came to that."""
        with self._changed:
            return self._changed.wait_for(lambda: not self._waiting and not self._is_busy, timeout)

    def close(self, timeout: float = 10.0) -> None:
        """Takes no more rows, waits for those that wait for so many seconds at most, and gives up the rest."""
        with self._changed:
            self._is_closed = True
            self._changed.notify_all()
        self.flush(timeout)
        with self._changed:
            self._dropped += len(self._waiting)
            self._waiting.clear()
            self._n_bytes = 0
            self._changed.notify_all()

    def _tell(self, detection: Detection) -> None:
        self._latest = detection
        if self._on_detection is not None:
            try:
                self._on_detection(detection)
            # What the caller does with a verdict ends neither the thread nor the model.
            except Exception as error:
                _flows.not_known(self.project, error, "warn")

    def _next(self) -> _Item | None:
        """Waits for rows; ``None`` at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._is_closed, timeout=1.0)
            if not self._waiting:
                return None
            item = self._waiting.popleft()
            self._n_bytes -= item.n_bytes
            self._is_busy = True
            return item

    def _done(self, detection: Detection) -> None:
        self._tell(detection)
        with self._changed:
            self._is_busy = False
            if detection.error is None:
                self._answered += 1
            else:
                self._failed += 1
            self._changed.notify_all()


def _close(of: weakref.ref[Background]) -> None:
    # What waits at a fork is for the process that was there before.
    if (queue := of()) is not None and queue._process == os.getpid():
        queue.close(_AT_EXIT)


def _feed(of: weakref.ref[Background]) -> None:
    """The thread: ends when the queue is closed and empty, or when nobody holds it."""
    queue = of()
    if queue is None:
        return
    settings, waiting = queue._settings, Waiting(queue._settings)
    try:
        while queue is not None:
            item = queue._next()
            if item is not None:
                queue._done(_judge(settings, waiting, queue.project, item.request))
            elif queue._is_closed:
                return
            # Between two looks the thread does not hold the queue.
            del queue
            queue = of()
    finally:
        waiting.close()


def _judge(settings: Settings, waiting: Waiting, project: str, request: Request) -> Detection:
    try:
        response = waiting.run(exchange(request, settings.retries))
        return read(drifting.models.Detection, response.json())
    except Exception as error:
        return _flows.not_known(project, error, "ignore")
