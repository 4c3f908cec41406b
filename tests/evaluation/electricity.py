"""Step 2: the electricity market of New South Wales, which was joined to Victoria's at row 17,424.

Three columns are constant until then and move from that row on: it must be told at once. The two others are a market that goes on
as before, by day, week and season: rows that depend on each other, of which no detector of independent rows keeps its promise.
"""

from pathlib import Path
from typing import Any

import data
from false_alarms import EACH_COLUMN, ERT, OF_VALUES, P_VAL
from server import Server

JOINED = 17_424
# Half a year.
REFERENCE = 8_736
DAY = 48
MONTH = 30 * DAY
CONSTANT = ("vicprice", "vicdemand", "transfer")
MOVING = ("nswprice", "nswdemand")
ONLINE = ("cvm_online", "lsdd_online", "mmd_online")
STREAMING = (*OF_VALUES, "hddm_a", "hddm_w")
IN_DAYS = (*EACH_COLUMN, "mmd_fourier", "lsdd")
Families = tuple[tuple[str, tuple[str, ...]], ...]
FAMILIES: Families = (("online", ONLINE), ("streaming", STREAMING), ("windows of a day", IN_DAYS))

# Of all five columns.
OF_TABLE: Families = (
    ("online", ONLINE),
    ("windows of a day", ("tabular", "psi", "hdddm", "mmd_fourier", "pca_reconstruction")),
)


def run(program: Path) -> dict[str, Any]:
    """Delays on the constant columns, alarms before the change in the others, and what the checks of quality say."""
    history = data.rows(data.read("elec2"), slice(JOINED + MONTH))
    with Server(program) as server:
        told = {column: _replay(server, {column: history[column]}, FAMILIES) for column in (*CONSTANT, *MOVING)}
        table = data.only(history, *CONSTANT, *MOVING)
        together = _replay(server, table, OF_TABLE, drift_type="tabular")
        quality = _quality(server, table)
    constant = [
        {
            "kind": kind, "family": family, "problems": sorted({told[column][kind]["problem"] or "" for column in CONSTANT} - {""}),
            "delays": {column: _delay(told[column][kind]) for column in CONSTANT},
            "before": sum(_before(told[column][kind]) for column in CONSTANT),
        }
        for family, kinds in FAMILIES for kind in kinds
    ]  # fmt: skip
    months = (JOINED - REFERENCE) / MONTH
    moving = [
        {
            "kind": kind, "family": family, "wanted": _wanted(family),
            "per_month": {column: _before(told[column][kind]) / months for column in MOVING},
        }
        for family, kinds in FAMILIES for kind in kinds
    ]  # fmt: skip
    tables = [
        {
            "kind": kind, "family": family, "delay": _delay(together[kind]),
            "wanted": _wanted(family), "per_month": _before(together[kind]) / months,
        }
        for family, kinds in OF_TABLE for kind in kinds
    ]  # fmt: skip
    return {"constant": constant, "moving": moving, "tables": tables, "quality": quality, "months": months}


def _replay(
    server: Server, history: data.Columns, families: Families, drift_type: str = "label"
) -> dict[str, dict[str, Any]]:
    outcomes: dict[str, dict[str, Any]] = {}
    for family, kinds in families:
        window = {"window": {"size": DAY}} if family.startswith("windows") else {}
        candidates = [{"kind": kind, **window} for kind in kinds]
        told = server.backtest(
            history, candidates, drift_type=drift_type, reference=REFERENCE, changes=[JOINED], margin=MONTH - 1
        )
        outcomes |= zip(kinds, told, strict=True)
    return outcomes


def _delay(outcome: dict[str, Any]) -> int | None:
    return outcome["replayed"]["changes"][0]["delay"] if outcome["replayed"] else None


def _before(outcome: dict[str, Any]) -> int:
    return outcome["replayed"]["false_alarms"]["alarm_starts"] if outcome["replayed"] else 0


def _wanted(family: str) -> float | None:
    """Alarms a month that the settings promise."""
    return {"online": MONTH / ERT, "windows of a day": MONTH / DAY * P_VAL}.get(family)


def _quality(server: Server, history: data.Columns) -> list[dict[str, Any]]:
    """What the checks of quality find, one row after the other from the change on: the first of each column."""
    server.fit("market", "tabular", data.rows(history, slice(REFERENCE)), {"kind": "mmd_online"})
    server.predict("market", data.rows(history, slice(REFERENCE, JOINED)), explain=False)
    first: dict[str, dict[str, Any]] = {}
    for row in range(JOINED, JOINED + DAY):
        for found in server.predict("market", data.rows(history, slice(row, row + 1)), explain=False)["quality"]:
            first.setdefault(found["column"], {"column": found["column"], "check": found["check"], "delay": row - JOINED})
    return list(first.values())
