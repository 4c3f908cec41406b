"""Step 2, too: squares that slide along one feature, back and forth, and never along the other."""

from pathlib import Path
from typing import Any

import data
from false_alarms import EACH_COLUMN, ERT, P_VAL
from server import Server

REFERENCE = 5_000
WINDOW = 500
ONLINE = ("cvm_online", "lsdd_online", "mmd_online")
STREAMING = ("adwin", "page_hinkley", "kswin")


def run(program: Path) -> list[dict[str, Any]]:
    """Alarms in each feature, and how many the settings allow where nothing moves."""
    squares = data.read("moving_squares_40k")
    candidates: list[dict[str, Any]] = [{"kind": kind} for kind in (*ONLINE, *STREAMING)]
    candidates += [{"kind": kind, "window": {"size": WINDOW}} for kind in EACH_COLUMN]
    lines: dict[str, dict[str, Any]] = {candidate["kind"]: {"kind": candidate["kind"]} for candidate in candidates}
    with Server(program) as server:
        for feature, name in (("feat_1", "slides"), ("feat_2", "stays")):
            history = data.only(squares, feature)
            told = server.backtest(history, candidates, drift_type="label", reference=REFERENCE, changes=[])
            for outcome in told:
                lines[outcome["kind"]][name] = outcome["replayed"]["n_alarms"]
    n_rows = len(squares["feat_1"]) - REFERENCE
    for kind, line in lines.items():
        line["wanted"] = _wanted(kind, n_rows)
    return list(lines.values())


def _wanted(kind: str, n_rows: int) -> float | None:
    if kind in ONLINE:
        return n_rows / ERT
    return n_rows / WINDOW * P_VAL if kind in EACH_COLUMN else None
