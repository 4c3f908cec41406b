use chrono::DateTime;

use super::name;
use crate::data::{ColumnSchema, ColumnType, MissingValues, Schema, Tensors};
use crate::detectors::{CvmOnlineSpec, DetectorSpec, OnlineSpec};
use crate::ports::{ArtifactStore, StoredProject};
use crate::preprocess::{Preprocessing, Season, SequenceCalibration, SequenceSpec, TextRequest, TimeOf};
use crate::project::{
    AfterAlarm, Configuration, DriftType, FittedOnce, Policy, ReferenceUpdate, RunLengthReport, UpdateMethod,
    WindowPolicy,
};
use crate::quality::{QualityCheck, QualitySettings};

/// A project of a generation; another seed gives other parameters.
///
/// # Panics
/// When the name is not valid.
pub fn sample_project(project: &str, generation: u64, seed: u32) -> StoredProject {
    let mut parameters = Tensors::new();
    parameters.insert_rows("reference", 2, (0..8).map(|n| f64::from(n * seed) / 3.0).collect());
    parameters.insert_f64("thresholds", vec![f64::NAN, -0.0, f64::MIN_POSITIVE, 1e300]);
    parameters.insert_u64("codes", vec![0, u64::MAX]);
    parameters.insert_f64("nothing", Vec::new());
    parameters.insert_texts("names", &["ä".to_owned(), String::new(), "b\n".to_owned()]);
    StoredProject {
        configuration: Configuration {
            generation,
            project: name(project),
            drift_type: DriftType::Tabular,
            detector: DetectorSpec::Online(OnlineSpec::CvmOnline(CvmOnlineSpec {
                ert: 400.0,
                window_sizes: vec![40, 80],
                n_bootstraps: 10_000,
                seed: u64::MAX,
            })),
            policy: Policy {
                window: Some(WindowPolicy { size: 50, stride: 10, max_age: Some(0.1) }),
                update_reference: Some(ReferenceUpdate {
                    method: UpdateMethod::Reservoir,
                    rows: 1_000,
                    only_without_drift: true,
                }),
                after_alarm: AfterAlarm::Latch,
            },
            preprocessing: Preprocessing { standardize: false, n_components: None, texts: TextRequest::DEFAULT },
            sequence: Some(SequenceSpec {
                difference: Some(24),
                season: Some(Season::Timestamp {
                    timestamp: "at".to_owned(),
                    by: vec![TimeOf::HourOfDay, TimeOf::DayOfWeek],
                }),
                calibration: Some(SequenceCalibration { ert: 400.0, block_length: 1.5, orders: vec![0, 3] }),
            }),
            schema: Schema {
                columns: vec![
                    ColumnSchema { name: "price: \"odd\" näme\n".to_owned(), kind: ColumnType::Numeric },
                    ColumnSchema {
                        name: "day".to_owned(),
                        kind: ColumnType::Categorical {
                            categories: vec![String::new(), "no".to_owned(), "1".to_owned()],
                            is_numeric: false,
                        },
                    },
                    ColumnSchema {
                        name: "code".to_owned(),
                        kind: ColumnType::Categorical {
                            categories: vec!["1".to_owned(), "1e300".to_owned()],
                            is_numeric: true,
                        },
                    },
                    ColumnSchema {
                        name: "flag".to_owned(),
                        kind: ColumnType::Binary { categories: ["0".to_owned(), "1".to_owned()], is_numeric: true },
                    },
                ],
                missing_values: MissingValues::Drop,
            },
            quality: Some(QualitySettings {
                significance: 0.1,
                checks: [QualityCheck::NewCategory, QualityCheck::ConstantColumn].into(),
            }),
            reference_rows: 4,
            created_at: DateTime::from_timestamp(1_780_012_800, 123_456_000).expect("a valid time"),
            fitted_by: "drifting 0.1.0".to_owned(),
            run_length: RunLengthReport::of(1_000, 3, 400.0),
            fitted_once: Some(FittedOnce { key: "00ff".to_owned(), content: "a1".to_owned() }),
            warnings: vec!["few rows".to_owned()],
        },
        parameters,
    }
}

fn sample_state(time: u64) -> Tensors {
    let mut state = Tensors::new();
    state.insert_u64("time", vec![time]);
    state.insert_rows("window", 2, vec![0.1, f64::MAX, -1.5, 2.0]);
    state
}

/// Equality that holds `NaN` equal to itself, bit for bit.
fn same(left: &Tensors, right: &Tensors) -> bool {
    format!("{left:?}") == format!("{right:?}")
}

/// The contract of [`ArtifactStore`].
///
/// # Panics
/// Where the store does other than the contract says.
pub async fn artifact_store(store: &dyn ArtifactStore) {
    let a = name("a");
    assert_eq!(store.list().await.expect("list"), [], "an empty store holds nothing");
    assert!(store.project(&a).await.expect("absence is no error").is_none());
    assert!(store.configuration(&a).await.expect("absence is no error").is_none());
    assert!(store.state(&a, 1).await.expect("absence is no error").is_none());
    assert!(store.outline(&a).await.expect("absence is no error").is_none());
    assert!(!store.delete(&a).await.expect("deleting nothing succeeds"));
    store.sweep().await.expect("sweep an empty store");

    let first = sample_project("a", 1, 1);
    store.put_project(&first).await.expect("put");
    let read = store.project(&a).await.expect("read").expect("it is there");
    assert_eq!(read.configuration, first.configuration, "a configuration comes back as it was");
    assert!(same(&read.parameters, &first.parameters), "parameters come back bit for bit");
    assert_eq!(store.configuration(&a).await.expect("read"), Some(first.configuration.clone()));
    assert_eq!(store.outline(&a).await.expect("read"), Some((first.configuration.clone(), None)));

    store.put_state(&a, 1, &sample_state(7)).await.expect("put a state");
    store.put_state(&a, 1, &sample_state(8)).await.expect("replace a state");
    let state = store.state(&a, 1).await.expect("read a state").expect("it is there");
    assert!(same(&state, &sample_state(8)), "the last state comes back bit for bit");
    let (configuration, state) = store.outline(&a).await.expect("read").expect("it is there");
    assert_eq!(configuration, first.configuration);
    assert!(state.is_some_and(|state| same(&state, &sample_state(8))), "an outline has the last state");
    assert!(store.state(&a, 2).await.expect("read").is_none(), "a state belongs to its generation");

    let second = sample_project("a", 2, 5);
    store.put_project(&second).await.expect("overwrite");
    let read = store.project(&a).await.expect("read").expect("it is there");
    assert_eq!(read.configuration.generation, 2);
    assert!(same(&read.parameters, &second.parameters), "an overwrite is the new one whole");
    assert!(store.state(&a, 2).await.expect("read").is_none(), "a new generation starts without a state");
    assert_eq!(store.outline(&a).await.expect("read"), Some((second.configuration.clone(), None)));

    store.put_project(&sample_project("C", 1, 2)).await.expect("put");
    store.put_project(&sample_project("b", 1, 3)).await.expect("put");
    assert_eq!(store.list().await.expect("list"), [name("C"), name("a"), name("b")], "in the order of the names");

    store.sweep().await.expect("sweep");
    assert_eq!(store.list().await.expect("list").len(), 3, "a sweep touches no project");
    assert!(store.project(&a).await.expect("read").is_some());

    store.put_state(&a, 2, &sample_state(9)).await.expect("put a state");
    assert!(store.delete(&a).await.expect("delete"), "deleting says that there was one");
    assert!(store.project(&a).await.expect("read").is_none());
    assert_eq!(store.list().await.expect("list"), [name("C"), name("b")]);
    store.put_project(&sample_project("a", 1, 1)).await.expect("put it again");
    assert!(store.state(&a, 1).await.expect("read").is_none(), "a deleted state does not come back");
    assert!(store.state(&a, 2).await.expect("read").is_none(), "a deleted state does not come back");
}
