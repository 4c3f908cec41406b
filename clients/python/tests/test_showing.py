"""What people see: charts and tables in notebooks, progress on a terminal."""

from __future__ import annotations

import datetime as dt
import io
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import Any

import pytest

import drifting
from conftest import QUICK
from drifting import _progress
from drifting._trend import Trend
from drifting.models import Metric, MetricBucket, MetricRange, Operation, OperationProgress

AT = dt.datetime(2024, 5, 17, tzinfo=dt.UTC)


def parsed(html: str) -> ET.Element:
    return ET.fromstring(f"<all>{html}</all>")


def metric(number: int, **members: Any) -> Metric:
    at = AT + dt.timedelta(seconds=number)
    known = Metric(at, 1, number, 1, float(number), 5.0, None, None, is_drift=number > 5, warm_up=False)
    return replace(known, **members)


def test_a_trend_is_a_chart(client: drifting.Client, project: str, prices: list[float]) -> None:
    client.fit(prices, project, **QUICK)
    client.predict([*prices[:10], *[5.0] * 10], project)
    for trend in (client.metrics(project), client.metrics(project, resolution=30)):
        html = trend._repr_html_()
        tree = parsed(html)
        assert tree.find("{*}svg") is not None
        assert "<script" not in html
        assert project in html
    chart = parsed(client.metrics(project)._repr_html_())
    drifts = sum(row.is_drift for row in client.metrics(project))
    assert len(chart.findall(".//{*}circle")) == drifts > 0
    lines = chart.findall(".//{*}polyline")
    # Seventeen rows have a statistic and a threshold.
    assert [len(line.attrib["points"].split()) for line in lines] == [17, 17]


def test_charts_of_every_kind_of_values() -> None:
    trend = Trend("a&b", Metric, tuple(metric(number) for number in range(10)))
    tree = parsed(trend._repr_html_())
    assert len(tree.findall(".//{*}circle")) == 4
    assert tree.find("{*}svg").attrib["aria-label"] == "statistic of a&b over time; 4 in drift"  # type: ignore[union-attr]
    # Nothing but the warm-up, nothing at all, one value, all the same.
    warm = tuple(metric(number, statistic=None, threshold=None, warm_up=True) for number in range(3))
    assert "warm-up" in Trend("x", Metric, warm)._repr_html_()
    assert "no value yet" in Trend("x", Metric, ())._repr_html_()
    for points in ((metric(1),), tuple(metric(number, statistic=5.0) for number in range(3))):
        assert parsed(Trend("x", Metric, points)._repr_html_()).find("{*}svg") is not None
    # Many are thinned out, and none that drifts hides behind one that does not.
    many = Trend(
        "x", Metric, tuple(metric(number, statistic=float(number == 777), is_drift=number == 777) for number in range(5_000))
    )
    tree = parsed(many._repr_html_())
    assert len(tree.findall(".//{*}circle")) == 1
    assert len(tree.findall(".//{*}polyline")[0].attrib["points"].split()) <= 300
    # Where there are p-values they are what is compared with the threshold.
    windows = Trend("x", Metric, tuple(metric(number, p_value=0.5, threshold=0.05, is_drift=False) for number in range(5)))
    assert "p-value" in windows._repr_html_()
    assert "threshold 0.05" in windows._repr_html_()
    # By its size, so that the smallest leave room between the threshold and what drifts.
    sizes = [0.5, 1e-3, 1e-9, 0.0]
    small = Trend("x", Metric, tuple(metric(0, p_value=size, threshold=0.05, is_drift=size < 0.05) for size in sizes))
    tree = parsed(small._repr_html_())
    line, threshold = (
        [float(place.split(",")[1]) for place in shape.attrib["points"].split()]
        for shape in reversed(tree.findall(".//{*}polyline"))
    )
    assert line[0] < threshold[0] < line[1] - 30
    assert line[1] < line[2] == line[3]
    span = MetricRange(0.01, 0.2, 0.5)
    bucket = MetricBucket(AT, AT + dt.timedelta(hours=1), 3, 3, 1, 0, 0.1, 0.2, 0.3, 0.05, span, None)
    assert len(parsed(Trend("x", MetricBucket, (bucket,))._repr_html_()).findall(".//{*}circle")) == 1


def test_verdicts_and_projects_are_tables(client: drifting.Client, project: str, prices: list[float]) -> None:
    shown = client.fit(prices, project, **QUICK)
    assert "cvm_online (ert 20, window_sizes 4, seed 0)" in shown._repr_html_()
    for value in (5.0, 5.0, 5.0, 5.0):
        verdict = client.predict(value, project)
    assert "drift" in verdict._repr_html_()
    assert "value up" in verdict._repr_html_()
    parsed(verdict._repr_html_())
    assert "last verdict" in client.projects.get(project)._repr_html_()
    failed = drifting.Client("http://127.0.0.1:9", retries=0).predict(1.0, "<b>", on_error="ignore")
    assert "&lt;b&gt;" in failed._repr_html_()
    assert "not known" in failed._repr_html_()


def test_verdicts_and_projects_are_a_line_where_there_is_no_notebook(
    client: drifting.Client, project: str, prices: list[float]
) -> None:
    shown = client.fit(prices, project, **QUICK)
    assert repr(shown).startswith(f"<Project {project!r}: status: active; drift type: label; detector: cvm_online (ert 20")
    # However many rows there are, and columns with their quantiles.
    verdict = client.predict([5.0] * 1_000, project)
    assert len(verdict.results) == 1_000
    assert repr(verdict).startswith(f"<Detection of {project!r}: verdict: drift; rows: 1000; time: 1000; statistic: ")
    assert len(repr(verdict)) < 200
    unknown = drifting.Client("http://127.0.0.1:9", retries=0).predict(1.0, "x", on_error="ignore")
    assert repr(unknown).startswith("<Detection of 'x': verdict: not known; error: no server answers")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def operation(fraction: float, status: str = "running") -> Operation:
    progress = OperationProgress(int(fraction * 1_000), 1_000, fraction)
    stage = "done" if status == "succeeded" else "simulating the thresholds"
    return Operation("0" * 32, "price", "fit", status, stage, progress, AT, AT, None, None, None)


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 0.1, 1.0, 2.0, 3.0])
    monkeypatch.setattr("drifting._progress.time.monotonic", lambda: next(clock))
    terminal = Terminal()
    progress = _progress.Progress(terminal)
    progress(operation(0.1))
    # What is done in no time shows nothing.
    assert terminal.getvalue() == ""
    progress(operation(0.5))
    assert "price ███████████████░░░░░░░░░░░░░░░  50% simulating" in terminal.getvalue()
    progress(operation(0.9))
    progress(operation(1.0, "succeeded"))
    assert terminal.getvalue().endswith("██████████████████████████████ 100% done\n")
    assert terminal.getvalue().count("\n") == 1


def test_lines_where_there_is_no_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 2.5, 3.0, 12.6, 20.0])
    monkeypatch.setattr("drifting._progress.time.monotonic", lambda: next(clock))
    stream = io.StringIO()
    progress = _progress.Progress(stream)
    for fraction in (0.1, 0.2, 0.3, 0.4):
        progress(operation(fraction))
    progress(operation(1.0, "succeeded"))
    assert stream.getvalue().splitlines() == [
        "drifting: price: 20%, simulating the thresholds",
        "drifting: price: 40%, simulating the thresholds",
        "drifting: price: 100%, done",
    ]
    short = io.StringIO()
    monkeypatch.undo()
    _progress.Progress(short)(operation(1.0, "succeeded"))
    assert short.getvalue() == ""


def test_what_a_fit_warns_of_is_said(client: drifting.Client, project: str, capsys: pytest.CaptureFixture[str]) -> None:
    rising = [float(number) for number in range(200)]
    client.fit(rising, project, **QUICK)
    told = capsys.readouterr()
    assert told.err.startswith(f"drifting: {project}: warning: column `value` grows from row to row")
    assert told.out == ""
    client.fit(rising, project, overwrite=True, progress=False, **QUICK)
    assert capsys.readouterr().err == ""


def test_what_is_called_instead() -> None:
    told: list[Operation] = []
    assert _progress.of(False) is None
    assert _progress.of(told.append) == told.append
    assert isinstance(_progress.of(True), _progress.Progress)
