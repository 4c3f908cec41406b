"""Servers that checks start on loopback, and stop."""

import json
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def ask(
    url: str, key: str = "", body: Any = None, form: str = "application/json", accept: str = "*/*"
) -> tuple[int, bytes]:
    """The status and the body of an answer; 0 where there is none."""
    data = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    headers = {"Accept": accept}
    if data is not None:
        headers["Content-Type"] = form
    if key:
        headers["Authorization"] = f"Bearer {key}"
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data, headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()
    except OSError:
        return 0, b""


def wait_until(done: Callable[[], bool], process: subprocess.Popen[bytes], log: Path, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert process.poll() is None and time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


@contextmanager
def running(command: list[object], log: Path, **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """A process in a group of its own, which is ended with all that it has started."""
    with log.open("ab") as file:
        process = subprocess.Popen(
            [str(part) for part in command],
            stdout=file,
            stderr=file,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
            **options,
        )
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(30)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


def fit(url: str, key: str, project: str = "price") -> None:
    """A small project, and rows that drift at once."""
    values = [n * 37 % 101 / 101 for n in range(60)]
    detector = {"ert": 20, "window_sizes": [4], "n_bootstraps": 2000}
    body = {"drift_type": "label", "data": values, "detector": detector, "overwrite": True}
    status, answer = ask(f"{url}/api/v1/projects/{project}/fit", key, body)
    assert status in (200, 201), answer


def predict(url: str, key: str, data: list[float], project: str = "price") -> dict[str, Any]:
    status, answer = ask(f"{url}/api/v1/projects/{project}/predict", key, {"data": data})
    assert status == 200, answer
    return json.loads(answer)
