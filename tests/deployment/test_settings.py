"""What deploy/ and its pages say of the program is so."""

import re
from pathlib import Path

from conftest import DEPLOY, ROOT, run

FILES = [file for file in DEPLOY.rglob("*") if file.is_file()] + [ROOT / ".dockerignore"]
# Of a client, not of the server.
CLIENT = {"DRIFTING_URL", "DRIFTING_CONFIG"}
# Of the compose file's own ports.
PORTS = {"DRIFTING_PORT", "DRIFTING_GRPC_PORT"}


def named(pattern: str, files: list[Path]) -> dict[str, str]:
    """What a pattern finds in files, and where."""
    return {found: str(file.relative_to(ROOT)) for file in files for found in re.findall(pattern, file.read_text())}


def test_every_variable_is_one_that_the_program_reads(settings: set[str]) -> None:
    variables = named(r"\bDRIFTING_[A-Z_]+\b", FILES)
    assert len(variables) > 10
    known = {f"DRIFTING_{name.upper()}" for name in settings} | CLIENT | PORTS
    assert not {name: file for name, file in variables.items() if name not in known}


def test_every_flag_that_people_are_told_of_is_one_of_the_program(program: Path) -> None:
    told = [*(DEPLOY / "grafana").glob("*.json"), *(DEPLOY / "prometheus").glob("*.yaml")]
    flags = named(r"(?<![\w-])--[a-z][a-z-]+", told)
    help_of_serve = run(program, "serve", "--help").stdout
    assert flags and not {flag: file for flag, file in flags.items() if f"{flag} " not in help_of_serve}


def test_every_command_on_the_pages_is_one_of_the_program(program: Path) -> None:
    commands = named(
        r"(?m)^\s*(drifting [a-z].*?)(?: #.*|\\)?$", [file for file in FILES if file.suffix in (".md", ".txt")]
    )
    assert len(commands) > 3
    for command, file in commands.items():
        words = re.sub(r"\{\{.*?\}\}|'[^']*'|\$\([^)]*\)", "X", command).split()[1:]
        names = [word for word in words[:2] if re.fullmatch(r"[a-z]+", word)]
        help_text = run(program, *names, "--help")
        if help_text.returncode != 0:
            help_text = run(program, *names[:1], "--help")
        assert help_text.returncode == 0, f"{file}: {command}"
        unknown = [
            word
            for word in words
            if word.startswith("--") and f"{word.split('=')[0]} " not in help_text.stdout.replace("[", " ")
        ]
        assert not unknown, f"{file}: {command}"
