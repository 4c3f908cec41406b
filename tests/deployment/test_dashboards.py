"""The dashboards: right by the types of Grafana, and bound to no data source."""

import json
from pathlib import Path
from typing import Any

import pytest

import typed
from conftest import DEPLOY

DASHBOARDS = sorted((DEPLOY / "grafana").glob("*.json"))

IMPORTS = """\
import type { Dashboard, Panel, RowPanel } from '@grafana/schema';
import type * as Stat from '@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen';
import type * as Table from '@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen';
import type * as Lines
  from '@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen';
type Config = NonNullable<Panel['fieldConfig']>;
type Fields<F> = Omit<Config, 'defaults'> & { defaults: Omit<Config['defaults'], 'custom'> & { custom?: F } };
type Typed<Options, F = never> = Omit<Panel, 'options' | 'fieldConfig'> & { options: Options; fieldConfig: Fields<F> };
"""
PANELS = {
    "row": "RowPanel",
    "stat": "Typed<Stat.Options>",
    "table": "Typed<Table.Options>",
    "timeseries": "Typed<Lines.Options, Lines.FieldConfig>",
}


def complaints(dashboard: dict[str, Any], node_modules: Path) -> list[str]:
    panels = [(PANELS[panel["type"]], panel) for panel in dashboard["panels"]]
    return typed.complaints(node_modules, IMPORTS, [("Dashboard", dashboard | {"panels": []}), *panels])


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_is_right_by_the_types_of_grafana(file: Path, node_modules: Path) -> None:
    assert not complaints(json.loads(file.read_text()), node_modules)


def test_a_dashboard_that_is_wrong_is_told(node_modules: Path) -> None:
    text = DASHBOARDS[0].read_text()
    for right, wrong in {
        '"schemaVersion": 39': '"schemaVersion": "39"',
        '"showPoints": "never"': '"showPoints": "no"',
        '"gridPos"': '"gridpos"',
    }.items():
        assert right in text and complaints(json.loads(text.replace(right, wrong)), node_modules), wrong


@pytest.mark.parametrize("file", DASHBOARDS, ids=lambda file: file.stem)
def test_a_dashboard_can_be_brought_to_any_grafana(file: Path) -> None:
    dashboard = json.loads(file.read_text())
    sources = {
        json.dumps(found)
        for panel in dashboard["panels"]
        for found in [panel.get("datasource"), *(target["datasource"] for target in panel.get("targets", []))]
        if found
    }
    assert sources == {json.dumps({"type": "prometheus", "uid": "${datasource}"})}
    assert dashboard["templating"]["list"][0]["name"] == "datasource" and "id" not in dashboard
    panels = dashboard["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in panels):
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken and place["x"] + place["w"] <= 24, place
        taken |= cells
    assert all(panel.get("description") for panel in panels if panel["type"] != "row")
