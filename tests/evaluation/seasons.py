"""Step 4: the temperature of a year at three airports of New York, of which January is the reference."""

from pathlib import Path
from statistics import fmean
from typing import Any

from scipy.stats import spearmanr

import data
from false_alarms import EACH_COLUMN
from server import Refused, Server

KINDS = (*EACH_COLUMN, "mmd_fourier", "hdddm", "mmd", "lsdd", "classifier")
MONTHS = tuple(range(2, 13))


def run(program: Path) -> dict[str, Any]:
    """The statistic and the effect size of each month, and how they follow the difference of temperatures."""
    weather = data.read("nyc_weather_2013")
    by_month: dict[int, list[float]] = {month: [] for month in (1, *MONTHS)}
    for month, temperature in zip(weather["month"], weather["temp"], strict=True):
        if temperature is not None:
            by_month[int(month)].append(temperature)
    january = fmean(by_month[1])
    differences = [abs(fmean(by_month[month]) - january) for month in MONTHS]
    lines = []
    with Server(program) as server:
        for kind in KINDS:
            try:
                server.fit("weather", "label", by_month[1], {"kind": kind})
            except Refused as refused:
                lines.append({"kind": kind, "refused": str(refused)})
                continue
            told = [server.predict("weather", by_month[month], explain=False) for month in MONTHS]
            line: dict[str, Any] = {"kind": kind, "drifts": sum(verdict["is_drift"] for verdict in told)}
            for measure in ("statistic", "effect_size"):
                values = [verdict[measure] for verdict in told]
                line[measure] = values
                line[f"{measure}_follows"] = float(spearmanr(values, differences).statistic)
            lines.append(line)
    return {"differences": differences, "lines": lines}
