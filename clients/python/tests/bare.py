"""The client where nothing but what it requires is installed: run by an interpreter that has no library of data."""

from __future__ import annotations

import importlib.util
import sys
import tempfile
from pathlib import Path

LIBRARIES = ("numpy", "pandas", "polars", "pyarrow")
there = [name for name in LIBRARIES if importlib.util.find_spec(name)]
if there:
    sys.exit(f"this interpreter has {there}; it is to have none of them")

import drifting  # noqa: E402
from drifting.errors import RowsError  # noqa: E402


class Frame:
    """A frame of a library that is there, where what is needed to read it is not."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        raise AssertionError("nobody can read it")


with tempfile.TemporaryDirectory() as folder, drifting.serve() as server:
    file = Path(folder) / "rows.csv"
    file.write_text("price,day\n" + "1.5,mon\n2.5,tue\n" * 60)
    drifting.fit(file, project="file", kind="tabular")
    drifting.fit({"price": [1.5, 2.5] * 60, "day": ["mon", "tue"] * 60}, project="columns", kind="tabular")
    drifting.fit([float(number % 17) for number in range(100)], project="values", ert=20, window_sizes=[4])
    for project in ("file", "columns"):
        assert (
            drifting.detect([{"price": 1.5, "day": "mon"}, {"price": 2.5, "day": "tue"}] * 20, project=project).is_drift
            is False
        )
    assert drifting.detect(file, project="columns").rows == 120
    assert [drifting.detect(50.0, project="values").is_drift for _ in range(8)][-1]
    trend = drifting.metrics("values")
    assert len(trend.to_columns()["statistic"]) == 8
    assert "<svg" in trend._repr_html_()
    for convert in (trend.to_pandas, trend.to_polars, trend.to_arrow):
        try:
            convert()
        except ModuleNotFoundError:
            continue
        raise AssertionError("there is no such library")
    try:
        drifting.detect(Frame(), project="file")
    except RowsError as error:
        told = str(error)
    assert "pyarrow, which is not installed" in told

sys.stdout.write("nothing but what is required is needed\n")
