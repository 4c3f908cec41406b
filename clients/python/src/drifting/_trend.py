"""Drift values over time, as a sequence that data frames and notebooks take."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields
from typing import TYPE_CHECKING, Any, Generic, TypeVar, overload

import drifting
from drifting import _chart

if TYPE_CHECKING:
    import pandas as pd
    import polars as pl
    import pyarrow as pa

    from drifting.models import Metric, MetricBucket

M = TypeVar("M", "Metric", "MetricBucket")
Columns = dict[str, list[Any]]


class Trend(Sequence[M], Generic[M]):
    """The metrics of a project in the order of time; in a notebook a chart with the threshold.

    Attributes:
        project: The project.
        points: Single verdicts (``Metric``), or buckets of time (``MetricBucket``) where a resolution was asked for.
    """

    __slots__ = ("_kind", "points", "project")

    def __init__(self, project: str, kind: type[M], points: tuple[M, ...]) -> None:
        self.project = project
        self._kind: type[M] = kind
        self.points: tuple[M, ...] = points

    def __len__(self) -> int:
        return len(self.points)

    @overload
    def __getitem__(self, index: int) -> M: ...
    @overload
    def __getitem__(self, index: slice) -> Trend[M]: ...
    def __getitem__(self, index: int | slice) -> M | Trend[M]:
        if isinstance(index, slice):
            return Trend(self.project, self._kind, self.points[index])
        return self.points[index]

    def __iter__(self) -> Iterator[M]:
        return iter(self.points)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Trend) and (self.project, self.points) == (other.project, other.points)

    def __hash__(self) -> int:
        return hash((self.project, self.points))

    def __repr__(self) -> str:
        return f"<Trend of {self.project!r}: {len(self)} of {self._kind.__name__}>"

    def _repr_html_(self) -> str:
        return _chart.trend(self)

    def to_columns(self) -> Columns:
        """A list of values for each member; of ranges ``p_value_min``, ``p_value_mean`` and so on."""
        columns: Columns = {}
        for name, value_of in _members(self._kind):
            columns[name] = [value_of(point) for point in self.points]
        return columns

    def features_to_columns(self) -> Columns:
        """The verdicts on columns, one a row, with ``at`` and ``time``; where ``features=True`` asked for them."""
        points: tuple[Any, ...] = self.points if self._kind is drifting.models.Metric else ()
        rows = [(point, feature) for point in points for feature in point.features]
        columns: Columns = {"at": [point.at for point, _ in rows], "time": [point.time for point, _ in rows]}
        for member in fields(drifting.models.MetricOfColumn):
            columns[member.name] = [getattr(feature, member.name) for _, feature in rows]
        return columns

    def to_pandas(self) -> pd.DataFrame:
        """A frame of pandas with the times as its index."""
        import pandas as pd

        frame = pd.DataFrame(self.to_columns())
        for name in frame.columns:
            if name in ("at", "until"):
                frame[name] = pd.to_datetime(frame[name], utc=True)
            # A column without any value is of numbers all the same.
            elif frame[name].dtype == object:
                frame[name] = frame[name].astype(float)
        return frame.set_index("at")

    def to_polars(self) -> pl.DataFrame:
        """A frame of polars."""
        import polars as pl

        times = pl.Datetime("us", "UTC")
        whole = ("generation", "time", "rows", "count", "drifts", "warm_ups")
        flags = ("is_drift", "warm_up")
        schema: dict[str, Any] = {}
        columns = self.to_columns()
        for name in columns:
            is_time = name in ("at", "until")
            kind = pl.Int64 if name in whole else pl.Boolean if name in flags else pl.Float64
            schema[name] = times if is_time else kind
        return pl.DataFrame(columns, schema=schema)

    def to_arrow(self) -> pa.Table:
        """A table of pyarrow."""
        import pyarrow as pa

        return pa.table(self.to_columns())


def _members(kind: type[Any]) -> list[tuple[str, Callable[[Any], Any]]]:
    """The columns, each with how its value is got of a point."""
    members: list[tuple[str, Callable[[Any], Any]]] = []
    for member in fields(kind):
        name = member.name
        if name == "features":
            continue
        if kind is drifting.models.MetricBucket and name in ("p_value", "distance"):
            for end in fields(drifting.models.MetricRange):
                members.append((f"{name}_{end.name}", _of_range(name, end.name)))
        else:
            members.append((name, _of_point(name)))
    return members


def _of_point(name: str) -> Callable[[Any], Any]:
    return lambda point: getattr(point, name)


def _of_range(name: str, end: str) -> Callable[[Any], Any]:
    return lambda point: getattr(getattr(point, name), end, None)
