"""Runs the blocks of a page, as somebody who follows it would: one shell and one Python, which go on from block to block, and a terminal
for each server. Within the sandbox, with Python's own library alone.

Reads the blocks as JSON from its standard input and writes as JSON what became of each; after the first that fails it stops.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

SECONDS = 120
FOLDER = Path("/tmp/blocks")
# A block of Python in the names of those before it; the loop ends with the first exception.
PYTHON = """
import contextlib, sys, traceback
names = {"__name__": "__main__"}
for line in sys.stdin:
    stem, place = line.rstrip("\\n").split(" ", 1)
    with (
        open(stem + ".code") as code,
        open(stem + ".out", "w", buffering=1) as out,
        open(stem + ".err", "w", buffering=1) as err,
        contextlib.redirect_stdout(out),
        contextlib.redirect_stderr(err),
    ):
        try:
            exec(compile(code.read(), place, "exec"), names)
        except Exception:
            traceback.print_exc()
            raise SystemExit(1)
    open(stem + ".done", "w").close()
"""


class Session:
    """A program that takes blocks from its standard input, one after the other."""

    def __init__(self, command: list[str]) -> None:
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=sys.stderr, text=True)

    def run(self, line: str, stem: Path) -> int:
        """The exit code: 0, or that with which the program ended; -1 where neither came in time."""
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if stem.with_suffix(".done").exists():
                return 0
            if (code := self.process.poll()) is not None:
                return code
            time.sleep(0.005)
        return -1

    def end(self) -> int:
        self.process.stdin.close()
        try:
            return self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return -1


class Terminal:
    """A shell that a server holds until somebody interrupts it."""

    def __init__(self, stem: Path, folder: str) -> None:
        self.out = stem.with_suffix(".out")
        with self.out.open("w") as out, stem.with_suffix(".err").open("w") as err:
            self.process = subprocess.Popen(
                ["bash", "-e", str(stem.with_suffix(".code"))],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,
                # What is started in the background of a script ignores interrupts otherwise.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def is_serving(self) -> int:
        """0 once a server says where it listens; else the exit code, or -1."""
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if "listening on" in self.out.read_text():
                return 0
            if (code := self.process.poll()) is not None:
                return code or -1
            time.sleep(0.005)
        return -1

    def interrupt(self) -> int:
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGINT)
        try:
            code = self.process.wait(40)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            return -1
        return 0 if code in (0, 130, -signal.SIGINT) else code


def main() -> None:
    FOLDER.mkdir()
    shell = Session(["bash", "--noprofile", "--norc", "-e"])
    python = Session([sys.executable, "-u", "-c", PYTHON])
    terminal = None
    results = []
    for number, block in enumerate(json.load(sys.stdin)):
        began = time.monotonic()
        stem = FOLDER / str(number)

        def run(text: str, stem: Path, block: dict = block) -> int:
            stem.with_suffix(".code").write_text(text)
            if block["is_python"]:
                return python.run(f"{stem} {block['place']}", stem)
            return shell.run(sourced(stem), stem)

        code = 0
        if block["first"]:
            before = FOLDER / f"{number}-first"
            code = run(block["first"], before)
            stem = before if code else stem
        if code == 0:
            if block["is_held"]:
                code = terminal.interrupt() if terminal else 0
                stem.with_suffix(".code").write_text(block["text"])
                terminal = Terminal(stem, os.readlink(f"/proc/{shell.process.pid}/cwd"))
                code = code or terminal.is_serving()
            else:
                code = run(block["text"], stem)
        said = {name: read(stem.with_suffix(f".{name}")) for name in ("out", "err")}
        results.append({"code": code, "seconds": time.monotonic() - began, **said})
        if code != 0:
            break
    endings = [python.end(), terminal.interrupt() if terminal else 0, shell.end()]
    json.dump({"results": results, "endings": endings}, sys.stdout)


def sourced(stem: Path) -> str:
    """Without anything to read, so that no command takes the lines that follow; the shell ends with the first that fails."""
    return f". {stem}.code </dev/null >{stem}.out 2>{stem}.err; : >{stem}.done"


def read(file: Path) -> str:
    return file.read_text(errors="replace") if file.exists() else ""


main()
