"""The client for asyncio: the same as the other, without waiting."""

from __future__ import annotations

import asyncio
import inspect
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import twin

import drifting
from conftest import QUICK
from drifting import _async_client, _client, errors


def test_it_is_written_from_the_other() -> None:
    committed = Path(_async_client.__file__).read_text()
    assert committed == twin.written(), "run `python twin.py`"


@pytest.mark.parametrize("name", ["Client", "Projects", "Operations"])
def test_both_have_the_same_methods(name: str) -> None:
    waiting, awaiting = getattr(_client, name), getattr(_async_client, f"Async{name}")
    methods = {member for member in vars(waiting) if not member.startswith("_")}
    assert methods == {member for member in vars(awaiting) if not member.startswith("_")}
    for method in methods - {"url"}:
        assert (
            inspect.signature(getattr(awaiting, method)).parameters == inspect.signature(getattr(waiting, method)).parameters
        )


def test_fit_and_predict(server: drifting.LocalServer, project: str, run: Callable[..., Any], tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("x\n" + "1.5\n" * 50)

    async def story() -> None:
        async with server.async_client() as client:
            told: list[float] = []
            fitted = await client.fit(
                [float(value % 17) for value in range(100)],
                project,
                progress=lambda operation: told.append(operation.progress.fraction),
                **QUICK,
            )
            assert fitted.project == project
            assert told[-1] == 1.0
            verdicts = await asyncio.gather(*(client.predict(50.0, project) for _ in range(20)))
            assert sorted(verdict.time for verdict in verdicts) == list(range(1, 21))
            assert (await client.detect(50.0, project)).is_drift
            assert (await client.predict(tmp_path / "rows.csv", await _table(client, project, tmp_path))).rows == 50
            assert len(await client.metrics(project)) == 21
            assert (await client.projects.reset(project)).time == 0
            assert project in [known.project for known in await client.projects.list()]
            assert await client.is_ready()
            with client.background(project) as queue:
                assert queue.submit(1.0)
            assert queue.counts.answered == 1
            carried = pickle.loads(pickle.dumps(client))
            assert (await carried.projects.get(project)).project == project
            await carried.close()
            await client.projects.delete(project)
            with pytest.raises(errors.ProjectNotFoundError):
                await client.projects.get(project)

    run(story())


async def _table(client: drifting.AsyncClient, project: str, folder: Path) -> str:
    name = f"{project}.table"
    await client.fit(folder / "rows.csv", name, kind="dummy")
    return name


def test_one_client_in_several_loops(server: drifting.LocalServer, run: Callable[..., Any]) -> None:
    client = server.async_client()

    async def ask() -> bool:
        try:
            return await client.is_live()
        finally:
            await client.close()

    assert run(ask())
    assert run(ask())


def test_cancelling_the_task_cancels_the_fit(
    server: drifting.LocalServer, project: str, run: Callable[..., Any], market: dict[str, list[float]]
) -> None:
    table = {name: market[name] for name in ("nswprice", "nswdemand", "vicprice")}

    async def story() -> None:
        async with server.async_client() as client:
            runs = asyncio.Event()
            task = asyncio.create_task(
                client.fit(
                    table,
                    project,
                    kind="mmd_online",
                    ert=1_000,
                    window_size=100,
                    progress=lambda operation: runs.set() if operation.status == "running" else None,
                )
            )
            await asyncio.wait_for(runs.wait(), 30)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            known = next(known for known in await client.operations.list() if known.project == project)
            assert known.status == "cancelled"

    run(story())


def test_it_fails_fast(run: Callable[..., Any]) -> None:
    async def story() -> None:
        async with drifting.AsyncClient("http://127.0.0.1:9", retries=0) as client:
            with pytest.raises(errors.UnreachableError):
                await client.predict(1.0, "any")
            verdict = await client.predict(1.0, "any", on_error="ignore")
            assert isinstance(verdict.error, errors.UnreachableError)

    run(story())
