"""What the server answers, as values: they hold no connection, can be compared, copied and pickled.

Names and meanings are those of the server's OpenAPI document. ``None`` stands for what a detector has no value for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from drifting import _html
from drifting.errors import DriftingError


@dataclass(frozen=True, slots=True)
class Quantiles:
    """Quantiles of numbers."""

    p05: float
    p25: float
    p50: float
    p75: float
    p95: float


@dataclass(frozen=True, slots=True)
class ColumnSummary:
    """A column in few numbers; ``quantiles`` of numbers alone."""

    rows: int
    missing_share: float
    quantiles: Quantiles | None = None


@dataclass(frozen=True, slots=True)
class CategoryShares:
    """The shares of a category in the reference and in the window, from 0 to 1."""

    category: str
    reference_share: float
    window_share: float


@dataclass(frozen=True, slots=True)
class WordWeights:
    """How much a word tells: ``weight`` is above 0 where it speaks for the window, below where it speaks for the reference.

    The shares are those of the texts of either that hold it.
    """

    word: str
    weight: float
    reference_share: float
    window_share: float


@dataclass(frozen=True, slots=True)
class FeatureDetection:
    """The verdict on one column, and what moved."""

    name: str
    is_drift: bool
    statistic: float | None = None
    p_value: float | None = None
    threshold: float | None = None
    distance: float | None = None
    distance_threshold: float | None = None
    effect_size: float | None = None
    test: str | None = None
    direction: str | None = None
    importance: float | None = None
    reference: ColumnSummary | None = None
    window: ColumnSummary | None = None
    categories: tuple[CategoryShares, ...] = ()
    unseen_categories: tuple[str, ...] = ()
    vanished_categories: tuple[str, ...] = ()
    words: tuple[WordWeights, ...] = ()


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """Something in rows that the reference has not prepared anybody for; it says nothing about drift.

    Attributes:
        check: ``new_category``, ``type_change``, ``missing_burst``, ``out_of_range`` or ``constant_column``.
        row: The row of the request, from 0, with which it was found.
        n_rows: Rows that stand out, of ``of_rows`` that were looked at, some of them perhaps in earlier requests.
        expected_share: The share of such rows that the reference lets expect, from 0 to 1.
        p_value: The probability of so many, if nothing has changed.
        detail: What was expected and what came, as a sentence.
    """

    check: str
    column: str
    row: int
    n_rows: int
    of_rows: int
    expected_share: float
    observed_share: float
    p_value: float
    detail: str


@dataclass(frozen=True, slots=True)
class RowDetection:
    """The verdict on one row or window of a request."""

    is_drift: bool
    rows: int
    time: int
    warm_up: bool
    is_warning: bool | None = None
    statistic: float | None = None
    threshold: float | None = None
    p_value: float | None = None
    distance: float | None = None
    effect_size: float | None = None
    problem: str | None = None
    quality: tuple[QualityFinding, ...] = ()


@dataclass(frozen=True, slots=True)
class Detection:
    """The verdict on the rows of a request. The top level speaks for the last row or window.

    Attributes:
        is_drift: Whether any row or window of the request drifted. ``None``, which is false in an ``if``, where
            ``on_error`` asked for no exception and the verdict is not known.
        is_warning: Whether any row of the request was a warning, of kinds that warn.
        rows: Rows fed.
        rows_dropped: Rows left out because of missing values.
        time: Rows fed since the start or the last reset.
        warm_up: Whether the detector has too few rows to judge yet, or no window has closed.
        pending_rows: Rows that wait for their window to close, where the project collects them.
        threshold: What the statistic, or the p-value, was compared with.
        ert: Expected run time: the mean number of rows between false alarms, of online kinds.
        problem: Why the last window could not be judged.
        features: The verdict on each column, the most suspicious first, where the kind has them.
        quality: What the checks of quality found in the rows; it has no part in ``is_drift``.
        results: The verdict on each row or window, where there is more than one.
        error: What went wrong, where ``on_error`` asked for no exception.
    """

    project: str
    is_drift: bool | None
    drift_type: str | None = None
    detector: str | None = None
    is_warning: bool | None = None
    rows: int = 0
    rows_dropped: int = 0
    time: int = 0
    warm_up: bool = False
    pending_rows: int | None = None
    statistic: float | None = None
    threshold: float | None = None
    ert: float | None = None
    p_value: float | None = None
    distance: float | None = None
    distance_threshold: float | None = None
    effect_size: float | None = None
    problem: str | None = None
    features: tuple[FeatureDetection, ...] = ()
    quality: tuple[QualityFinding, ...] = ()
    results: tuple[RowDetection, ...] = ()
    error: DriftingError | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        # Of a thousand rows each has a verdict of its own, and each column its quantiles.
        return _html.detection_line(self)

    def _repr_html_(self) -> str:
        return _html.detection(self)


@dataclass(frozen=True, slots=True)
class WindowPolicy:
    """How rows are collected into windows; ``max_age`` in seconds."""

    size: int | None = None
    stride: int | None = None
    max_age: float | None = None


@dataclass(frozen=True, slots=True)
class ReferenceUpdate:
    """How the reference moves on after each window."""

    last: int | None = None
    reservoir: int | None = None
    only_without_drift: bool = False


@dataclass(frozen=True, slots=True)
class Detector:
    """A detector with every parameter, those included that were learnt; ``None`` for those that its kind does not have."""

    kind: str
    after_alarm: str
    seed: int
    ert: float | None = None
    window_size: int | None = None
    window_sizes: tuple[int, ...] | None = None
    n_bootstraps: int | None = None
    sigma: tuple[float, ...] | None = None
    alternative: str | None = None
    lam: float | None = None
    t_max: int | None = None
    n_kernel_centers: int | None = None
    lambda_rd_max: float | None = None
    p_val: float | None = None
    correction: str | None = None
    tests: Mapping[str, str] | None = None
    n_permutations: int | None = None
    p_value_rule: str | None = None
    configure_kernel_from_x_ref: bool | None = None
    model: str | None = None
    n_trees: int | None = None
    n_folds: int | None = None
    train_size: float | None = None
    binarize_preds: bool | None = None
    use_calibration: bool | None = None
    n_diffs: int | None = None
    l1_reg: float | None = None
    learning_rate: float | None = None
    epochs: int | None = None
    batch_size: int | None = None
    preds_type: str | None = None
    uncertainty_type: str | None = None
    margin_width: float | None = None
    context_columns: tuple[str, ...] | None = None
    context_sigma: tuple[float, ...] | None = None
    prop_c_held: float | None = None
    preset: str | None = None
    metric: str | None = None
    divergence_metric: str | None = None
    threshold: float | None = None
    drift_share: float | None = None
    n_components: float | None = None
    chunk_size: int | None = None
    n_frequencies: int | None = None
    count_ubound: int | None = None
    feed_reference: bool | None = None
    delta: float | None = None
    clock: int | None = None
    max_buckets: int | None = None
    min_window_length: int | None = None
    grace_period: int | None = None
    keep_window: bool | None = None
    min_instances: int | None = None
    burn_in: int | None = None
    alpha: float | None = None
    mode: str | None = None
    stat_size: int | None = None
    lambda_: float | None = None
    min_num_instances: int | None = None
    warm_start: int | None = None
    warning_threshold: float | None = None
    drift_threshold: float | None = None
    beta: float | None = None
    drift_confidence: float | None = None
    warning_confidence: float | None = None
    two_sided_test: bool | None = None
    warning_level: float | None = None
    drift_level: float | None = None
    max_concept_size: int | None = None
    min_concept_size: int | None = None
    max_num_instances_warning: int | None = None
    alpha_d: float | None = None
    alpha_w: float | None = None
    sliding_window_size: int | None = None
    confidence_level: float | None = None
    short_window_size: int | None = None
    average_run_length: int | None = None
    hazard: float | None = None
    prior_mean: float | None = None
    prior_variance: float | None = None
    data_variance: float | None = None
    max_run_lengths: int | None = None
    min_effect: float | None = None
    window: WindowPolicy | None = None
    update_reference: ReferenceUpdate | None = None


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """How rows become the numbers that the detector sees."""

    standardize: bool
    n_components: int | None
    features: str | None = None
    encoder: str | None = None


@dataclass(frozen=True, slots=True)
class ColumnSchema:
    """A column; ``categories`` are the texts that the reference held."""

    name: str
    type: str
    categories: tuple[str, ...] | None


@dataclass(frozen=True, slots=True)
class Season:
    """The rows that a row of a series is compared with: those of a column, of a period, or of a part of the time."""

    column: str | None = None
    period: int | None = None
    timestamp: str | None = None
    by: tuple[str, ...] | None = None


@dataclass(frozen=True, slots=True)
class SequenceCalibration:
    """How a detector of a series was calibrated: by streams that are drawn from the reference."""

    ert: float
    block_length: float
    orders: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Sequence:
    """How a series is read before the detector sees it, and how that was calibrated."""

    difference: int | None
    season: Season | None
    calibration: SequenceCalibration | None


@dataclass(frozen=True, slots=True)
class DataSchema:
    """The columns in the order in which the detector sees them, and what happens to missing values."""

    columns: tuple[ColumnSchema, ...]
    missing_values: str


@dataclass(frozen=True, slots=True)
class QualityChecks:
    """The checks of quality: how rarely they may be wrong, and which are on."""

    significance: float
    new_category: bool
    type_change: bool
    missing_burst: bool
    out_of_range: bool
    constant_column: bool


@dataclass(frozen=True, slots=True)
class LastDetection:
    """The latest verdict and when it was given."""

    at: datetime
    is_drift: bool
    time: int
    warm_up: bool
    statistic: float | None
    threshold: float | None
    p_value: float | None
    distance: float | None


@dataclass(frozen=True, slots=True)
class RunLength:
    """How often alarms start without drift, per 1,000 rows, with a 95 % interval."""

    rows: int
    alarm_starts: int
    per_1000_rows: float
    low: float
    high: float
    wanted_per_1000_rows: float


@dataclass(frozen=True, slots=True)
class Project:
    """A project: its configuration, its status and its counters. What cannot be read is ``None``.

    Attributes:
        status: ``active``, ``inactive`` or ``failed``; then ``reason`` says why.
        reference_rows: Number of rows that it was fitted on.
        generation: Which fit of this name it is.
        rows_seen: Rows fed in the life of this fit.
        drifts_seen: Rows, or windows, that were judged as drift.
        time: Rows fed since the start or the last reset.
        warnings: What the fit found worth knowing about the reference.
        run_length: How often alarms started on reference that a trial fit had not seen, where it was asked for.
        quality: The checks of quality; ``None`` where none is on.
        sequence: How a series is read; ``None`` of other data.
    """

    project: str
    status: str
    reason: str | None
    drift_type: str | None
    detector: Detector | None
    preprocessing: Preprocessing | None
    schema: DataSchema | None
    reference_rows: int | None
    generation: int | None
    created_at: datetime | None
    fitted_by: str | None
    rows_seen: int | None
    drifts_seen: int | None
    time: int | None
    last_detection: LastDetection | None
    warnings: tuple[str, ...]
    run_length: RunLength | None
    quality: QualityChecks | None = None
    sequence: Sequence | None = None

    def __repr__(self) -> str:
        return _html.project_line(self)

    def _repr_html_(self) -> str:
        return _html.project(self)


@dataclass(frozen=True, slots=True)
class OperationProgress:
    """How far an operation has come; ``fraction`` from 0 to 1, by estimated cost."""

    done: int
    total: int
    fraction: float


@dataclass(frozen=True, slots=True)
class Operation:
    """A fit that goes on after its request has been answered.

    Attributes:
        status: ``queued``, ``running``, ``succeeded``, ``failed`` or ``cancelled``.
        stage: What is done now, or was done last, in words.
        problem: Why it has failed, as a problem document.
        result: The path of the project, once it is there.
    """

    id: str
    project: str
    kind: str
    status: str
    stage: str
    progress: OperationProgress
    created_at: datetime
    started_at: datetime | None
    ended_at: datetime | None
    problem: Mapping[str, Any] | None
    result: str | None

    @property
    def has_ended(self) -> bool:
        """Whether it goes on no longer."""
        return self.status in ("succeeded", "failed", "cancelled")


@dataclass(frozen=True, slots=True)
class MetricOfColumn:
    """The verdict on one column, as it was kept."""

    name: str
    is_drift: bool
    statistic: float | None
    threshold: float | None
    p_value: float | None
    distance: float | None


@dataclass(frozen=True, slots=True)
class Metric:
    """The verdict on one row or window, as it was kept."""

    at: datetime
    generation: int
    time: int
    rows: int
    statistic: float | None
    threshold: float | None
    p_value: float | None
    distance: float | None
    is_drift: bool
    warm_up: bool
    features: tuple[MetricOfColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class MetricRange:
    """The extremes and the mean of some values."""

    min: float
    mean: float | None
    max: float


@dataclass(frozen=True, slots=True)
class MetricBucket:
    """The metrics of a bucket of time, summed up; ``min``, ``mean`` and ``max`` are of the statistic."""

    at: datetime
    until: datetime
    count: int
    rows: int
    drifts: int
    warm_ups: int
    min: float | None
    mean: float | None
    max: float | None
    threshold: float | None
    p_value: MetricRange | None
    distance: MetricRange | None


@dataclass(frozen=True, slots=True)
class Refreshed:
    """What a look at the store found."""

    n_projects: int
    added: tuple[str, ...]
    vanished: tuple[str, ...]
    clashing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AcceptedEvents:
    """How many events were taken, had come before, or bring no rows."""

    accepted: int
    duplicates: int
    ignored: int
