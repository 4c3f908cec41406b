"""Servers that are gone, slow or wrong: no model waits for them, and no row counts twice."""

from __future__ import annotations

import asyncio
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import drifting
from drifting import errors
from unkind import VERDICT, answers, hangs_up, is_silent, judges, trickles, unkind

REFUSED = '{"status":503,"code":"overloaded","detail":"later","request_id":"1"}'


def quick(url: str, **arguments: Any) -> drifting.Client:
    return drifting.Client(url, **{"timeout": 1.0, **arguments})


def test_nobody_listens() -> None:
    began = time.monotonic()
    with pytest.raises(errors.UnreachableError, match=r"no server answers at http://127\.0\.0\.1:9") as caught:
        quick("http://127.0.0.1:9").predict(1.0, "any")
    assert time.monotonic() - began < 5.0
    # Whoever is new is told what to do, and not shown what the library below says.
    assert "drifting serve" in caught.value.__notes__[0]
    shown = "".join(traceback.format_exception(caught.value))
    assert "httpx2." not in shown
    assert "_retrying.py" not in shown


def test_a_warning_points_to_the_line_that_asked(run: Callable[..., Any]) -> None:
    async def ask() -> None:
        async with drifting.AsyncClient("http://127.0.0.1:9", retries=0) as client:
            await client.predict(1.0, "any", on_error="warn")

    for call in (
        lambda: quick("http://127.0.0.1:9", retries=0).predict(1.0, "any", on_error="warn"),
        lambda: run(ask()),
    ):
        with pytest.warns(drifting.DriftingWarning, match="no verdict on rows for 'any'") as told:
            call()
        assert [warning.filename for warning in told] == [__file__]


def test_what_helps_is_said_below_an_error(client: drifting.Client, project: str, tmp_path: Path) -> None:
    table = {"price": [1.5, 2.5] * 60, "day": ["mon", "tue"] * 60}

    def note(call: Callable[[], object]) -> str:
        with pytest.raises(errors.InvalidDataError) as caught:
            call()
        return " ".join(getattr(caught.value, "__notes__", []))

    assert "missing_values='drop'" in note(lambda: client.fit({"price": [1.5, None] * 60}, project, kind="ks"))
    client.fit(table, project, kind="tabular")
    assert "missing_values='impute'" in note(lambda: client.predict({"price": None, "day": "mon"}, project))
    for flat in ([1.5, "mon"], (1.5, "mon"), [1.5, 2.5], np.array([1.5, 2.5])):
        assert "a list within a list" in note(lambda flat=flat: client.predict(flat, project))  # type: ignore[misc]
    file = tmp_path / "rows.csv"
    file.write_text("price,day\n1.5,mon\n")
    assert "pathlib.Path(" in note(lambda: client.predict(str(file), project))
    # What `to_csv` writes by itself.
    file.write_text(",price,day\n0,1.5,mon\n")
    assert "index=False" in note(lambda: client.predict(file, project))
    assert "index=False" in note(lambda: client.fit(file, project, overwrite=True))
    # Where nothing is known nothing is said.
    for rows in ({"price": "a", "day": "mon"}, "no file", [[1.5]]):
        assert note(lambda rows=rows: client.predict(rows, project)) == ""  # type: ignore[misc]


@pytest.mark.parametrize("behaviour", [is_silent, trickles])
def test_an_answer_that_does_not_come_is_not_waited_for(behaviour: Any, run: Callable[..., Any]) -> None:
    async def ask(url: str) -> None:
        async with drifting.AsyncClient(url, timeout=1.5) as client:
            await client.predict(1.0, "any")

    # Long enough for the request to be sent on a busy machine.
    for call in (lambda url: quick(url, timeout=1.5).predict(1.0, "any"), lambda url: run(ask(url))):
        with unkind(behaviour) as seen:
            began = time.monotonic()
            with pytest.raises(errors.DeadlineError):
                call(seen.url)
            assert time.monotonic() - began < 4.0
            # What may have been fed is not fed again beyond the deadline.
            assert len(seen.requests) == 1


def test_a_broken_connection_is_made_again_under_the_same_key() -> None:
    with unkind(hangs_up, hangs_up, judges) as seen, quick(seen.url) as client:
        assert client.predict(1.0, "any").time == 1
        assert len(seen.requests) == 3
        assert len(set(seen.keys())) == 1
        assert len(seen.keys()) == 3


def test_what_is_not_repeatable_is_not_sent_again() -> None:
    with unkind(hangs_up) as seen, quick(seen.url) as client:
        with pytest.raises(errors.ConnectionLostError):
            client.projects.reset("any")
        assert len(seen.requests) == 1


def test_tries_end() -> None:
    with unkind(hangs_up) as seen, quick(seen.url, retries=2) as client:
        with pytest.raises(errors.ConnectionLostError):
            client.predict(1.0, "any")
        assert len(seen.requests) == 3


def test_a_project_that_has_gone_at_the_second_try_was_deleted_by_the_first() -> None:
    absent = answers(404, '{"status":404,"code":"project_not_found","detail":"none"}')
    with unkind(hangs_up, absent) as seen, quick(seen.url) as client:
        client.projects.delete("any")
        assert len(seen.requests) == 2
    with unkind(absent) as seen, quick(seen.url) as client, pytest.raises(errors.ProjectNotFoundError):
        client.projects.delete("any")


def test_a_refusal_is_tried_again_when_the_server_says_so() -> None:
    with unkind(answers(503, REFUSED, "retry-after: 0"), judges) as seen, quick(seen.url) as client:
        assert client.predict(1.0, "any").time == 1
    # Not when it says nothing, and not later than somebody waits for.
    for headers in ([], ["retry-after: 60"]):
        with unkind(answers(503, REFUSED, *headers), judges) as seen, quick(seen.url) as client:
            began = time.monotonic()
            with pytest.raises(errors.OverloadedError):
                client.predict(1.0, "any")
            assert time.monotonic() - began < 5.0
            assert len(seen.requests) == 1


def test_what_stands_between_is_told_from_the_server() -> None:
    page = answers(502, "<html>bad gateway</html>")
    with unkind(page, judges) as seen, quick(seen.url) as client:
        assert client.predict(1.0, "any").time == 1
    with (
        unkind(page) as seen,
        quick(seen.url, retries=1) as client,
        pytest.raises(errors.UnavailableError, match="status 502"),
    ):
        client.predict(1.0, "any")
    for body in ("<html>", "{}", "[]", VERDICT.replace('"time":1', '"time":"x"')):
        with unkind(answers(200, body)) as seen, quick(seen.url) as client, pytest.raises(errors.AnswerError):
            client.predict(1.0, "any")
    elsewhere = answers(307, "", "location: http://127.0.0.1:9/")
    with unkind(elsewhere) as seen, quick(seen.url, api_key="key") as client, pytest.raises(errors.ApiError):
        client.predict(1.0, "any")


def test_a_server_of_another_version_is_understood() -> None:
    """Members that this version does not know are passed over, codes become the class of their status."""
    newer = answers(200, VERDICT.replace("{", '{"confidence":0.5,', 1))
    with unkind(newer) as seen, quick(seen.url) as client:
        assert client.predict(1.0, "any").rows == 1
    unknown = answers(409, '{"status":409,"code":"on_holiday","detail":"gone","errors":"?"}')
    with unkind(unknown) as seen, quick(seen.url) as client, pytest.raises(errors.ConflictError) as refused:
        client.predict(1.0, "any")
    assert refused.value.code == "on_holiday"


class Frame:
    """Something that is broken in a way that nobody has thought of."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise RuntimeError("broken")


@pytest.mark.parametrize("rows", [1.0, object(), Frame()])
def test_monitoring_never_breaks_a_model(rows: Any) -> None:
    client = quick("http://127.0.0.1:9", retries=0, on_error="ignore")
    verdict = client.predict(rows, "any")
    assert verdict.is_drift is None
    assert not verdict.is_drift
    assert isinstance(verdict.error, drifting.DriftingError)
    with pytest.warns(drifting.DriftingWarning, match="'any'"):
        assert client.predict(rows, "any", on_error="warn").is_drift is None
    with pytest.raises((drifting.DriftingError, RuntimeError)):
        client.predict(rows, "any", on_error="raise")
    with pytest.raises(ValueError, match="expected on_error"):
        client.predict(rows, "any", on_error="fail")  # type: ignore[arg-type]


def test_a_stream_of_events_that_breaks_is_asked_after(run: Callable[..., Any]) -> None:
    def operation(status: str, done: int) -> str:
        return (
            f'{{"id":"{"0" * 32}","project":"any","kind":"fit","status":"{status}","stage":"at work",'
            f'"progress":{{"done":{done},"total":2,"fraction":{done / 2}}},"created_at":"2024-05-17T00:00:00.123456789Z",'
            '"started_at":null,"ended_at":null,"problem":null,"result":null}'
        )

    story = (
        answers(200, operation("queued", 0)),
        hangs_up,
        answers(200, operation("running", 0)),
        answers(200, f"data: {operation('running', 1)}\n\n"),
        answers(503, REFUSED),
        judges,
    )
    ending = (*story[:4], answers(200, f"data: {operation('succeeded', 2)}\n\n"))

    async def wait(url: str, told: list[float]) -> Any:
        async with drifting.AsyncClient(url) as client:
            return await client.operations.wait("0" * 32, progress=lambda known: told.append(known.progress.fraction))

    def wait_for(url: str, told: list[float]) -> Any:
        return drifting.Client(url).operations.wait("0" * 32, progress=lambda known: told.append(known.progress.fraction))

    for call in (wait_for, lambda url, told: run(wait(url, told))):
        with unkind(*ending) as seen:
            told: list[float] = []
            assert call(seen.url, told).status == "succeeded"
            assert told[-1] == 1.0
            assert told == sorted(told)
        with unkind(*story) as seen, pytest.raises(errors.OverloadedError):
            call(seen.url, [])


def test_waiting_for_the_network_blocks_no_loop(run: Callable[..., Any]) -> None:
    async def story() -> float:
        with unkind(is_silent) as seen:
            async with drifting.AsyncClient(seen.url, timeout=3.0) as client:
                task = asyncio.create_task(client.predict(1.0, "any", on_error="ignore"))
                began = time.monotonic()
                await asyncio.sleep(0.1)
                passed = time.monotonic() - began
                await task
                return passed

    assert run(story()) < 2.0
