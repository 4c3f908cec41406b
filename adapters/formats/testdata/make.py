"""Writes the files beside it, as pandas, polars and pyarrow write them: pip install pandas polars pyarrow; python make.py

expected.json holds what is to be read from the files of `frame`: null is missing.
"""

import datetime
import decimal
import json
import pathlib

import numpy
import pandas
import polars
import pyarrow
import pyarrow.feather
import pyarrow.parquet

HERE = pathlib.Path(__file__).parent
N = 12
rows = range(N)
day = datetime.datetime(2024, 5, 17, 22, 30)
hour = datetime.timedelta(hours=1)


def missing_at(values, *at):
    return [None if row in at else value for row, value in enumerate(values)]


weekdays = ["mon", "tue", "wednesday, of all days"]
columns = {
    "price": pyarrow.array(missing_at([0.1 * row for row in rows], 3), pyarrow.float64()),
    "narrow": pyarrow.array([0.1 * row for row in rows], pyarrow.float32()),
    "half": pyarrow.array([numpy.float16(row / 4) for row in rows], pyarrow.float16()),
    "count": pyarrow.array(missing_at([row * 10**15 for row in rows], 0, 5), pyarrow.int64()),
    "tiny": pyarrow.array([row - 6 for row in rows], pyarrow.int8()),
    "big": pyarrow.array([2**64 - 1 - row for row in rows], pyarrow.uint64()),
    "amount": pyarrow.array(
        missing_at([decimal.Decimal(row * 111) / 100 for row in rows], 7), pyarrow.decimal128(12, 2)
    ),
    "flag": pyarrow.array(missing_at([row % 3 == 0 for row in rows], 4), pyarrow.bool_()),
    "weekday": pyarrow.array(missing_at([weekdays[row % 3] for row in rows], 9), pyarrow.string()),
    "kind": pyarrow.array(missing_at([["a", "b"][row % 2] for row in rows], 2), pyarrow.string()).dictionary_encode(),
    "date": pyarrow.array(missing_at([(day + row * 24 * hour).date() for row in rows], 1), pyarrow.date32()),
    "at": pyarrow.array([day + row * hour / 8 for row in rows], pyarrow.timestamp("us")),
    "zoned": pyarrow.array([day + row * hour for row in rows], pyarrow.timestamp("us", "Europe/Berlin")),
    "clock": pyarrow.array([(day + row * hour).time() for row in rows], pyarrow.time64("us")),
    "took": pyarrow.array(
        missing_at([datetime.timedelta(milliseconds=1500 * row) for row in rows], 6), pyarrow.duration("us")
    ),
    "nothing": pyarrow.nulls(N),
}


def told(value):
    match value:
        case float() if value != value:
            return None
        case datetime.timedelta():
            return value.total_seconds()
        case datetime.datetime():
            zone = value.tzinfo is not None
            text = (value.astimezone(datetime.UTC) if zone else value).replace(tzinfo=None).isoformat()
            return text + ("Z" if zone else "")
        case datetime.date() | datetime.time():
            return value.isoformat()
        case decimal.Decimal() | numpy.floating():
            return float(value)
    return value


expected = {name: [told(value) for value in column.to_pylist()] for name, column in columns.items()}
(HERE / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")

table = pyarrow.table(columns)
# With an index that is not 0, 1, 2, …: a column of its own in the files.
frame = table.to_pandas(types_mapper={pyarrow.int64(): pandas.Int64Dtype()}.get)
frame.index = [row * 7 % N for row in rows]
indexed = pyarrow.Table.from_pandas(frame)
assert "__index_level_0__" in indexed.column_names
# What pandas made of the types is undone, its note on the index is kept.
indexed = pyarrow.table(
    {**columns, "__index_level_0__": indexed["__index_level_0__"]},
    metadata={b"pandas": indexed.schema.metadata[b"pandas"]},
)
for codec in ["snappy", "gzip", "zstd", "brotli", "lz4", "none"]:
    pyarrow.parquet.write_table(indexed, HERE / f"frame.{codec}.parquet", compression=codec, row_group_size=7)
deltas = ["count", "tiny", "date", "at", "zoned", "clock", "took"]
encodings = {name: "DELTA_BINARY_PACKED" for name in deltas} | {
    "weekday": "DELTA_LENGTH_BYTE_ARRAY", "price": "BYTE_STREAM_SPLIT", "half": "BYTE_STREAM_SPLIT",
}
pyarrow.parquet.write_table(
    indexed, HERE / "frame.second.parquet", data_page_version="2.0", compression="zstd", version="2.6",
    use_dictionary=["kind"], column_encoding=encodings, data_page_size=64,
)
for codec in ["uncompressed", "lz4", "zstd"]:
    pyarrow.feather.write_feather(indexed, HERE / f"frame.{codec}.feather", compression=codec, chunksize=5)
    options = pyarrow.ipc.IpcWriteOptions(compression=None if codec == "uncompressed" else codec)
    with pyarrow.ipc.new_stream(HERE / f"frame.{codec}.arrows", indexed.schema, options=options) as stream:
        stream.write_table(indexed, max_chunksize=5)

# As a data frame of pandas itself is written, with whatever types it has.
frame.drop(columns=["half", "nothing"]).to_parquet(HERE / "frame.pandas.parquet")
frame.drop(columns=["nothing"]).reset_index(drop=True).to_feather(HERE / "frame.pandas.feather")

without = [name for name in columns if name not in ("half", "nothing")]
of_polars = polars.from_arrow(table.select(without)).with_columns(polars.col("kind").cast(polars.Categorical))
of_polars.write_parquet(HERE / "frame.polars.parquet")
of_polars.write_ipc(HERE / "frame.polars.arrow", compression="zstd")
of_polars.write_ipc_stream(HERE / "frame.polars.arrows")

# What cannot be used.
nested = pyarrow.table({
    "price": [1.0, 2.0], "tags": [["a"], []], "place": [{"x": 1}, {"x": 2}], "raw": pyarrow.array([b"a", b"b"]),
})
pyarrow.parquet.write_table(nested, HERE / "nested.parquet")
with pyarrow.ipc.new_stream(HERE / "nested.arrows", nested.schema) as stream:
    stream.write_table(nested)
pyarrow.parquet.write_table(
    pyarrow.table({"name": ["aa", "ab"]}), HERE / "delta_byte_array.parquet",
    use_dictionary=False, column_encoding={"name": "DELTA_BYTE_ARRAY"},
)

# Files that become large.
zeros = pyarrow.table({"zero": numpy.zeros(3_000_000, dtype=numpy.int64)})
pyarrow.parquet.write_table(
    zeros, HERE / "bomb.runs.parquet", compression="zstd", row_group_size=3_000_000, data_page_size=1 << 30
)
for codec in ["zstd", "lz4"]:
    options = pyarrow.ipc.IpcWriteOptions(compression=codec)
    with pyarrow.ipc.new_stream(HERE / f"bomb.{codec}.arrows", zeros.schema, options=options) as stream:
        stream.write_table(zeros)
text = "x" * 1_000_000
same = pyarrow.DictionaryArray.from_arrays(pyarrow.array(numpy.zeros(2_000, dtype=numpy.int8)), [text])
pyarrow.parquet.write_table(pyarrow.table({"text": same}), HERE / "bomb.dictionary.parquet", compression="zstd")
same = pyarrow.DictionaryArray.from_arrays(pyarrow.array(numpy.zeros(10_000, dtype=numpy.int8)), ["x" * 10_000])
with pyarrow.ipc.new_stream(HERE / "bomb.dictionary.arrows", pyarrow.schema({"text": same.type})) as stream:
    stream.write_batch(pyarrow.record_batch({"text": same}))
texts = pyarrow.table({"text": [f"{row}{text}" for row in range(32)]})
for codec in ["gzip", "brotli"]:
    # A page each.
    pyarrow.parquet.write_table(
        texts, HERE / f"bomb.{codec}.parquet", compression=codec, use_dictionary=False, data_page_size=1,
        write_batch_size=1, write_statistics=False,
    )
