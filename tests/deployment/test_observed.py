"""Dashboards and alerts against a server that has done what they tell of: nothing they ask for is missing."""

import http.server
import json
import threading
import time
import urllib.parse
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml

import observing
import serving
from compose import Stack
from conftest import DEPLOY, run

DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))
ALERTS = DEPLOY / "prometheus" / "alerts.yaml"
KEY = "the key of a test"
# As the reference of the project `windows`, with a statistic above 0.05 all the same: its p-value is what counts.
REGULAR = [n / 10 for n in range(10)]
# What comes with a scrape, or with the discovery of targets in a cluster.
ATTACHED = {"job", "instance", "namespace", "le"}


def queries() -> list[observing.Query]:
    found = [query for file in DASHBOARDS for query in observing.dashboard_queries(file)]
    return [*found, *observing.alert_queries(ALERTS)]


class Sink(http.server.BaseHTTPRequestHandler):
    """Takes what it is sent."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(204)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def sink() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Sink)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/drift"
    finally:
        server.shutdown()


@dataclass
class Observed:
    """A server with a bucket, a database and a sink, and a Prometheus that watches it."""

    server: str
    grpc_port: int
    prometheus: str
    log: Path


def work(observed: Observed) -> None:
    """Requests of every kind, among them some that drift and some that are refused."""
    url = observed.server
    serving.predict(url, KEY, [0.5, 5.0, 5.0, 5.0])
    body = {
        "specversion": "1.0",
        "id": str(time.monotonic_ns()),
        "type": "x",
        "source": "/test",
        "data": {"data": [0.5]},
    }
    serving.ask(f"{url}/v1/events/price", KEY, body, "application/cloudevents+json")
    serving.ask(f"{url}/api/v1/projects/absent", KEY)
    serving.ask(f"{url}/api/v1/projects/windows/predict", KEY, {"data": REGULAR})
    with grpc.insecure_channel(f"127.0.0.1:{observed.grpc_port}") as channel:
        channel.unary_unary("/grpc.health.v1.Health/Check")(b"", timeout=10)


@pytest.fixture(scope="module")
def observed(program: Path, prometheus: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Observed]:
    folder = tmp_path_factory.mktemp("observed")
    with ExitStack() as opened:
        stack = Stack(folder, opened, program)
        s3, url_of_sink = stack.start_s3(), opened.enter_context(sink())
        http_port, grpc_port, port = (serving.free_port() for _ in range(3))
        environment = stack.services["drifting"]["environment"] | {
            "DRIFTING_ARTIFACTS_ENDPOINT": f"http://127.0.0.1:{s3}",
            "DRIFTING_CACHE_PATH": str(folder / "cache"),
            "DRIFTING_DATABASE_URI": "sqlite://metrics.sqlite",
            "DRIFTING_EVENT_SINK": url_of_sink,
            "DRIFTING_EVENT_SINK_ALLOW_PRIVATE": "true",
            "DRIFTING_PORT": str(http_port),
            "DRIFTING_GRPC_PORT": str(grpc_port),
            "DRIFTING_STATE_INTERVAL": "1s",
        }
        del environment["DRIFTING_DATABASE_PASSWORD_FILE"]
        process = opened.enter_context(serving.running([program, "serve"], stack.log, env=environment, cwd=folder))
        found = Observed(f"http://127.0.0.1:{http_port}", grpc_port, f"http://127.0.0.1:{port}", stack.log)
        serving.wait_until(lambda: serving.ask(f"{found.server}/readyz")[0] == 200, process, stack.log)
        configuration = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(ALERTS)],
            "scrape_configs": [
                {
                    "job_name": "drifting",
                    "authorization": {"credentials": KEY},
                    "static_configs": [{"targets": [f"127.0.0.1:{http_port}"], "labels": {"namespace": "test"}}],
                }
            ],
        }
        (folder / "prometheus.yml").write_text(yaml.safe_dump(configuration))
        command = [
            prometheus / "prometheus",
            "--config.file=prometheus.yml",
            f"--storage.tsdb.path={folder}/series",
            f"--web.listen-address=127.0.0.1:{port}",
        ]
        process = opened.enter_context(serving.running(command, stack.log, cwd=folder))
        serving.fit(found.server, KEY)
        windows = {"drift_type": "label", "data": [n * 37 % 101 / 101 for n in range(60)], "detector": {"kind": "ks"}}
        status, answer = serving.ask(f"{found.server}/api/v1/projects/windows/fit", KEY, windows)
        assert status == 201, answer

        def scrapes() -> bool:
            work(found)
            return bool(result(found, "count_over_time(drifting_build_info[1h]) > 8"))

        serving.wait_until(scrapes, process, stack.log)
        yield found


def asked(observed: Observed, path: str, **parameters: str) -> Any:
    """What Prometheus answers; nothing while it begins."""
    status, answer = serving.ask(f"{observed.prometheus}/api/v1/{path}?{urllib.parse.urlencode(parameters)}")
    if status in (0, 503):
        return None
    assert status == 200, answer.decode()
    return json.loads(answer)["data"]


def result(observed: Observed, expression: str) -> list[Any]:
    data = asked(observed, "query", query=expression)
    return data["result"] if data else []


def test_every_metric_label_and_value_is_one_that_the_server_tells(observed: Observed) -> None:
    page = serving.ask(f"{observed.server}/metrics", KEY, accept=observing.OPEN_METRICS)[1].decode()
    known = observing.families(page)
    assert len(known) > 50 and len(queries()) > 70
    assert not [said for query in queries() for said in observing.unknown(query, known, ATTACHED)]
    for wrong in (
        "drifting_projekts",
        "rate(drifting_http_requests[5m])",
        "drifting_projects{status='failed'}",
        "drifting_projects{state='broken'}",
        "sum by (name) (drifting_detect_rows_total)",
        "drifting_build_info == 1 and on (job) (drifting_queue_depth{queue='fit'} > 1)",
    ):
        assert observing.unknown(observing.Query("wrong", wrong), known, ATTACHED), wrong


def test_every_panel_has_data(observed: Observed) -> None:
    empty = [
        query.place
        for query in queries()
        if not query.place.startswith("alert") and not result(observed, query.expression)
    ]
    assert not empty


def test_a_project_drifts_by_what_its_kind_is_judged_by(observed: Observed) -> None:
    asked_for = {query.place: query.expression for query in queries()}
    assert result(observed, 'drifting_drift_statistic{project="windows"} > drifting_drift_threshold')
    assert [found["value"][1] for found in result(observed, asked_for["projects: Projects that drift A"])] == ["1"]
    drifting = {found["metric"]["project"] for found in result(observed, asked_for["projects: Above the threshold A"])}
    assert drifting == {"price"}


def test_prometheus_takes_the_alerts_and_drift_fires_one(observed: Observed) -> None:
    def rules() -> list[dict[str, Any]]:
        return [rule for group in asked(observed, "rules")["groups"] for rule in group["rules"]]

    deadline = time.monotonic() + 30
    while any(rule["health"] == "unknown" for rule in rules()) and time.monotonic() < deadline:
        time.sleep(0.2)
    found = {rule["name"]: rule for rule in rules()}
    assert len(found) == len(list(observing.alert_queries(ALERTS)))
    assert {name: rule.get("lastError") for name, rule in found.items() if rule["health"] != "ok"} == {}
    assert {name for name, rule in found.items() if rule["state"] == "firing"} == {"DriftingDriftDetected"}


def test_the_rules_pass_their_tests(prometheus: Path, tmp_path: Path) -> None:
    promtool = prometheus / "promtool"
    assert run(promtool, "check", "rules", "--lint-fatal", ALERTS).returncode == 0
    done = run(promtool, "test", "rules", "alerts_test.yaml", cwd=ALERTS.parent)
    assert done.returncode == 0, done.stdout + done.stderr
    # And they can fail.
    tests = (ALERTS.parent / "alerts_test.yaml").read_text()
    (tmp_path / "alerts_test.yaml").write_text(tests)
    (tmp_path / "alerts.yaml").write_text(ALERTS.read_text().replace("age_seconds > 300", "age_seconds > 3000"))
    assert run(promtool, "test", "rules", "alerts_test.yaml", cwd=tmp_path).returncode != 0
    for alert in observing.alert_queries(ALERTS):
        assert f"alertname: {alert.place.removeprefix('alert ')}\n" in tests, f"no test of {alert.place}"
