"""Step 1: false alarms on rows that do not drift, of every kind at its default.

Rows are shuffled anew for each reference, so that reference and window could be told apart by chance alone.
"""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from queue import SimpleQueue
from typing import Any

import numpy

import data
from bands import binomial, of_references, spread
from controls import Control, all_controls
from server import Server

SEED = 20_261_129
P_VAL = 0.05


@dataclass(frozen=True)
class Sizes:
    """Of kinds that judge windows. Each reference has one window, so that windows are independent."""

    reference: int = 500
    window: int = 100
    n_windows: int = 1_000


USUAL = Sizes()
# A window of the usual size takes a second or two.
SLOW = {"context_mmd": Sizes(reference=200, window=50, n_windows=400)}
# Of kinds that judge rows.
ROW_REFERENCE = 1_000
N_ROWS = 4_000
N_REFERENCES = 100

EACH_COLUMN = (
    "ks", "cvm", "anderson_darling", "kuiper", "mann_whitney", "t_test", "epps_singleton", "psi", "kl_divergence", "jensen_shannon",
    "hellinger", "total_variation", "wasserstein", "energy",
)  # fmt: skip
TOGETHER = (
    "mmd", "lsdd", "mean_distance", "classifier", "spot_the_diff", "mmd_fourier", "hdddm", "kdq_tree", "pca_reconstruction",
)  # fmt: skip
OF_VALUES = ("adwin", "page_hinkley", "kswin", "cusum", "geometric_moving_average", "bocd")
OF_ERRORS = ("ddm", "eddm", "rddm", "stepd", "fhddm", "ecdd", "hddm_a", "hddm_w")

WINDOWED = {
    "numbers": (*EACH_COLUMN, "tabular", *TOGETHER, "regressor_uncertainty", "context_mmd"),
    "classes": ("fisher_exact", "z_test", "chi_square", "g_test"),
    "categories": ("chi_square", "g_test", "psi", "jensen_shannon", "l_infinity"),
    "mixed": ("tabular", "mmd", "classifier", "mmd_fourier", "hdddm", "pca_reconstruction"),
    "outputs": ("classifier_uncertainty",),
}
BY_ROW = {
    "number": ("cvm_online", *OF_VALUES),
    "share": ("hddm_a", "hddm_w"),
    "numbers": ("cvm_online", "lsdd_online", "mmd_online", "pca_cd", "dummy"),
    "classes": ("fet_online",),
    "mixed": ("mmd_online",),
    "errors": ("fet_online", *OF_ERRORS),
}
ERT = 400
# What the setting of a streaming kind says of a test or a row without drift, as a rate for each 1,000 of them. Nothing in it makes
# that a rate of alarms: tests overlap, bounds are wide, and a sum that passes a threshold has no probability in it.
NOMINAL = {
    "adwin": ("`delta` 0.002 a look", 2.0 / 32),
    "kswin": ("`alpha` 0.005 a row", 5.0),
    "bocd": ("`hazard` 0.01 a row", 10.0),
    "hddm_a": ("`drift_confidence` 0.001 a row", 1.0),
    "hddm_w": ("`drift_confidence` 0.001 a row", 1.0),
    "ddm": ("3 deviations a row", 1.35),
    "rddm": ("2.258 deviations a row", 11.97),
    "stepd": ("`alpha_d` 0.003 a row", 3.0),
    "fhddm": ("`confidence_level` 0.000001 a row", 0.001),
    "ecdd": ("`average_run_length` 400", 2.5),
}


def run(program: Path, n_servers: int = 2) -> dict[str, Any]:
    """Counts of every kind on both controls."""
    servers: SimpleQueue[Server] = SimpleQueue()
    started = [Server(program) for _ in range(n_servers)]
    try:
        for server in started:
            servers.put(server)
        with ThreadPoolExecutor(n_servers) as threads:
            return {"windows": _windows(servers, threads), "rows": _rows(servers, threads)}
    finally:
        for server in started:
            server.__exit__()


def _shuffled(control: Control, n: int, number: int) -> data.Columns:
    draws = numpy.random.default_rng([SEED, number]).permutation(control.n_rows)
    return data.rows(control.columns, draws[:n].tolist())


def _candidate(kind: str, control: Control, **settings: Any) -> dict[str, Any]:
    # The others are looked at given the last column.
    context = {"context_columns": [list(control.columns)[-1]]} if kind == "context_mmd" else {}
    return {"kind": kind, **context, **settings}


def _replays(
    servers: SimpleQueue[Server], threads: ThreadPoolExecutor, control: Control, kinds: list[str], reference: int, n_rows: int,
    numbers: range, **settings: Any,
) -> dict[str, list[tuple[int, int]]]:  # fmt: skip
    """Alarms and rows that were judged, of each kind for each reference."""

    def replay(number: int) -> list[tuple[int, int]]:
        history = _shuffled(control, reference + n_rows, number)
        candidates = [_candidate(kind, control, **settings) for kind in kinds]
        server = servers.get()
        try:
            told = server.backtest(
                history, candidates, drift_type=control.drift_type, reference=reference, changes=[], seed=number
            )
        finally:
            servers.put(server)
        return [_counts(kind, outcome) for kind, outcome in zip(kinds, told, strict=True)]

    by_kind = zip(*threads.map(replay, numbers), strict=True)
    return {kind: list(counts) for kind, counts in zip(kinds, by_kind, strict=True)}


def _counts(kind: str, outcome: dict[str, Any]) -> tuple[int, int]:
    if outcome["problem"]:
        raise RuntimeError(f"{kind}: {outcome['problem']}")
    counts = outcome["replayed"]["false_alarms"]
    return counts["alarm_starts"], counts["rows"]


def _promises(kind: str) -> bool:
    """Whether it is calibrated to an expected run time."""
    return kind.endswith("_online") or kind == "pca_cd"


def _windows(servers: SimpleQueue[Server], threads: ThreadPoolExecutor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for control in all_controls():
        kinds = WINDOWED.get(control.form, ())
        for sizes in (USUAL, *SLOW.values()):
            wanted = [kind for kind in kinds if SLOW.get(kind, USUAL) == sizes]
            if not wanted:
                continue
            window = {"window": {"size": sizes.window}}
            told = _replays(
                servers, threads, control, wanted, sizes.reference, sizes.window, range(sizes.n_windows), **window
            )
            for kind, counts in told.items():
                alarms = sum(count for count, _ in counts)
                line: dict[str, Any] = {"kind": kind, "source": control.source, "form": control.form, "alarms": alarms}
                found.append(line | {"n": sizes.n_windows, "window": sizes.window})
    for line in found:
        band = binomial(line["n"], P_VAL, len(found))
        line |= {"low": band.low, "high": band.high, "verdict": band.verdict(line["alarms"] / line["n"])}
    return found


def _rows(servers: SimpleQueue[Server], threads: ThreadPoolExecutor) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    counted: list[tuple[list[int], list[int]]] = []
    for control in all_controls():
        kinds = list(BY_ROW.get(control.form, ()))
        if not kinds:
            continue
        told = _replays(servers, threads, control, kinds, ROW_REFERENCE, N_ROWS, range(N_REFERENCES))
        for kind, counts in told.items():
            alarms, rows = ([count[part] for count in counts] for part in (0, 1))
            counted.append((alarms, rows))
            line: dict[str, Any] = {
                "kind": kind,
                "source": control.source,
                "form": control.form,
                "n": sum(rows),
                "alarms": sum(alarms),
            }
            found.append(line)
    n_promises = sum(_promises(line["kind"]) for line in found)
    for line, (alarms, rows) in zip(found, counted, strict=True):
        if _promises(line["kind"]):
            band = of_references(alarms, rows, 1 / ERT, n_promises)
            line |= {"low": band.low, "high": band.high, "verdict": band.verdict(line["alarms"] / line["n"])}
            line["spread"] = spread(alarms)
    return found
