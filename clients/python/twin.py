"""Writes the asynchronous client from the synchronous one, so that nobody writes it twice: ``python twin.py``.

A method that waits becomes a coroutine; names of classes and two docstrings change; all else is the same.
"""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
import sys
from pathlib import Path

SOURCE = Path(__file__).parent / "src" / "drifting"

MODULE = '"""The client for asyncio. Written by ``twin.py`` from ``_client.py``."""'
CLIENT = '''    """A client of a drifting server for asyncio, to be used by one event loop at a time.

    Its methods are those of ``Client``, as coroutines, and so are its arguments.
    """
'''

NAMES = {
    r"\bWaiting\b": "Awaiting",
    r"\bClient\b": "AsyncClient",
    r"\bProjects\b": "AsyncProjects",
    r"\bOperations\b": "AsyncOperations",
    r"\b__enter__\b": "__aenter__",
    r"\b__exit__\b": "__aexit__",
    r"\bself\._waiting\.": "await self._waiting.",
    r"^(\s+)self\.close\(\)": r"\1await self.close()",
}
ALWAYS = {"__enter__", "__exit__", "close"}


def written() -> str:
    """The text of the asynchronous client."""
    source = (SOURCE / "_client.py").read_text()
    tree = ast.parse(source)
    lines = source.splitlines(keepends=True)
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef):
            methods = [member for member in node.body if isinstance(member, ast.FunctionDef)]
            waiting = {method.name for method in methods if "self._waiting.run" in ast.unparse(method)} | ALWAYS
            for method in methods:
                if method.name in waiting:
                    line = method.lineno - 1
                    lines[line] = lines[line].replace("def ", "async def ", 1)
    client = next(node for node in tree.body if isinstance(node, ast.ClassDef) and node.name == "Client")
    docstring = client.body[0]
    lines[docstring.lineno - 1 : docstring.end_lineno] = [CLIENT]
    lines[0] = MODULE + "\n"
    text = "".join(lines)
    for pattern, name in NAMES.items():
        # Docstrings speak of the client that everybody knows.
        text = re.sub(rf"(?<!``){pattern}" if pattern.startswith(r"\b") else pattern, name, text, flags=re.MULTILINE)
    return _formatted(text)


def _formatted(text: str) -> str:
    ruff = shutil.which("ruff", path=str(Path(sys.executable).parent)) or "ruff"
    for arguments in (["check", "--select", "I", "--fix", "--quiet"], ["format"]):
        command = [ruff, *arguments, "--stdin-filename", "src/drifting/_async_client.py", "-"]
        text = subprocess.run(
            command, input=text, capture_output=True, text=True, check=True, cwd=Path(__file__).parent
        ).stdout
    return text


if __name__ == "__main__":
    (SOURCE / "_async_client.py").write_text(written())
