"""A server of the program on a free port of loopback, and a client of its interface."""

import http.client
import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Self

SETTINGS = ("--database-uri", "none", "--port", "0", "--grpc-port", "none", "--log-level", "warn")


class Refused(Exception):
    """An answer that is none of success, with the sentence of the server."""

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        super().__init__(problem.get("detail", f"an answer with the status {status}"))
        self.status = status


class Server:
    """A running server, whose projects are in a temporary folder that goes with it."""

    def __init__(self, program: Path, *arguments: str, wrapper: tuple[str, ...] = ()) -> None:
        self._folder = tempfile.TemporaryDirectory()
        place = f"{self._folder.name}/projects"
        command = [*wrapper, str(program), "serve", "--artifacts-path", place, *SETTINGS, *arguments]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        listening = self._process.stdout.readline() if self._process.stdout else ""
        if "http://" not in listening:
            raise RuntimeError(f"expected an address from {program}, {listening!r} came")
        self._host = listening.split("http://")[1].strip()
        self._connection = http.client.HTTPConnection(self._host)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def processor_time(self) -> float:
        """What all threads of the server have used so far, in seconds."""
        fields = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def most_memory(self) -> int:
        """The most memory that the server has had, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024

    def send(self, path: str, body: bytes, content_type: str) -> dict[str, Any]:
        """Posts a body; the answer. Raises `Refused` where it is not taken."""
        self._connection.request("POST", f"/api/v1/{path}", body, {"content-type": content_type})
        answer = self._connection.getresponse()
        told: dict[str, Any] = json.loads(answer.read())
        if answer.status >= 300:
            raise Refused(answer.status, told)
        return told

    def post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """Posts JSON."""
        return self.send(path, json.dumps(body).encode(), "application/json")

    def fit(self, project: str, drift_type: str, data: Any, detector: dict[str, Any], **settings: Any) -> dict[str, Any]:
        """Fits a project, or fits it anew."""
        body = {"drift_type": drift_type, "data": data, "detector": detector, "overwrite": True, **settings}
        return self.post(f"projects/{project}/fit", body)

    def predict(self, project: str, data: Any, **settings: Any) -> dict[str, Any]:
        """Feeds rows."""
        return self.post(f"projects/{project}/predict", {"data": data, **settings})

    def backtest(self, data: Any, candidates: list[dict[str, Any]], **settings: Any) -> list[dict[str, Any]]:
        """Replays a history; what became of each candidate."""
        told = self.post("backtest", {"data": data, "candidates": candidates, **settings})
        outcomes: list[dict[str, Any]] = told["candidates"]
        return outcomes
