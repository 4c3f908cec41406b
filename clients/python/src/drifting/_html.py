"""Verdicts and projects in short: small tables for notebooks, in which what the server says is escaped, and lines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drifting.models import Detection, Project

Facts = list[tuple[str, Any]]


def detection(verdict: Detection) -> str:
    """A verdict with the columns that moved."""
    return _table(verdict.project, _of_detection(verdict))


def detection_line(verdict: Detection) -> str:
    """The same in a line."""
    return _line("Detection of", verdict.project, _of_detection(verdict))


def project(shown: Project) -> str:
    """A project with its detector and its counters."""
    return _table(shown.project, _of_project(shown))


def project_line(shown: Project) -> str:
    """The same in a line."""
    return _line("Project", shown.project, _of_project(shown))


def table(columns: Mapping[str, Sequence[Any]], caption: str) -> str:
    """A table with a line for each place in its columns."""
    cell = '<{tag} style="text-align:left">{text}</{tag}>'
    head = "".join(cell.format(tag="th", text=escape(name)) for name in columns)
    rows = zip(*columns.values(), strict=True)
    lines = ("".join(cell.format(tag="td", text=escape("" if v is None else _text(v))) for v in row) for row in rows)
    body = "".join(f"<tr>{line}</tr>" for line in (head, *lines))
    return f'<table><caption style="text-align:left">{escape(caption)}</caption>{body}</table>'


def _of_detection(verdict: Detection) -> Facts:
    if verdict.error is not None:
        return [("verdict", "not known"), ("error", verdict.error)]
    told = "warm-up" if verdict.warm_up else "drift" if verdict.is_drift else "no drift"
    rows: Facts = [("verdict", told), ("rows", verdict.rows), ("time", verdict.time)]
    for name in ("statistic", "p_value", "threshold", "distance", "effect_size", "problem"):
        if (value := getattr(verdict, name)) is not None:
            rows.append((name, value))
    if verdict.quality:
        # Each row may have findings of its own.
        found = dict.fromkeys(f"{finding.check} of {finding.column}" for finding in verdict.quality)
        rows.append(("quality", ", ".join(found)))
    moved = [f"{feature.name} {feature.direction or ''}".strip() for feature in verdict.features if feature.is_drift]
    if moved:
        rows.append(("moved", ", ".join(moved)))
    return rows


def _of_project(shown: Project) -> Facts:
    rows: Facts = [("status", shown.status), ("drift type", shown.drift_type)]
    if shown.reason is not None:
        rows.append(("reason", shown.reason))
    if shown.detector is not None:
        told = ("ert", "window_size", "window_sizes", "p_val", "seed")
        given = [(name, getattr(shown.detector, name)) for name in told]
        settings = ", ".join(f"{name} {_text(value)}" for name, value in given if value is not None)
        rows.append(("detector", f"{shown.detector.kind} ({settings})"))
    if shown.schema is not None:
        rows.append(("columns", ", ".join(f"{column.name} ({column.type})" for column in shown.schema.columns)))
    rows += [("rows of reference", shown.reference_rows), ("rows seen", shown.rows_seen), ("drifts", shown.drifts_seen)]
    if shown.last_detection is not None:
        last = shown.last_detection
        told_last = "warm-up" if last.warm_up else "drift" if last.is_drift else "no drift"
        rows.append(("last verdict", f"{told_last}, {last.at:%Y-%m-%d %H:%M:%S} UTC"))
    rows += [("warning", warning) for warning in shown.warnings]
    return rows


def _line(what: str, name: str, rows: Facts) -> str:
    told = "; ".join(f"{fact}: {_text(value)}" for fact, value in rows if value is not None)
    return f"<{what} {name!r}: {told}>"


def _table(title: str, rows: Facts) -> str:
    lines = "".join(
        f'<tr><th style="text-align:left">{escape(name)}</th><td style="text-align:left">{escape(_text(value))}</td></tr>'
        for name, value in rows
        if value is not None
    )
    return f'<table><caption style="text-align:left"><b>{escape(title)}</b></caption>{lines}</table>'


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, tuple):
        return ", ".join(_text(item) for item in value)
    return str(value)
