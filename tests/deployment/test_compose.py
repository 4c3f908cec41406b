"""The compose file: right by its schema and in itself, and its services work together as it says."""

import itertools
import json
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

import serving
from compose import FILE, SECRETS, Stack, read
from conftest import BIN, DEPLOY, run


def schema_faults(file: Path) -> str:
    done = run(BIN / "check-jsonschema", "--builtin-schema", "vendor.compose-spec", file)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_it_is_right_by_the_schema_of_compose_files(tmp_path: Path) -> None:
    assert not schema_faults(FILE)
    for right, wrong in {
        "cap_drop: [ALL]": "cap_drop: ALL",
        "restart:": "restarts:",
        "condition: service_healthy": "condition: up",
    }.items():
        assert right in FILE.read_text()
        broken = tmp_path / "compose.yaml"
        broken.write_text(FILE.read_text().replace(right, wrong, 1))
        assert schema_faults(broken), wrong


def test_it_says_nothing_that_is_not_there() -> None:
    compose = read()
    for name, service in compose["services"].items():
        assert set(service.get("secrets", [])) <= compose["secrets"].keys(), name
        assert {volume.split(":")[0] for volume in service.get("volumes", [])} <= compose["volumes"].keys(), name
        assert set(service.get("networks", [])) <= compose["networks"].keys() | {"default"}, name
        for needed_one, how in service.get("depends_on", {}).items():
            assert how == {"condition": "service_healthy"} and "healthcheck" in compose["services"][needed_one]
        # Pinned to more than a name, but for the one that is built.
        assert "build" in service or re.search(r":\d+\.\d+", service["image"]), name
    assert (FILE.parent / compose["services"]["drifting"]["build"]["context"] / "deploy" / "Dockerfile").is_file()


def test_no_secret_has_a_default_and_each_is_explained() -> None:
    asked = set(re.findall(r"\$\{([A-Z0-9_]+)", FILE.read_text())) | {"POSTGRES_PASSWORD"}
    example = dict(
        line.split("=", 1) for line in (DEPLOY / ".env.example").read_text().splitlines() if re.match(r"\w+=", line)
    )
    assert asked == example.keys()
    assert {name for name, value in example.items() if not value} == SECRETS.keys()


def test_nothing_is_open_to_the_network_and_the_server_has_no_rights() -> None:
    services = read()["services"]
    published = [port for service in services.values() for port in service.get("ports", [])]
    assert published and all(port.startswith("127.0.0.1:") for port in published)
    server = services["drifting"]
    assert server["read_only"] is True and server["cap_drop"] == ["ALL"]
    environment = server["environment"]
    assert environment["DRIFTING_API_KEY"] and "DRIFTING_INSECURE_NO_AUTH" not in environment
    assert int(server["stop_grace_period"].removesuffix("s")) >= 25 + 65


@pytest.fixture
def stack(tmp_path: Path, program: Path) -> Iterator[Stack]:
    # The unprivileged user of Postgres must get in.
    for folder in itertools.takewhile(
        lambda folder: folder != Path(tempfile.gettempdir()), [tmp_path, *tmp_path.parents]
    ):
        folder.chmod(0o755)
    with ExitStack() as opened:
        yield Stack(tmp_path, opened, program)


def test_its_services_work_together(stack: Stack) -> None:
    password = stack.folder / "password"
    password.write_text(SECRETS["POSTGRES_PASSWORD"])
    password.chmod(0o444)
    s3, postgres = stack.start_s3(), stack.start_postgres(password)
    url, process = stack.start_server(s3, postgres, password)
    key = SECRETS["DRIFTING_API_KEY"]
    assert serving.ask(f"{url}/api/v1/projects")[0] == 401
    serving.fit(url, key)
    for expected in range(1, 5):
        assert serving.predict(url, key, [0.5])["time"] == expected

    def trend() -> list[Any]:
        status, answer = serving.ask(f"{url}/api/v1/projects/price/metrics", key)
        return json.loads(answer)["metrics"] if status == 200 else []

    # From the database, into which they come behind the answers.
    serving.wait_until(lambda: len(trend()) == 4, process, stack.log)
    assert "drifting_metrics_database_up 1" in serving.ask(f"{url}/metrics", key)[1].decode()
    process.terminate()
    assert process.wait(40) == 0
    # The state is in the bucket: a server with nothing of its own goes on.
    shutil.rmtree(stack.folder / "cache")
    url, _ = stack.start_server(s3, postgres, password)
    assert serving.predict(url, key, [0.5])["time"] == 5
