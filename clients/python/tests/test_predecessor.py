"""Programs of the predecessor's client, as they are, on the data on which the predecessor was observed."""

from __future__ import annotations

import csv
import gzip
import inspect
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

import drifting
from conftest import DATA
from drifting import DriftingClient, DriftType, errors

COLUMNS = ["mean_radius", "mean_texture", "mean_smoothness", "mean_concavity"]


def cases(diagnosis: str) -> pd.DataFrame:
    with gzip.open(DATA / "breast_cancer.csv.gz", "rt", newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["diagnosis"] == diagnosis]
    return pd.DataFrame([{name: float(row[name]) for name in COLUMNS} for row in rows])


@pytest.fixture
def shim(server: drifting.LocalServer) -> DriftingClient:
    return DriftingClient(f"{server.url}/")


def test_the_names_are_those_of_the_predecessor() -> None:
    assert {kind.name for kind in DriftType} == {"LABEL", "TABULAR", "TEXT", "SEQUENTIAL", "IMAGE", "DUMMY"}
    arguments = {
        name: list(inspect.signature(getattr(DriftingClient, name)).parameters) for name in ("fit", "load", "predict")
    }
    assert arguments["fit"][:4] == ["self", "train_data", "drift_type", "detector_name"]
    assert arguments["load"] == ["self", "detector_name"]
    assert arguments["predict"][:4] == ["self", "data", "drift_type", "detector_name"]
    assert list(inspect.signature(DriftingClient).parameters) == ["host", "fit_timeout", "regular_timeout"]


def test_label(shim: DriftingClient, project: str) -> None:
    benign, malignant = cases("benign"), cases("malignant")
    radius = benign["mean_radius"].to_numpy()[np.random.RandomState(5).permutation(len(benign))]
    response = shim.fit(radius[:200], DriftType.LABEL, project)
    assert (response.status_code, response.json()) == (200, {"message": f"Successfully fitted model '{project}'"})
    assert shim.load(project).content == b""
    told = [shim.predict(np.array([value]), DriftType.LABEL, project) for value in radius[200:300]]
    assert [is_drift for is_drift, _ in told] == [0] * 100
    # What the predecessor told of the same rows.
    assert [statistic for _, statistic in told[:39]] == [0.0] * 39
    assert round(told[39][1], 3) == -0.313
    told = [shim.predict(np.array([value]), DriftType.LABEL, project) for value in malignant["mean_radius"][:20]]
    assert round(told[4][1], 2) == 3.87
    assert told[-1][0] == 1


@pytest.mark.parametrize("frame", [lambda table: table, pl.from_pandas], ids=["pandas", "polars"])
def test_tabular(shim: DriftingClient, project: str, frame: Any) -> None:
    benign, malignant = cases("benign"), cases("malignant")
    response = shim.fit(frame(benign[:250]), DriftType.TABULAR, project, ert=100, window_size=10, n_bootstraps=2_000)
    assert response.json() == {"message": f"Successfully fitted model '{project}'"}
    shim.load(project)
    told = [shim.predict(frame(malignant[index : index + 1]), DriftType.TABULAR, project) for index in range(30)]
    assert told[-1][0] == 1
    # It is a project as any other.
    detector = drifting.Client(shim.host).projects.get(project).detector
    assert detector is not None
    assert (detector.kind, detector.ert, detector.window_size) == ("mmd_online", 100.0, 10)


def test_texts_and_dummies(shim: DriftingClient, project: str) -> None:
    texts = np.array([f"parcel {number % 5} came {'late' if number % 2 else 'early'}" for number in range(120)])
    assert shim.fit(texts, DriftType.TEXT, project, ert=20, window_size=4, n_bootstraps=2_000).status_code == 200
    assert shim.predict(["parcel 1 came late"], DriftType.TEXT, project)[0] == 0
    assert shim.fit(np.zeros((2, 2)), DriftType.DUMMY, f"{project}.dummy").status_code == 200


def test_what_is_refused(shim: DriftingClient, server: drifting.LocalServer, project: str) -> None:
    assert shim.fit(np.arange(200.0), DriftType.LABEL, project).status_code == 200
    again = shim.fit(np.arange(200.0), DriftType.LABEL, project)
    assert (again.status_code, again.json()["message"]) == (409, f"Model with name '{project}' already exists.")
    for call in (lambda: shim.load("nowhere"), lambda: shim.predict([1.0], DriftType.LABEL, "nowhere")):
        with pytest.raises(errors.NotFoundError, match="nowhere"):
            call()
    assert DriftingClient(server.url).host == server.url
    with pytest.raises(errors.UnreachableError):
        DriftingClient("http://127.0.0.1:9/")
