"""Reads what a server tells under /metrics, and what expressions of Prometheus ask for."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import promql_parser
import yaml

# What Prometheus asks for.
OPEN_METRICS = "application/openmetrics-text; version=1.0.0"
# The suffixes of samples by the kind of their family.
SUFFIXES = {"counter": ("_total",), "histogram": ("_bucket", "_sum", "_count"), "gauge": ("",), "info": ("_info",)}
# What Grafana puts in; a time that is surely longer than two scrapes of a test, and variables that take everything.
VARIABLES = {"$__rate_interval": "5s", "$__range": "1h", "$instance": ".*", "$project": ".*", "${datasource}": ""}


@dataclass
class Family:
    """A family of metrics: the names of its samples, and the values of each label that have been seen."""

    names: set[str]
    labels: dict[str, set[str]] = field(default_factory=dict)


def families(text: str) -> list[Family]:
    """The families of a page of OpenMetrics."""
    found: list[Family] = []
    for line in text.splitlines():
        if declared := re.fullmatch(r"# TYPE (\S+) (\S+)", line):
            found.append(Family({declared[1] + suffix for suffix in SUFFIXES[declared[2]]}))
        elif sample := re.match(r"([a-z_:]+)(?:\{(.*)\})? ", line):
            family = next(family for family in found if sample[1] in family.names)
            for name, value in re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""):
                family.labels.setdefault(name, set()).add(value)
    return found


@dataclass
class Query:
    """An expression, and where it stands."""

    place: str
    expression: str
    labels_asked: list[str] = field(default_factory=list)


def dashboard_queries(file: Path) -> Iterator[Query]:
    """What the panels of a dashboard ask, with variables put in, and what its variables are taken from."""
    dashboard = json.loads(file.read_text())

    def put_in(text: str) -> str:
        for name, value in VARIABLES.items():
            text = text.replace(name, value)
        return text

    for panel in dashboard["panels"]:
        for target in panel.get("targets", []):
            yield Query(f"{file.stem}: {panel['title']} {target['refId']}", put_in(target["expr"]))
    for variable in dashboard["templating"]["list"]:
        if variable["type"] == "query":
            asked = re.fullmatch(r"label_values\((.*), (\w+)\)", variable["query"]["query"])
            yield Query(f"{file.stem}: ${variable['name']}", put_in(asked[1]), [asked[2]])


def alert_queries(file: Path) -> Iterator[Query]:
    for group in yaml.safe_load(file.read_text())["groups"]:
        for rule in group["rules"]:
            yield Query(f"alert {rule['alert']}", rule["expr"])


def selected(expression: str) -> list[tuple[Any, list[str]]]:
    """The vectors that an expression selects, each with the labels that it is summed by."""
    found = []
    waiting: list[tuple[Any, list[str]]] = [(promql_parser.parse(expression), [])]
    while waiting:
        node, labels = waiting.pop()
        if isinstance(node, promql_parser.VectorSelector):
            found.append((node, labels))
            continue
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier is not None:
            labels = [*labels, *node.modifier.labels]
        for name in ("expr", "lhs", "rhs", "vector_selector", "args"):
            inner = getattr(node, name, None)
            below = inner if isinstance(inner, list) else [inner] if inner is not None else []
            # What only says which of the other side are left gives no labels.
            is_filter = name == "rhs" and str(getattr(node, "op", "")) in ("and", "unless")
            waiting += [(one, [] if is_filter else labels) for one in below]
    return found


def unknown(query: Query, known: list[Family], attached: set[str]) -> list[str]:
    """What a query asks for and the server does not tell: a metric, a label, or the value of a label.

    `attached` are the labels that come with the scrape. Labels are looked at where the server has shown a sample.
    """
    said = []
    for selector, grouped in selected(query.expression):
        family = next((family for family in known if selector.name in family.names), None)
        if family is None:
            said.append(f"{query.place}: no metric {selector.name}")
            continue
        matchers = selector.matchers.matchers
        asked = {*grouped, *query.labels_asked, *(matcher.name for matcher in matchers)}
        if family.labels:
            missing = asked - family.labels.keys() - attached
            said += [f"{query.place}: {selector.name} has no label {label}" for label in sorted(missing)]
        for matcher in matchers:
            values = family.labels.get(matcher.name)
            if matcher.op == promql_parser.MatchOp.Equal and values and matcher.value not in values:
                said.append(
                    f"{query.place}: {selector.name} has no {matcher.name} {matcher.value!r}, but {sorted(values)}"
                )
    return said
