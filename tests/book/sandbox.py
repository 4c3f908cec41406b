"""A machine of its own for each page: a user `you` in an empty home, who reaches nothing but this machine, where all ports are free."""

import json
import os
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import page

ROOT = Path(__file__).parents[2]
PROGRAM = Path(os.environ["DRIFTING_PROGRAM"])
# The Python of the reader: with our client, and the libraries whose data it takes.
ENVIRONMENT = Path(os.environ["READER_ENVIRONMENT"])
# A server that speaks S3, as `moto_server`.
STORES = Path(os.environ["OBJECT_STORES"])
# The folder of the client; the environment may have one of its own.
CLIENT = Path(os.environ.get("READER_CLIENT", ROOT / "clients/python/src"))
INSIDE = Path(__file__).parent / "inside.py"


@dataclass
class Outcome:
    """What became of a block."""

    code: int
    seconds: float
    out: str
    err: str


@dataclass
class Reading:
    """What became of the blocks that were run, up to the first that failed."""

    outcomes: list[Outcome]
    # How Python, the server and the shell ended; all 0 where nothing went wrong.
    endings: list[int]


def follow(blocks: list[page.Block]) -> Reading:
    """Does what the blocks of a page say."""
    steps = [
        {
            "place": block.place,
            "first": block.first,
            "text": f"{{ {block.by}\n}} <<'END OF BLOCK'\n{block.text}END OF BLOCK\n" if block.by else block.text,
            "is_held": block.is_held,
            "is_python": block.language == page.PYTHON,
        }
        for block in blocks
    ]
    with tempfile.TemporaryDirectory() as folder:
        home, users = Path(folder) / "home", Path(folder) / "passwd"
        home.mkdir()
        # A request that is refused fails its block, as a command does.
        (home / ".curlrc").write_text("fail-with-body\n")
        users.write_text("you:x:1000:1000::/home/you:/bin/bash\n")
        done = subprocess.run(
            _command(home, users),
            input=json.dumps(steps),
            stdout=subprocess.PIPE,
            text=True,
            timeout=600,
            check=True,
        )
    told = json.loads(done.stdout)
    return Reading([Outcome(**result) for result in told["results"]], told["endings"])


def _command(home: Path, users: Path) -> list[str]:
    variables = {
        "HOME": "/home/you",
        "USER": "you",
        "LANG": "C.UTF-8",
        "PATH": f"/opt/drifting/bin:{ENVIRONMENT}/bin:{STORES}/bin:/usr/local/bin:/usr/bin:/bin",
        "PYTHONPATH": str(CLIENT),
        "PYTHONPYCACHEPREFIX": "/tmp/compiled",
    }
    # All of this machine to read, but for what others have left in these folders.
    mounts: list[str | Path] = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    for place in ("/tmp", "/home", "/srv", "/run", "/opt"):
        mounts += ["--tmpfs", place]
    for path in (ENVIRONMENT, STORES, CLIENT, INSIDE):
        mounts += ["--ro-bind", path, path]
    mounts += ["--ro-bind", users, "/etc/passwd", "--ro-bind", PROGRAM, "/opt/drifting/bin/drifting"]
    mounts += ["--bind", home, "/home/you", "--chdir", "/home/you"]
    separate = ["--unshare-user", "--uid", "1000", "--gid", "1000", "--unshare-net", "--unshare-pid", "--unshare-ipc"]
    settings = [part for name, value in variables.items() for part in ("--setenv", name, value)]
    command = [
        "bwrap",
        *separate,
        "--die-with-parent",
        "--clearenv",
        *mounts,
        *settings,
        f"{ENVIRONMENT}/bin/python3",
        INSIDE,
    ]
    return [str(part) for part in command]
