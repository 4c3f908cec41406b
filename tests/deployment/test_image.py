"""The image: what it is built from, and a server in the very tree that it holds."""

import fnmatch
import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

import serving
from conftest import BIN, DEPLOY, ROOT, run

DOCKERFILE = DEPLOY / "Dockerfile"
KEY = "a key of at least sixteen"
# Platforms draw a user of their own, of the group 0.
USERS = {"as it is": (65532, 65532), "drawn at random": (1000660000, 0)}


def test_the_linter_finds_nothing(tmp_path: Path) -> None:
    done = run(BIN / "hadolint", "--no-color", DOCKERFILE)
    assert done.returncode == 0, done.stdout
    broken = tmp_path / "Dockerfile"
    broken.write_text(DOCKERFILE.read_text().replace("WORKDIR /source", "WORKDIR source"))
    assert run(BIN / "hadolint", broken).returncode != 0


def test_bases_are_pinned_and_the_user_has_no_rights() -> None:
    text = DOCKERFILE.read_text()
    bases = re.findall(r"^FROM (\S+)", text, re.MULTILINE)
    assert bases and all(base == "scratch" or re.search(r":[^@]+@sha256:[0-9a-f]{64}$", base) for base in bases), bases
    assert re.findall(r"^USER (.+)$", text, re.MULTILINE) == ["65532:65532"]
    assert re.search(r"^ARG VERSION=(.+)$", text, re.MULTILINE)[1] in (ROOT / "Cargo.toml").read_text()


def ignored(path: str, patterns: list[str]) -> bool:
    """As .dockerignore is read: the last pattern that matches a path, or a folder above it, decides."""
    decided = False
    parts = path.split("/")
    above = ["/".join(parts[:n]) for n in range(1, len(parts) + 1)]
    for pattern in patterns:
        if any(fnmatch.fnmatch(one, pattern.removeprefix("!").replace("**", "*")) for one in above):
            decided = not pattern.startswith("!")
    return decided


def test_the_build_is_given_what_it_needs(tmp_path: Path) -> None:
    """Cargo finds every package and target in what .dockerignore lets through."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    listed = run("git", "-C", ROOT, "ls-files", "--cached", "--others", "--exclude-standard").stdout.splitlines()
    sent = [path for path in listed if not ignored(path, patterns)]
    assert "deploy/image/assemble" in sent and not any(path.startswith(("docs/", "deploy/helm/")) for path in sent)
    for path in sent:
        if (ROOT / path).is_file():
            (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / path, tmp_path / path)
    done = run("cargo", "metadata", "--no-deps", "--offline", "--locked", "--format-version", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    # Files that sources take in, tests aside.
    for source in (path for path in sent if path.endswith(".rs") and not re.search(r"(^|/)tests(/|\.rs$)", path)):
        for name in re.findall(r'include_(?:str|bytes)!\("([^"]+)"\)', (ROOT / source).read_text()):
            assert ((tmp_path / source).parent / name).exists(), f"{source}: {name}"


@pytest.fixture(scope="module")
def tree(program: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("image") / "root"
    done = run(DEPLOY / "image" / "assemble", program, root)
    assert done.returncode == 0, done.stderr
    # Which engines of containers bring.
    for name in ("dev", "proc"):
        (root / name).mkdir()
    return root


def test_the_tree_holds_little(tree: Path) -> None:
    files = {str(file.relative_to(tree)) for file in tree.rglob("*") if file.is_file()}
    settings = r"etc/(passwd|group|nsswitch\.conf|os-release|ssl/certs/ca-certificates\.crt)"
    allowed = rf"usr/local/bin/drifting|{settings}|var/lib/dpkg/status\.d/.*"
    others = {file for file in files if not re.fullmatch(allowed, file)}
    assert others and all(re.fullmatch(r"(usr/)?lib(64)?/.*\.so(\.\d+)*", file) for file in others), others
    modes = {name: (tree / name).stat().st_mode & 0o7777 for name in ("data", "tmp", "usr/local/bin/drifting")}
    assert modes == {"data": 0o775, "tmp": 0o1777, "usr/local/bin/drifting": 0o755}


def environment() -> dict[str, str]:
    """What the Dockerfile says with ENV."""
    block = re.search(r"^ENV (DRIFTING_(?:.*\\\n)*.*)$", DOCKERFILE.read_text(), re.MULTILINE)[1]
    return dict(pair.split("=", 1) for pair in block.replace("\\\n", " ").split())


def contained(tree: Path, data: Path, user: tuple[int, int], *arguments: object) -> list[object]:
    """The program as a container has it: a root that cannot be written, a volume, no rights, the first process."""
    uid, gid = user
    separate = [
        "bwrap",
        "--unshare-user",
        "--uid",
        uid,
        "--gid",
        gid,
        "--unshare-pid",
        "--as-pid-1",
        "--cap-drop",
        "ALL",
    ]
    mounts = ["--ro-bind", tree, "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp", "--bind", data, "/data"]
    return [*separate, *mounts, "--die-with-parent", "--chdir", "/data", "/usr/local/bin/drifting", *arguments]


def stop(process: subprocess.Popen[bytes]) -> int:
    """What an engine of containers does: a signal to the first process inside. Gives the exit code."""
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    os.kill(int(children[0]), signal.SIGTERM)
    return process.wait(40)


@pytest.mark.parametrize("user", USERS)
def test_a_server_works_in_the_tree(tree: Path, user: str, tmp_path: Path) -> None:
    port, log, data = serving.free_port(), tmp_path / "log", tmp_path / "data"
    url = f"http://127.0.0.1:{port}"
    data.mkdir()
    variables = environment() | {"DRIFTING_API_KEY": KEY, "DRIFTING_PORT": str(port), "DRIFTING_GRPC_PORT": "none"}
    for expected in (1, 2):
        with serving.running(contained(tree, data, USERS[user], "serve"), log, env=variables) as process:
            serving.wait_until(lambda: serving.ask(f"{url}/readyz")[0] == 200, process, log)
            assert serving.ask(f"{url}/api/v1/projects")[0] == 401
            if expected == 1:
                serving.fit(url, KEY)
            assert serving.predict(url, KEY, [0.5])["time"] == expected
            assert stop(process) == 0, log.read_text()
    assert (data / "projects" / "price" / "configuration.yaml").is_file()
    # No Postgres is there, so that metrics are in a file, on the volume too.
    assert (data / "projects-metrics" / "metrics.sqlite").is_file()


def test_without_a_key_it_does_not_start(tree: Path, tmp_path: Path) -> None:
    done = run(*contained(tree, tmp_path, USERS["as it is"], "serve"), env=environment())
    assert done.returncode != 0 and "needs a key" in done.stderr, done.stderr


def test_a_tree_that_lacks_a_library_does_not_run(tree: Path, tmp_path: Path) -> None:
    assert run(*contained(tree, tmp_path, USERS["as it is"], "--version"), env={}).returncode == 0
    broken = tmp_path / "root"
    shutil.copytree(tree, broken)
    next(broken.rglob("libgcc_s.so*")).unlink()
    assert run(*contained(broken, tmp_path, USERS["as it is"], "--version"), env={}).returncode != 0
