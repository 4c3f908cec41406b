"""``python -m drifting`` is the command ``drifting``."""

from __future__ import annotations

import os
import subprocess
import sys

from drifting import _program
from drifting.errors import LocalServerError


def main() -> None:
    """Becomes the program, with the arguments that came."""
    try:
        program = str(_program.find())
    except LocalServerError as error:
        sys.exit(str(error))
    environment = _program.environment()
    if os.name == "nt":
        sys.exit(subprocess.run([program, *sys.argv[1:]], env=environment, check=False).returncode)
    os.execve(program, [program, *sys.argv[1:]], environment)


if __name__ == "__main__":
    main()
