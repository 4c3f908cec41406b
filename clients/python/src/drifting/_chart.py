"""A trend as a chart: SVG without script, in the colours of the page, light or dark."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drifting._trend import Trend

_WIDTH, _HEIGHT = 640, 200
_LEFT, _RIGHT, _TOP, _BOTTOM = 56, 12, 12, 28
# More points than pixels only make the page heavy.
_POINTS_MAX = 300
_DRIFT = "#d1495b"
# What a smaller p-value is drawn as: drift stands far below the threshold, and not on one line with it.
_P_VALUE_MIN = 1e-6


@dataclass(frozen=True, slots=True)
class _Point:
    at: datetime
    value: float
    threshold: float | None
    is_drift: bool


def trend(values: Trend[Any]) -> str:
    """The chart: what is judged against its threshold, rows in drift marked."""
    name, points = _series(values.points)
    project = escape(values.project)
    if not points:
        n = len(values.points)
        why = "no value yet" if n == 0 else f"{n} values, all of the warm-up"
        return f"<p><b>{project}</b>: {why}</p>"
    n_drifts = sum(point.is_drift for point in points)
    # Small p-values tell drift, large statistics do.
    points = _thinned(points, min if name == "p-value" else max)
    plot = _Plot(points, is_log=name == "p-value")
    line = " ".join(f"{plot.x(index)},{plot.y(point.value)}" for index, point in enumerate(points))
    marks = "".join(
        f'<circle cx="{plot.x(index)}" cy="{plot.y(point.value)}" r="2.5" fill="{_DRIFT}">'
        f"<title>{point.at:%Y-%m-%d %H:%M:%S}: {point.value:.4g}</title></circle>"
        for index, point in enumerate(points)
        if point.is_drift
    )
    label = f"{name} of {values.project} over time; {n_drifts} in drift"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-label="{escape(label, quote=True)}" '
        f'viewBox="0 0 {_WIDTH} {_HEIGHT}" style="max-width:{_WIDTH}px" '
        f'font-family="sans-serif" font-size="11" fill="currentColor">'
        f"{plot.axes(name)}{plot.threshold()}"
        f'<polyline points="{line}" fill="none" stroke="currentColor" stroke-width="1.2"/>{marks}</svg>'
        f"<p><b>{project}</b>: {n_drifts} in drift, {len(values.points)} values{_threshold_of(points)}</p>"
    )


def _threshold_of(points: list[_Point]) -> str:
    """The last threshold, in words with the colour of its line."""
    last = next((point.threshold for point in reversed(points) if point.threshold is not None), None)
    return "" if last is None else f', <span style="color:{_DRIFT}">threshold {last:.4g}</span>'


def _series(points: Sequence[Any]) -> tuple[str, list[_Point]]:
    """What is compared with the threshold: p-values where there are any, else statistics."""
    buckets = bool(points) and hasattr(points[0], "until")
    if buckets:
        found = [(p.p_value.min if p.p_value else None, p.max, p.drifts > 0, p) for p in points]
    else:
        found = [(p.p_value, p.statistic, p.is_drift, p) for p in points]
    has_p = any(p_value is not None for p_value, _, _, _ in found)
    series = []
    for p_value, statistic, is_drift, point in found:
        value = p_value if has_p else statistic
        if value is not None:
            series.append(_Point(point.at, value, point.threshold, is_drift))
    return ("p-value" if has_p else "statistic"), series


def _thinned(points: list[_Point], extreme: Any) -> list[_Point]:
    """At most so many points; of neighbours the one nearest to drift is kept."""
    step = -(-len(points) // _POINTS_MAX)
    groups = (points[start : start + step] for start in range(0, len(points), step))
    return [extreme(group, key=lambda point: point.value) for group in groups]


class _Plot:
    """The scales of a chart, by the places of points rather than their times: rows come in bursts."""

    def __init__(self, points: list[_Point], is_log: bool) -> None:
        self._points = points
        self._is_log = is_log
        values = [point.value for point in points] + [p.threshold for p in points if p.threshold is not None]
        self._low, self._high = self._height(min(values)), self._height(max(values))
        if self._low == self._high:
            self._low, self._high = self._low - 1.0, self._high + 1.0

    def x(self, index: int) -> str:
        """The place of a point from the left."""
        share = index / max(len(self._points) - 1, 1)
        return f"{_LEFT + share * (_WIDTH - _LEFT - _RIGHT):.1f}"

    def y(self, value: float) -> str:
        """The place of a value from the top."""
        share = (self._height(value) - self._low) / (self._high - self._low)
        return f"{_HEIGHT - _BOTTOM - share * (_HEIGHT - _TOP - _BOTTOM):.1f}"

    def _height(self, value: float) -> float:
        return math.log10(max(value, _P_VALUE_MIN)) if self._is_log else value

    def _end(self, height: float) -> str:
        return f"{10**height if self._is_log else height:.3g}"

    def axes(self, name: str) -> str:
        """Two lines, their ends in numbers and times."""
        bottom, right = _HEIGHT - _BOTTOM, _WIDTH - _RIGHT
        first, last = self._points[0].at, self._points[-1].at
        return (
            f'<path d="M{_LEFT} {_TOP}V{bottom}H{right}" fill="none" stroke="currentColor" opacity="0.4"/>'
            f'<text x="{_LEFT - 4}" y="{_TOP + 8}" text-anchor="end">{self._end(self._high)}</text>'
            f'<text x="{_LEFT - 4}" y="{bottom}" text-anchor="end">{self._end(self._low)}</text>'
            f'<text x="{_LEFT + 4}" y="{_TOP + 8}" opacity="0.7">{name}</text>'
            f'<text x="{_LEFT}" y="{_HEIGHT - 8}">{first:%Y-%m-%d %H:%M:%S}</text>'
            f'<text x="{right}" y="{_HEIGHT - 8}" text-anchor="end">{last:%Y-%m-%d %H:%M:%S} UTC</text>'
        )

    def threshold(self) -> str:
        """The line of the thresholds, where there are any."""
        places = [
            f"{self.x(index)},{self.y(point.threshold)}"
            for index, point in enumerate(self._points)
            if point.threshold is not None
        ]
        if not places:
            return ""
        return f'<polyline points="{" ".join(places)}" fill="none" stroke="{_DRIFT}" stroke-dasharray="5 4"/>'
