//! What the configuration lets the service take.

use drifting_domain::use_cases::{AnswerLimits, ServiceLimits};

use crate::config::Config;

/// The limits of the use cases.
pub fn of_service(config: &Config) -> ServiceLimits {
    ServiceLimits {
        answers: AnswerLimits { n_max: config.idempotency_max_keys, bytes_max: config.idempotency_max_bytes },
        projects_memory: config.projects_memory,
        predict_queue: config.predict_queue,
        concurrent_fits: config.concurrent_fits,
        fit_queue: config.fit_queue,
    }
}
