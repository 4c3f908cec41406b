"""Markdown of tables, and numbers as people read them."""

from collections.abc import Iterable, Sequence
from typing import Any

NONE = "–"


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table; cells are written as they are, nothing as a dash."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(NONE if cell is None else str(cell) for cell in line) + " |" for line in lines)


def code(name: str) -> str:
    """A name as it is typed."""
    return f"`{name}`"


def listed(names: Iterable[str]) -> str:
    """Names, each once, in their order, or that there is none."""
    return ", ".join(dict.fromkeys(code(name) for name in names)) or "none"


def listed_raw(names: Iterable[str]) -> str:
    """The same of names that are written as they are."""
    return ", ".join(names) or "none"


def fixed(value: float | None, digits: int = 2) -> str | None:
    """With so many digits behind the point."""
    return None if value is None else f"{value:.{digits}f}"


def p_value(value: float | None) -> str | None:
    """Small ones by their magnitude."""
    if value is None:
        return None
    return f"{value:.3f}" if value >= 0.001 else ("0" if value == 0 else f"{value:.0e}")


def severity(effect: float) -> str:
    """An effect size in a word."""
    return "low" if effect < 0.1 else "moderate" if effect < 0.3 else "high"
