"""Bodies that a schema alone does not lead to: files of the formats that are taken, and rows that suit the projects.

`tests/front_door/schemathesis.rs` fits the projects. Of the requests that are valid by the schema, about half get such a body, so
that more than the refusals is reached.
"""

import json
import os
from functools import partial
from pathlib import Path

import schemathesis
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode

FILES = Path(os.environ["DRIFTING_TEST_FILES"])

TABLE = {"nswprice": [0.05, 0.06, 0.04, 0.07, 0.05, 0.08, 0.06, 0.05], "day": ["mon", "tue", "wed", "thu", "fri", "mon", "tue", "wed"]}
VALUES = [(n * 37 % 101) / 101 for n in range(60)]
CLASSES = ["yes" if n % 3 == 0 else "no" for n in range(60)]
TEXTS = [f"the price of lot {n} is {n * 37 % 101}" for n in range(60)]


def files(*names):
    return st.sampled_from([(FILES / name).read_bytes() for name in names])


schemathesis.openapi.media_type(
    "application/vnd.apache.parquet", files("frame.pandas.parquet", "frame.polars.parquet", "frame.zstd.parquet")
)
schemathesis.openapi.media_type(
    "application/vnd.apache.arrow.stream", files("frame.polars.arrows", "frame.zstd.arrows", "frame.pandas.feather")
)

LINES = {
    "text/csv": ["nswprice,day\n0.05,mon\n0.06,tue\n", 'day,nswprice\r\n"mon",0.05\r\n', "value\n1\n2\n3\n"],
    "application/x-ndjson": ['{"nswprice": 0.05, "day": "mon"}\n{"day": "tue"}\n', '[0.05, "mon"]\n', '0.5\n0.25\n"yes"\n'],
}


def is_positive(case):
    return case.meta is None or case.meta.generation.mode == GenerationMode.POSITIVE


@schemathesis.serializer(*LINES)
def lines(context, value):
    """Lines: the text of an example or one of ours, as few texts are CSV or NDJSON; and what is no text in place of other values."""
    if not isinstance(value, str):
        return b"\xff"
    if not is_positive(context.case) or value.count("\n") > 1:
        return value.encode(errors="surrogatepass")
    return LINES[context.case.media_type][len(value) % 3].encode()


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what the checks take for a failure and is none."""
    # OpenAPI 3.0 has no words for single events: the document describes the text of the stream.
    content_type = response.headers.get("content-type", [""])[0]
    if failure.code == "ST108" and content_type.startswith("text/event-stream"):
        return False
    # A parameter without a value is one that is left out, as it is in forms.
    return not (failure.code == "ST201" and "" in (case.query or {}).values())


QUICK = {"ert": 20, "window_sizes": [4], "n_bootstraps": 2000}
FITS = [
    {"drift_type": "label", "data": VALUES, "detector": QUICK},
    {"drift_type": "label", "data": VALUES, "detector": {"kind": "ks"}, "overwrite": True},
    {"drift_type": "label", "data": CLASSES, "detector": QUICK, "overwrite": True},
    {"drift_type": "label", "data": [*CLASSES, "perhaps"], "missing_values": "reject"},
    {
        "drift_type": "tabular",
        "data": {name: values * 8 for name, values in TABLE.items()},
        "detector": {"kind": "mmd_online", "ert": 20, "window_size": 4, "n_bootstraps": 2000},
        "overwrite": True,
    },
    {"drift_type": "tabular", "data": [[n, n * n % 7] for n in range(40)], "detector": {"kind": "tabular"}},
    {"drift_type": "text", "data": TEXTS, "detector": {"kind": "mmd", "n_permutations": 100}},
]
ROWS = {
    "price": [{"data": TABLE}, {"data": {"nswprice": [0.05], "day": ["mon"]}}, {"data": [[0.05, "mon"]], "explain": True}],
    "values": [{"data": [0.5]}, {"data": VALUES}, {"data": [0.1, 0.9], "explain": False}],
    "classes": [{"data": ["yes"]}, {"data": CLASSES}],
    "texts": [{"data": TEXTS}, {"data": TEXTS[:20], "explain": True}],
}


def tensors(name, body):
    """The rows of a body as an inference request."""
    data = body["data"]
    if name == "price":
        columns = data if isinstance(data, dict) else {"nswprice": [data[0][0]], "day": [data[0][1]]}
    else:
        columns = {"value": data}

    def tensor(name, cells):
        datatype = "BYTES" if isinstance(cells[0], str) else "FP64"
        return {"name": name, "shape": [len(cells), 1], "datatype": datatype, "data": cells}

    return {"parameters": {"content_type": "pd"}, "inputs": [tensor(*column) for column in columns.items()]}


def suitable(case):
    """Bodies in JSON that suit a request, and whether the query string stays."""
    operation = case.operation.definition.raw.get("operationId", "")
    project = case.path_parameters.get("project") or case.path_parameters.get("model")
    if operation == "fitProject":
        return FITS
    if operation == "predict":
        return ROWS.get(project, [])
    if case.operation.path.endswith(("/infer", "/generate", "/infer_stream", "/generate_stream")):
        return [tensors(project, body) for body in ROWS.get(project, [])]
    if operation == "fitModel":
        return [tensors("values", {"data": VALUES})]
    if operation == "sendEvents":
        event = {"specversion": "1.0", "id": "1", "source": "tests", "type": "org.kubeflow.serving.inference.request"}
        return [event | {"data": form(body)} for body in ROWS.get(project, []) for form in (dict, partial(tensors, project))]
    return []


@schemathesis.hook
def before_generate_case(context, strategy):
    def with_suitable_body(drawn):
        case, number = drawn
        bodies = suitable(case) if is_positive(case) and number % 2 == 0 else []
        is_json = case.media_type in ("application/json", "application/cloudevents+json")
        if bodies and is_json:
            case.body = json.loads(json.dumps(bodies[number // 2 % len(bodies)]))
            if case.operation.path.startswith("/api/"):
                case.query = {}
        return case

    return st.tuples(strategy, st.integers(min_value=0, max_value=63)).map(with_suitable_body)
