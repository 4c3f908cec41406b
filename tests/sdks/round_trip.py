"""A fit, predictions and their trend by the generated Python client: round_trip.py URL, with the key in DRIFTING_API_KEY."""

import os
import sys

from drifting_client import AuthenticatedClient
from drifting_client.api.metrics import list_metrics
from drifting_client.api.predictions import predict
from drifting_client.api.projects import fit_project, list_projects
from drifting_client.models import (
    DataColumns,
    DataRecord,
    Detection,
    DetectorKind,
    DetectorSettings,
    DriftType,
    FitRequest,
    Metric,
    MetricBucket,
    PredictRequest,
    Problem,
    Project,
    ProjectPage,
    Trend,
)

N_REFERENCE = 200


def main(url: str, key: str) -> None:
    with AuthenticatedClient(base_url=url, token=key, prefix="", auth_header_name="X-API-Key") as client:
        reference = [n * 37 % 101 / 101 for n in range(N_REFERENCE)]
        settings = DetectorSettings(kind=DetectorKind.CVM_ONLINE, ert=100, window_sizes=[10], n_bootstraps=2_000, sigma=None)
        fit = FitRequest(drift_type=DriftType.LABEL, data=reference, detector=settings, overwrite=True)
        project = fit_project.sync("python", client=client, body=fit)
        assert isinstance(project, Project), project
        assert project.detector is not None and project.detector.kind == DetectorKind.CVM_ONLINE
        assert project.reference_rows == N_REFERENCE

        # One row, and many of which the last fill the window.
        one = predict.sync("python", client=client, body=PredictRequest(data=[0.5]))
        assert isinstance(one, Detection), one
        assert one.rows == 1 and one.warm_up and one.statistic is None and not one.is_drift
        columns = DataColumns.from_dict({"value": [0.5, 7.5, None] * 10})
        refused = predict.sync("python", client=client, body=PredictRequest(data=columns))
        assert isinstance(refused, Problem) and refused.code == "invalid_data", refused
        many = predict.sync("python", client=client, body=PredictRequest(data=[7.5] * 30))
        assert isinstance(many, Detection), many
        assert many.rows == 30 and many.time == 31 and many.is_drift and len(many.results) == 30
        assert many.statistic is not None and many.threshold is not None and many.statistic > many.threshold

        # Records and arrays, of a table with a missing value.
        rows = [DataRecord.from_dict({"price": n % 7 / 7, "day": "mon" if n % 2 else "tue"}) for n in range(60)]
        table = FitRequest(drift_type=DriftType.TABULAR, data=rows, detector=DetectorSettings(kind=DetectorKind.TABULAR))
        table.overwrite = True
        fitted = fit_project.sync("python-table", client=client, body=table)
        assert isinstance(fitted, Project), fitted
        judged = predict.sync("python-table", client=client, body=PredictRequest(data=[[9.5, "sun"]] * 20))
        assert isinstance(judged, Detection) and judged.is_drift, judged
        day = next(feature for feature in judged.features if feature.name == "day")
        assert day.unseen_categories == ["sun"], day

        # The trend, one by one and in buckets.
        trend = list_metrics.sync("python", client=client)
        assert isinstance(trend, Trend), trend
        assert [point.time for point in trend.metrics if isinstance(point, Metric)] == list(range(1, 32))
        buckets = list_metrics.sync("python", client=client, resolution="366d")
        assert isinstance(buckets, Trend), buckets
        assert sum(bucket.rows for bucket in buckets.metrics if isinstance(bucket, MetricBucket)) == 31

        page = list_projects.sync(client=client)
        assert isinstance(page, ProjectPage), page
        assert {"python", "python-table"} <= {project.project for project in page.projects}

        # Errors are problems.
        missing = predict.sync("nobody", client=client, body=PredictRequest(data=[0.5]))
        assert isinstance(missing, Problem), missing
        assert missing.status == 404 and missing.code == "project_not_found" and missing.instance.endswith("/predict")
        table.overwrite = False
        exists = fit_project.sync("python-table", client=client, body=table)
        assert isinstance(exists, Problem) and exists.code == "project_exists", exists
    stranger = AuthenticatedClient(base_url=url, token="another key", prefix="", auth_header_name="X-API-Key")
    unknown = list_projects.sync(client=stranger)
    assert isinstance(unknown, Problem) and unknown.code == "unauthenticated", unknown
    print(f"python: {many.rows + one.rows} rows judged, {len(trend.metrics)} metrics, statistic {many.statistic:.2f}")


main(sys.argv[1], os.environ["DRIFTING_API_KEY"])
