"""The backtest of the server's interface: what is sent, and what its answer means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import drifting
from drifting import _hints, _rows
from drifting._reading import read
from drifting._requests import Body, Request, json_body
from drifting._retrying import Flow, exchange
from drifting._settings import Settings, plain
from drifting.errors import DriftingError

if TYPE_CHECKING:
    from drifting.backtests import BacktestReport

Candidates = Sequence[str | Mapping[str, Any]]


def backtest(
    settings: Settings, history: Any, candidates: Candidates | None, others: Mapping[str, Any], timeout: float | None
) -> Flow[BacktestReport]:
    """Replays a history; nothing is stored, so it may be sent again."""
    asked = [{"kind": one} if isinstance(one, str) else plain(one) for one in candidates or ()]
    # The query string beside a file has the names of kinds alone, and members of objects under other names.
    has_settings = any(set(candidate) != {"kind"} for candidate in asked) or others.get("sequence") is not None
    rows = _rows.reference(history, as_json=has_settings)
    given = {name: plain(value) for name, value in others.items() if value is not None}
    given.setdefault("drift_type", "label" if rows.is_column else "tabular")
    query: tuple[tuple[str, str], ...] = ()
    if rows.media_type is None:
        body = json_body({**given, **({"candidates": asked} if asked else {}), "data": rows.content})
    else:
        kinds = {"kinds": [candidate["kind"] for candidate in asked]} if asked else {}
        query = tuple((name, _in_query(name, value)) for name, value in {**given, **kinds}.items())
        body = Body(rows.media_type, (rows.content,))
    path = ("api", "v1", "backtest")
    request = Request("POST", path, timeout or settings.fit_timeout, query, body=body)
    try:
        response = yield from exchange(request, settings.retries)
    except DriftingError as error:
        _hints.of_fit(error)
        raise
    return read(drifting.backtests.BacktestReport, response.json())


def _in_query(name: str, value: Any) -> str:
    if isinstance(value, list):
        # An empty list of changes says that it is known that nothing changes.
        return ",".join(map(str, value)) or ("none" if name == "changes" else "")
    return str(value)
