"""Step 5: people of Massachusetts, 8,000 a year, who change by little: significant, and small."""

from pathlib import Path
from typing import Any

import data
from server import Server

YEARS = (2015.0, 2016.0, 2017.0, 2018.0)
# An effect below a tenth is small: less than a tenth of the rows moved (docs/detectors.md takes it for `min_effect`).
SMALL = 0.1
# All but these are codes.
NUMBERS = ("AGEP", "predicted_probability")
KINDS = (
    "tabular",
    "psi",
    "jensen_shannon",
    "hellinger",
    "total_variation",
    "mmd_fourier",
    "hdddm",
    "pca_reconstruction",
    "classifier",
)


def run(program: Path) -> list[dict[str, Any]]:
    """What each kind says of each year, without and with a least effect."""
    people = data.read("ma_employment_2015_2018")
    years = people.pop("year")
    people = data.as_texts(people, *(name for name in people if name not in NUMBERS))
    by_year = {wanted: data.rows(people, [row for row, year in enumerate(years) if year == wanted]) for wanted in YEARS}
    lines = []
    with Server(program) as server:
        for kind in KINDS:
            server.fit("people", "tabular", by_year[YEARS[0]], {"kind": kind})
            server.fit("people-of-effect", "tabular", by_year[YEARS[0]], {"kind": kind, "min_effect": SMALL})
            for year in YEARS[1:]:
                told = server.predict("people", by_year[year], explain=True)
                with_effect = server.predict("people-of-effect", by_year[year], explain=False)
                largest = max(told["features"], key=lambda column: column["effect_size"] or 0.0, default=None)
                line = {
                    "kind": kind, "year": int(year), "is_drift": told["is_drift"], "p_value": told["p_value"],
                    "effect_size": told["effect_size"], "column": largest and largest["name"],
                    "column_effect": largest and largest["effect_size"], "is_drift_of_effect": with_effect["is_drift"],
                }  # fmt: skip
                lines.append(line)
    return lines
