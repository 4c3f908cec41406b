"""The Kustomize base and its example: built by kubectl, and the same as what the chart makes."""

import json
import re
from pathlib import Path
from typing import Any

import helm_python as helm
import pytest
import yaml

import manifests
from conftest import BIN, DEPLOY, run
from test_chart import CHART, render

KUSTOMIZE = DEPLOY / "kustomize"
FOLDERS = {"base": KUSTOMIZE / "base", "bucket": KUSTOMIZE / "overlays" / "bucket"}


def build(folder: Path) -> list[manifests.Object]:
    done = run(BIN / "kubectl", "kustomize", folder)
    assert done.returncode == 0 and not done.stderr, done.stderr
    return manifests.read(done.stdout)


def settings_of(objects: list[manifests.Object]) -> dict[str, Any]:
    found = next(found for found in manifests.of_kind(objects, "ConfigMap") if "drifting.yaml" in found["data"])
    return yaml.safe_load(found["data"]["drifting.yaml"])


@pytest.mark.parametrize("folder", FOLDERS)
def test_nothing_is_wrong_of_what_is_built(folder: str, node_modules: Path, program: Path, tmp_path: Path) -> None:
    objects = build(FOLDERS[folder])
    assert not manifests.faults(objects, node_modules)
    settings = settings_of(objects)
    assert not manifests.grace_faults(objects, settings)
    keys, file = tmp_path / "keys.yaml", tmp_path / "drifting.yaml"
    run(program, "keys", "create", "first", "--file", keys, env={}, cwd=tmp_path)
    file.write_text(yaml.safe_dump(settings | {"api_keys_file": str(keys)}))
    shown = run(program, "config", "show", "--json", "--config", file, env={}, cwd=tmp_path)
    assert shown.returncode == 0, shown.stderr


def comparable(objects: list[manifests.Object]) -> dict[str, Any]:
    """What objects say, without what Helm and Kustomize name each in its own way."""

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            dropped = ("app.kubernetes.io/", "helm.sh/", "checksum/", "annotations")
            kept = {key: plain(inner) for key, inner in value.items() if not key.startswith(dropped)}
            return {key: inner for key, inner in kept.items() if inner not in ({}, None)}
        return [plain(inner) for inner in value] if isinstance(value, list) else value

    configuration = next(found["metadata"]["name"] for found in objects if found["kind"] == "ConfigMap")
    told = {found["kind"]: plain({**found, "metadata": {}}) for found in objects if found["kind"] != "ConfigMap"}
    # A name with the digest of the content; overlays say which version of the image.
    text = json.dumps(told).replace(f'"{configuration}"', '"drifting"')
    return {"settings": settings_of(objects)} | json.loads(re.sub(r'"drifting:[^"]+"', '"drifting"', text))


def test_the_base_is_what_the_chart_makes() -> None:
    values = {"fullnameOverride": "drifting", "auth": {"keysSecret": {"name": "drifting-keys"}}}
    with helm.Chart.load(CHART) as chart:
        objects, _ = render(chart, values)
    assert comparable(build(FOLDERS["base"])) == comparable(objects)


def test_a_broken_base_is_not_built(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [gone.yaml]\n")
    assert run(BIN / "kubectl", "kustomize", tmp_path).returncode != 0
