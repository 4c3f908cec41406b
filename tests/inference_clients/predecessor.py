"""The published client of the Python predecessor, from fit to drift on real data.

It runs beside the libraries of its time, where it writes plain bodies, and beside those of today, where it writes every
member that is absent as null.
"""

from __future__ import annotations

import csv
import gzip
import warnings
from pathlib import Path

import numpy as np
import pandas as pd
import requests

# Its libraries of today warn about what it calls.
warnings.simplefilter("ignore")

from drifting import DriftingClient, DriftType  # noqa: E402
from drifting.drifting_client import encode_infer_data  # noqa: E402

from rows import Rows, addresses, contains, end, equal  # noqa: E402

TABLE = Path(__file__).parent.parent / "data" / "breast_cancer.csv.gz"
COLUMNS = ["mean_radius", "mean_texture", "mean_smoothness", "mean_concavity"]


def cases(diagnosis: str) -> pd.DataFrame:
    """The cases of a diagnosis, in the order of the table."""
    with gzip.open(TABLE, "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["diagnosis"] == diagnosis]
    return pd.DataFrame([{name: float(row[name]) for name in COLUMNS} for row in rows])


def main() -> None:
    [http] = addresses("HTTP")
    is_null_filled = "outputs" in encode_infer_data(np.array([1.0]), DriftType.LABEL).dict()
    style = "null-filled bodies" if is_null_filled else "plain bodies"
    rows = Rows("predecessor")
    # The order in which the predecessor was told the benign cases.
    benign, malignant = cases("benign"), cases("malignant")
    benign = benign.iloc[np.random.RandomState(5).permutation(len(benign))]
    client = DriftingClient(f"http://{http}/")

    @rows.row("the same fit/load/infer calls")
    def _() -> None:
        print(f"        ({style})")
        radius = benign["mean_radius"].to_numpy()
        response = client.fit(radius[:200], DriftType.LABEL, "label")
        equal((response.status_code, response.json()), (200, {"message": "Successfully fitted model 'label'"}))
        equal(client.load("label").content, b"")

        def feed(values: np.ndarray) -> list[tuple[int, float]]:
            return [client.predict(np.array([value]), DriftType.LABEL, "label") for value in values]

        told = feed(radius[200:300])
        equal([is_drift for is_drift, _ in told], [0] * 100)
        equal([statistic for _, statistic in told[:39]], [0.0] * 39)
        # What the predecessor told of the same rows.
        equal(round(told[39][1], 3), -0.313)
        told = feed(malignant["mean_radius"].to_numpy()[:20])
        equal(round(told[4][1], 2), 3.87)
        first = next(index for index, (is_drift, _) in enumerate(told) if is_drift == 1)
        # Its threshold, which is drawn, was passed by the fifth.
        if first not in range(2, 10):
            raise AssertionError(f"told at the malignant row {first + 1}")
        equal([is_drift for is_drift, _ in told[first:]], [1] * (20 - first))

    @rows.row("tabular: fit, load, predict to drift")
    def _() -> None:
        response = client.fit(benign[:250], DriftType.TABULAR, "tabular")
        equal(response.json(), {"message": "Successfully fitted model 'tabular'"})
        client.load("tabular")

        def feed(frame: pd.DataFrame) -> list[tuple[int, float]]:
            each = (frame[index : index + 1] for index in range(len(frame)))
            return [client.predict(row, DriftType.TABULAR, "tabular") for row in each]

        before = feed(benign[250:300])
        equal([is_drift for is_drift, _ in before], [0] * 50)
        after = [is_drift for is_drift, _ in feed(malignant[:40])]
        equal(after[-1], 1)
        if 1 in after[:3]:
            raise AssertionError("told before a row could have told it")

    @rows.row("dummy: never drifts")
    def _() -> None:
        data = np.zeros((2, 2))
        equal(client.fit(data, DriftType.DUMMY, "dummy").status_code, 200)
        client.load("dummy")

    @rows.row("a name that is taken: 409 with `message`")
    def _() -> None:
        response = client.fit(np.array([0.0, 1.0]), DriftType.LABEL, "label")
        equal(response.status_code, 409)
        equal(response.json()["message"], "Model with name 'label' already exists.")

    @rows.row("no project of the name: 404, raised by the client")
    def _() -> None:
        for call in (
            lambda: client.load("nowhere"),
            lambda: client.predict(np.array([1.0]), DriftType.LABEL, "nowhere"),
        ):
            try:
                answer = call()
            except requests.HTTPError as error:
                equal(error.response.status_code, 404)
                contains(error.response.json()["error"], "nowhere")
            else:
                raise AssertionError(f"expected 404, {answer!r} came")

    end(rows)


main()
