"""Step 7: three million flights through the HTTP interface, as Arrow streams."""

import os
import time
from pathlib import Path
from typing import Any

import pyarrow
import pyarrow.parquet

from server import Server

ARROW = "application/vnd.apache.arrow.stream"
REFERENCE = 10_000
BATCH = 100_000
# A part of the file where a kind takes its time.
KINDS: tuple[tuple[str, dict[str, Any], int], ...] = (
    ("dummy", {}, 3_000_000),
    ("tabular", {"window": {"size": 10_000}}, 3_000_000),
    ("psi", {"window": {"size": 10_000}}, 3_000_000),
    ("mmd_fourier", {"window": {"size": 10_000}}, 3_000_000),
    ("adwin", {}, 1_000_000),
    ("page_hinkley", {}, 1_000_000),
    ("cvm_online", {}, 500_000),
    ("lsdd_online", {}, 300_000),
    ("mmd_online", {}, 100_000),
)
ONE_COLUMN = {"adwin", "page_hinkley", "cvm_online"}


def run(program: Path, path: Path) -> dict[str, Any]:
    """Rows a second of each kind, and the processor time of the server for a row."""
    flights = pyarrow.parquet.read_table(path)
    # Numbers and an airport each way; what has no delay has not come.
    flights = flights.drop_null()
    lines = []
    for kind, settings, n_rows in KINDS:
        table = flights.select(["delay"]) if kind in ONE_COLUMN else flights.select(["delay", "distance", "origin"])
        if kind == "lsdd_online" or kind == "mmd_online":
            table = flights.select(["delay", "distance"])
        with Server(program) as server:
            lines.append(_measured(server, kind, settings, table.slice(0, n_rows)))
    return {"rows": flights.num_rows, "names": flights.column_names, "processors": os.cpu_count(), "lines": lines}


def _measured(server: Server, kind: str, settings: dict[str, Any], table: pyarrow.Table) -> dict[str, Any]:
    drift_type = "label" if table.num_columns == 1 else "tabular"
    window = "".join(f"&window.{name}={value}" for name, value in settings.get("window", {}).items())
    query = f"drift_type={drift_type}&kind={kind}{window}"
    server.send(f"projects/flights/fit?{query}", _stream(table.slice(0, REFERENCE)), ARROW)
    bodies = [_stream(table.slice(start, BATCH)) for start in range(0, table.num_rows, BATCH)]
    used, began = server.processor_time(), time.perf_counter()
    n_rows = 0
    for body in bodies:
        n_rows += server.send("projects/flights/predict?explain=false", body, ARROW)["rows"]
    took, used = time.perf_counter() - began, server.processor_time() - used
    return {
        "kind": kind, "columns": table.num_columns, "rows": table.num_rows, "seconds": took,
        "rows_a_second": table.num_rows / took, "cpu_us_a_row": used / table.num_rows * 1e6, "told": n_rows,
    }  # fmt: skip


def _stream(table: pyarrow.Table) -> bytes:
    sink = pyarrow.BufferOutputStream()
    with pyarrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())
