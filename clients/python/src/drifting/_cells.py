"""Single values, as JSON knows them: numbers, texts, truth values, null.

They become what the server makes of the same value in Arrow and Parquet, so that a row sent as JSON agrees with a
reference that went as Arrow: dates and times are texts as in ISO 8601 with the fraction that they need, in UTC where they
have a zone; durations are seconds; NaN, NaT and NA are missing.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

from drifting.errors import RowsError

Cell = float | str | bool | None

_PLAIN = (str, bool, int, type(None))
_SCALARS = (Real, str, Decimal, date, time, timedelta)


def is_scalar(value: object) -> bool:
    """Whether it is one value, not several."""
    return value is None or isinstance(value, _SCALARS) or _is_numpy_scalar(value) or type(value).__name__ == "NAType"


def cells(values: Iterable[Any]) -> list[Cell]:
    """The cells of a column."""
    return [cell(value) for value in values]


def cell(value: Any) -> Cell:
    """One cell.

    Raises:
        RowsError: It is no number, text, truth value, date or time.
    """
    kind = type(value)
    if kind is float:
        return _finite(value)
    if kind in _PLAIN:
        return value  # type: ignore[no-any-return]
    return _other(value)


def _finite(value: float) -> float | None:
    if value != value:
        return None
    if math.isinf(value):
        raise RowsError("expected finite numbers, an infinite one came; a missing value is None or NaN")
    return value


def _other(value: Any) -> Cell:
    kind = type(value).__name__
    # pandas has a type for each of the two that are no value; neither is equal to itself.
    if kind in ("NAType", "NaTType"):
        return None
    if _is_numpy_scalar(value):
        return _numpy(value)
    if isinstance(value, datetime):
        return _datetime(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, time):
        return f"{value:%H:%M:%S}{_fraction(value.microsecond * 1_000)}"
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, str):
        return str(value)
    if isinstance(value, Integral):
        return int(value)
    if isinstance(value, (Real, Decimal)):
        return _finite(float(value))
    raise RowsError(f"expected a number, a text, a truth value, a date or a time, a {kind} came")


def _datetime(value: datetime) -> str:
    zone = ""
    if value.tzinfo is not None:
        value, zone = value.astimezone(UTC), "Z"
    # Only those of pandas know nanoseconds.
    nanos = value.microsecond * 1_000 + int(getattr(value, "nanosecond", 0))
    return f"{value.year:04}-{value:%m-%dT%H:%M:%S}{_fraction(nanos)}{zone}"


def _fraction(nanos: int) -> str:
    if nanos == 0:
        return ""
    if nanos % 1_000_000 == 0:
        return f".{nanos // 1_000_000:03}"
    if nanos % 1_000 == 0:
        return f".{nanos // 1_000:06}"
    return f".{nanos:09}"


def _is_numpy_scalar(value: object) -> bool:
    return type(value).__module__ == "numpy" and hasattr(value, "dtype") and getattr(value, "ndim", None) == 0


def _numpy(value: Any) -> Cell:
    kind: str = value.dtype.kind
    if kind == "M":
        return _numpy_time(str(value))
    if kind == "m":
        if value != value:
            return None
        return float(value / type(value)(1, "s"))
    if kind == "f":
        return _finite(float(value))
    if kind in "iubUO":
        return cell(value.item())
    raise RowsError(f"expected a number, a text, a truth value, a date or a time, a NumPy value of type {value.dtype} came")


def _numpy_time(text: str) -> str | None:
    if text == "NaT":
        return None
    day, separator, clock = text.partition("T")
    if not separator:
        return day
    whole, _, digits = clock.partition(".")
    # Down to minutes NumPy leaves out what is finer.
    whole = (whole + ":00:00")[:8]
    return f"{day}T{whole}{_fraction(int(f'{digits:0<9}'[:9]))}"
