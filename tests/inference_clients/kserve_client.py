"""KServe's clients: REST with the protocol v2, and gRPC."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import grpc
import httpx
import numpy as np
from kserve import InferenceGRPCClient, InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

import projects
from blocking_calls import Blocking, connected
from rows import Rows, addresses, contains, end, equal


def request(project: str, *values: float, binary: bool, **members: Any) -> InferRequest:
    """A request with rows of a project of values."""
    array = np.array(values).reshape(-1, 1)
    tensor = InferInput("x", list(array.shape), "FP64")
    tensor.set_data_from_numpy(array, binary_data=binary)
    return InferRequest(project, [tensor], **members)


def equal_online(response: Any, time: int, n_rows: int = 1) -> None:
    """The answer of an online detector to rows of a project of values, of which the last one is the row `time`."""
    equal([output.name for output in response.outputs], projects.ONLINE_OUTPUTS)
    outputs = {output.name: output for output in response.outputs}
    equal(outputs["time"].as_numpy().tolist(), [[row] for row in range(time - n_rows + 1, time + 1)])
    equal(outputs["ert"].as_numpy().tolist(), [[projects.ERT]] * n_rows)
    equal(list(outputs["test_stat"].shape), [n_rows, len(projects.WINDOW_SIZES), 1])


def run_rest(rows: Rows, client: Blocking, http: str, project: str) -> None:
    """The rows of the REST client."""
    url = f"http://{http}"

    @rows.row("`is_server_live`, `is_server_ready`")
    def _() -> None:
        equal(client.is_server_live(url), True)
        equal(client.is_server_ready(url), True)
        equal(client.is_model_ready(url, project), True)
        equal(client.is_model_ready(url, "nowhere"), False)

    @rows.row("`infer`, binary tensor")
    def _() -> None:
        equal_online(client.infer(url, request(project, 0.1, binary=True), project), 1)
        binary_output = {"binary_data_output": True}
        response = client.infer(url, request(project, 0.2, binary=True, parameters=binary_output), project)
        equal_online(response, 2)
        distance = next(output for output in response.outputs if output.name == "distance")
        equal(np.isnan(distance.as_numpy()).tolist(), [[True]])

    @rows.row("`infer`, dict / JSON tensor")
    def _() -> None:
        body = {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": [0.3]}]}
        equal_online(client.infer(url, body, project), 3)
        equal_online(client.infer(url, request(project, 0.4, 0.5, binary=False, request_id="a"), project), 5, 2)
        response = client.infer(
            url, request(project, 0.6, binary=False, request_outputs=[RequestedOutput("time")]), project
        )
        equal([(output.name, output.data) for output in response.outputs], [("time", [6])])

    @rows.row("errors keep their status and their text")
    def _() -> None:
        for name, wrong, status in (
            ("nowhere", request("nowhere", 0.1, binary=True), 404),
            (project, {"inputs": [{"name": "x", "shape": [3, 1], "datatype": "FP64", "data": [0.1]}]}, 400),
            (project, {"inputs": [{"name": "x", "shape": [1, 1], "datatype": "FP64", "data": ["x"]}]}, 400),
        ):
            try:
                answer = client.infer(url, wrong, name)
            except httpx.HTTPStatusError as error:
                equal(error.response.status_code, status)
                contains(error, error.response.json()["error"])
            else:
                raise AssertionError(f"expected {status}, {answer!r} came")
        equal_online(client.infer(url, request(project, 0.1, binary=True), project), 7)


def run_grpc(rows: Rows, client: Blocking, project: str) -> None:
    """The rows of the gRPC client."""

    def refused(call: Callable[[], Any], code: grpc.StatusCode) -> None:
        try:
            answer = call()
        except grpc.RpcError as error:
            equal(error.code(), code)
        else:
            raise AssertionError(f"expected {code}, {answer!r} came")

    @rows.row("live, ready, model ready")
    def _() -> None:
        equal(client.is_server_live(), True)
        equal(client.is_server_ready(), True)
        equal(client.is_model_ready(project), True)
        refused(lambda: client.is_model_ready("nowhere"), grpc.StatusCode.NOT_FOUND)

    @rows.row("`infer`, raw and typed contents")
    def _() -> None:
        equal_online(client.infer(request(project, 0.1, binary=True)), 1)
        equal_online(client.infer(request(project, 0.2, 0.3, binary=False)), 3, 2)

    @rows.row("errors keep their status")
    def _() -> None:
        refused(lambda: client.infer(request("nowhere", 0.1, binary=True)), grpc.StatusCode.NOT_FOUND)
        wrong = request(project, 0.1, binary=True)
        wrong.inputs[0].shape = [3, 1]
        refused(lambda: client.infer(wrong), grpc.StatusCode.INVALID_ARGUMENT)


def main() -> None:
    http, address = addresses("HTTP", "GRPC")
    # The client logs what it raises.
    logging.disable(logging.CRITICAL)
    projects.fit_values(http, "kserve-rest")
    projects.fit_values(http, "kserve-grpc")
    rest, remote = Rows("kserve REST"), Rows("kserve gRPC")
    client = connected(lambda: InferenceRESTClient(RESTConfig(protocol="v2")))
    run_rest(rest, client, http, "kserve-rest")
    client.close()
    remote_client = connected(lambda: InferenceGRPCClient(address))
    run_grpc(remote, remote_client, "kserve-grpc")
    remote_client.close()
    end(rest, remote)


main()
