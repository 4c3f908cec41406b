//! Drift values as they wait for their database: how much they weigh, and how they stand in a file.

use std::io;

use chrono::DateTime;
use drifting_domain::ports::{DriftRecord, FeatureRecord};
use serde::{Deserialize, Serialize};

use crate::outbox::Waits;

#[derive(Serialize, Deserialize)]
struct Spilled<'a> {
    project: &'a str,
    generation: u64,
    at_us: i64,
    time: u64,
    rows: u64,
    values: [Option<f64>; 4],
    is_drift: bool,
    warm_up: bool,
    #[serde(borrow)]
    features: Vec<SpilledFeature<'a>>,
}

#[derive(Serialize, Deserialize)]
struct SpilledFeature<'a> {
    name: &'a str,
    is_drift: bool,
    values: [Option<f64>; 4],
}

impl Waits for DriftRecord {
    /// In records without verdicts on columns: some 150 bytes.
    fn weight(&self) -> usize {
        1 + self.features.len()
    }

    fn encode(records: &[Self]) -> io::Result<Vec<u8>> {
        encode(records)
    }

    fn decode(bytes: &[u8]) -> io::Result<Vec<Self>> {
        decode(bytes)
    }
}

fn encode(records: &[DriftRecord]) -> io::Result<Vec<u8>> {
    let records: Vec<Spilled<'_>> = records.iter().map(spilled).collect();
    postcard::to_allocvec(&records).map_err(io::Error::other)
}

fn spilled(record: &DriftRecord) -> Spilled<'_> {
    Spilled {
        project: record.project.as_str(),
        generation: record.generation,
        at_us: record.at.timestamp_micros(),
        time: record.time,
        rows: record.rows,
        values: [record.statistic, record.threshold, record.p_value, record.distance],
        is_drift: record.is_drift,
        warm_up: record.warm_up,
        features: record.features.iter().map(spilled_feature).collect(),
    }
}

fn spilled_feature(feature: &FeatureRecord) -> SpilledFeature<'_> {
    SpilledFeature {
        name: &feature.name,
        is_drift: feature.is_drift,
        values: [feature.statistic, feature.threshold, feature.p_value, feature.distance],
    }
}

fn decode(bytes: &[u8]) -> io::Result<Vec<DriftRecord>> {
    let spilled: Vec<Spilled<'_>> = postcard::from_bytes(bytes).map_err(io::Error::other)?;
    let feature = |feature: SpilledFeature<'_>| {
        let SpilledFeature { name, is_drift, values: [statistic, threshold, p_value, distance] } = feature;
        FeatureRecord { name: name.into(), is_drift, statistic, threshold, p_value, distance }
    };
    let record = |spilled: Spilled<'_>| {
        let [statistic, threshold, p_value, distance] = spilled.values;
        Ok(DriftRecord {
            project: spilled.project.parse().map_err(io::Error::other)?,
            generation: spilled.generation,
            at: DateTime::from_timestamp_micros(spilled.at_us).ok_or_else(|| io::Error::other("no time"))?,
            time: spilled.time,
            rows: spilled.rows,
            statistic,
            threshold,
            p_value,
            distance,
            is_drift: spilled.is_drift,
            warm_up: spilled.warm_up,
            features: spilled.features.into_iter().map(feature).collect(),
        })
    };
    spilled.into_iter().map(record).collect()
}
