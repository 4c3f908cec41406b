"""Where the files that are checked are, and the programs that the checks start."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
BIN = Path(sys.executable).parent


def needed(name: str) -> Path:
    """A path that the test of the workspace says in the environment."""
    if name not in os.environ:
        pytest.fail(f"{name} is not set: these checks are run by `cargo nextest run -p drifting deployment`")
    return Path(os.environ[name])


def run(*command: object, **options: Any) -> subprocess.CompletedProcess[str]:
    """A program that ends, and what it said."""
    return subprocess.run([str(part) for part in command], capture_output=True, text=True, timeout=300, **options)


@pytest.fixture(scope="session")
def program() -> Path:
    """The built server."""
    return needed("DRIFTING_PROGRAM")


@pytest.fixture(scope="session")
def prometheus() -> Path:
    """The folder of Prometheus and promtool."""
    return needed("PROMETHEUS_PROGRAMS")


@pytest.fixture(scope="session")
def node_modules() -> Path:
    """The packages of package.json."""
    return needed("DEPLOYMENT_NODE") / "node_modules"


@pytest.fixture(scope="session")
def settings(program: Path) -> set[str]:
    """The names of all settings of the server, as they stand in drifting.yaml."""
    shown = run(program, "config", "show", "--json", env={}, cwd="/")
    assert shown.returncode == 0, shown.stderr
    return {setting["name"] for setting in json.loads(shown.stdout)["settings"]}
