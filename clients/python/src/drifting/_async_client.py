"""The client for asyncio. Written by ``twin.py`` from ``_client.py``."""

from __future__ import annotations

import builtins
import os
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack, overload

from drifting import _backtest, _flows, _progress
from drifting._background import Background, OnDetection
from drifting._progress import Shown
from drifting._settings import (
    DetectorSettings,
    DriftKind,
    MissingValues,
    OnError,
    PreprocessingSettings,
    QualitySettings,
    SequenceSettings,
    Settings,
)
from drifting._trend import Trend
from drifting._waiting import Awaiting

if TYPE_CHECKING:
    from drifting.backtests import BacktestReport
    from drifting.models import AcceptedEvents, Detection, Metric, MetricBucket, Operation, Project, Refreshed


class AsyncClient:
    """A client of a drifting server for asyncio, to be used by one event loop at a time.

    Its methods are those of ``Client``, as coroutines, and so are its arguments.
    """

    def __init__(
        self,
        url: str | None = None,
        *,
        api_key: str | None = None,
        timeout: float = 10.0,
        connect_timeout: float = 2.0,
        fit_timeout: float = 300.0,
        retries: int = 3,
        on_error: OnError = "raise",
        ca_file: str | os.PathLike[str] | None = None,
        client_cert: tuple[str | os.PathLike[str], str | os.PathLike[str]] | None = None,
    ) -> None:
        self._connect(
            Settings.of(url, api_key, timeout, connect_timeout, fit_timeout, retries, on_error, ca_file, client_cert)
        )

    def _connect(self, settings: Settings) -> None:
        self._settings = settings
        self._waiting = Awaiting(settings)
        self.projects = AsyncProjects(settings, self._waiting)
        self.operations = AsyncOperations(settings, self._waiting)

    @property
    def url(self) -> str:
        """The URL of the server."""
        return self._settings.url

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.url!r})"

    def __getstate__(self) -> Settings:
        return self._settings

    def __setstate__(self, settings: Settings) -> None:
        self._connect(settings)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Closes the connections; the next request opens new ones."""
        await self._waiting.close()

    @overload
    async def fit(
        self,
        data: Any,
        project: str,
        *,
        drift_type: DriftKind | None = ...,
        truth: Any = ...,
        context: Any = ...,
        preprocessing: PreprocessingSettings | None = ...,
        sequence: SequenceSettings | None = ...,
        missing_values: MissingValues | None = ...,
        report_run_length: bool | None = ...,
        quality: bool | QualitySettings | None = ...,
        overwrite: bool | None = ...,
        wait: Literal[True] = ...,
        progress: Shown = ...,
        timeout: float | None = ...,
        idempotency_key: str | None = ...,
        **detector: Unpack[DetectorSettings],
    ) -> Project: ...
    @overload
    async def fit(
        self,
        data: Any,
        project: str,
        *,
        drift_type: DriftKind | None = ...,
        truth: Any = ...,
        context: Any = ...,
        preprocessing: PreprocessingSettings | None = ...,
        sequence: SequenceSettings | None = ...,
        missing_values: MissingValues | None = ...,
        report_run_length: bool | None = ...,
        quality: bool | QualitySettings | None = ...,
        overwrite: bool | None = ...,
        wait: Literal[False],
        progress: Shown = ...,
        timeout: float | None = ...,
        idempotency_key: str | None = ...,
        **detector: Unpack[DetectorSettings],
    ) -> Operation: ...
    async def fit(
        self,
        data: Any,
        project: str,
        *,
        drift_type: DriftKind | None = None,
        truth: Any = None,
        context: Any = None,
        preprocessing: PreprocessingSettings | None = None,
        sequence: SequenceSettings | None = None,
        missing_values: MissingValues | None = None,
        report_run_length: bool | None = None,
        quality: bool | QualitySettings | None = None,
        overwrite: bool | None = None,
        wait: bool = True,
        progress: Shown = True,
        timeout: float | None = None,
        idempotency_key: str | None = None,
        **detector: Unpack[DetectorSettings],
    ) -> Project | Operation:
        """Fits a detector on reference data.

        Args:
            data: A data frame, a column, an array, lists, dicts, or the path of a CSV, NDJSON, JSON, Parquet or Arrow file.
            project: The name of the project.
            drift_type: ``"label"`` (one column), ``"tabular"`` (a table), ``"text"`` or ``"sequential"`` (rows that depend
                on those before). By default a column or a flat list is a label, anything else, files included, a table.
            truth: What the data are predictions of, of streaming kinds, a value for each row: fitted on are the errors.
            context: What the reference is judged given, of ``context_mmd``, a row for each of its rows.
            preprocessing: How rows become the numbers that a kernel's detector sees.
            sequence: How a series is read before that.
            missing_values: What happens to rows with missing values, here and in predictions: ``"reject"`` (default),
                ``"drop"`` or ``"impute"``.
            report_run_length: Whether the project tells how often alarms start on reference that a trial fit has not seen.
            quality: Whether the quality of rows is checked, or how; by default all checks are on.
            overwrite: Whether a project of that name is replaced.
            wait: Whether to wait until the project serves. If not, the answer is the operation that fits it. An interrupt
                while waiting cancels the fit.
            progress: Whether to show on standard error how far it has come, or what to call with each change.
            timeout: Seconds for the sending and for what the server can refuse at once, in place of ``fit_timeout``.
            idempotency_key: A key under which the same fit may be sent again, by another process too.
            **detector: The detector and its parameters, such as ``kind="mmd_online", ert=1000``. What is left
                out takes its default.

        Raises:
            DriftingError: The fit was refused or has failed.
        """
        others = {
            "preprocessing": preprocessing,
            "sequence": sequence,
            "missing_values": missing_values,
            "report_run_length": report_run_length,
            "quality": quality,
            "overwrite": overwrite,
        }
        on_progress = _progress.of(progress) if wait else None
        return await self._waiting.run(
            _flows.fit(
                self._settings,
                data,
                project,
                drift_type,
                truth,
                context,
                detector,
                others,
                wait,
                on_progress,
                timeout,
                idempotency_key,
            )
        )

    async def predict(
        self,
        rows: Any,
        project: str,
        *,
        truth: Any = None,
        context: Any = None,
        explain: bool | None = None,
        on_error: OnError | None = None,
        timeout: float | None = None,
        idempotency_key: str | None = None,
    ) -> Detection:
        """Feeds rows and answers whether they drift.

        Args:
            rows: One row (a dict, a row of a pandas frame) or many (a data frame, a two-dimensional array, lists, a
                ``pathlib.Path`` of a file); of a project of one column also a value, or several.
            project: The name of the project.
            truth: What the rows are predictions of, of streaming kinds, a value for each: fed are the errors.
            context: What the rows are judged given, where the project has a context.
            explain: Whether the answer says what moved; by default where windows are judged, and at rows in drift.
            on_error: In place of the client's.
            timeout: Seconds in all, in place of the client's.
            idempotency_key: A key under which the same rows may be sent again, by another process too, and count once.

        Raises:
            DriftingError: There is no verdict, unless ``on_error`` says otherwise.
        """
        return await self._waiting.run(
            _flows.predict(self._settings, rows, project, truth, context, explain, on_error, timeout, idempotency_key)
        )

    detect = predict

    def background(
        self,
        project: str,
        *,
        max_rows: int = 1_000,
        max_bytes: int = 64 * 1024 * 1024,
        on_detection: OnDetection | None = None,
    ) -> Background:
        """A queue whose rows a thread feeds, so that a model never waits for its monitoring.

        Args:
            project: The name of the project.
            max_rows: How many calls may wait; what comes beyond is dropped and counted.
            max_bytes: How much they may hold together.
            on_detection: Called in the thread with each verdict, also with those that are not known.
        """
        return Background(self._settings, project, max_rows, max_bytes, on_detection)

    @overload
    async def metrics(
        self,
        project: str,
        *,
        since: datetime | str | None = ...,
        until: datetime | str | None = ...,
        resolution: None = ...,
        features: bool = ...,
        limit: int | None = ...,
    ) -> Trend[Metric]: ...
    @overload
    async def metrics(
        self,
        project: str,
        *,
        since: datetime | str | None = ...,
        until: datetime | str | None = ...,
        resolution: int | timedelta | str,
        features: bool = ...,
        limit: int | None = ...,
    ) -> Trend[MetricBucket]: ...
    async def metrics(
        self,
        project: str,
        *,
        since: datetime | str | None = None,
        until: datetime | str | None = None,
        resolution: int | timedelta | str | None = None,
        features: bool = False,
        limit: int | None = None,
    ) -> Trend[Metric] | Trend[MetricBucket]:
        """Drift values over time.

        Args:
            project: The name of the project.
            since: The first time, with a zone.
            until: The time after the last.
            resolution: The length of buckets (``"15m"``, ``"1h"``, ``"1d"``, a ``timedelta``), or their number; without it
                every verdict comes by itself.
            features: Whether the verdicts on columns come too, where the server keeps them.
            limit: How many at most; by default all.
        """
        flow = _flows.metrics(self._settings, project, since, until, resolution, features, limit)
        return await self._waiting.run(flow)

    async def backtest(
        self,
        history: Any,
        *,
        drift_type: DriftKind | None = None,
        reference: float | None = None,
        changes: Sequence[int] | None = None,
        margin: int | None = None,
        candidates: Sequence[str | Mapping[str, Any]] | None = None,
        windows: Sequence[int] | None = None,
        ert: float | None = None,
        encoder: str | None = None,
        sequence: SequenceSettings | None = None,
        missing_values: MissingValues | None = None,
        seed: int | None = None,
        timeout: float | None = None,
    ) -> BacktestReport:
        """Replays a history through candidates: when each would have alarmed, how often falsely, how late, at what cost.

        Nothing is stored.

        Args:
            history: The rows, in their order, as ``fit`` takes them.
            drift_type: As in ``fit``.
            reference: How many of the first rows are the reference; below 1, which share of the rows is; by default 0.3.
            changes: The rows, from 0 on, with which changes begin; none (``()``) where it is known that nothing changes.
            margin: How many rows after a change an alarm may come to count as telling it; by default 1,000.
            candidates: What is tried: names of kinds, or settings such as ``{"kind": "ks", "window": {"size": 50}}``;
                by default the kinds that suit the columns.
            windows: The sizes in which kinds that judge windows are tried; by default 50, 200 and 1,000 rows.
            ert: Rows between false alarms that are wanted, on average.
            encoder: The encoder of texts or images that every candidate sees them by.
            sequence: How a series is read, by every candidate.
            missing_values: As in ``fit``.
            seed: The seed of everything random.
            timeout: Seconds in all, in place of ``fit_timeout``.

        Raises:
            DriftingError: The backtest was refused.
        """
        others = {
            "drift_type": drift_type,
            "reference": reference,
            "changes": changes,
            "margin": margin,
            "windows": windows,
            "ert": ert,
            "encoder": encoder,
            "sequence": sequence,
            "missing_values": missing_values,
            "seed": seed,
        }
        return await self._waiting.run(_backtest.backtest(self._settings, history, candidates, others, timeout))

    async def send_events(self, project: str, events: Sequence[Mapping[str, Any]]) -> AcceptedEvents:
        """Sends rows as CloudEvents, which are answered before they are fed; each ``id`` is fed once."""
        return await self._waiting.run(_flows.send_events(self._settings, project, events))

    async def is_live(self) -> bool:
        """Whether the server answers."""
        return await self._waiting.run(_flows.health(self._settings, "livez"))

    async def is_ready(self) -> bool:
        """Whether the server takes requests."""
        return await self._waiting.run(_flows.health(self._settings, "readyz"))

    async def server_metrics(self) -> str:
        """What Prometheus reads of the server, in its text format."""
        return await self._waiting.run(_flows.server_metrics(self._settings))


class AsyncProjects:
    """The projects of a server; as ``Client.projects``."""

    def __init__(self, settings: Settings, waiting: Awaiting) -> None:
        self._settings = settings
        self._waiting = waiting

    async def list(
        self,
        *,
        drift_type: DriftKind | None = None,
        status: Literal["active", "inactive", "failed"] | None = None,
    ) -> builtins.list[Project]:
        """Every project, in the order of their names."""
        return await self._waiting.run(_flows.list_projects(self._settings, drift_type, status))

    async def get(self, project: str) -> Project:
        """A project: configuration, status, counters, latest verdict."""
        return await self._waiting.run(_flows.get_project(self._settings, project))

    async def delete(self, project: str, *, purge_metrics: bool = False) -> None:
        """Deletes a project; its metrics stay unless they are purged."""
        await self._waiting.run(_flows.delete_project(self._settings, project, purge_metrics))

    async def load(self, project: str) -> Project:
        """Makes a project serve."""
        return await self._waiting.run(_flows.change_project(self._settings, project, "load"))

    async def unload(self, project: str) -> Project:
        """Keeps a project, but not in service."""
        return await self._waiting.run(_flows.change_project(self._settings, project, "unload"))

    async def reset(self, project: str) -> Project:
        """Takes a detector back to its start, as after its fit."""
        return await self._waiting.run(_flows.change_project(self._settings, project, "reset"))

    async def refresh(self) -> Refreshed:
        """Has the server look for projects that were copied in or taken out."""
        return await self._waiting.run(_flows.refresh_projects(self._settings))


class AsyncOperations:
    """The fits of a server that go on after their requests; as ``Client.operations``."""

    def __init__(self, settings: Settings, waiting: Awaiting) -> None:
        self._settings = settings
        self._waiting = waiting

    async def list(self) -> builtins.list[Operation]:
        """Every operation that the server remembers, the latest first."""
        return await self._waiting.run(_flows.list_operations(self._settings))

    async def get(self, operation: str) -> Operation:
        """An operation by its id."""
        return await self._waiting.run(_flows.get_operation(self._settings, operation))

    async def cancel(self, operation: Operation | str) -> Operation:
        """Has an operation end; one that has ended goes on as it was."""
        return await self._waiting.run(_flows.cancel_operation(self._settings, _flows.id_of(operation)))

    async def wait(self, operation: Operation | str, *, timeout: float | None = None, progress: Shown = True) -> Operation:
        """Waits for the end of an operation, for so many seconds at most.

        Raises:
            ApiError: It has failed.
            FitCancelledError: It was cancelled.
            DeadlineError: It has not ended in time; it goes on.
        """
        flow = _flows.wait_for(self._settings, operation, timeout, _progress.of(progress))
        return await self._waiting.run(flow)
