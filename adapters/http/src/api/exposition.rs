//! In which format `/metrics` answers.

use poem::http::header::{self, HeaderMap};

use crate::body::weighted;
use crate::settings::MeasuresFormat;

pub(crate) const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(crate) const PROMETHEUS_TEXT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The media type of a format.
pub(super) fn media_type(format: MeasuresFormat) -> &'static str {
    match format {
        MeasuresFormat::OpenMetrics => OPEN_METRICS,
        MeasuresFormat::PrometheusText => PROMETHEUS_TEXT,
    }
}

/// The format that a client likes best: `OpenMetrics` for those alone who name it, and no less than the other. Everybody reads the other
/// one: what is not known here is passed over.
pub(super) fn wanted(headers: &HeaderMap) -> MeasuresFormat {
    let (mut open_metrics, mut text) = (0.0_f64, 0.0_f64);
    for (name, weight) in weighted(headers, &header::ACCEPT) {
        if name.eq_ignore_ascii_case("application/openmetrics-text") {
            open_metrics = open_metrics.max(weight);
        } else if name.eq_ignore_ascii_case("text/plain") {
            text = text.max(weight);
        }
    }
    let is_open_metrics = open_metrics > 0.0 && open_metrics >= text;
    if is_open_metrics { MeasuresFormat::OpenMetrics } else { MeasuresFormat::PrometheusText }
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn of(accept: &'static str) -> MeasuresFormat {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT, HeaderValue::from_static(accept));
        wanted(&headers)
    }

    #[test]
    fn open_metrics_are_for_those_who_name_them() {
        for accept in [
            "application/openmetrics-text",
            "Application/OpenMetrics-Text; version=1.0.0; charset=utf-8",
            "application/openmetrics-text, text/plain",
            "text/plain;version=0.0.4;q=0.5, application/openmetrics-text;version=1.0.0",
            // Prometheus 3 by default.
            "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
             application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;escaping=allow-utf-8;q=0.4,\
             text/plain;version=0.0.4;q=0.3,*/*;q=0.2",
        ] {
            assert_eq!(of(accept), MeasuresFormat::OpenMetrics, "{accept}");
        }
    }

    #[test]
    fn everybody_else_is_told_in_the_text_format_of_prometheus() {
        for accept in [
            "text/plain;version=0.0.4",
            "text/plain",
            "*/*",
            "application/*",
            "application/json",
            "",
            "application/openmetrics-text;q=0",
            "application/openmetrics-text;q=2",
            "application/openmetrics-textual",
            "text/plain;version=0.0.4;q=0.6,application/openmetrics-text;version=1.0.0;q=0.5,*/*;q=0.1",
        ] {
            assert_eq!(of(accept), MeasuresFormat::PrometheusText, "{accept}");
        }
        assert_eq!(wanted(&HeaderMap::new()), MeasuresFormat::PrometheusText);
    }
}
