"""The client against the OpenAPI document: every operation, member, setting and code of the server is known here."""

from __future__ import annotations

import json
import types
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import pytest

from drifting import _client, _settings, backtests, errors, models

ROOT = Path(__file__).parents[3]
DOCUMENT = json.loads((ROOT / "openapi" / "openapi.json").read_text())
SCHEMAS: dict[str, Any] = DOCUMENT["components"]["schemas"]

# Which method carries out which operation.
METHODS = {
    "backtest": "Client.backtest",
    "cancelOperation": "Operations.cancel",
    "deleteProject": "Projects.delete",
    "fitProject": "Client.fit",
    "followOperation": "Operations.wait",
    "getLiveness": "Client.is_live",
    "getOperation": "Operations.get",
    "getProject": "Projects.get",
    "getReadiness": "Client.is_ready",
    "getServerMetrics": "Client.server_metrics",
    "listMetrics": "Client.metrics",
    "listOperations": "Operations.list",
    "listProjects": "Projects.list",
    "loadProject": "Projects.load",
    "predict": "Client.predict",
    "refreshProjects": "Projects.refresh",
    "resetProject": "Projects.reset",
    "sendEvents": "Client.send_events",
    "unloadProject": "Projects.unload",
}

# What is written by the client, or read as a mapping or by a type of its own.
NOT_MODELS = {
    *(
        "Age",
        "BacktestCandidateSettings",
        "BacktestRequest",
        "Bandwidths",
        "Cell",
        "CloudEvent",
        "Data",
        "DataColumns",
        "DataRecord",
        "DataRow",
        "DetectorSettings",
        "EventData",
    ),
    *("FitForm", "FitRequest", "FitSettings", "Health", "OperationPage", "PredictForm", "PredictRequest"),
    *(
        "PreprocessingSettings",
        "Problem",
        "ProblemIssue",
        "ProjectPage",
        "Quality",
        "QualitySettings",
        "ReferenceUpdateSettings",
        "SeasonSettings",
        "SequenceSettings",
    ),
    *("Trend", "TrendPoint"),
    "WindowSettings",
}
MODELS = sorted(name for name, schema in SCHEMAS.items() if "enum" not in schema and name not in NOT_MODELS)


def model_of(name: str) -> Any:
    """What a schema is read as."""
    return getattr(models, name, None) or getattr(backtests, name)


def is_null(schema: dict[str, Any]) -> bool:
    """Whether nothing but null is allowed."""
    return schema.get("enum") == [None]


def resolved(schema: dict[str, Any]) -> dict[str, Any]:
    """The one schema of something, null aside."""
    for key in ("allOf", "oneOf", "anyOf"):
        alternatives = [alternative for alternative in schema.get(key, []) if not is_null(alternative)]
        if len(alternatives) == 1:
            return {**alternatives[0], **{name: value for name, value in schema.items() if name != key}}
    return schema


def test_every_operation_has_a_method() -> None:
    operations = {operation["operationId"] for path in DOCUMENT["paths"].values() for operation in path.values()}
    assert operations == set(METHODS)
    for name in METHODS.values():
        owner, _, method = name.partition(".")
        assert callable(getattr(getattr(_client, owner), method))


def test_what_needs_no_model_is_there() -> None:
    assert not NOT_MODELS - set(SCHEMAS)


@pytest.mark.parametrize("name", MODELS)
def test_every_member_is_read(name: str) -> None:
    model = model_of(name)
    assert is_dataclass(model)
    schema = SCHEMAS[name]
    members = {as_sent(field.name): field for field in fields(model)}
    expected = set(schema["properties"]) | ({"error"} if name == "Detection" else set())
    assert set(members) == expected
    for member, field in members.items():
        has_default = field.default is not MISSING
        if member not in schema.get("required", []):
            assert has_default, f"{name}.{member} may be absent"


@pytest.mark.parametrize("name", MODELS)
def test_whatever_the_document_allows_is_read(name: str) -> None:
    """The least that may come, and the fullest."""
    from drifting._reading import read

    for full in (False, True):
        document = example(SCHEMAS[name], full)
        read(model_of(name), document)


def example(schema: dict[str, Any], full: bool) -> Any:
    """A value that a schema allows."""
    if (schema.get("nullable") or any(is_null(one) for one in schema.get("anyOf", []))) and not full:
        return None
    schema = resolved(schema)
    if "$ref" in schema:
        return example(SCHEMAS[schema["$ref"].rpartition("/")[2]], full)
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object" if "properties" in schema:
            members = schema["properties"] if full else schema.get("required", [])
            return {member: example(schema["properties"][member], full) for member in members}
        case "object":
            return {"name": example(schema["additionalProperties"], full)} if full else {}
        case "array":
            return [example(schema["items"], full)] if full else []
        case "string":
            return "2024-05-17T13:45:00.123456789Z" if schema.get("format") == "date-time" else "text"
        case "integer":
            return 3
        case "number":
            # Whole numbers come without a point.
            return 3 if full else 0.5
        case "boolean":
            return True
    raise AssertionError(schema)


@pytest.mark.parametrize(
    "name",
    [
        "DetectorSettings",
        "PreprocessingSettings",
        "QualitySettings",
        "ReferenceUpdateSettings",
        "SeasonSettings",
        "SequenceSettings",
        "WindowSettings",
    ],
)
def test_every_setting_can_be_given(name: str) -> None:
    settings = getattr(_settings, name)
    properties = SCHEMAS[name]["properties"]
    hints = {as_sent(name): hint for name, hint in get_type_hints(settings).items()}
    assert set(hints) == set(properties)
    for setting, hint in hints.items():
        schema = resolved(properties[setting])
        if "$ref" in schema and "enum" in (target := SCHEMAS[schema["$ref"].rpartition("/")[2]]):
            assert set(choices(hint)) == set(target["enum"]), setting


def as_sent(name: str) -> str:
    """The name of a member whose name Python has a word for."""
    return name.removesuffix("_")


def choices(hint: Any) -> tuple[Any, ...]:
    """The texts of a ``Literal``."""
    if get_origin(hint) is types.UnionType:
        return choices(get_args(hint)[0])
    assert get_origin(hint) is Literal, hint
    return get_args(hint)


def test_every_setting_of_a_fit_can_be_given() -> None:
    from inspect import signature

    arguments = set(signature(_client.Client.fit).parameters)
    assert set(SCHEMAS["FitRequest"]["properties"]) - {"detector"} <= arguments | {"data"}
    assert set(SCHEMAS["PredictRequest"]["properties"]) - {"data"} <= set(signature(_client.Client.predict).parameters)
    of_backtest = set(signature(_client.Client.backtest).parameters)
    assert set(SCHEMAS["BacktestRequest"]["properties"]) - {"data"} <= of_backtest


def test_every_code_has_a_class() -> None:
    """Codes are those of the server's own list; each becomes a class that says more than that it is an error."""
    source = (ROOT / "adapters" / "http" / "src" / "error" / "code.rs").read_text()
    table = source.partition("match self {")[2].partition("\n    }\n")[0]
    codes = [line.partition('("')[2].partition('"')[0] for line in table.splitlines() if '("' in line]
    assert len(codes) > 30
    statuses = {"interrupted": 503, "internal": 500, "not_supported": 501}
    for code in codes:
        error = errors.from_problem({"code": code, "detail": "text"}, statuses.get(code, 400))
        assert type(error) is not errors.ApiError, code
    missing = set(errors._OF_CODES) - set(codes)
    assert not missing, f"the server has no codes {missing}"
