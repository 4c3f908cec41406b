"""MLServer's codecs, which write requests and read answers, and its command for files of requests."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import requests
from mlserver.codecs import NumpyCodec, NumpyRequestCodec, PandasCodec, StringRequestCodec
from mlserver.types import InferenceRequest, InferenceResponse

import projects
from rows import Rows, addresses, contains, end, equal


def main() -> None:
    [http] = addresses("HTTP")
    rows = Rows("mlserver")
    projects.fit_values(http, "codec-values")
    projects.fit_classes(http, "codec-classes")
    projects.fit_table(http, "codec-table")
    projects.fit_values(http, "batch")

    def infer(project: str, request: InferenceRequest, **arguments: Any) -> InferenceResponse:
        """Posts a request as MLServer's documents do."""
        body = request.model_dump(**arguments)
        response = requests.post(f"http://{http}/v2/models/{project}/infer", json=body, timeout=10)
        if response.status_code != 200:
            raise AssertionError(response.text)
        return InferenceResponse.model_validate_json(response.text)

    def times(response: InferenceResponse) -> list[list[int]]:
        equal([output.name for output in response.outputs], projects.ONLINE_OUTPUTS)
        return NumpyCodec.decode_output(response.outputs[4]).tolist()

    @rows.row("NumpyRequestCodec")
    def _() -> None:
        one = NumpyRequestCodec.encode_request(np.array([0.1, 0.2]))
        response = infer("codec-values", one)
        equal(times(response), [[1], [2]])
        statistics = NumpyCodec.decode_output(response.outputs[6])
        equal((statistics.shape, statistics.dtype), ((2, len(projects.WINDOW_SIZES), 1), np.dtype(np.float32)))
        equal(times(infer("codec-values", one, exclude_none=True)), [[3], [4]])
        equal(times(infer("codec-values", NumpyRequestCodec.encode_request(np.array([[1], [2]], "int16")))), [[5], [6]])

    @rows.row("NumpyRequestCodec: a missing value is refused, not taken for a number")
    def _() -> None:
        request = NumpyRequestCodec.encode_request(np.array([0.1, np.nan]))
        equal(request.inputs[0].data.root, [0.1, None])
        response = requests.post(
            f"http://{http}/v2/models/codec-values/infer", json=request.model_dump(), timeout=10
        )
        equal(response.status_code, 422)
        contains(response.json()["error"], "missing")

    @rows.row("PandasCodec")
    def _() -> None:
        # MLServer does not know the type that pandas gives texts since its version 3.
        frame = pd.DataFrame({"plan": pd.Series(["gold", "basic"], dtype=object), "age": [40.0, 41.0]})
        request = PandasCodec.encode_request(frame, use_bytes=False)
        equal(request.inputs[0].parameters.content_type, "str")
        response = infer("codec-table", request)
        equal(times(response), [[1], [2]])
        told = PandasCodec.decode_response(response)
        equal(list(told.columns), projects.ONLINE_OUTPUTS)
        equal(told["time"].tolist(), [1, 2])
        equal(told["ert"].tolist(), [projects.ERT] * 2)

    @rows.row("StringRequestCodec: classes")
    def _() -> None:
        classes = StringRequestCodec.encode_request(["gold", "basic"], use_bytes=False)
        equal(times(infer("codec-classes", classes)), [[1], [2]])

    def command(*arguments: str, lines: list[InferenceRequest]) -> list[dict[str, Any]]:
        """What `mlserver infer` writes for a file of requests."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "requests.jsonl"), Path(folder, "responses.jsonl")
            source.write_text("".join(request.model_dump_json() + "\n" for request in lines))
            program = Path(sys.executable).with_name("mlserver")
            run = subprocess.run(
                [program, "infer", "-u", http, "-m", "batch", "-i", source, "-o", target, "-r", "1", *arguments],
                capture_output=True, text=True, timeout=60, check=False,
            )
            if run.returncode != 0:
                raise AssertionError(run.stderr)
            told = [json.loads(line) for line in target.read_text().splitlines()]
        return sorted(told, key=lambda answer: answer["parameters"]["batch_index"])

    def row(value: float) -> InferenceRequest:
        return NumpyRequestCodec.encode_request(np.array([value]))

    @rows.row("`mlserver infer`: a request at a time, and in batches, as JSON and binary")
    def _() -> None:
        fed = 0
        for arguments in ((), ("-s", "4"), ("-s", "4", "-b")):
            told = command("-w", "1", *arguments, lines=[row(index / 10) for index in range(10)])
            equal(len(told), 10)
            for answer in told:
                fed += 1
                outputs = {output["name"]: output["data"] for output in answer["outputs"]}
                equal(list(outputs), projects.ONLINE_OUTPUTS)
                equal((outputs["time"], outputs["distance"]), ([fed], [None]))

    @rows.row("`mlserver infer`: the text of an error is kept")
    def _() -> None:
        wrong = StringRequestCodec.encode_request(["x"], use_bytes=False)
        told = command(lines=[wrong])
        equal(len(told), 1)
        contains(told[0]["error"]["msg"], "number")

    end(rows)


main()
