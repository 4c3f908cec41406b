"""The compose file as compose reads it, and its services on loopback, by the commands and variables that it says."""

import json
import os
import pwd
import re
import shutil
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import yaml

import serving
from conftest import DEPLOY, needed, run

FILE = DEPLOY / "compose.yaml"
SECRETS = {
    "DRIFTING_API_KEY": "the key of a test",
    "POSTGRES_PASSWORD": "the word of a test",
    "S3_SECRET_KEY": "the secret of a test",
}


def read() -> dict[str, Any]:
    """The file as compose reads it, with the secrets of a test."""

    def value(match: re.Match[str]) -> str:
        name, rest = match[1], match[2] or ""
        if name not in SECRETS and not rest.startswith(":-"):
            raise KeyError(name)
        return SECRETS.get(name, rest[2:])

    return yaml.safe_load(re.sub(r"\$\{([A-Z0-9_]+)(:[-?][^}]*)?\}", value, FILE.read_text()))


class Stack:
    """The services of the file on loopback: what the file says, with ports of this machine."""

    def __init__(self, folder: Path, stack: ExitStack, program: Path) -> None:
        self.services, self.folder, self.stack, self.program = read()["services"], folder, stack, program
        self.log = folder / "log"
        self.log.touch()

    def healthy(self, service: str, replaced: dict[str, str]) -> bool:
        """What the check of a service's health says, with the programs of this machine."""
        test = self.services[service]["healthcheck"]["test"]
        assert test[0] == "CMD"
        command = test[1:]
        for old, new in replaced.items():
            command = [part.replace(old, new) for part in command]
        return run(*command).returncode == 0

    def start_s3(self) -> int:
        service = self.services["s3"]
        s3, filer, others = serving.free_port(), serving.free_port(), [serving.free_port() for _ in range(3)]
        command = [
            part.replace("-ip=s3", "-ip=127.0.0.1").replace("0.0.0.0", "127.0.0.1") for part in service["command"]
        ]
        command = [part.replace("/data", str(self.folder / "s3")) for part in command]
        ports = [
            f"-s3.port={s3}",
            f"-filer.port={filer}",
            *(f"-{name}.port={n}" for name, n in zip(("master", "volume", "admin"), others)),
        ]
        # Ports for gRPC are those and ten thousand more, which may not be there.
        ports += [f"-{name}.port.grpc={serving.free_port()}" for name in ("s3", "filer", "master", "volume", "admin")]
        (self.folder / "s3").mkdir()
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder)} | service["environment"]
        weed = [needed("WEED"), "-logtostderr=true", *command, *ports]
        process = self.stack.enter_context(serving.running(weed, self.log, env=environment, cwd=self.folder))
        serving.wait_until(lambda: self.healthy("s3", {":8888": f":{filer}"}), process, self.log)
        for port in (s3, filer, *others, *(int(part.rsplit("=", 1)[1]) for part in ports)):
            for kind in (
                "s3",
                "filer",
                "master",
                "volume",
                "admin",
                "s3-grpc",
                "filer-grpc",
                "master-grpc",
                "volume-grpc",
                "admin-grpc",
            ):
                socket = Path(f"/tmp/seaweedfs-{kind}-{port}.sock")
                self.stack.callback(socket.unlink, missing_ok=True)
        return s3

    def start_postgres(self, password: Path) -> int:
        """As the image of Postgres makes it: a user, a database of that name, a password asked for over TCP."""
        said = self.services["postgres"]["environment"]
        found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[4])) or [
            Path(shutil.which("initdb") or "")
        ]
        programs, data, port = found[-1].parent, self.folder / "postgres", serving.free_port()
        options: dict[str, Any] = {"cwd": self.folder}
        data.mkdir(mode=0o700)
        if os.getuid() == 0:
            # Postgres refuses to be run by root.
            nobody = pwd.getpwnam("nobody")
            os.chown(data, nobody.pw_uid, nobody.pw_gid)
            options |= {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": []}
        made = run(
            programs / "initdb",
            "--pgdata",
            data,
            f"--username={said['POSTGRES_USER']}",
            f"--pwfile={password}",
            "--auth=scram-sha-256",
            **options,
        )
        assert made.returncode == 0, made.stderr
        server = [
            programs / "postgres",
            "-D",
            data,
            "-c",
            f"port={port}",
            "-c",
            "listen_addresses=127.0.0.1",
            "-c",
            f"unix_socket_directories={data}",
        ]
        process = self.stack.enter_context(serving.running(server, self.log, **options))
        health = {
            "pg_isready": str(programs / "pg_isready"),
            "--host=127.0.0.1": f"--port={port}",
            "--dbname=drifting": "--host=127.0.0.1",
        }
        serving.wait_until(lambda: self.healthy("postgres", health), process, self.log)
        created = run(
            programs / "createdb",
            "--host=127.0.0.1",
            f"--port={port}",
            f"--username={said['POSTGRES_USER']}",
            said["POSTGRES_DB"],
            env={"PGPASSWORD": password.read_text()},
        )
        assert created.returncode == 0, created.stderr
        return port

    def start_server(self, s3: int, postgres: int, password: Path) -> tuple[str, Any]:
        environment = json.dumps(self.services["drifting"]["environment"])
        for old, new in {
            "//s3:8333": f"//127.0.0.1:{s3}",
            "@postgres/": f"@127.0.0.1:{postgres}/",
            "/run/secrets/postgres_password": str(password),
        }.items():
            assert old in environment
            environment = environment.replace(old, new)
        port = serving.free_port()
        own = {
            "DRIFTING_HOST": "0.0.0.0",
            "DRIFTING_CACHE_PATH": str(self.folder / "cache"),
            "DRIFTING_PORT": str(port),
            "DRIFTING_GRPC_PORT": "none",
        }
        command = [self.program, "serve"]
        process = self.stack.enter_context(
            serving.running(command, self.log, env=json.loads(environment) | own, cwd=self.folder)
        )
        url = f"http://127.0.0.1:{port}"
        serving.wait_until(lambda: serving.ask(f"{url}/readyz")[0] == 200, process, self.log)
        return url, process
