"""What a backtest tells, as values, with the names and meanings of the server's OpenAPI document.

Rows have the numbers, from 0, that they had in the history.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from drifting import _html
from drifting.models import Detector, Preprocessing

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class FalseAlarms:
    """How often alarms started in rows that had not changed.

    Attributes:
        source: ``before_first_change``, or ``reference_tail``: the last fifth of the reference, replayed to a detector that
            is fitted on the rest.
        low: Lower end of the exact 95 % Poisson interval of alarm starts per 1,000 rows; ``high`` is its upper end.
        wanted_per_1000_rows: What the settings promise; ``None`` of kinds that promise nothing.
        within_margin: The probability that a margin without a change holds a false alarm.
    """

    source: str
    rows: int
    alarm_starts: int
    per_1000_rows: float
    low: float
    high: float
    wanted_per_1000_rows: float | None
    within_margin: float


@dataclass(frozen=True, slots=True)
class BacktestChange:
    """What became of a change; ``alarm`` is the row of the alarm that told it, ``delay`` how many rows later that was."""

    change: int
    alarm: int | None
    delay: int | None


@dataclass(frozen=True, slots=True)
class BacktestCost:
    """What a candidate costs: the fit and a row on that server, an estimate that is the same on any machine, and memory."""

    fit_s: float
    row_ns: float
    estimated_row_ns: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class BacktestOutcome:
    """What a candidate told of the rows after the reference.

    Attributes:
        detector: The detector with every parameter.
        n_alarms: Alarms that started; ``alarms`` has the rows with which they did, the first 1,000.
        false_alarms: How often alarms started without a change, or ``None`` and why in ``false_alarms_problem``.
        n_missed: Changes that no alarm told within the margin.
        mean_delay: Rows from a change to the alarm that told it, on average.
    """

    detector: Detector
    preprocessing: Preprocessing
    warnings: tuple[str, ...]
    n_alarms: int
    alarms: tuple[int, ...]
    unjudged_windows: int
    false_alarms: FalseAlarms | None
    false_alarms_problem: str | None
    changes: tuple[BacktestChange, ...]
    n_missed: int
    mean_delay: float | None
    cost: BacktestCost


@dataclass(frozen=True, slots=True)
class BacktestCandidate:
    """What became of a candidate: what it told in ``replayed``, or in ``problem`` why it could not be fitted or replayed."""

    kind: str | None
    window: int | None
    problem: str | None
    replayed: BacktestOutcome | None


@dataclass(frozen=True, slots=True)
class BacktestSuggestion:
    """Which candidate to take, by its place, and why."""

    candidate: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class BacktestReport:
    """What a history says about candidates.

    Attributes:
        changes: The first rows of the changes; ``None`` where it is not known what changes.
        margin: How many rows after a change an alarm may come to count as telling it.
        candidates: What became of each candidate, in their order.
    """

    rows: int
    rows_dropped: int
    reference_rows: int
    replayed_rows: int
    changes: tuple[int, ...] | None
    margin: int
    candidates: tuple[BacktestCandidate, ...]
    suggestion: BacktestSuggestion

    @property
    def suggested(self) -> BacktestCandidate | None:
        """The candidate to take, if one can be suggested."""
        place = self.suggestion.candidate
        return None if place is None else self.candidates[place]

    def to_columns(self) -> dict[str, list[Any]]:
        """A list of values for each column of the table, one a candidate."""
        rows = [_line(candidate) for candidate in self.candidates]
        return {name: [row[name] for row in rows] for name in _COLUMNS}

    def to_pandas(self) -> pd.DataFrame:
        """A frame of pandas, one row a candidate."""
        import pandas as pd

        return pd.DataFrame(self.to_columns())

    def _repr_html_(self) -> str:
        return _html.table(self.to_columns(), self.suggestion.reason)


_COLUMNS = (
    "kind",
    "window",
    "n_alarms",
    "false_per_1000_rows",
    "low",
    "high",
    "n_missed",
    "mean_delay",
    "row_ns",
    "problem",
)


def _line(candidate: BacktestCandidate) -> dict[str, Any]:
    line: dict[str, Any] = dict.fromkeys(_COLUMNS)
    line |= {"kind": candidate.kind, "window": candidate.window, "problem": candidate.problem}
    told = candidate.replayed
    if told is not None:
        line |= {"n_alarms": told.n_alarms, "n_missed": told.n_missed, "mean_delay": told.mean_delay}
        line["row_ns"] = told.cost.row_ns
        if (false := told.false_alarms) is not None:
            line |= {"false_per_1000_rows": false.per_1000_rows, "low": false.low, "high": false.high}
    return line
