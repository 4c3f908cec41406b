"""Step 6: texts and labels of accidents in the United States, a year after the other."""

from pathlib import Path
from statistics import fmean
from typing import Any

import data
from server import Server

FIRST = 2016.0
YEARS = (2016.0, 2017.0, 2018.0, 2019.0, 2020.0, 2021.0)
REFERENCE = 4_000
WINDOW = 1_000
TEXT_KINDS = ("tabular", "mmd", "mmd_fourier", "classifier")
LABEL_KINDS = ("fisher_exact", "z_test", "chi_square", "g_test", "psi")
# Of these the default watches one direction alone.
TWO_SIDED = {"fisher_exact": {"alternative": "two-sided"}}
N_STREAMED = 4_000
ERT = 400


def run(program: Path, path: Path) -> dict[str, Any]:
    """Verdicts on the texts and on the labels of each year; the rows of the first one that were not fitted are its window."""
    with path.open(newline="") as file:
        accidents = data.columns_of(file)
    by_year = {wanted: [row for row, year in enumerate(accidents["year_acc"]) if year == wanted] for wanted in YEARS}
    reference, rest = by_year[FIRST][:REFERENCE], by_year[FIRST][REFERENCE:]
    windows = {year: rest if year == FIRST else by_year[year] for year in YEARS}

    def texts(rows: list[int]) -> list[str]:
        return [accidents["Description"][row] or "" for row in rows]

    def labels(rows: list[int]) -> list[str]:
        return [f"{accidents['target'][row]:g}" for row in rows]

    text_lines, label_lines = [], []
    with Server(program) as server:
        for kind in TEXT_KINDS:
            server.fit("texts", "text", texts(reference), {"kind": kind})
            for year in YEARS:
                told = server.predict("texts", texts(windows[year][:WINDOW]), explain=True)
                moved = [feature["name"] for feature in told["features"] if feature["is_drift"]]
                text_lines.append(_line(kind, year, told) | {"moved": moved[:3]})
        stream = _stream(server, texts(reference), {year: texts(windows[year][:N_STREAMED]) for year in YEARS})
        for kind in LABEL_KINDS:
            server.fit("labels", "label", labels(reference), {"kind": kind, **TWO_SIDED.get(kind, {})})
            for year in YEARS:
                label_lines.append(_line(kind, year, server.predict("labels", labels(windows[year]), explain=False)))
    shares = {int(year): fmean(accidents["target"][row] for row in windows[year]) for year in YEARS}
    lengths = {int(year): fmean(len(text) for text in texts(windows[year])) for year in YEARS}
    return {"texts": text_lines, "stream": stream, "labels": label_lines, "shares": shares, "lengths": lengths}


def _line(kind: str, year: float, told: dict[str, Any]) -> dict[str, Any]:
    return {"kind": kind, "year": int(year)} | {name: told[name] for name in ("is_drift", "p_value", "effect_size")}


def _stream(server: Server, reference: list[str], by_year: dict[float, list[str]]) -> list[dict[str, Any]]:
    """The default of texts, row by row: when it alarms first, and how often when it starts anew after each."""
    server.fit("stream", "text", reference, {"after_alarm": "reset"})
    lines = []
    for year, texts in by_year.items():
        server.post("projects/stream/reset", {})
        told = server.predict("stream", texts, explain=False)["results"]
        alarms = [row for row, verdict in enumerate(told) if verdict["is_drift"]]
        lines.append(
            {"year": int(year), "rows": len(texts), "alarms": len(alarms), "first": alarms[0] + 1 if alarms else None}
        )
    return lines
