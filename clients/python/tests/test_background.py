"""The queue that never blocks its caller, and says what became of everything."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from pathlib import Path

import numpy as np
import pytest

import drifting
from conftest import QUICK
from unkind import is_silent, unkind

SOURCES = Path(__file__).parents[1] / "src"


def balanced(counts: drifting.BackgroundCounts) -> bool:
    return counts.submitted == counts.answered + counts.failed + counts.dropped + counts.waiting


def test_rows_are_fed_in_their_order(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, **QUICK)
    told: list[drifting.Detection] = []
    with client.background(project, on_detection=told.append) as queue:
        assert all(queue.submit(value) for value in [*prices[:50], *[5.0] * 50])
        assert queue.flush(30)
    assert [verdict.time for verdict in told] == list(range(1, 101))
    assert told[-1].is_drift
    assert queue.latest == told[-1]
    assert queue.counts == drifting.BackgroundCounts(100, 100, 0, 0, 0)
    assert not queue.submit(1.0)
    assert queue.counts.dropped == 1


def test_what_is_left_is_a_copy(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, kind="ks")
    row = np.array(prices[:20])
    with client.background(project) as queue:
        queue.submit(row)
        row[:] = 1e9
    assert queue.latest is not None
    assert queue.latest.is_drift is False


def test_a_server_that_says_nothing_holds_nobody_up() -> None:
    with unkind(is_silent) as seen:
        client = drifting.Client(seen.url, timeout=3.0, retries=0)
        queue = client.background("any", max_rows=10)
        began = time.monotonic()
        taken = [queue.submit(1.0) for _ in range(1_000)]
        assert time.monotonic() - began < 2.5
        assert taken.count(True) in (10, 11)
        counts = queue.counts
        assert balanced(counts)
        assert counts.dropped == 1_000 - taken.count(True)
        assert not queue.flush(0.1)
        began = time.monotonic()
        queue.close(timeout=0.1)
        assert time.monotonic() - began < 2.0
        assert balanced(queue.counts)


def test_bytes_are_bounded_too() -> None:
    with unkind(is_silent) as seen:
        queue = drifting.Client(seen.url, timeout=0.5, retries=0).background("any", max_bytes=1_000)
        assert not queue.submit([1.0] * 1_000)
        assert queue.submit(1.0)
        queue.close(0)


def test_what_fails_is_counted_and_told(client: drifting.Client, project: str) -> None:
    told: list[drifting.Detection] = []
    client.fit([1.0, 2.0], project, kind="dummy")
    with client.background(project, on_detection=told.append) as queue:
        assert not queue.submit(object())
        queue.submit({"a": 1.0, "b": 2.0})
        queue.submit(1.0)
    assert queue.counts == drifting.BackgroundCounts(3, 1, 2, 0, 0)
    assert [verdict.is_drift for verdict in told] == [None, None, False]
    assert isinstance(told[1].error, drifting.errors.InvalidDataError)


@pytest.mark.filterwarnings("ignore::drifting.DriftingWarning")
def test_what_the_caller_does_with_a_verdict_ends_nothing(client: drifting.Client, project: str) -> None:
    def fail(_: drifting.Detection) -> None:
        raise RuntimeError("broken")

    client.fit([1.0, 2.0], project, kind="dummy")
    with client.background(project, on_detection=fail) as queue:
        queue.submit(1.0)
        queue.submit(1.0)
    assert queue.counts.answered == 2


def test_a_queue_that_nobody_holds_ends_its_thread(client: drifting.Client, project: str) -> None:
    client.fit([1.0, 2.0], project, kind="dummy")
    queue = client.background(project)
    queue.submit(1.0)
    assert queue.flush(10)
    name = f"drifting-{project}"
    assert name in [thread.name for thread in threading.enumerate()]
    del queue
    deadline = time.monotonic() + 5
    while name in [thread.name for thread in threading.enumerate()] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert name not in [thread.name for thread in threading.enumerate()]


def test_a_copy_and_a_fork_begin_anew(client: drifting.Client, project: str) -> None:
    client.fit([1.0, 2.0], project, kind="dummy")
    with client.background(project) as queue:
        queue.submit(1.0)
        queue.flush(10)
        with pickle.loads(pickle.dumps(queue)) as carried:
            assert carried.counts.submitted == 0
            assert carried.submit(1.0)
        assert carried.counts.answered == 1
        child = os.fork()
        if child == 0:
            fine = queue.submit(1.0) and queue.flush(10) and queue.counts.answered == 1
            os._exit(0 if fine else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
        assert queue.counts.submitted == 1
    assert client.projects.get(project).rows_seen == 3


def test_what_waits_at_the_end_of_the_program_is_sent(server: drifting.LocalServer, project: str) -> None:
    client = server.client()
    client.fit([1.0, 2.0], project, kind="dummy")
    program = (
        f"import drifting\nqueue = drifting.Client({server.url!r}).background({project!r})\n"
        "for _ in range(20):\n    queue.submit(1.0)\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, timeout=60, env={**os.environ, "PYTHONPATH": str(SOURCES)})
    assert client.projects.get(project).rows_seen == 20


def test_a_queue_holds_something() -> None:
    for max_rows, max_bytes in ((0, 1), (1, 0)):
        with pytest.raises(ValueError, match="expected"):
            drifting.Client().background("any", max_rows=max_rows, max_bytes=max_bytes)
