"""What helps where rows were refused, beyond what the server can know: notes, which tracebacks show below the error."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from drifting._cells import is_scalar
from drifting.errors import InvalidDataError

_MISSING = "a missing one came"
_UNNAMED = "expected a name for every column"


def of_fit(error: Exception) -> None:
    """Adds a note to the error of a fit."""
    _of_any(error)
    if _is_of_missing_values(error):
        error.add_note("With missing_values='drop' or missing_values='impute' a fit takes rows with missing values.")


def of_prediction(error: Exception, rows: Any) -> None:
    """Adds a note to the error of a prediction of these rows."""
    if not isinstance(error, InvalidDataError):
        return
    _of_any(error)
    if _is_of_missing_values(error):
        error.add_note(
            "A project takes missing values if it was fitted with missing_values='drop' or missing_values='impute'."
        )
    elif isinstance(rows, str) and _is_file(rows):
        error.add_note(f"A text is a value to judge; the file is pathlib.Path({rows!r}).")
    elif _is_flat(rows) and (_is_mixed(rows) or any(issue.pointer == "/data" for issue in error.issues)):
        error.add_note("A flat list or array is a column; a row of several columns is a dict, or a list within a list.")


def _of_any(error: Exception) -> None:
    if isinstance(error, InvalidDataError) and _UNNAMED in error.detail:
        error.add_note(
            "pandas writes the index of a frame as a column without a name, unless to_csv(…, index=False) says otherwise."
        )


def _is_of_missing_values(error: Exception) -> bool:
    if not isinstance(error, InvalidDataError):
        return False
    return bool(error.issues) and all(issue.detail.endswith(_MISSING) for issue in error.issues)


def _is_file(text: str) -> bool:
    with contextlib.suppress(OSError, ValueError):
        return Path(text).is_file()
    return False


def _is_mixed(rows: Any) -> bool:
    return len({isinstance(value, str) for value in rows}) > 1


def _is_flat(rows: Any) -> bool:
    if isinstance(rows, (list, tuple)):
        return all(is_scalar(value) for value in rows)
    return getattr(rows, "ndim", None) == 1
