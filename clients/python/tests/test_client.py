"""The client against a real server."""

from __future__ import annotations

import copy
import datetime as dt
import multiprocessing
import pickle
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import drifting
from conftest import QUICK
from drifting import errors


def test_a_column_and_its_rows(client: drifting.Client, project: str, prices: list[float]) -> None:
    fitted = client.fit(prices, project, **QUICK)
    assert (fitted.project, fitted.drift_type, fitted.status) == (project, "label", "active")
    assert fitted.detector is not None
    assert (fitted.detector.kind, fitted.detector.ert, fitted.detector.window_sizes) == ("cvm_online", 20.0, (4,))
    assert fitted.schema is not None
    assert fitted.reference_rows == 200
    assert fitted.created_at is not None
    assert abs(dt.datetime.now(dt.UTC) - fitted.created_at) < dt.timedelta(minutes=1)
    verdicts = [client.detect(value, project) for value in [5.0] * 10]
    assert [verdict.warm_up for verdict in verdicts] == [True] * 3 + [False] * 7
    assert verdicts[0].statistic is None
    assert [verdict.is_drift for verdict in verdicts] == [False] * 3 + [True] * 7
    last = verdicts[-1]
    assert last.statistic is not None
    assert last.threshold is not None
    assert last.statistic > last.threshold
    assert (last.time, last.rows, last.ert) == (10, 1, 20.0)
    assert last.features[0].direction == "up"
    many = client.predict([5.0, 5.0], project)
    assert [(row.time, row.is_drift) for row in many.results] == [(11, True), (12, True)]


def test_the_life_of_a_project(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, **QUICK)
    with pytest.raises(errors.ProjectExistsError) as refused:
        client.fit(prices, project, **QUICK)
    assert (refused.value.status, refused.value.code) == (409, "project_exists")
    assert client.fit(prices, project, overwrite=True, **QUICK).generation == 2
    assert project in [known.project for known in client.projects.list(drift_type="label", status="active")]
    assert client.projects.unload(project).status == "inactive"
    with pytest.raises(errors.ProjectInactiveError):
        client.predict(1.0, project)
    assert [known.project for known in client.projects.list(status="inactive")] == [project]
    assert client.projects.load(project).status == "active"
    client.predict([1.0, 2.0], project)
    known = client.projects.get(project)
    assert (known.time, known.rows_seen) == (2, 2)
    assert known.last_detection is not None
    assert client.projects.reset(project).time == 0
    assert client.projects.refresh().n_projects >= 1
    client.projects.delete(project)
    for call in (client.projects.get, client.projects.delete, client.projects.reset):
        with pytest.raises(errors.ProjectNotFoundError):
            call(project)


def test_every_page_is_read(client: drifting.Client, project: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        client.fit([1.0, 2.0, 3.0], f"{project}.{number}", kind="dummy")
    whole = client.projects.list()
    monkeypatch.setattr("drifting._flows._PAGE", "1")
    assert [known.project for known in client.projects.list()] == [known.project for known in whole]
    client.predict([1.0] * 5, f"{project}.0")
    assert [metric.time for metric in client.metrics(f"{project}.0", limit=3)] == [1, 2, 3]


TABLE = {
    "number": [0.5, 1.5, None, 2.5] * 10,
    "whole": [1, 2, 3, 4] * 10,
    "flag": [True, False] * 20,
    "text": ["mon", "tue", "mon", "wed"] * 10,
    "day": [dt.date(2024, 5, 17), dt.date(2024, 5, 18)] * 20,
    "at": [dt.datetime(2024, 5, 17, 13, 45), dt.datetime(2024, 5, 17, 13, 45, 0, 500_000)] * 20,
    "zoned": [dt.datetime(2024, 5, 17, tzinfo=dt.UTC), dt.datetime(2024, 5, 18, 1, tzinfo=dt.UTC)] * 20,
    "took": [dt.timedelta(seconds=1), dt.timedelta(milliseconds=1_500)] * 20,
}


def forms() -> dict[str, Any]:
    pandas = pd.DataFrame(TABLE)
    pandas["zoned"] = pandas["zoned"].dt.tz_convert("Europe/Berlin")
    names = list(TABLE)
    return {
        "columns": TABLE,
        "records": [dict(zip(names, row, strict=True)) for row in zip(*TABLE.values(), strict=True)],
        "pandas": pandas,
        "polars": pl.DataFrame(TABLE),
        "pyarrow": pa.table(TABLE),
        "polars of categories": pl.DataFrame(TABLE).with_columns(pl.col("text").cast(pl.Categorical)),
        "pandas of categories": pandas.astype({"text": "category"}),
    }


def test_rows_are_the_same_in_every_form(client: drifting.Client, project: str, tmp_path: Path) -> None:
    """Whatever a reference came as, rows of it in every other form drift nowhere and hold no unseen category."""
    files = {"parquet": tmp_path / "rows.parquet", "feather": tmp_path / "rows.feather"}
    pq.write_table(pa.table(TABLE), files["parquet"])
    pl.DataFrame(TABLE).write_ipc(files["feather"])
    both = {**forms(), **files}
    for number, (name, data) in enumerate(both.items()):
        fitted = client.fit(data, f"{project}.{number}", kind="tabular", missing_values="drop", progress=False)
        assert fitted.schema is not None
        types = {column.name: column.type for column in fitted.schema.columns}
        assert types["number"] == types["whole"] == types["took"] == "numeric", name
        assert types["text"] == types["day"] == types["at"] == types["zoned"] == types["flag"] == "categorical", name
    for number in range(len(both)):
        for name, data in both.items():
            verdict = client.predict(data, f"{project}.{number}", explain=True)
            assert verdict.is_drift is False, name
            assert (verdict.rows, verdict.rows_dropped) == (30, 10), name
            for feature in verdict.features:
                assert not feature.unseen_categories, (name, feature)
                assert feature.p_value == 1.0, (name, feature)


def test_rows_without_names(client: drifting.Client, project: str) -> None:
    """Arrays go by the order of their columns, against projects with names too."""
    draws = np.random.default_rng(1)
    reference = draws.normal(size=(200, 2))
    client.fit(pd.DataFrame(reference, columns=["a", "b"]), project, kind="mmd_online", ert=20, window_size=4)
    assert client.predict(reference[:1], project).rows == 1
    assert client.predict(reference[:3].tolist(), project).rows == 3
    assert client.predict({"b": 0.0, "a": 0.0}, project).rows == 1
    with pytest.raises(errors.InvalidDataError) as refused:
        client.predict({"a": 0.0, "c": 0.0}, project)
    assert len(refused.value.issues) == 2
    assert str(refused.value).count("\n") == 2


def test_files_are_streamed(client: drifting.Client, project: str, tmp_path: Path, market: dict[str, list[float]]) -> None:
    path = tmp_path / "market.csv"
    pd.DataFrame(market).to_csv(path, index=False)
    fitted = client.fit(str(path), project, kind="ks", p_val=0.001)
    assert (fitted.drift_type, fitted.reference_rows) == ("tabular", 6_000)
    assert client.predict(path, project).is_drift is False
    pd.DataFrame(market).to_json(tmp_path / "market.ndjson", orient="records", lines=True)
    assert client.predict(tmp_path / "market.ndjson", project).rows == 6_000


def test_settings_reach_the_server(client: drifting.Client, project: str, market: dict[str, list[float]]) -> None:
    table = {name: market[name][:300] for name in ("nswprice", "nswdemand")}
    fitted = client.fit(
        pl.DataFrame(table),
        project,
        missing_values="impute",
        kind="tabular",
        tests={"nswprice": "cvm"},
        p_val=0.01,
        correction="fdr",
        window={"size": 50, "stride": 25, "max_age": "1h"},
        update_reference={"last": 300},
        after_alarm="reset",
    )
    detector = fitted.detector
    assert detector is not None
    assert (detector.p_val, detector.correction, detector.after_alarm) == (0.01, "fdr", "reset")
    assert detector.tests == {"nswdemand": "ks", "nswprice": "cvm"}
    assert detector.window is not None
    assert (detector.window.size, detector.window.stride, detector.window.max_age) == (50, 25, 3600.0)
    assert detector.update_reference is not None
    assert detector.update_reference.last == 300
    assert fitted.schema is not None
    assert fitted.schema.missing_values == "impute"
    assert fitted.run_length is None
    verdict = client.predict(pl.DataFrame(table)[:10], project)
    assert (verdict.warm_up, verdict.pending_rows) == (True, 10)
    kernel = client.fit(table, f"{project}.k", kind="mmd", preprocessing={"standardize": False, "n_components": 1})
    assert kernel.preprocessing is not None
    assert (kernel.preprocessing.standardize, kernel.preprocessing.n_components) == (False, 1)
    watched = client.fit(market["nswprice"][:500], f"{project}.r", report_run_length=True, **QUICK)
    assert watched.run_length is not None
    assert watched.run_length.wanted_per_1000_rows == 50.0
    # Numbers of NumPy come from searches for parameters.
    int_of_numpy: Any = np.int64(3)
    drawn = client.fit([1.0, 2.0] * 50, f"{project}.n", kind="ks", p_val=np.float64(0.02), seed=int_of_numpy)
    assert drawn.detector is not None
    assert (drawn.detector.p_val, drawn.detector.seed) == (0.02, 3)
    with pytest.raises(errors.InvalidSettingsError):
        client.fit([1.0, 2.0], f"{project}.x", kind="ks", p_val=2.0)


def test_contexts(client: drifting.Client, project: str) -> None:
    draws = np.random.default_rng(1)
    hour = draws.uniform(size=200)
    price = hour + 0.1 * draws.normal(size=200)
    frame = pl.DataFrame({"price": price})
    client.fit(frame, project, kind="context_mmd", context={"hour": hour}, n_permutations=100)
    verdict = client.predict(frame[:50], project, context=pd.DataFrame({"hour": hour[:50]}))
    assert verdict.is_drift is False
    with pytest.raises(errors.InvalidDataError):
        client.predict(frame[:50], project)


def test_truth(client: drifting.Client, project: str) -> None:
    truth = ["up", "down"] * 100
    predicted = ["up" if number % 10 == 0 else label for number, label in enumerate(truth)]
    fitted = client.fit(pd.Series(predicted), project, kind="hddm_w", truth=truth, lambda_=0.1)
    assert fitted.detector is not None
    assert (fitted.detector.lambda_, fitted.detector.two_sided_test) == (0.1, False)
    right = client.predict(predicted[:20], project, truth=np.array(truth[:20]))
    assert (right.is_drift, right.is_warning) == (False, False)
    wrong = client.predict(truth[:60], project, truth=truth[1:61])
    assert (wrong.is_drift, wrong.results[0].is_warning is not None) == (True, True)
    with pytest.raises(errors.InvalidDataError):
        client.predict(predicted[:3], project, truth=truth[:2])


def test_quality(client: drifting.Client, project: str, prices: list[float]) -> None:
    shops = ["north", "south"] * (len(prices) // 2)
    rows = {"price": prices[: len(shops)], "shop": shops}
    checks: drifting.QualitySettings = {"significance": 0.01, "constant_column": False}
    fitted = client.fit(rows, project, kind="tabular", missing_values="impute", quality=checks)
    assert fitted.quality is not None
    assert (fitted.quality.significance, fitted.quality.constant_column) == (0.01, False)
    odd = {"price": [None] * 20 + prices[:20], "shop": ["north", "south"] * 15 + ["west"] * 10}
    found = client.predict(odd, project).quality
    assert {(finding.check, finding.column) for finding in found} == {("missing_burst", "price"), ("new_category", "shop")}
    assert all(finding.n_rows > 0 and finding.p_value < 0.01 and finding.column in finding.detail for finding in found)
    free = client.fit(rows, project, kind="tabular", missing_values="impute", quality=False, overwrite=True)
    assert free.quality is None
    assert client.predict(odd, project).quality == ()


def test_texts(client: drifting.Client, project: str) -> None:
    texts = [f"the parcel of order {number % 7} came {'late' if number % 2 else 'early'}" for number in range(100)]
    fitted = client.fit(texts, project, drift_type="text", kind="mmd", n_permutations=100)
    assert fitted.drift_type == "text"
    assert client.predict(texts[:40], project).is_drift is False
    assert client.predict(pd.Series(["zzz qqq"] * 40), project).is_drift is True


def test_metrics(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, **QUICK)
    client.predict([*prices[:10], *[5.0] * 10], project)
    trend = client.metrics(project)
    assert [metric.time for metric in trend] == list(range(1, 21))
    assert trend[-1].is_drift
    assert trend[0].warm_up
    assert trend[0].statistic is None
    assert len(trend[:5]) == 5
    assert client.metrics(project, until=dt.datetime(2020, 1, 1, tzinfo=dt.UTC)) == trend[:0]
    assert len(client.metrics(project, since=trend[0].at - dt.timedelta(seconds=1))) == 20
    with pytest.raises(ValueError, match="zone"):
        client.metrics(project, since=dt.datetime(2020, 1, 1))

    frame = trend.to_pandas()
    assert list(frame.columns) == [
        *("generation", "time", "rows", "statistic", "threshold", "p_value", "distance", "is_drift", "warm_up"),
    ]
    assert isinstance(frame.index, pd.DatetimeIndex)
    assert str(frame.index.tz) == "UTC"
    assert frame["is_drift"].dtype == bool
    assert frame["statistic"].dtype == frame["p_value"].dtype == float
    assert frame["statistic"].isna().sum() == 3
    polars = trend.to_polars()
    assert polars["at"].dtype == pl.Datetime("us", "UTC")
    assert polars["statistic"].null_count() == 3
    assert polars["time"].to_list() == frame["time"].tolist() == trend.to_arrow()["time"].to_pylist()

    buckets = client.metrics(project, resolution=dt.timedelta(hours=1))
    assert sum(bucket.count for bucket in buckets) == 20
    assert sum(bucket.drifts for bucket in buckets) == sum(metric.is_drift for metric in trend)
    assert (
        list(buckets.to_pandas()["drifts"]) == [bucket.drifts for bucket in buckets] == list(buckets.to_polars()["drifts"])
    )
    assert buckets.to_polars()["p_value_min"].dtype == pl.Float64
    assert trend[:0].to_polars().schema == polars.schema
    assert trend[:0].to_pandas()["statistic"].dtype == float


def test_metrics_of_columns(tmp_path: Path, market: dict[str, list[float]]) -> None:
    with drifting.serve(tmp_path, arguments=["--metrics-features"], database_uri="sqlite://metrics.sqlite") as server:
        client = server.client()
        table = {name: market[name][:100] for name in ("nswprice", "nswdemand")}
        client.fit(table, "market", kind="ks")
        client.predict(table, "market")
        deadline = time.monotonic() + 10
        while not (trend := client.metrics("market", features=True)) and time.monotonic() < deadline:
            time.sleep(0.05)
        columns = trend.features_to_columns()
        assert sorted(columns["name"]) == ["nswdemand", "nswprice"]
        assert columns["is_drift"] == [False, False]
        assert client.metrics("market", resolution=10).features_to_columns()["name"] == []


def test_operations(client: drifting.Client, project: str, market: dict[str, list[float]]) -> None:
    table = {name: market[name] for name in ("nswprice", "nswdemand", "vicprice")}
    operation = client.fit(table, project, wait=False, ert=1_000, kind="mmd_online", window_size=100)
    assert operation.kind == "fit"
    assert client.operations.get(operation.id).project == project
    assert operation.id in [known.id for known in client.operations.list()]
    with pytest.raises(errors.FitInProgressError):
        client.fit([1.0, 2.0], project)
    with pytest.raises(errors.DeadlineError, match="goes on"):
        client.operations.wait(operation, timeout=0.05, progress=False)
    assert client.operations.cancel(operation).status == "cancelled"
    with pytest.raises(errors.FitCancelledError):
        client.operations.wait(operation.id, progress=False)
    with pytest.raises(errors.ProjectNotFoundError):
        client.projects.get(project)
    with pytest.raises(errors.OperationNotFoundError):
        client.operations.get("0" * 32)


def test_a_fit_tells_how_far_it_has_come(client: drifting.Client, project: str, prices: list[float]) -> None:
    told: list[drifting.Operation] = []
    client.fit(prices, project, ert=4_000, progress=told.append)
    fractions = [operation.progress.fraction for operation in told]
    assert fractions == sorted(fractions)
    assert (told[-1].status, fractions[-1]) == ("succeeded", 1.0)
    assert any(0 < fraction < 1 for fraction in fractions)


def test_an_interrupt_cancels_the_fit(client: drifting.Client, project: str, market: dict[str, list[float]]) -> None:
    table = {name: market[name] for name in ("nswprice", "nswdemand", "vicprice")}

    def interrupt(operation: drifting.Operation) -> None:
        if operation.status == "running":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        client.fit(table, project, ert=1_000, kind="mmd_online", window_size=100, progress=interrupt)
    known = next(known for known in client.operations.list() if known.project == project)
    assert known.status == "cancelled"


def test_a_failed_operation_raises_what_a_request_would(client: drifting.Client, project: str) -> None:
    constant = [[1.0, 2.0]] * 100
    with pytest.raises(errors.ApiError) as failed:
        client.fit(constant, project, kind="mmd_online")
    assert failed.value.status == 422
    with pytest.raises(errors.ProjectNotFoundError):
        client.projects.get(project)


def test_rows_count_once(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, **QUICK)
    first = client.predict(1.0, project, idempotency_key="key")
    assert client.predict(1.0, project, idempotency_key="key") == first
    assert client.projects.get(project).rows_seen == 1
    with pytest.raises(errors.InvalidRequestError) as refused:
        client.predict(2.0, project, idempotency_key="key")
    assert refused.value.code == "idempotency_key_reused"


def test_events(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit({"price": prices}, project, drift_type="label", **QUICK)
    event = {
        "specversion": "1.0",
        "id": "1",
        "source": "model",
        "type": "org.kubeflow.serving.inference.request",
        "data": {"instances": [[1.0]]},
    }
    assert client.send_events(project, [event, event]).accepted == 1
    assert client.send_events(project, [event]).duplicates == 1
    deadline = time.monotonic() + 10
    while client.projects.get(project).rows_seen != 1 and time.monotonic() < deadline:
        time.sleep(0.02)
    assert client.projects.get(project).rows_seen == 1


def test_probes_and_metrics_of_the_server(client: drifting.Client) -> None:
    assert client.is_live()
    assert client.is_ready()
    assert "drifting_" in client.server_metrics()
    assert not drifting.Client("http://127.0.0.1:9").is_live()


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTING_API_KEY", "the key of the environment")
    with drifting.serve(tmp_path) as server:
        assert server.client().projects.list() == []
        assert server.client(api_key="the key of the environment").projects.list() == []
        with pytest.raises(errors.UnauthenticatedError):
            server.client(api_key="another").projects.list()
        carried = pickle.loads(pickle.dumps(server.client()))
        monkeypatch.delenv("DRIFTING_API_KEY")
        with pytest.raises(errors.UnauthenticatedError):
            carried.projects.list()
    client = drifting.Client(api_key="geheim")
    assert "geheim" not in repr(client)
    assert "geheim" not in repr(client._settings)


def test_it_can_be_pickled_and_copied(server: drifting.LocalServer, project: str) -> None:
    client = server.client(timeout=5.0, on_error="ignore")
    client.fit([1.0, 2.0], project, kind="dummy")
    verdict = client.predict(1.0, project)
    with pytest.raises(errors.ProjectNotFoundError) as caught:
        client.projects.get("absent")
    carriers: tuple[Callable[[Any], Any], ...] = (lambda value: pickle.loads(pickle.dumps(value)), copy.deepcopy)
    for carry in carriers:
        carried = carry(client)
        assert (carried.url, carried._settings) == (client.url, client._settings)
        assert carried.projects.get(project).project == project
        assert carry(verdict) == verdict
        assert carry(client.metrics(project)) == client.metrics(project)
        error = carry(caught.value)
        assert (type(error), error.code, str(error)) == (type(caught.value), "project_not_found", str(caught.value))


def _ask(client: drifting.Client, project: str) -> int | None:
    return client.projects.get(project).rows_seen


def test_it_goes_on_after_a_fork(client: drifting.Client, project: str) -> None:
    client.fit([1.0, 2.0], project, kind="dummy")
    client.predict(1.0, project)
    with multiprocessing.get_context("fork").Pool(2) as pool:
        assert pool.starmap(_ask, [(client, project)] * 4) == [1] * 4
    assert _ask(client, project) == 1


def test_the_functions_talk_to_the_server_that_was_started(server: drifting.LocalServer, project: str) -> None:
    assert drifting.client().url == server.url
    drifting.fit([float(value) for value in range(50)], project=project, **QUICK)
    assert drifting.detect(1.0, project=project).is_drift is False
    assert drifting.predict(1.0, project=project).time == 2
    assert len(drifting.metrics(project)) == 2


def test_the_server_is_found_by_the_environment(server: drifting.LocalServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRIFTING_URL", server.url)
    assert drifting.Client().url == server.url
    monkeypatch.delenv("DRIFTING_URL")
    assert drifting.Client().url == "http://127.0.0.1:8080"


@pytest.mark.parametrize("url", ["127.0.0.1:8080", "ftp://x", "http://user:geheim@x", "http://x?a=b", "http://"])
def test_only_urls_of_servers_are_taken(url: str) -> None:
    with pytest.raises(ValueError, match="expected") as refused:
        drifting.Client(url)
    assert "geheim" not in str(refused.value)


def test_arguments_are_checked() -> None:
    for arguments in ({"timeout": 0}, {"connect_timeout": float("inf")}, {"retries": -1}, {"on_error": "fail"}):
        with pytest.raises(ValueError, match="expected"):
            drifting.Client(**arguments)


def history() -> list[float]:
    """Numbers whose level moves at the 600th."""
    random = np.random.default_rng(7)
    return [*random.normal(0.0, 1.0, 600), *random.normal(1.0, 1.0, 200)]


def test_a_history_is_replayed_through_candidates(client: drifting.Client) -> None:
    report = client.backtest(
        history(), reference=300, changes=[600], margin=150, candidates=["ks", "adwin"], windows=(50,), seed=1
    )
    assert (report.rows, report.reference_rows, report.replayed_rows, report.changes) == (800, 300, 500, (600,))
    assert [(one.kind, one.window, one.problem) for one in report.candidates] == [("ks", 50, None), ("adwin", None, None)]
    told = report.candidates[0].replayed
    assert told is not None
    assert told.changes[0].alarm is not None
    assert 600 <= told.changes[0].alarm < 750
    assert told.false_alarms is not None
    assert told.false_alarms.source == "before_first_change"
    assert report.suggested is not None
    frame = report.to_pandas()
    assert list(frame["kind"]) == ["ks", "adwin"]
    assert "<td" in report._repr_html_()


def test_settings_of_candidates_and_files(client: drifting.Client, tmp_path: Path) -> None:
    given = {"kind": "cvm_online", "ert": 50, "window_sizes": [10], "n_bootstraps": 1_000}
    report = client.backtest(pd.Series(history(), name="price"), reference=300, changes=(), candidates=[given])
    told = report.candidates[0].replayed
    assert told is not None
    assert (told.detector.ert, told.detector.window_sizes, report.changes) == (50.0, (10,), ())
    path = tmp_path / "history.csv"
    pd.DataFrame({"price": history()}).to_csv(path, index=False)
    told_of_file = client.backtest(str(path), drift_type="label", reference=0.375, changes=(), candidates=["ks"])
    assert (told_of_file.reference_rows, told_of_file.changes) == (300, ())
    with pytest.raises(errors.RowsError, match="can go as JSON"):
        client.backtest(str(path), candidates=[given])
    with pytest.raises(errors.InvalidSettingsError) as refused:
        client.backtest(history(), reference=300, margin=0)
    assert refused.value.issues[0].pointer == "/margin"
