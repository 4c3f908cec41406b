"""What becomes of rows in each form, before anything is sent."""

from __future__ import annotations

import array
import datetime as dt
import gzip
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from drifting import _arrow, _rows
from drifting._cells import cell
from drifting.errors import RowsError

TABLE = {"price": [1.5, None], "day": ["mon", "tue"]}
RECORDS = [{"price": 1.5, "day": "mon"}, {"price": None, "day": "tue"}]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (1, 1),
        (True, True),
        ("text", "text"),
        (None, None),
        (float("nan"), None),
        (pd.NA, None),
        (pd.NaT, None),
        (np.float32(0.5), 0.5),
        (np.float64("nan"), None),
        (np.int8(3), 3),
        (np.bool_(True), True),
        (np.str_("text"), "text"),
        (Decimal("1.25"), 1.25),
        (Fraction(1, 4), 0.25),
        (dt.date(2024, 5, 17), "2024-05-17"),
        (dt.time(13, 45, 0, 500_000), "13:45:00.500"),
        (dt.datetime(2024, 5, 17, 13, 45), "2024-05-17T13:45:00"),
        (dt.datetime(24, 5, 17, 0, 0, 0, 1), "0024-05-17T00:00:00.000001"),
        (dt.datetime(2024, 5, 17, 2, tzinfo=dt.timezone(dt.timedelta(hours=2))), "2024-05-17T00:00:00Z"),
        (pd.Timestamp("2024-05-17T00:00:00.000000001"), "2024-05-17T00:00:00.000000001"),
        (np.datetime64("2024-05-17"), "2024-05-17"),
        (np.datetime64("2024-05-17T13"), "2024-05-17T13:00:00"),
        (np.datetime64("2024-05-17T13:45:00.5"), "2024-05-17T13:45:00.500"),
        (np.datetime64("NaT"), None),
        (dt.timedelta(minutes=1.5), 90.0),
        (np.timedelta64(1_500, "ms"), 1.5),
        (np.timedelta64("NaT"), None),
    ],
)
def test_a_value_becomes_what_json_knows(value: Any, expected: Any) -> None:
    assert cell(value) == expected
    assert type(cell(value)) is type(expected)


@pytest.mark.parametrize("value", [float("inf"), np.float64("-inf"), b"x", 1j, object(), [1], np.complex128(1)])
def test_a_value_that_no_detector_knows_is_refused(value: Any) -> None:
    with pytest.raises(RowsError, match="expected"):
        cell(value)


@pytest.mark.parametrize(
    ("data", "content"),
    [
        (TABLE, TABLE),
        (RECORDS, RECORDS),
        (tuple(RECORDS), RECORDS),
        ({"price": np.array([1.5, np.nan]), "day": pd.Series(["mon", "tue"])}, TABLE),
        ({"price": pl.Series([1.5, None]), "day": ("mon", "tue")}, TABLE),
        ([[1.5, "mon"], [None, "tue"]], [[1.5, "mon"], [None, "tue"]]),
        ([(1.5, "mon")], [[1.5, "mon"]]),
        ([np.array([1.0, 2.0])], [[1.0, 2.0]]),
        (np.array([[1.0, np.nan], [3.0, 4.0]]), [[1.0, None], [3.0, 4.0]]),
        (np.array([(1.0, "a")], dtype=[("x", "f8"), ("y", "U1")]), {"x": [1.0], "y": ["a"]}),
    ],
)
def test_tables(data: Any, content: Any) -> None:
    for rows in (_rows.reference(data), _rows.window(data)):
        assert (rows.media_type, rows.content, rows.is_column) == (None, content, False)


@pytest.mark.parametrize(
    "data",
    [
        [1.0, None],
        (1.0, float("nan")),
        iter([1.0, None]),
        np.array([1.0, np.nan]),
        pd.Series([1.0, None]),
        pd.array([1.0, None], dtype="Float64"),
        pl.Series([1.0, None]),
        pa.array([1.0, None]),
        pa.chunked_array([[1.0], [None]]),
        (value for value in (1.0, None)),
    ],
    ids=lambda data: f"{type(data).__module__}.{type(data).__name__}",
)
def test_columns(data: Any) -> None:
    rows = _rows.reference(data)
    assert (rows.media_type, rows.content, rows.is_column) == (None, [1.0, None], True)


def test_more_columns() -> None:
    assert _rows.reference(array.array("d", [1.0, 2.0])).content == [1.0, 2.0]
    assert _rows.reference(pd.Index([1, 2])).content == [1, 2]
    assert _rows.reference(range(2)).content == [0, 1]
    assert _rows.reference(pd.Series(["a", "b"], dtype="category")).content == ["a", "b"]
    nanoseconds = np.array(["2024-05-17T00:00:00.000000001"], dtype="datetime64[ns]")
    assert _rows.reference(nanoseconds).content == ["2024-05-17T00:00:00.000000001"]


def test_one_row() -> None:
    """A dict is one, and so is a row of a frame, whose labels are the columns; other columns of pandas are values."""
    frame = pd.DataFrame(TABLE)
    for row in (RECORDS[0], frame.iloc[0], frame.to_dict("records")[0]):
        assert _rows.window(row) == _rows.Rows(None, [RECORDS[0]], is_column=False)
    assert _rows.window(frame["day"]) == _rows.Rows(None, ["mon", "tue"], is_column=True)
    assert _rows.window(1.5) == _rows.window(np.float64(1.5)) == _rows.Rows(None, [1.5], is_column=True)
    # By its labels a column that is fitted on is a column all the same.
    assert _rows.reference(pd.Series([1, 2], index=["a", "b"])).is_column


@pytest.mark.parametrize("frame", [pl.DataFrame(TABLE), pa.table(TABLE), pa.RecordBatch.from_pydict(TABLE)])
def test_frames_write_arrow(frame: Any) -> None:
    rows = _rows.window(frame)
    assert rows.media_type == _rows.ARROW
    assert pa.ipc.open_stream(rows.content).read_all().to_pydict() == TABLE
    assert _rows.window(frame, as_json=True).content == TABLE


def test_frames_of_pandas(monkeypatch: pytest.MonkeyPatch) -> None:
    """They go as Arrow where pyarrow is at hand, without their index; as JSON where it is not."""
    columns: dict[Any, Any] = {**TABLE, 3: pd.Categorical(["a", "b"])}
    frame = pd.DataFrame(columns, index=[7, 8])
    expected = {**TABLE, "3": ["a", "b"]}
    rows = _rows.window(frame)
    assert rows.media_type == _rows.ARROW
    table = pa.ipc.open_stream(rows.content).read_all()
    assert table.to_pydict() == expected
    assert not table.schema.metadata
    # Arrow has no type for a column of these.
    mixed = pd.DataFrame({"x": [1, "a"]})
    assert _rows.window(mixed) == _rows.Rows(None, {"x": [1, "a"]}, is_column=False)
    monkeypatch.setattr(_arrow, "is_loaded", lambda: False)
    assert _rows.window(frame) == _rows.Rows(None, expected, is_column=False)
    large = pd.DataFrame({"x": np.arange(_rows.LARGE)})
    assert _rows.window(large).media_type == _rows.ARROW
    monkeypatch.setattr(_arrow, "is_installed", lambda: False)
    assert _rows.window(large).media_type is None


def test_whatever_speaks_the_protocols() -> None:
    """A library that nobody here has heard of is taken by the Arrow and the array protocol."""

    class Frame:
        def __arrow_c_stream__(self, requested_schema: object = None) -> object:
            return pa.table(TABLE).__arrow_c_stream__(requested_schema)

    class Tensor:
        def __array__(self, dtype: Any = None, copy: bool | None = None) -> Any:
            return np.array([[1, 2]], dtype=dtype)

    assert pa.ipc.open_stream(_rows.window(Frame()).content).read_all().to_pydict() == TABLE
    assert _rows.window(Tensor()).content == [[1, 2]]


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (object(), "builtins.object"),
        (b"1,2", "pathlib.Path"),
        ([], "at least one row"),
        ([1, [2]], "among them"),
        ([{"x": 1}, 2], "among them"),
        ({"x": [1], "y": 2}, "under 'y'"),
        ({"x": [[1]]}, "under 'x'"),
        (np.zeros((2, 2, 2)), "dimensions"),
        (pl.LazyFrame(TABLE), "collect"),
        ([float("inf")], "finite"),
    ],
)
def test_what_are_no_rows_is_refused_in_words(data: Any, told: str) -> None:
    for read in (_rows.reference, _rows.window):
        with pytest.raises(RowsError, match=told):
            read(data)


def test_one_value_is_no_reference() -> None:
    with pytest.raises(RowsError, match="one value"):
        _rows.reference(1.0)


def test_names_of_columns_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_arrow, "is_loaded", lambda: False)
    with pytest.raises(RowsError, match="different names"):
        _rows.window(pd.DataFrame([[1, 2]], columns=["x", "x"]))


@pytest.mark.parametrize(
    ("name", "media_type"),
    [
        ("rows.csv", "text/csv"),
        ("rows.NDJSON", "application/x-ndjson"),
        ("rows.jsonl", "application/x-ndjson"),
        ("rows.parquet", "application/vnd.apache.parquet"),
        ("rows.arrow", _rows.ARROW),
        ("a.b.feather", _rows.ARROW),
    ],
)
def test_files(tmp_path: Path, name: str, media_type: str) -> None:
    path = tmp_path / name
    path.write_bytes(b"content")
    expected = _rows.Rows(media_type, path, is_column=False)
    assert _rows.reference(path) == _rows.reference(str(path)) == _rows.window(path) == expected
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(b"content"))
    assert _rows.reference(packed) == _rows.Rows(media_type, b"content", is_column=False)


def test_files_of_json(tmp_path: Path) -> None:
    path = tmp_path / "rows.json"
    path.write_text(json.dumps(TABLE))
    assert _rows.reference(path) == _rows.Rows(None, TABLE, is_column=False)
    path.write_text("[1.0, null]")
    assert _rows.reference(path) == _rows.Rows(None, [1.0, None], is_column=True)


def test_files_that_are_none(tmp_path: Path) -> None:
    with pytest.raises(RowsError, match=r"\.parquet"):
        _rows.reference("prices")
    with pytest.raises(FileNotFoundError):
        _rows.reference(tmp_path / "absent.csv")


def test_a_text_to_judge_opens_no_file(tmp_path: Path) -> None:
    """It may come from anywhere; what it names stays where it is."""
    path = tmp_path / "secret.csv"
    path.write_text("secret")
    for rows in (_rows.window(str(path)), _rows.window([str(path)])):
        assert rows == _rows.Rows(None, [str(path)], is_column=True)
    assert _rows.window({"text": str(path)}).content == [{"text": str(path)}]
