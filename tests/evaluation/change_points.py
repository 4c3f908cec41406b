"""Step 3: change points that people marked in four series, against the rows with which alarms come."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import data
from false_alarms import OF_VALUES
from server import Refused, Server

MARGIN = 5
LATE = 20
# Of tests of two windows that slide: the last rows, and what came before them.
WINDOW = 10
REFERENCE = 20
TESTS = ("ks", "cvm", "mann_whitney", "t_test", "energy", "wasserstein", "mmd", "classifier")
P_VALS = (0.05, 0.001)
SHARES = ("hddm_a", "hddm_w")
SERIES = ("occupancy", "run_log", "uk_coal_employment", "airline_passengers")
# Who alarms all the time is right sometimes.
CHANCE = f"an alarm every {REFERENCE} rows, whatever comes"
# What is no value of a series but its clock.
CLOCKS = {"time", "Year", "date"}


def run(program: Path) -> list[dict[str, Any]]:
    """Alarms and scores of each detector on each series."""
    series = data.read_json("river_changepoints")
    found = []
    with Server(program) as server:
        for name in SERIES:
            columns = {column: values for column, values in series[name]["columns"].items() if column not in CLOCKS}
            columns = {column: [float(value) for value in values] for column, values in columns.items()}
            marks = list(series[name]["annotations"].values())
            for detector, alarms in _detectors(server, columns):
                scores = {"told": None} if isinstance(alarms, str) else _scores(alarms, marks)
                found.append({"series": name, "detector": detector, "alarms": alarms, **scores})
    return found


def _detectors(server: Server, columns: data.Columns) -> list[tuple[str, list[int] | str]]:
    """The rows of the alarms of each, or why there are none."""
    shares = {column: _scaled(values) for column, values in columns.items()}
    told: list[tuple[str, list[int] | str]] = []
    for kind in OF_VALUES:
        told.append((f"`{kind}`", _streaming(server, kind, columns)))
    for kind in SHARES:
        told.append((f"`{kind}`, of values scaled to 0…1", _streaming(server, kind, shares)))
    for kind in ("adwin", "page_hinkley"):
        told.append((f"`{kind}`, of values scaled to 0…1", _streaming(server, kind, shares)))
    for p_val in P_VALS:
        for kind in TESTS:
            told.append((f"`{kind}` in windows, `p_val` {p_val:g}", _windows(server, kind, p_val, columns)))
    told.append(("`sequential`, its default", _sequential(server, columns)))
    n_rows = len(next(iter(columns.values())))
    told.append((CHANCE, list(range(REFERENCE, n_rows, REFERENCE))))
    return told


def _scaled(values: list[float]) -> list[float]:
    low, high = min(values), max(values)
    return [(value - low) / (high - low) for value in values]


def _streaming(server: Server, kind: str, columns: data.Columns) -> list[int]:
    """Of each column by itself, from an empty start, as an object of the library."""
    alarms: set[int] = set()
    for values in columns.values():
        server.fit("series", "label", values, {"kind": kind, "feed_reference": False})
        told = _each(server.predict("series", values, explain=False))
        alarms |= {row for row, verdict in enumerate(told) if verdict["is_drift"]}
    return _starts(sorted(alarms))


def _windows(server: Server, kind: str, p_val: float, columns: data.Columns) -> list[int]:
    """The last rows against those before them; an alarm starts with a window that drifts after one that does not."""
    detector = {
        "kind": kind, "p_val": p_val, "window": {"size": WINDOW, "stride": 1}, "update_reference": {"last": REFERENCE},
    }  # fmt: skip
    server.fit("series", "tabular", data.rows(columns, slice(REFERENCE)), detector)
    told = _each(server.predict("series", data.rows(columns, slice(REFERENCE, None)), explain=False))
    # A window closes with the row of its verdict.
    return _starts([REFERENCE - 1 + verdict["time"] for verdict in told if verdict["is_drift"]])


def _each(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The verdicts of an answer; one alone stands at its top."""
    return answer["results"] or [answer]


def _sequential(server: Server, columns: data.Columns) -> list[int] | str:
    """Rows that depend on those before, as such."""
    reference = max(REFERENCE, len(next(iter(columns.values()))) // 4)
    try:
        server.fit("series", "sequential", data.rows(columns, slice(reference)), {"after_alarm": "reset"})
    except Refused as refused:
        return str(refused)
    alarms = []
    for row in range(reference, len(next(iter(columns.values())))):
        if server.predict("series", data.rows(columns, slice(row, row + 1)), explain=False)["is_drift"]:
            alarms.append(row)
    return _starts(alarms)


def _starts(alarms: Sequence[int]) -> list[int]:
    """The first of alarms in rows that follow each other."""
    return [row for row, before in zip(alarms, [-2, *alarms], strict=False) if row > before + 1]


def _scores(alarms: list[int], marks: list[list[int]]) -> dict[str, Any]:
    within, after = (range(-MARGIN, MARGIN + 1), range(LATE + 1))
    return {
        "told": len(alarms),
        "precision": _precision(alarms, marks, within), "recall": _recall(alarms, marks, within),
        "late_precision": _precision(alarms, marks, after), "late_recall": _recall(alarms, marks, after),
    }  # fmt: skip


def _matched(alarms: list[int], marked: Sequence[int], distances: range) -> int:
    """Marks that alarms tell, each alarm one mark and the reverse: the nearest free alarm in the order of the marks."""
    free = list(alarms)
    n_matched = 0
    for mark in sorted(marked):
        near = [alarm for alarm in free if alarm - mark in distances]
        if near:
            free.remove(min(near, key=lambda alarm: abs(alarm - mark)))
            n_matched += 1
    return n_matched


def _precision(alarms: list[int], marks: list[list[int]], distances: range) -> float | None:
    """The share of the alarms that tell what any of the people marked (van den Burg & Williams 2020)."""
    union = {mark for marked in marks for mark in marked}
    right = sum(any(alarm - mark in distances for mark in union) for alarm in alarms)
    return right / len(alarms) if alarms else None


def _recall(alarms: list[int], marks: list[list[int]], distances: range) -> float:
    """The share of the marks that are told, as a mean over the people who marked any."""
    shares = [_matched(alarms, marked, distances) / len(marked) for marked in marks if marked]
    return sum(shares) / len(shares)
