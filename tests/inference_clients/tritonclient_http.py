"""tritonclient over HTTP, with and without coroutines: the same rows for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tritonclient.http as blocking
import tritonclient.http.aio as coroutines
from tritonclient.http import InferInput, InferRequestedOutput
from tritonclient.utils import InferenceServerException

import projects
from blocking_calls import connected
from rows import Rows, addresses, contains, end, equal


def tensor(name: str, array: np.ndarray, datatype: str, binary: bool = True) -> InferInput:
    """An input of an array."""
    return InferInput(name, list(array.shape), datatype).set_data_from_numpy(array, binary_data=binary)


def numbers(*values: float, binary: bool = True) -> list[InferInput]:
    """The input of a project of values."""
    return [tensor("x", np.array(values).reshape(-1, 1), "FP64", binary)]


def texts(*values: str, binary: bool = True) -> list[InferInput]:
    """The input of a project of classes or texts."""
    return [tensor("x", np.array(values, dtype=np.object_).reshape(-1, 1), "BYTES", binary)]


def refusal(call: Callable[[], Any]) -> InferenceServerException:
    """The exception of a call that the server must refuse."""
    try:
        answer = call()
    except InferenceServerException as error:
        return error
    raise AssertionError(f"expected a refusal, {answer!r} came")


def equal_online(result: Any, time: int, n_rows: int = 1) -> None:
    """The answer of an online detector to rows of a project of values, of which the last one is the row `time`."""
    equal([output["name"] for output in result.get_response()["outputs"]], projects.ONLINE_OUTPUTS)
    equal(result.as_numpy("time").tolist(), [[row] for row in range(time - n_rows + 1, time + 1)])
    equal(result.as_numpy("is_drift").dtype, np.dtype(np.int64))
    equal(result.as_numpy("ert").tolist(), [[projects.ERT]] * n_rows)
    equal(result.as_numpy("test_stat").shape, (n_rows, len(projects.WINDOW_SIZES), 1))
    equal(result.as_numpy("test_stat").dtype, np.dtype(np.float32))


def run(rows: Rows, client: Any, http: str, prefix: str) -> None:
    """The rows of a client; `prefix` begins the names of its projects."""
    values, classes, table = (f"{prefix}-{name}" for name in ("values", "classes", "table"))
    projects.fit_values(http, values)

    @rows.row("live, ready, model ready, server/model metadata, load")
    def _() -> None:
        equal(client.is_server_live(), True)
        equal(client.is_server_ready(), True)
        equal(client.is_model_ready(values), True)
        equal(client.is_model_ready(values, "1"), True)
        equal(client.is_model_ready("nowhere"), False)
        server = client.get_server_metadata()
        equal(server["name"], "drifting")
        equal({"model_repository", "binary_tensor_data"} - set(server["extensions"]), set())
        model = client.get_model_metadata(values)
        equal((model["name"], model["versions"]), (values, ["1"]))
        equal([(item["datatype"], item["shape"]) for item in model["inputs"]], [("FP64", [-1, 1])])
        equal([item["name"] for item in model["outputs"]], projects.ONLINE_OUTPUTS)
        client.load_model(values)

    @rows.row("repository index (sends an EMPTY body)")
    def _() -> None:
        index = client.get_model_repository_index()
        items = [item for item in index if item["name"] == values]
        equal(items, [{"name": values, "version": "1", "state": "READY", "reason": ""}])

    @rows.row("`infer` with its default settings (binary input + binary output)")
    def _() -> None:
        result = client.infer(values, numbers(0.1), request_id="order-918")
        equal_online(result, 1)
        equal(result.get_response()["id"], "order-918")
        for output in result.get_response()["outputs"]:
            equal("data" in output, False)
        for name in ("distance", "p_val"):
            equal((result.get_output(name)["datatype"], np.isnan(result.as_numpy(name)).tolist()), ("FP64", [[True]]))

    @rows.row("`infer`, JSON in, default outputs (asks binary out)")
    def _() -> None:
        result = client.infer(values, numbers(0.2, binary=False))
        equal_online(result, 2)
        equal(result.get_output("time")["parameters"], {"binary_data_size": 8})

    @rows.row("`infer`, JSON in, JSON out")
    def _() -> None:
        wanted = [InferRequestedOutput(name, binary_data=False) for name in projects.ONLINE_OUTPUTS]
        result = client.infer(values, numbers(0.3, binary=False), outputs=wanted)
        equal_online(result, 3)
        equal(result.get_output("distance"), {"name": "distance", "shape": [1, 1], "datatype": "BYTES", "data": [None]})

    @rows.row("gzip request / deflate request")
    def _() -> None:
        for time, algorithm in ((4, "gzip"), (5, "deflate")):
            result = client.infer(
                values,
                numbers(0.4),
                request_compression_algorithm=algorithm,
                response_compression_algorithm=algorithm,
            )
            equal_online(result, time)
        many = numbers(*np.linspace(-1.0, 1.0, 500))
        result = client.infer(values, many, response_compression_algorithm="gzip")
        equal_online(result, 505, 500)

    @rows.row("outputs in another order, some binary")
    def _() -> None:
        wanted = [InferRequestedOutput("time", binary_data=False), InferRequestedOutput("is_drift")]
        result = client.infer(values, numbers(0.5), outputs=wanted)
        equal([output["name"] for output in result.get_response()["outputs"]], ["time", "is_drift"])
        equal(result.get_output("time")["data"], [506])
        equal(result.get_output("is_drift")["parameters"], {"binary_data_size": 8})

    @rows.row("a batch of rows, of several types")
    def _() -> None:
        equal_online(client.infer(values, numbers(0.1, -0.2, 0.3)), 509, 3)
        single = [tensor("x", np.array([[1.0], [2.0]], dtype=np.float32), "FP32")]
        equal_online(client.infer(values, single), 511, 2)
        integers = [tensor("x", np.array([1, 2]), "INT64")]
        equal_online(client.infer(values, integers), 513, 2)

    @rows.row("rows that drift are told to")
    def _() -> None:
        result = client.infer(values, numbers(*[9.0] * projects.WINDOW_SIZES[-1]))
        equal(result.as_numpy("is_drift").tolist()[-1], [1])

    @rows.row("BYTES: classes, columns")
    def _() -> None:
        projects.fit_classes(http, classes)
        for binary in (True, False):
            result = client.infer(classes, texts("gold", "basic", binary=binary))
            equal(result.as_numpy("is_drift").tolist(), [[0], [0]])
        projects.fit_table(http, table)
        columns = [
            tensor("plan", np.array(["gold", "basic"], dtype=np.object_), "BYTES"),
            tensor("age", np.array([40.0, 41.0]), "FP64"),
        ]
        equal(client.infer(table, columns).as_numpy("time").tolist(), [[1], [2]])

    @rows.row("unload, load again")
    def _() -> None:
        client.unload_model(values)
        equal(client.is_model_ready(values), False)
        index = client.get_model_repository_index()
        equal([item["state"] for item in index if item["name"] == values], ["UNAVAILABLE"])
        error = refusal(lambda: client.infer(values, numbers(0.1)))
        equal(error.status(), "409")
        contains(error.message(), "inactive")
        client.load_model(values)
        equal(client.is_model_ready(values), True)
        equal_online(client.infer(values, numbers(0.1)), 530)

    @rows.row("error text of a validation error")
    def _() -> None:
        error = refusal(lambda: client.infer(values, numbers(0.1), outputs=[InferRequestedOutput("nothing")]))
        equal(error.status(), "400")
        contains(error.message(), "nothing")
        contains(error.message(), "is_drift")

    def without_project(call: Callable[[], Any]) -> None:
        error = refusal(call)
        equal(error.status(), "404")
        contains(error.message(), "nowhere")

    @rows.row("unknown model: 404 with `error`")
    def _() -> None:
        without_project(lambda: client.infer("nowhere", numbers(0.1)))
        without_project(lambda: client.get_model_metadata("nowhere"))
        without_project(lambda: client.load_model("nowhere"))
        without_project(lambda: client.unload_model("nowhere"))
        equal(refusal(lambda: client.get_model_metadata(values, "7")).status(), "404")

    @rows.row("model configuration, statistics, shared memory: 501 with `error`")
    def _() -> None:
        for call in (
            lambda: client.get_model_config(values),
            lambda: client.get_inference_statistics(values),
            lambda: client.get_inference_statistics(),
            lambda: client.get_system_shared_memory_status(),
            lambda: client.get_trace_settings(),
            lambda: client.get_log_settings(),
        ):
            error = refusal(call)
            equal(error.status(), "501")
            contains(error.message(), "this server")

    @rows.row("wrong shape, or a string in an FP64 tensor")
    def _() -> None:
        for binary in (True, False):
            error = refusal(lambda: client.infer(values, [numbers(0.1, binary=binary)[0].set_shape([3, 1])]))
            equal(error.status(), "400")
            contains(error.message(), "3")
        # The client itself would not let the string through.
        wrong = numbers(0.1, binary=False)
        wrong[0]._data = ["x"]
        error = refusal(lambda: client.infer(values, wrong))
        equal(error.status(), "400")
        contains(error.message(), "FP64")
        # Nothing of what was refused has been taken for a row.
        equal_online(client.infer(values, numbers(0.1)), 531)


def main() -> None:
    [http] = addresses("HTTP")
    rows = Rows("tritonclient http")
    run(rows, blocking.InferenceServerClient(http), http, "http")

    client = connected(lambda: coroutines.InferenceServerClient(http))
    rows_of_coroutines = Rows("tritonclient http.aio")
    run(rows_of_coroutines, client, http, "http-aio")
    client.close()
    end(rows, rows_of_coroutines)


main()
