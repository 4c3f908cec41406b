"""Checks values against published types of TypeScript, which refuse a member that they do not know."""

import json
import tempfile
from pathlib import Path
from typing import Any

from conftest import run

# As JSON says it: a member of an enum is its value.
JSON = """\
export type Json<T> = T extends string ? `${T}` : T extends (infer Item)[] ? Json<Item>[]
  : T extends object ? { [Key in keyof T]: Json<T[Key]> } : T;
"""
OPTIONS = ["--noEmit", "--strict", "--skipLibCheck", "--module", "nodenext", "--moduleResolution", "nodenext"]


def complaints(node_modules: Path, imports: str, values: list[tuple[str, Any]]) -> list[str]:
    """What the compiler says against values, each with the type that it should have."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "node_modules").symlink_to(node_modules)
        lines = [
            f"export const value_{n}: Json<{kind}> = {json.dumps(value)};" for n, (kind, value) in enumerate(values)
        ]
        (folder / "values.ts").write_text("\n".join([imports, JSON, *lines]) + "\n")
        done = run(node_modules / ".bin" / "tsc", *OPTIONS, "values.ts", cwd=folder)
        found = [line[:300] for line in done.stdout.splitlines()]
        assert (done.returncode == 0) == (not found), done.stderr
        return found
