"""Projects that the programs fit for themselves, through the server's native interface."""

from __future__ import annotations

import json
import random
import urllib.request
from typing import Any

# The outputs of an online detector, in their order.
ONLINE_OUTPUTS = ["is_drift", "distance", "p_val", "threshold", "time", "ert", "test_stat"]

# Windows of the projects of values, and their expected run time.
WINDOW_SIZES = [8, 16]
ERT = 150.0

PLANS = ["basic", "gold"]


def fit(http: str, project: str, drift_type: str, data: Any, detector: dict[str, Any]) -> None:
    """Fits a project."""
    body = json.dumps({"drift_type": drift_type, "data": data, "detector": detector}).encode()
    request = urllib.request.Request(
        f"http://{http}/api/v1/projects/{project}/fit", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as response:
        response.read()


def fit_values(http: str, project: str) -> None:
    """Numbers of one column, each judged as it comes."""
    generator = random.Random(1)
    values = [generator.gauss(0.0, 1.0) for _ in range(200)]
    fit(http, project, "label", values, {"kind": "cvm_online", "ert": ERT, "window_sizes": WINDOW_SIZES})


def fit_classes(http: str, project: str) -> None:
    """Two classes as texts."""
    generator = random.Random(2)
    classes = [generator.choice(PLANS) for _ in range(300)]
    fit(http, project, "label", classes, {"kind": "fet_online", "ert": ERT, "window_sizes": WINDOW_SIZES})


def fit_table(http: str, project: str) -> None:
    """A column of numbers, `age`, and one of texts, `plan`."""
    generator = random.Random(3)
    rows = [(generator.gauss(40.0, 8.0), generator.choice(PLANS)) for _ in range(200)]
    data = {"age": [age for age, _ in rows], "plan": [plan for _, plan in rows]}
    fit(http, project, "tabular", data, {"kind": "mmd_online", "ert": ERT, "window_size": 10})
