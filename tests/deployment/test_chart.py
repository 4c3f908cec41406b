"""The chart, rendered by Helm's own engine for each way to use it, and refused with values that cannot work."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

import manifests
from conftest import DEPLOY, ROOT, run

CHART = DEPLOY / "helm" / "drifting"
KEY: dict[str, Any] = {"auth": {"keySecret": {"name": "drifting-key"}}}
BUCKET = {"store": {"path": "s3://projects/team/drifting", "region": "eu-central-1"}}
MONITORED = {
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}, "keySecret": {"name": "reader"}},
    "prometheusRule": {"enabled": True},
    "dashboards": {"enabled": True},
}

# Each way to use the chart, in which nothing may be wrong.
WAYS: dict[str, dict[str, Any]] = {
    "a volume": KEY,
    "a claim that is there": KEY | {"store": {"persistence": {"existingClaim": "projects"}}},
    "in memory, open": {"auth": {"insecure": True}, "store": {"path": "memory://"}, "grpc": {"enabled": False}},
    "a bucket of Amazon by a role": BUCKET
    | {
        "auth": {"keysSecret": {"name": "drifting-keys"}},
        "serviceAccount": {"annotations": {"eks.amazonaws.com/role-arn": "arn:aws:iam::123456789012:role/drifting"}},
        "database": {"uri": "postgres://drifting@db:5432/drifting", "passwordSecret": {"name": "database"}},
        "config": {"state_interval": "1m", "metrics_retention": "90d", "metrics_features": True, "predict_queue": 500},
        "networkPolicy": {"database": {"to": [{"namespaceSelector": {"matchLabels": {"name": "databases"}}}]}},
    },
    "a bucket of Google by an identity": {
        "auth": {"keysSecret": {"name": "drifting-keys"}},
        "store": {"path": "gs://projects/drifting"},
        "serviceAccount": {"annotations": {"iam.gke.io/gcp-service-account": "drifting@p.iam.gserviceaccount.com"}},
        "database": {"uriSecret": {"name": "database"}},
    },
    "a bucket by keys, with readers": KEY
    | {
        "store": {"path": "s3://projects/x", "endpoint": "https://s3.example", "credentialsSecret": "bucket"},
        "readers": {"enabled": True, "resources": {"limits": {"memory": "1Gi"}}, "autoscaling": {"enabled": True}},
    },
    "tokens, TLS, certificates of clients": {
        "tls": {"secretName": "tls", "clientCaSecret": "authorities"},
        "config": {
            "jwt_issuer": "https://login.example",
            "jwt_audience": ["drifting"],
            "allowed_hosts": ["drift.example", "drifting.ml"],
        },
    },
    "watched": KEY | MONITORED,
    "behind an ingress and gateways": KEY
    | {
        "ingress": {
            "enabled": True,
            "className": "nginx",
            "hosts": [{"host": "drift.example"}],
            "tls": [{"secretName": "t"}],
        },
        "httpRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}], "hostnames": ["drift.example"]},
        "grpcRoute": {"enabled": True, "parentRefs": [{"name": "gateway"}]},
    },
    "nobody's": KEY
    | {
        "networkPolicy": {"clients": [], "monitoring": [], "extraEgress": [{"ports": [{"port": 4317}]}]},
        "extraEnv": [{"name": "OTEL_EXPORTER_OTLP_ENDPOINT", "value": "http://collector:4317"}],
        "extraVolumes": [{"name": "own", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "own", "mountPath": "/own"}],
        "podAnnotations": {"a": "b"},
        "podLabels": {"c": "d"},
        "nodeSelector": {"e": "f"},
        "tolerations": [{"key": "g", "operator": "Exists"}],
        "priorityClassName": "high",
        "imagePullSecrets": [{"name": "registry"}],
        "image": {"repository": "registry.example/drifting", "digest": "sha256:" + "0" * 64},
    },
}

# Values that cannot work, and a word of what is said of each.
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "no key": ({}, "auth.keysSecret"),
    "readers of a volume": (KEY | {"readers": {"enabled": True}}, "readers need a store"),
    "two databases": (KEY | {"database": {"uri": "none", "uriSecret": {"name": "x"}}}, "named twice"),
    "authorities without a certificate": (KEY | {"tls": {"clientCaSecret": "x"}}, "needs tls.secretName"),
    "no account": (KEY | {"serviceAccount": {"create": False}}, "serviceAccount.name"),
    "an unknown value": (KEY | {"replicas": 2}, "replicas"),
    "an unknown setting": (KEY | {"config": {"state_intervall": "1m"}}, "state_intervall"),
    "a setting that a value has": (KEY | {"config": {"artifacts_path": "/elsewhere"}}, "artifacts_path"),
    "a password in the open": (KEY | {"database": {"uri": "postgres://drifting:secret@db/x"}}, "uri"),
    "a store of another kind": (KEY | {"store": {"path": "ftp://x"}}, "path"),
    "a port that is none": (KEY | {"service": {"port": 99999}}, "port"),
    "a route to no gateway": (KEY | {"httpRoute": {"enabled": True}}, "parentRefs"),
    "a digest that is none": (KEY | {"image": {"digest": "latest"}}, "digest"),
}


@pytest.fixture(scope="module")
def chart() -> Iterator[helm.Chart]:
    with helm.Chart.load(CHART) as loaded:
        yield loaded


def render(chart: helm.Chart, values: dict[str, Any]) -> tuple[list[manifests.Object], str]:
    """The objects, and the notes."""
    chart.validate_schema(values)
    files = chart.render(values, name="drift", namespace="ml", is_install=True)
    notes = files.pop("drifting/templates/NOTES.txt")
    return [found for text in files.values() for found in manifests.read(text)], notes


def settings_of(objects: list[manifests.Object]) -> dict[str, Any]:
    configuration = next(found for found in manifests.of_kind(objects, "ConfigMap") if "drifting.yaml" in found["data"])
    return yaml.safe_load(configuration["data"]["drifting.yaml"])


def test_the_linter_finds_nothing() -> None:
    report = helm.lint(CHART, KEY, strict=True)
    said = [message["error"] for message in report["messages"] if message["error"] != "icon is recommended"]
    assert not said and not report["errors"], report


@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_wrong_of_what_is_rendered(chart: helm.Chart, way: str, node_modules: Path) -> None:
    objects, notes = render(chart, WAYS[way])
    assert not manifests.faults(objects, node_modules)
    assert not manifests.grace_faults(objects, settings_of(objects))
    assert "<no value>" not in json.dumps(objects) + notes and "http" in notes
    assert len(manifests.of_kind(objects, "NetworkPolicy")) == 1


@pytest.mark.parametrize("way", WAYS)
def test_the_server_takes_the_settings(chart: helm.Chart, way: str, program: Path, tmp_path: Path) -> None:
    objects, _ = render(chart, WAYS[way])
    # The file that a secret would bring.
    keys, file = tmp_path / "keys.yaml", tmp_path / "drifting.yaml"
    made = run(program, "keys", "create", "first", "--file", keys, env={}, cwd=tmp_path)
    assert made.returncode == 0, made.stderr
    file.write_text(yaml.safe_dump(settings_of(objects)).replace("/etc/drifting/keys/keys.yaml", str(keys)))
    shown = run(program, "config", "show", "--json", "--config", file, env={"DRIFTING_API_KEY": "k" * 32}, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr
    taken = {setting["name"]: setting for setting in json.loads(shown.stdout)["settings"]}
    for name in settings_of(objects):
        assert taken[name]["source"]["kind"] == "file", taken[name]


@pytest.mark.parametrize("reason", REFUSED)
def test_values_that_cannot_work_are_refused(chart: helm.Chart, reason: str) -> None:
    values, word = REFUSED[reason]
    with pytest.raises(helm.HelmError) as refusal:
        render(chart, values)
    assert word in str(refusal.value), refusal.value


def test_the_settings_of_the_schema_are_those_of_the_server(settings: set[str]) -> None:
    schema = json.loads((CHART / "values.schema.json").read_text())
    own = set(settings_of_every_way()) | {"api_key", "read_only"}
    free = set(schema["properties"]["config"]["properties"])
    assert free == settings - own


def settings_of_every_way() -> set[str]:
    """What the chart says of its own in any way to use it, `config` aside."""
    with helm.Chart.load(CHART) as chart:
        ways = [
            render(chart, way | {"config": {}}) if "jwt_issuer" not in way.get("config", {}) else None
            for way in WAYS.values()
        ]
        secured = WAYS["tokens, TLS, certificates of clients"] | {"config": {}} | KEY
        return {name for way in [*ways, render(chart, secured)] if way for name in settings_of(way[0])}


def test_one_server_writes(chart: helm.Chart) -> None:
    volume, _ = render(chart, WAYS["a volume"])
    assert [manifests.named(found) for found in manifests.of_kind(volume, "StatefulSet", "Deployment")] == [
        "StatefulSet drift-drifting"
    ]
    bucket, _ = render(chart, WAYS["a bucket by keys, with readers"])
    writer, reader = sorted(manifests.of_kind(bucket, "StatefulSet", "Deployment"), key=manifests.named)
    assert writer["spec"]["replicas"] == 1 and writer["spec"]["strategy"] == {"type": "Recreate"}
    environment = [
        {one["name"]: one.get("value") for one in found["spec"]["template"]["spec"]["containers"][0]["env"]}
        for found in (writer, reader)
    ]
    assert "DRIFTING_READ_ONLY" not in environment[0] and environment[1]["DRIFTING_READ_ONLY"] == "true"
    # The scaler says how many there are.
    assert "replicas" not in reader["spec"]


def test_a_change_of_the_settings_starts_pods_anew(chart: helm.Chart) -> None:
    def checksum(values: dict[str, Any]) -> str:
        objects, _ = render(chart, values)
        return manifests.pods(objects)[0][1]["metadata"]["annotations"]["checksum/config"]

    assert checksum(KEY) == checksum(KEY | MONITORED)
    assert checksum(KEY) != checksum(KEY | {"config": {"log_level": "debug"}})


def test_the_policy_lets_out_what_is_needed_and_no_more(chart: helm.Chart) -> None:
    def ports(values: dict[str, Any]) -> set[int]:
        policy = manifests.of_kind(render(chart, values)[0], "NetworkPolicy")[0]["spec"]
        assert policy["policyTypes"] == ["Ingress", "Egress"]
        return {port["port"] for rule in policy["egress"] for port in rule["ports"]}

    assert ports(WAYS["a volume"]) == {53}
    assert ports(WAYS["a bucket of Amazon by a role"]) == {53, 443, 80, 988, 5432}
    assert ports(WAYS["a bucket by keys, with readers"]) == {53, 443}
    assert ports(WAYS["nobody's"]) == {53, 4317}
    assert manifests.of_kind(render(chart, WAYS["nobody's"])[0], "NetworkPolicy")[0]["spec"]["ingress"] == []


def test_probes_name_a_host_that_the_server_knows(chart: helm.Chart) -> None:
    named = KEY | {"config": {"allowed_hosts": ["drift.example", "drifting.ml"]}}
    container = manifests.pods(render(chart, named)[0])[0][1]["spec"]["containers"][0]
    for probe in ("startup", "liveness", "readiness"):
        assert container[f"{probe}Probe"]["httpGet"]["httpHeaders"] == [{"name": "Host", "value": "drift.example"}]


def test_a_platform_may_draw_the_user(chart: helm.Chart, node_modules: Path) -> None:
    drawn = KEY | {"podSecurityContext": {"runAsUser": None, "runAsGroup": None, "fsGroup": None}}
    objects, _ = render(chart, drawn)
    for _, pod in manifests.pods(objects):
        assert pod["spec"]["securityContext"].keys() == {"runAsNonRoot", "fsGroupChangePolicy", "seccompProfile"}
    assert not manifests.schema_faults(objects, node_modules)


def test_rules_and_dashboards_are_those_of_their_files(chart: helm.Chart) -> None:
    objects, _ = render(chart, WAYS["watched"])
    rule = manifests.of_kind(objects, "PrometheusRule")[0]
    assert rule["spec"] == yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text())
    dashboards = next(
        found for found in manifests.of_kind(objects, "ConfigMap") if found["metadata"]["name"].endswith("dashboards")
    )
    files = {file.name: json.loads(file.read_text()) for file in (DEPLOY / "grafana").glob("*.json")}
    assert {name: json.loads(text) for name, text in dashboards["data"].items()} == files
    authorization = manifests.of_kind(objects, "ServiceMonitor")[0]["spec"]["endpoints"][0]["authorization"]
    assert authorization["credentials"] == {"name": "reader", "key": "key"}


def test_the_package_holds_what_links_lead_to(tmp_path: Path) -> None:
    archive = helm.package(CHART, destination=tmp_path)
    with helm.Chart.load(archive) as packed:
        objects, _ = render(packed, WAYS["watched"])
    assert manifests.of_kind(objects, "PrometheusRule")[0]["spec"]["groups"]


def test_versions_are_those_of_the_server() -> None:
    metadata = yaml.safe_load((CHART / "Chart.yaml").read_text())
    cargo = (ROOT / "Cargo.toml").read_text()
    assert f'\nversion = "{metadata["appVersion"]}"\n' in cargo


def test_its_page_tells_every_value() -> None:
    page = (CHART / "README.md").read_text()
    values = yaml.safe_load((CHART / "values.yaml").read_text())
    missing = [name for name in values if f"`{name}`" not in page and f"`{name}." not in page]
    assert not missing


def test_the_checks_find_what_is_wrong(chart: helm.Chart, node_modules: Path) -> None:
    """Each fault, put into objects that are right, is found by the check that is for it."""

    def container(objects: list[manifests.Object]) -> manifests.Object:
        return manifests.pods(objects)[0][1]["spec"]["containers"][0]

    def spec(objects: list[manifests.Object], kind: str) -> manifests.Object:
        return manifests.of_kind(objects, kind)[0]["spec"]

    def schemas(objects: list[manifests.Object]) -> list[str]:
        return manifests.schema_faults(
            [found for found in objects if "coreos" not in found["apiVersion"]], node_modules
        )

    def types(objects: list[manifests.Object]) -> list[str]:
        return manifests.schema_faults(manifests.of_kind(objects, "ServiceMonitor", "HTTPRoute"), node_modules)

    security, references = manifests.security_faults, manifests.reference_faults
    broken: dict[str, tuple[Callable[..., list[str]], Callable[..., object]]] = {
        "a field that is not known": (schemas, lambda all: container(all).update(imagePullPolice="Always")),
        "a field of another type": (schemas, lambda all: spec(all, "Service")["ports"][0].update(port="8080")),
        "a field that is missing": (schemas, lambda all: spec(all, "StatefulSet").pop("selector")),
        "a version that is gone": (
            schemas,
            lambda all: manifests.of_kind(all, "PodDisruptionBudget")[0].update(apiVersion="policy/v1beta1"),
        ),
        "a field of a custom resource": (types, lambda all: spec(all, "ServiceMonitor").update(endpoint=[])),
        "a type of a custom resource": (types, lambda all: spec(all, "HTTPRoute").update(parentRefs="gateway")),
        "a user with rights": (
            security,
            lambda all: manifests.pods(all)[0][1]["spec"]["securityContext"].update(runAsUser=0),
        ),
        "a root that can be written": (
            security,
            lambda all: container(all)["securityContext"].update(readOnlyRootFilesystem=False),
        ),
        "a folder of the node": (
            security,
            lambda all: manifests.pods(all)[0][1]["spec"]["volumes"].append({"name": "x", "hostPath": {"path": "/"}}),
        ),
        "a probe of no port": (references, lambda all: container(all)["livenessProbe"]["httpGet"].update(port="https")),
        "a volume of nothing": (references, lambda all: container(all)["volumeMounts"].pop()),
        "a service of nobody": (references, lambda all: spec(all, "Service")["selector"].update(x="y")),
        "a route to nowhere": (
            references,
            lambda all: spec(all, "HTTPRoute")["rules"][0]["backendRefs"][0].update(port=1),
        ),
        "an ingress to nowhere": (
            references,
            lambda all: spec(all, "Ingress")["rules"][0]["http"]["paths"][0]["backend"]["service"].update(name="other"),
        ),
        "a monitor of nothing": (
            references,
            lambda all: spec(all, "ServiceMonitor")["selector"].update(matchLabels={"x": "y"}),
        ),
        "a policy for nobody": (
            references,
            lambda all: spec(all, "NetworkPolicy")["podSelector"]["matchLabels"].update(x="y"),
        ),
    }
    everything = WAYS["watched"] | {
        key: WAYS["behind an ingress and gateways"][key] for key in ("ingress", "httpRoute")
    }
    for fault, (check, put) in broken.items():
        objects, _ = render(chart, everything)
        objects = [found for found in objects if found["kind"] != "HTTPRoute" or check is not schemas]
        put(objects)
        assert check(objects), fault
    with pytest.raises(yaml.YAMLError):
        manifests.read("a: 1\na: 2\n")
    objects, _ = render(chart, KEY | {"stopMarginSeconds": 1})
    assert manifests.grace_faults(objects, settings_of(objects))
