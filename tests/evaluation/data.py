"""The real data of `tests/data`, as columns."""

import csv
import gzip
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent.parent / "data"

Columns = dict[str, list[Any]]


def read(name: str) -> Columns:
    """The columns of a CSV file; numbers where all its cells are numbers or empty, which is `None`."""
    with gzip.open(FOLDER / f"{name}.csv.gz", "rt", newline="") as file:
        return columns_of(file)


def columns_of(file: Iterable[str]) -> Columns:
    """The same of an open file."""
    rows = csv.reader(file)
    header = next(rows)
    return {name: _values(cells) for name, cells in zip(header, zip(*rows, strict=True), strict=True)}


def read_json(name: str) -> dict[str, Any]:
    """A compressed JSON file."""
    with gzip.open(FOLDER / f"{name}.json.gz", "rt") as file:
        told: dict[str, Any] = json.load(file)
        return told


def _values(cells: tuple[str, ...]) -> list[Any]:
    try:
        return [float(cell) if cell else None for cell in cells]
    except ValueError:
        return [cell or None for cell in cells]


def rows(columns: Columns, of: Iterable[int] | slice) -> Columns:
    """Some rows, by their numbers or as a slice."""
    if isinstance(of, slice):
        return {name: values[of] for name, values in columns.items()}
    numbers = list(of)
    return {name: [values[row] for row in numbers] for name, values in columns.items()}


def only(columns: Columns, *names: str) -> Columns:
    """Some columns."""
    return {name: columns[name] for name in names}


def as_texts(columns: Columns, *names: str) -> Columns:
    """The same columns, some of them as categories, whose codes are numbers."""
    return {name: [f"{value:g}" for value in values] if name in names else values for name, values in columns.items()}


def text_file(content: bytes) -> io.StringIO:
    """A file that was packed, as lines."""
    return io.StringIO(content.decode())
