"""A real server for all tests, and names of projects that no other test has."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import pytest

import drifting

DATA = Path(__file__).parents[3] / "tests" / "data"

_numbers = itertools.count()

# A detector that is fitted in no time.
QUICK: drifting.DetectorSettings = {"ert": 20, "window_sizes": [4], "n_bootstraps": 2_000}


@pytest.fixture(scope="session")
def server() -> Iterator[drifting.LocalServer]:
    with drifting.serve() as started:
        yield started


@pytest.fixture
def client(server: drifting.LocalServer) -> Iterator[drifting.Client]:
    with server.client() as opened:
        yield opened


@pytest.fixture
def project() -> str:
    return f"project-{next(_numbers)}"


@pytest.fixture
def run() -> Callable[[Coroutine[Any, Any, Any]], Any]:
    return asyncio.run


@pytest.fixture(scope="session")
def market() -> dict[str, list[float]]:
    """The first rows of the electricity market, as columns."""
    with gzip.open(DATA / "elec2.csv.gz", "rt") as file:
        names = next(file).strip().split(",")
        rows = [[float(cell) for cell in line.split(",")] for line in itertools.islice(file, 6_000)]
    return {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}


@pytest.fixture(scope="session")
def prices(market: dict[str, list[float]]) -> list[float]:
    return market["nswprice"][:200]
