"""Rows in whatever form they are at hand, as what goes over the wire.

pandas, polars, pyarrow and NumPy are known by their own modules where the caller has loaded them, and by the Arrow and array
protocols otherwise. What is not loaded is not imported, with one exception: a large frame of pandas goes as Arrow where
pyarrow is installed.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from drifting import _arrow
from drifting._cells import Cell, cell, cells, is_scalar
from drifting.errors import RowsError

ARROW = "application/vnd.apache.arrow.stream"

# From so many cells on, Arrow is written, sent and read in less time than JSON.
LARGE = 10_000

_MEDIA_TYPES = {
    ".csv": "text/csv",
    ".ndjson": "application/x-ndjson",
    ".jsonl": "application/x-ndjson",
    ".parquet": "application/vnd.apache.parquet",
    ".pq": "application/vnd.apache.parquet",
    ".arrow": ARROW,
    ".arrows": ARROW,
    ".feather": ARROW,
    ".ipc": ARROW,
}


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows that can be sent: JSON, or bytes of a media type in memory or in a file.

    Attributes:
        media_type: Of the bytes; ``None`` where they are the ``data`` of a JSON document.
        is_column: Whether they are values of one column rather than a table.
    """

    media_type: str | None
    content: Any
    is_column: bool


def reference(data: Any, *, as_json: bool = False) -> Rows:
    """The rows of a fit. A text is the path of a file.

    Args:
        data: The rows.
        as_json: Whether they go as JSON whatever they are, as what stands beside a context does.

    Raises:
        RowsError: They are in no form that can be sent.
        OSError: The file cannot be read.
    """
    rows = _file(Path(data)) if isinstance(data, str) else _rows(data, as_json)
    if as_json and rows is not None:
        _check_json(rows)
    if rows is None:
        raise RowsError(f"expected rows to fit on, one value of type {type(data).__name__} came")
    return rows


def window(data: Any, *, as_json: bool = False) -> Rows:
    """The rows of a prediction, one or many. A text is a value: it may come from anywhere, and must not open a file.

    Args:
        data: The rows.
        as_json: Whether they go as JSON whatever they are.

    Raises:
        RowsError: They are in no form that can be sent.
        OSError: The file cannot be read.
    """
    if _is(data, "pandas", "Series") and data.size and all(isinstance(label, str) for label in data.index):
        return Rows(None, [{label: cell(value) for label, value in zip(data.index, data.tolist(), strict=True)}], False)
    rows = _rows(data, as_json) or Rows(None, [cell(data)], is_column=True)
    if as_json:
        _check_json(rows)
    return rows


def _check_json(rows: Rows) -> None:
    if rows.media_type is not None:
        raise RowsError("expected rows that can go as JSON, such as a frame, lists or dicts; a file came")


def _is(data: Any, module: str, *names: str) -> bool:
    """Whether it is of a type of a module that the caller has loaded."""
    loaded = sys.modules.get(module)
    types = (getattr(loaded, name, None) for name in names)
    return any(isinstance(data, type_) for type_ in types if type_ is not None)


def _rows(data: Any, as_json: bool = False) -> Rows | None:
    """The rows, or ``None`` where it is one value."""
    if is_scalar(data):
        return None
    if isinstance(data, os.PathLike):
        return _file(Path(data))
    if isinstance(data, (bytes, bytearray, memoryview)):
        raise RowsError("expected rows, bytes came; give the path of a file, as a pathlib.Path")
    if isinstance(data, Mapping):
        return _mapping(data)
    if _is(data, "pandas", "DataFrame"):
        return _pandas(data, as_json)
    if _is(data, "pandas", "Series", "Index") or _is(data, "pandas.api.extensions", "ExtensionArray"):
        return Rows(None, cells(data.tolist()), is_column=True)
    if _is(data, "polars", "LazyFrame"):
        raise RowsError("expected rows, a LazyFrame came; collect() it first")
    if _is(data, "polars", "DataFrame"):
        return _mapping(data.to_dict(as_series=False)) if as_json else Rows(ARROW, _arrow.of_polars(data), False)
    if _is(data, "polars", "Series"):
        return Rows(None, cells(data.to_list()), is_column=True)
    if _is(data, "pyarrow", "Array", "ChunkedArray"):
        return Rows(None, cells(data.to_pylist()), is_column=True)
    if hasattr(data, "__arrow_c_stream__") or hasattr(data, "__arrow_c_array__"):
        table = _arrow.table(data)
        return _mapping(table.to_pydict()) if as_json else Rows(ARROW, _arrow.stream(table), is_column=False)
    if hasattr(data, "__array__"):
        return _array(data)
    if isinstance(data, Iterable):
        return _sequence(list(data))
    raise RowsError(
        "expected a data frame, an array, a list, a dict of columns or the path of a file, "
        f"a {type(data).__module__}.{type(data).__name__} came"
    )


def _mapping(data: Mapping[Any, Any]) -> Rows:
    values = list(data.values())
    if values and all(is_scalar(value) for value in values):
        return Rows(None, [_record(data)], is_column=False)
    return Rows(None, {str(name): _column(name, values) for name, values in data.items()}, is_column=False)


def _column(name: Any, values: Any) -> list[Cell]:
    rows = None if isinstance(values, (str, os.PathLike)) else _rows(values)
    if rows is None or not rows.is_column:
        raise RowsError(f"expected a list of values under {name!r}, a {type(values).__name__} came")
    column: list[Cell] = rows.content
    return column


def _record(record: Mapping[Any, Any]) -> dict[str, Cell]:
    return {str(name): cell(value) for name, value in record.items()}


def _sequence(items: list[Any]) -> Rows:
    if not items:
        raise RowsError("expected at least one row, none came")
    if all(isinstance(item, Mapping) for item in items):
        return Rows(None, [_record(item) for item in items], is_column=False)
    if all(is_scalar(item) for item in items):
        return Rows(None, cells(items), is_column=True)
    rows = [_row(item) for item in items]
    return Rows(None, rows, is_column=False)


def _row(item: Any) -> list[Cell]:
    rows = None if isinstance(item, (str, Mapping, os.PathLike)) or is_scalar(item) else _rows(item)
    if rows is None or not rows.is_column:
        raise RowsError(f"expected every row to be a list of values, a {type(item).__name__} came among them")
    values: list[Cell] = rows.content
    return values


def _pandas(frame: Any, as_json: bool) -> Rows:
    if not as_json and (_arrow.is_loaded() or (frame.size >= LARGE and _arrow.is_installed())):
        stream = _arrow.of_pandas(frame)
        if stream is not None:
            return Rows(ARROW, stream, is_column=False)
    names = [str(name) for name in frame.columns]
    if len(set(names)) < len(names):
        raise RowsError("expected columns of different names")
    columns = (frame.iloc[:, index].tolist() for index in range(len(names)))
    return Rows(None, {name: cells(column) for name, column in zip(names, columns, strict=True)}, is_column=False)


def _array(data: Any) -> Rows:
    # Arrays of other libraries know how to become NumPy's; what is none of NumPy's has loaded it for that.
    import numpy as np

    array = np.asarray(data)
    # Lists of Python know no nanoseconds.
    listed = array if array.dtype.kind in "mM" else array.tolist()
    if array.ndim == 0:
        return Rows(None, [cell(array[()])], is_column=True)
    if array.ndim == 1:
        if array.dtype.names:
            return Rows(None, {name: cells(array[name]) for name in array.dtype.names}, is_column=False)
        return Rows(None, cells(listed), is_column=True)
    if array.ndim == 2:
        return Rows(None, [cells(row) for row in listed], is_column=False)
    raise RowsError(f"expected an array of one or two dimensions, one of {array.ndim} came")


def _file(path: Path) -> Rows:
    suffixes = [suffix.lower() for suffix in path.suffixes]
    is_packed = suffixes[-1:] == [".gz"]
    suffix = (suffixes[-2:-1] if is_packed else suffixes[-1:]) or [""]
    if suffix == [".json"]:
        with gzip.open(path, "rt", encoding="utf-8") if is_packed else path.open(encoding="utf-8") as file:
            return _sequence_or_mapping(json.load(file))
    media_type = _MEDIA_TYPES.get(suffix[0])
    if media_type is None:
        known = ", ".join([*_MEDIA_TYPES, ".json"])
        raise RowsError(f"expected a file whose name ends in one of {known}, perhaps with .gz, {path.name!r} came")
    if is_packed:
        return Rows(media_type, gzip.decompress(path.read_bytes()), is_column=False)
    if not path.is_file():
        raise FileNotFoundError(f"there is no file {str(path)!r}")
    return Rows(media_type, path, is_column=False)


def _sequence_or_mapping(document: Any) -> Rows:
    rows = _rows(document)
    if rows is None:
        raise RowsError("expected an array or an object in the file")
    return rows
