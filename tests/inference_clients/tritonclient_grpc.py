"""tritonclient over gRPC, with and without coroutines: the same rows for both, then those of one alone."""

from __future__ import annotations

import queue
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import numpy as np
import tritonclient.grpc as blocking
import tritonclient.grpc.aio as coroutines
from tritonclient.grpc import InferInput, InferRequestedOutput, service_pb2, service_pb2_grpc
from tritonclient.utils import InferenceServerException

import projects
from blocking_calls import Blocking, connected
from rows import Rows, addresses, contains, end, equal

NOT_FOUND, INVALID_ARGUMENT = "StatusCode.NOT_FOUND", "StatusCode.INVALID_ARGUMENT"


def numbers(*values: float) -> list[InferInput]:
    """The input of a project of values."""
    return [InferInput("x", [len(values), 1], "FP64").set_data_from_numpy(np.array(values).reshape(-1, 1))]


def texts(*values: str) -> list[InferInput]:
    """The input of a project of classes or texts."""
    array = np.array(values, dtype=np.object_).reshape(-1, 1)
    return [InferInput("x", [len(values), 1], "BYTES").set_data_from_numpy(array)]


def refused(call: Callable[[], Any], status: str, part: str) -> None:
    """Fails unless the server refuses a call so, in a text with this part."""
    try:
        answer = call()
    except InferenceServerException as error:
        equal(error.status(), status)
        contains(error.message(), part)
        return
    raise AssertionError(f"expected {status}, {answer!r} came")


def equal_online(result: Any, time: int, n_rows: int = 1) -> None:
    """The answer of an online detector to rows of a project of values, of which the last one is the row `time`."""
    equal([output.name for output in result.get_response().outputs], projects.ONLINE_OUTPUTS)
    equal(result.as_numpy("time").tolist(), [[row] for row in range(time - n_rows + 1, time + 1)])
    equal(result.as_numpy("is_drift").dtype, np.dtype(np.int64))
    equal(result.as_numpy("ert").tolist(), [[projects.ERT]] * n_rows)
    equal(result.as_numpy("test_stat").shape, (n_rows, len(projects.WINDOW_SIZES), 1))
    equal(result.as_numpy("test_stat").dtype, np.dtype(np.float32))


def run(rows: Rows, client: Any, http: str, prefix: str) -> None:
    """The rows of a client; `prefix` begins the names of its projects."""
    values, classes, sentences, windows = (
        f"{prefix}-{name}" for name in ("values", "classes", "sentences", "windows")
    )
    projects.fit_values(http, values)

    @rows.row("live, ready, model ready, server/model metadata, load")
    def _() -> None:
        equal(client.is_server_live(), True)
        equal(client.is_server_ready(), True)
        equal(client.is_model_ready(values), True)
        equal(client.is_model_ready(values, "1"), True)
        server = client.get_server_metadata()
        equal(server.name, "drifting")
        contains(list(server.extensions), "model_repository")
        model = client.get_model_metadata(values)
        equal((model.name, list(model.versions)), (values, ["1"]))
        equal([(item.datatype, list(item.shape)) for item in model.inputs], [("FP64", [-1, 1])])
        equal([item.name for item in model.outputs], projects.ONLINE_OUTPUTS)
        client.load_model(values)

    @rows.row("unknown model on ModelReady")
    def _() -> None:
        refused(lambda: client.is_model_ready("nowhere"), NOT_FOUND, "nowhere")
        refused(lambda: client.is_model_ready(values, "7"), NOT_FOUND, "7")

    @rows.row("RepositoryIndex state")
    def _() -> None:
        index = client.get_model_repository_index()
        items = [(item.version, item.state, item.reason) for item in index.models if item.name == values]
        equal(items, [("1", "READY", "")])

    @rows.row("infer on an online drift detector (null `distance`)")
    def _() -> None:
        result = client.infer(values, numbers(0.1), request_id="order-918")
        equal_online(result, 1)
        equal(result.get_response().id, "order-918")
        # Raw contents came, and raw contents go.
        equal(len(result.get_response().raw_output_contents), len(projects.ONLINE_OUTPUTS))
        for name in ("distance", "p_val"):
            equal((result.get_output(name).datatype, np.isnan(result.as_numpy(name)).tolist()), ("FP64", [[True]]))

    @rows.row("gzip and deflate messages")
    def _() -> None:
        equal_online(client.infer(values, numbers(0.2), compression_algorithm="gzip"), 2)
        equal_online(client.infer(values, numbers(0.3), compression_algorithm="deflate"), 3)

    @rows.row("outputs in another order")
    def _() -> None:
        wanted = [InferRequestedOutput("time"), InferRequestedOutput("is_drift")]
        result = client.infer(values, numbers(0.4), outputs=wanted)
        equal([output.name for output in result.get_response().outputs], ["time", "is_drift"])
        equal((result.as_numpy("time").tolist(), result.as_numpy("is_drift").tolist()), ([[4]], [[0]]))

    @rows.row("a batch of rows, and parameters of every kind")
    def _() -> None:
        parameters = {"truth": True, "count": 3, "text": "a", "number": 0.5}
        equal_online(client.infer(values, numbers(0.1, -0.2, 0.3), parameters=parameters, timeout=60_000_000), 7, 3)

    @rows.row("BYTES: classes")
    def _() -> None:
        projects.fit_classes(http, classes)
        equal(client.infer(classes, texts("gold", "basic")).as_numpy("is_drift").tolist(), [[0], [0]])

    @rows.row("BYTES: texts")
    def _() -> None:
        projects.fit_texts(http, sentences)
        result = client.infer(sentences, texts("the customer received the parcel yesterday", "größer 🙂"))
        equal(result.as_numpy("time").tolist(), [[1], [2]])

    @rows.row("windows: a request is one, or rows are collected")
    def _() -> None:
        def window(shift: float) -> list[InferInput]:
            column = np.random.default_rng(6).normal(shift, 1.0, 30)
            return [InferInput(name, [30], "FP64").set_data_from_numpy(column) for name in "ab"]

        projects.fit_windows(http, windows)
        for shift, is_drift in ((0.0, 0), (2.0, 1)):
            result = client.infer(windows, window(shift))
            equal([output.name for output in result.get_response().outputs], ["is_drift", "distance", "p_val", "threshold"])
            equal(result.as_numpy("is_drift").tolist(), [[is_drift]])
            equal((result.as_numpy("p_val").shape, result.as_numpy("distance").shape), ((1, 2), (1, 2)))
        projects.fit_windows(http, f"{windows}-collected", 50)
        told = client.infer(f"{windows}-collected", window(0.0)).get_response()
        equal((len(told.outputs), told.parameters["pending_rows"].int64_param), (0, 30))
        result = client.infer(f"{windows}-collected", window(0.0))
        equal(result.as_numpy("is_drift").shape, (1, 1))

    @rows.row("unload, load again")
    def _() -> None:
        client.unload_model(values)
        equal(client.is_model_ready(values), False)
        index = client.get_model_repository_index()
        equal([item.state for item in index.models if item.name == values], ["UNAVAILABLE"])
        client.load_model(values)
        equal(client.is_model_ready(values), True)
        equal_online(client.infer(values, numbers(0.1)), 8)

    @rows.row("unknown model, version or output; wrong shape")
    def _() -> None:
        refused(lambda: client.infer("nowhere", numbers(0.1)), NOT_FOUND, "nowhere")
        refused(lambda: client.infer(values, numbers(0.1), model_version="7"), NOT_FOUND, "7")
        refused(lambda: client.get_model_metadata("nowhere"), NOT_FOUND, "nowhere")
        refused(lambda: client.load_model("nowhere"), NOT_FOUND, "nowhere")
        refused(lambda: client.unload_model("nowhere"), NOT_FOUND, "nowhere")
        wanted = [InferRequestedOutput("nothing")]
        refused(lambda: client.infer(values, numbers(0.1), outputs=wanted), INVALID_ARGUMENT, "nothing")
        refused(lambda: client.infer(values, [numbers(0.1)[0].set_shape([3, 1])]), INVALID_ARGUMENT, "3")
        equal_online(client.infer(values, numbers(0.1)), 9)

    @rows.row("model configuration, statistics, shared memory: UNIMPLEMENTED in a sentence")
    def _() -> None:
        for call in (
            lambda: client.get_model_config(values),
            lambda: client.get_inference_statistics(values),
            lambda: client.get_system_shared_memory_status(),
            lambda: client.get_trace_settings(),
            lambda: client.get_log_settings(),
        ):
            refused(call, "StatusCode.UNIMPLEMENTED", "this server")


def run_typed(rows: Rows, address: str, project: str) -> None:
    """Typed contents, which the client has no method for: its stub sends them."""
    stub = service_pb2_grpc.GRPCInferenceServiceStub(grpc.insecure_channel(address))

    def request(datatype: str, **contents: list[Any]) -> Any:
        n_rows = max(len(elements) for elements in contents.values())
        tensor = service_pb2.ModelInferRequest.InferInputTensor(
            name="x", datatype=datatype, shape=[n_rows, 1], contents=service_pb2.InferTensorContents(**contents)
        )
        return service_pb2.ModelInferRequest(model_name=project, inputs=[tensor])

    @rows.row("typed contents, answered in typed contents")
    def _() -> None:
        response = stub.ModelInfer(request("FP64", fp64_contents=[0.1, 0.2]))
        equal(len(response.raw_output_contents), 0)
        outputs = {output.name: output for output in response.outputs}
        equal(list(outputs), projects.ONLINE_OUTPUTS)
        equal(list(outputs["time"].contents.int64_contents), [10, 11])
        equal(list(outputs["time"].shape), [2, 1])
        equal(np.isnan(outputs["distance"].contents.fp64_contents).tolist(), [True, True])
        equal(len(outputs["test_stat"].contents.fp32_contents), 2 * len(projects.WINDOW_SIZES))
        for datatype, field in (("FP32", "fp32"), ("INT64", "int64"), ("INT8", "int"), ("UINT8", "uint")):
            stub.ModelInfer(request(datatype, **{f"{field}_contents": [1]}))

    @rows.row("wrong shape, or a string in an FP64 tensor")
    def _() -> None:
        mixed = request("FP64", fp64_contents=[0.1])
        mixed.raw_input_contents.append(b"\0" * 8)
        short = request("FP64", fp64_contents=[0.1])
        short.inputs[0].shape[0] = 3
        for wrong in (request("FP64", bytes_contents=[b"x"]), mixed, short, request("FP65", fp64_contents=[0.1])):
            try:
                answer = stub.ModelInfer(wrong)
            except grpc.RpcError as error:
                equal(error.code(), grpc.StatusCode.INVALID_ARGUMENT)
            else:
                raise AssertionError(f"expected INVALID_ARGUMENT, {answer!r} came")


def run_stream(rows: Rows, client: Any, project: str, time: int) -> None:
    """Streams of the client without coroutines; `time` rows have been fed."""

    @rows.row("a stream: an answer for each request, in order, errors included")
    def _() -> None:
        answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
        client.start_stream(callback=lambda result, error: answers.put((result, error)))
        for index in range(20):
            client.async_stream_infer(project, numbers(0.1), request_id=f"row-{index}")
        client.async_stream_infer("nowhere", numbers(0.1))
        client.async_stream_infer(project, numbers(0.2), request_id="last")
        told = [answers.get(timeout=10) for _ in range(22)]
        client.stop_stream()
        for index, (result, error) in enumerate(told[:20]):
            equal(error, None)
            equal(result.get_response().id, f"row-{index}")
            equal_online(result, time + index + 1)
        contains(told[20][1], "nowhere")
        equal_online(told[21][0], time + 21)

    @rows.row("a call with a callback")
    def _() -> None:
        answers: queue.Queue[tuple[Any, Any]] = queue.Queue()
        client.async_infer(project, numbers(0.1), callback=lambda result, error: answers.put((result, error)))
        result, error = answers.get(timeout=10)
        equal(error, None)
        equal_online(result, time + 22)


def run_stream_of_coroutines(rows: Rows, client: Blocking, project: str, time: int) -> None:
    """Streams of the client of coroutines; `time` rows have been fed."""

    @rows.row("a stream: an answer for each request, in order, errors included")
    def _() -> None:
        async def requests() -> AsyncIterator[dict[str, Any]]:
            for name in [project] * 5 + ["nowhere", project]:
                yield {"model_name": name, "inputs": numbers(0.1)}

        async def answers() -> list[tuple[Any, Any]]:
            return [answer async for answer in client.client.stream_infer(requests(), stream_timeout=10.0)]

        told = client.loop.run_until_complete(answers())
        equal(len(told), 7)
        for index, (result, _) in enumerate(told[:5]):
            equal_online(result, time + index + 1)
        contains(told[5][1], "nowhere")
        equal_online(told[6][0], time + 6)


def main() -> None:
    http, address = addresses("HTTP", "GRPC")
    rows = Rows("tritonclient gRPC")
    client = blocking.InferenceServerClient(address)
    run(rows, client, http, "grpc")
    run_typed(rows, address, "grpc-values")
    run_stream(rows, client, "grpc-values", 15)
    client.close()

    rows_of_coroutines = Rows("tritonclient grpc.aio")
    client_of_coroutines = connected(lambda: coroutines.InferenceServerClient(address))
    run(rows_of_coroutines, client_of_coroutines, http, "grpc-aio")
    run_stream_of_coroutines(rows_of_coroutines, client_of_coroutines, "grpc-aio-values", 9)
    client_of_coroutines.close()
    end(rows, rows_of_coroutines)


main()
