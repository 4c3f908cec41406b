"""What is right of a set of Kubernetes objects."""

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import yaml

import typed

Object = dict[str, Any]

# The oldest Kubernetes that the chart is for, and the newest whose schemas there are.
VERSIONS = ["1.29", "1.37"]

CUSTOM = {
    ("monitoring.coreos.com/v1", "ServiceMonitor"): "@kubernetes-models/prometheus-operator",
    ("monitoring.coreos.com/v1", "PrometheusRule"): "@kubernetes-models/prometheus-operator",
    ("gateway.networking.k8s.io/v1", "HTTPRoute"): "@kubernetes-models/gateway-api",
    ("gateway.networking.k8s.io/v1", "GRPCRoute"): "@kubernetes-models/gateway-api",
}


class StrictLoader(yaml.SafeLoader):
    """Refuses a key that stands twice in a mapping, of which a cluster would take the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [self.construct_object(key, deep=True) for key, _ in node.value]
        if twice := {str(key) for key in keys if keys.count(key) > 1}:
            raise yaml.YAMLError(f"{node.start_mark}: {twice} stands twice")
        return super().construct_mapping(node, deep)


def read(text: str) -> list[Object]:
    """The objects of a text with several documents."""
    return [found for found in yaml.load_all(text, StrictLoader) if found]


def named(found: Object) -> str:
    return f"{found['kind']} {found['metadata']['name']}"


def of_kind(objects: list[Object], *kinds: str) -> list[Object]:
    return [found for found in objects if found["kind"] in kinds]


def schema_faults(objects: list[Object], node_modules: Path) -> list[str]:
    """What the schemas of Kubernetes, and the types of custom resources, say against objects."""
    faults, custom = [], []
    for found in objects:
        if (found["apiVersion"], found["kind"]) in CUSTOM:
            custom.append((f"I{found['kind']}", found))
            continue
        for version in VERSIONS:
            try:
                kubernetes_validate.validate(found, version, strict=True)
            except (kubernetes_validate.ValidationError, kubernetes_validate.SchemaNotFoundError) as error:
                faults.append(f"{named(found)}: {getattr(error, 'path', '')} {error}"[:400])
    if custom:
        imports = "\n".join(
            f"import type {{ I{kind} }} from '{package}/{group}/{kind}';" for (group, kind), package in CUSTOM.items()
        )
        faults += typed.complaints(node_modules, imports, custom)
    return faults


def pods(objects: list[Object]) -> list[tuple[str, Object]]:
    """The templates of pods, and pods, by who has them."""
    templates = [(named(found), found["spec"]["template"]) for found in of_kind(objects, "StatefulSet", "Deployment")]
    return templates + [(named(found), found) for found in of_kind(objects, "Pod")]


def security_faults(objects: list[Object]) -> list[str]:
    """What keeps pods from the standard `restricted` of Kubernetes, and from what we promise beyond it."""
    faults = []
    for owner, pod in pods(objects):
        spec = pod["spec"]
        context = spec.get("securityContext", {})
        promises = {
            "runs as nobody": context.get("runAsNonRoot") is True and context.get("runAsUser") == 65532,
            "filters system calls": context.get("seccompProfile", {}).get("type") == "RuntimeDefault",
            "has no token of the cluster": spec.get("automountServiceAccountToken") is False,
            "shares nothing of its node": not {"hostNetwork", "hostPID", "hostIPC"} & spec.keys(),
            "mounts nothing of its node": not any("hostPath" in volume for volume in spec.get("volumes", [])),
        }
        for container in spec["containers"]:
            inner = container.get("securityContext", {})
            promises |= {
                "gains no rights": inner.get("allowPrivilegeEscalation") is False and not inner.get("privileged"),
                "has no capabilities": inner.get("capabilities") == {"drop": ["ALL"]},
                "writes to volumes alone": inner.get("readOnlyRootFilesystem") is True,
                "is bounded in memory": "memory" in container.get("resources", {}).get("limits", {}),
            }
        faults += [f"{owner}: it is not so that it {promise}" for promise, kept in promises.items() if not kept]
    return faults


def matches(selector: Object, labels: dict[str, str]) -> bool:
    """Whether a selector of labels takes in a pod; of expressions there is `In` alone."""
    equal = selector.get("matchLabels", {}).items() <= labels.items()
    return equal and all(labels.get(one["key"]) in one["values"] for one in selector.get("matchExpressions", []))


def reference_faults(objects: list[Object]) -> list[str]:
    """What objects say of each other and is not so."""
    faults = []
    served = [(owner, pod) for owner, pod in pods(objects) if not owner.startswith("Pod ")]
    configurations = {found["metadata"]["name"] for found in of_kind(objects, "ConfigMap")}
    services = {found["metadata"]["name"]: found for found in of_kind(objects, "Service")}
    accounts = {found["metadata"]["name"] for found in of_kind(objects, "ServiceAccount")}

    for found in of_kind(objects, "StatefulSet", "Deployment"):
        labels = found["spec"]["template"]["metadata"]["labels"]
        if not matches(found["spec"]["selector"], labels):
            faults.append(f"{named(found)} does not select its own pods")
        claims = {claim["metadata"]["name"] for claim in found["spec"].get("volumeClaimTemplates", [])}
        spec = found["spec"]["template"]["spec"]
        volumes = claims | {volume["name"] for volume in spec["volumes"]}
        for container in spec["containers"]:
            mounted = {mount["name"] for mount in container["volumeMounts"]}
            if mounted != volumes:
                faults.append(f"{named(found)}: volumes {volumes} are not those that are mounted, {mounted}")
            ports = {port["name"] for port in container["ports"]}
            probed = {
                (probe.get("httpGet") or probe.get("tcpSocket"))["port"]
                for probe in (container[f"{name}Probe"] for name in ("startup", "liveness", "readiness"))
            }
            if not probed <= ports:
                faults.append(f"{named(found)}: probes ask {probed}, ports are {ports}")
        for volume in spec["volumes"]:
            if "configMap" in volume and volume["configMap"]["name"] not in configurations:
                faults.append(f"{named(found)}: no config map {volume['configMap']['name']}")
        if accounts and spec["serviceAccountName"] not in accounts:
            faults.append(f"{named(found)}: no service account {spec['serviceAccountName']}")

    for found in of_kind(objects, "Service", "PodDisruptionBudget", "NetworkPolicy"):
        selector = found["spec"].get("podSelector") or found["spec"]["selector"]
        selector = {"matchLabels": selector} if found["kind"] == "Service" else selector
        taken = [pod for _, pod in served if matches(selector, pod["metadata"]["labels"])]
        wanted = len(served) if found["kind"] == "NetworkPolicy" else 1
        if len(taken) != wanted:
            faults.append(f"{named(found)} takes in the pods of {len(taken)} owners, not of {wanted}")
        if found["kind"] == "Service":
            targets = {port["targetPort"] for port in found["spec"]["ports"]}
            named_ports = {port["name"] for pod in taken for port in pod["spec"]["containers"][0]["ports"]}
            if targets != named_ports:
                faults.append(f"{named(found)} leads to {targets}, the pods have {named_ports}")

    for found in of_kind(objects, "ServiceMonitor"):
        selector = found["spec"]["selector"]
        if not any(matches(selector, service["metadata"]["labels"]) for service in services.values()):
            faults.append(f"{named(found)} watches no service")
    backends = [
        (named(found), backend["name"], backend["port"])
        for found in of_kind(objects, "HTTPRoute", "GRPCRoute")
        for rule in found["spec"]["rules"]
        for backend in rule["backendRefs"]
    ] + [
        (named(found), path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for found in of_kind(objects, "Ingress")
        for rule in found["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    for owner, name, port in backends:
        ports = services.get(name, {}).get("spec", {}).get("ports", [])
        if not any(port in (one["port"], one["name"]) for one in ports):
            faults.append(f"{owner} leads to {name}, port {port}, which is not there")
    return faults


def grace_faults(objects: list[Object], settings: Object) -> list[str]:
    """Pods that are killed before the server may have ended by itself."""
    seconds = {name: int(re.fullmatch(r"(\d+)s", settings[name])[1]) for name in ("drain_delay", "shutdown_timeout")}
    # Events are fed, states saved and verdicts delivered within a minute more, whatever does not answer; traces for two seconds.
    least = sum(seconds.values()) + 65
    return [
        f"{owner}: killed after {pod['spec']['terminationGracePeriodSeconds']} s, it may take {least} s"
        for owner, pod in pods(objects)
        if not owner.startswith("Pod ") and pod["spec"]["terminationGracePeriodSeconds"] < least
    ]


def faults(objects: list[Object], node_modules: Path) -> list[str]:
    """Everything that is wrong of objects."""
    return schema_faults(objects, node_modules) + security_faults(objects) + reference_faults(objects)
