"""Tables as Arrow IPC streams, written by who is at hand: pyarrow, or the frame itself."""

from __future__ import annotations

import importlib.util
import io
import sys
from typing import Any

from drifting.errors import RowsError


def is_loaded() -> bool:
    """Whether the caller has imported pyarrow."""
    return "pyarrow" in sys.modules


def is_installed() -> bool:
    """Whether pyarrow can be imported."""
    return is_loaded() or importlib.util.find_spec("pyarrow") is not None


def of_polars(frame: Any) -> bytes:
    """The stream of a frame of polars, which writes it itself."""
    sink = io.BytesIO()
    frame.write_ipc_stream(sink)
    return sink.getvalue()


def of_pandas(frame: Any) -> bytes | None:
    """The stream of a frame of pandas, without its index; ``None`` where Arrow knows no type for a column."""
    pyarrow = _pyarrow()
    named = frame.set_axis([str(name) for name in frame.columns], axis=1)
    try:
        written = pyarrow.Table.from_pandas(named, preserve_index=False)
    except (pyarrow.ArrowException, TypeError, ValueError):
        return None
    return stream(written.replace_schema_metadata(None))


def table(data: Any) -> Any:
    """The table of pyarrow of whatever speaks the Arrow PyCapsule interface."""
    if not is_installed():
        kind = f"{type(data).__module__}.{type(data).__name__}"
        raise RowsError(f"a {kind} is sent by way of pyarrow, which is not installed")
    return _pyarrow().table(data)


def stream(table: Any) -> bytes:
    """The stream of a table of pyarrow."""
    sink = io.BytesIO()
    with _pyarrow().ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _pyarrow() -> Any:
    import pyarrow as pa

    return pa
