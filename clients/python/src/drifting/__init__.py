"""Fit a drift detector next to the training code, feed each row, be told when the data drift.

.. code:: python

    import drifting

    drifting.fit(train["price"], project="price")
    drifting.detect(row["price"], project="price").is_drift

These functions talk to the server that ``drifting.serve`` has started, else to that of ``DRIFTING_URL``, else to
``http://127.0.0.1:8080``. ``Client`` and ``AsyncClient`` do the same for a server of your choice, and more.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from drifting import backtests, errors, models
    from drifting._async_client import AsyncClient
    from drifting._background import Background, BackgroundCounts
    from drifting._client import Client
    from drifting._default import client
    from drifting._functions import backtest, detect, fit, metrics, predict
    from drifting._local_server import LocalServer, serve
    from drifting._settings import (
        DetectorSettings,
        OnError,
        PreprocessingSettings,
        QualitySettings,
        ReferenceUpdateSettings,
        SequenceSettings,
        WindowSettings,
    )
    from drifting._trend import Trend
    from drifting.backtests import BacktestReport
    from drifting.errors import ApiError, DriftingError, DriftingWarning
    from drifting.models import Detection, Metric, MetricBucket, Operation, Project
    from drifting.predecessor import DriftingClient, DriftType

# Where each name stands. A module is imported when one of its names is used first, so that `import drifting` costs a
# program next to nothing.
_MODULES = {
    "_async_client": ("AsyncClient",),
    "_background": (
        "Background",
        "BackgroundCounts",
    ),
    "_client": ("Client",),
    "_default": ("client",),
    "_functions": (
        "backtest",
        "detect",
        "fit",
        "metrics",
        "predict",
    ),
    "_local_server": (
        "LocalServer",
        "serve",
    ),
    "_settings": (
        "DetectorSettings",
        "OnError",
        "PreprocessingSettings",
        "QualitySettings",
        "ReferenceUpdateSettings",
        "SequenceSettings",
        "WindowSettings",
    ),
    "_trend": ("Trend",),
    "backtests": ("BacktestReport",),
    "errors": (
        "ApiError",
        "DriftingError",
        "DriftingWarning",
    ),
    "models": (
        "Detection",
        "Metric",
        "MetricBucket",
        "Operation",
        "Project",
    ),
    "predecessor": (
        "DriftType",
        "DriftingClient",
    ),
}
_HOMES = {name: module for module, names in _MODULES.items() for name in names}

__all__ = [
    "ApiError",
    "AsyncClient",
    "Background",
    "BackgroundCounts",
    "BacktestReport",
    "Client",
    "Detection",
    "DetectorSettings",
    "DriftType",
    "DriftingClient",
    "DriftingError",
    "DriftingWarning",
    "LocalServer",
    "Metric",
    "MetricBucket",
    "OnError",
    "Operation",
    "PreprocessingSettings",
    "Project",
    "QualitySettings",
    "ReferenceUpdateSettings",
    "SequenceSettings",
    "Trend",
    "WindowSettings",
    "backtest",
    "backtests",
    "client",
    "detect",
    "errors",
    "fit",
    "metrics",
    "models",
    "predict",
    "serve",
]


def __getattr__(name: str) -> Any:
    if name in ("backtests", "errors", "models"):
        return importlib.import_module(f"drifting.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'drifting' has no attribute {name!r}")
    value = getattr(importlib.import_module(f"drifting.{_HOMES[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
