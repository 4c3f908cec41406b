//! What the configuration lets the service take, and clients.

use drifting_domain::use_cases::{AnswerLimits, RequestLimits, ServiceLimits};
use drifting_grpc::GrpcTimeouts;
use drifting_http::{HeadLimits, HttpTimeouts};

use crate::config::{Config, RequestConfig};

/// The limits of the use cases.
pub fn of_service(config: &Config) -> ServiceLimits {
    ServiceLimits {
        answers: AnswerLimits { n_max: config.idempotency_max_keys, bytes_max: config.idempotency_max_bytes },
        projects_memory: config.projects_memory,
        predict_queue: config.predict_queue,
        predict_wait: config.predict_wait,
        concurrent_fits: config.concurrent_fits,
        fit_queue: config.fit_queue,
        request: RequestLimits {
            columns: config.requests.max_columns,
            permutations: config.requests.max_permutations,
            bootstraps: config.requests.max_bootstraps,
        },
    }
}

/// Those of the heads of requests.
pub fn of_heads(requests: &RequestConfig) -> HeadLimits {
    HeadLimits {
        target_bytes: requests.max_uri_bytes,
        headers: requests.max_headers,
        headers_bytes: requests.max_header_bytes,
    }
}

/// How long clients may take over HTTP.
pub fn http_timeouts(requests: &RequestConfig) -> HttpTimeouts {
    HttpTimeouts {
        head: requests.header_timeout,
        idle: requests.idle_timeout,
        write: requests.write_timeout,
        body_chunk: requests.body_timeout,
        ..HttpTimeouts::default()
    }
}

/// How long clients may take over gRPC.
pub fn grpc_timeouts(requests: &RequestConfig) -> GrpcTimeouts {
    GrpcTimeouts {
        preface: requests.header_timeout,
        head: requests.header_timeout,
        write: requests.write_timeout,
        message_chunk: requests.body_timeout,
        ..GrpcTimeouts::default()
    }
}
