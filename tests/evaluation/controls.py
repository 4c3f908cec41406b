"""Real rows that do not drift, in the forms that the kinds take."""

from dataclasses import dataclass

import data
from data import Columns

YEAR = 2015.0
CODES = ("SCHL", "MAR", "RELP", "CIT", "MIG", "RAC1P")


@dataclass(frozen=True)
class Control:
    """Columns of one form, in an order that does not matter."""

    source: str
    form: str
    drift_type: str
    columns: Columns

    @property
    def n_rows(self) -> int:
        return len(next(iter(self.columns.values())))


def all_controls() -> list[Control]:
    """Those of the stream and those of the people of one year."""
    return [*_of_stream(), *_of_people()]


def _of_stream() -> list[Control]:
    stream = data.read("sea_stream_no_drift")
    numbers = data.only(stream, "attrib1", "attrib2", "attrib3")
    # The rule that makes the classes, but for a tenth of them.
    guesses = [float(x + y > 9) for x, y in zip(stream["attrib1"], stream["attrib2"], strict=True)]
    return _of(
        "SEA",
        numbers=numbers,
        number={"attrib1": stream["attrib1"]},
        # One of the share 0 to 1, as bounds on means need it.
        share={"attrib1": [value / 10 for value in stream["attrib1"]]},
        classes=data.as_texts({"class": stream["class"]}, "class"),
        errors={"error": [guess != truth for guess, truth in zip(guesses, stream["class"], strict=True)]},
    )


def _of_people() -> list[Control]:
    everybody = data.read("ma_employment_2015_2018")
    people = data.rows(everybody, [row for row, year in enumerate(everybody["year"]) if year == YEAR])
    probabilities = people["predicted_probability"]
    codes = data.as_texts(data.only(people, *CODES), *CODES)
    numbers = data.only(people, "AGEP", "predicted_probability")
    return _of(
        "people",
        numbers=numbers,
        number=data.only(people, "predicted_probability"),
        share=data.only(people, "predicted_probability"),
        categories=codes,
        classes=data.as_texts(data.only(people, "employed", "SEX"), "employed", "SEX"),
        mixed=numbers | codes,
        outputs={"unemployed": [1 - value for value in probabilities], "employed": probabilities},
        errors={"error": [guess != truth for guess, truth in zip(people["prediction"], people["employed"], strict=True)]},
    )


def _of(source: str, **forms: Columns) -> list[Control]:
    return [Control(source, form, "label" if len(columns) == 1 else "tabular", columns) for form, columns in forms.items()]
