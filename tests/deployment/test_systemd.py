"""The unit of systemd: every line is understood, and little of the machine is left to the service."""

import re
from pathlib import Path

from conftest import DEPLOY, run

UNIT = DEPLOY / "systemd" / "drifting.service"
# On the scale of `systemd-analyze security`, in tenths; from 0, nothing, to 100, everything.
MOST_EXPOSED = 20


def verify(text: str, program: Path, folder: Path) -> str:
    """What systemd says against a unit, with the program where it is on this machine."""
    unit = folder / "drifting.service"
    unit.write_text(text.replace("/usr/local/bin/drifting", str(program)))
    done = run("systemd-analyze", "verify", "--man=no", unit)
    return done.stdout + done.stderr + ("" if done.returncode == 0 else f"exit code {done.returncode}")


def exposure(text: str, folder: Path) -> bool:
    """Whether the service is exposed no more than it may be."""
    unit = folder / "drifting.service"
    unit.write_text(text)
    done = run("systemd-analyze", "security", "--offline=yes", f"--threshold={MOST_EXPOSED}", "--no-pager", unit)
    assert "exposure level" in done.stdout, done.stderr
    return done.returncode == 0


def test_every_line_is_understood(program: Path, tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert verify(text, program, tmp_path) == ""
    for right, wrong in {
        "ProtectHome=yes": "ProtectHom=yes",
        "PrivateTmp=yes": "PrivateTmp=perhaps",
        "SystemCallFilter=@system-service": "SystemCallFilter=@systems-service",
        "serve": "\nExecStart=/nowhere/drifting",
    }.items():
        assert right in text and verify(text.replace(right, wrong, 1), program, tmp_path), wrong


def test_little_is_left_to_it(tmp_path: Path) -> None:
    text = UNIT.read_text()
    assert exposure(text, tmp_path)
    weaker = re.sub(r"^(Protect|Private|Restrict|System|Capability|Dynamic).*\n", "", text, flags=re.MULTILINE)
    assert not exposure(weaker, tmp_path)


def seconds(text: str, name: str) -> int:
    return int(re.search(rf"^{name}=(\d+)s?$", text, re.MULTILINE)[1])


def test_it_is_not_killed_before_the_server_may_have_ended() -> None:
    environment = (UNIT.parent / "drifting.env").read_text()
    least = seconds(environment, "DRIFTING_DRAIN_DELAY") + seconds(environment, "DRIFTING_SHUTDOWN_TIMEOUT") + 65
    assert seconds(UNIT.read_text(), "TimeoutStopSec") >= least
