//! Our side of `bench/peers`: the same rows as the Python libraries judge, on one thread; prints a line of JSON for each method.
//!
//! ```sh
//! cargo run --release -p drifting-domain --example peers FOLDER
//! ```
//!
//! The folder holds `reference_numbers`, `window_numbers` (columns one after the other, 64-bit floats), `reference_categories`,
//! `window_categories` (a byte a cell) and `stream` (64-bit floats), little-endian, as `bench/peers/peers.py` writes them.

use std::fs;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::time::Duration;

use drifting_domain::data::{Column, MissingValues, Table, Values};
use drifting_domain::detectors::{
    AdwinSettings, BocdSettings, CusumSettings, DdmSettings, DetectorKind, DetectorRequest, EcddSettings, EddmSettings,
    FhddmSettings, GeometricMovingAverageSettings, HddmASettings, HddmWSettings, KswinSettings, OnlineDetector,
    PageHinkleySettings, Preset, RddmSettings, StepdSettings, Streaming, StreamingSettings, StreamingSpec,
};
use drifting_domain::ports::Silent;
use drifting_domain::preprocess::TextRequest;
use drifting_domain::project::{DriftType, ProjectName};
use drifting_domain::quality::{QualityCheck, QualityRequest};
use drifting_domain::use_cases::FitRequest;
use drifting_memory::service;
use rustix::time::{ClockId, clock_gettime};

/// Columns of a table.
const N_COLUMNS: usize = 10;

/// What a method judges.
#[derive(Clone, Copy, PartialEq)]
enum Data {
    Numbers,
    /// Of five categories.
    Categories,
    /// Of two.
    Classes,
}

/// The methods of Evidently that judge columns by rows of any number, by their names there.
const EVIDENTLY: [(&str, DetectorKind, Data); 18] = [
    ("ks", DetectorKind::Ks, Data::Numbers),
    ("wasserstein", DetectorKind::Wasserstein, Data::Numbers),
    ("kl_div", DetectorKind::KlDivergence, Data::Numbers),
    ("psi", DetectorKind::Psi, Data::Numbers),
    ("jensenshannon", DetectorKind::JensenShannon, Data::Numbers),
    ("hellinger", DetectorKind::Hellinger, Data::Numbers),
    ("anderson", DetectorKind::AndersonDarling, Data::Numbers),
    ("cramer_von_mises", DetectorKind::Cvm, Data::Numbers),
    ("mannw", DetectorKind::MannWhitney, Data::Numbers),
    ("ed", DetectorKind::Energy, Data::Numbers),
    ("es", DetectorKind::EppsSingleton, Data::Numbers),
    ("t_test", DetectorKind::TTest, Data::Numbers),
    ("empirical_mmd", DetectorKind::MmdFourier, Data::Numbers),
    ("chisquare", DetectorKind::ChiSquare, Data::Categories),
    ("g_test", DetectorKind::GTest, Data::Categories),
    ("TVD", DetectorKind::TotalVariation, Data::Categories),
    ("z", DetectorKind::ZTest, Data::Classes),
    ("fisher_exact", DetectorKind::FisherExact, Data::Classes),
];

/// Those of `NannyML`.
const NANNYML: [(&str, DetectorKind, Data); 6] = [
    ("kolmogorov_smirnov", DetectorKind::Ks, Data::Numbers),
    ("jensen_shannon", DetectorKind::JensenShannon, Data::Numbers),
    ("hellinger", DetectorKind::Hellinger, Data::Numbers),
    ("wasserstein", DetectorKind::Wasserstein, Data::Numbers),
    ("chi2", DetectorKind::ChiSquare, Data::Categories),
    ("l_infinity", DetectorKind::LInfinity, Data::Categories),
];

fn main() {
    let folder = PathBuf::from(std::env::args().nth(1).expect("expected the folder of the data"));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for (method, kind, data) in EVIDENTLY {
        // Tests have one way; distances have bins and thresholds of their own, or calibrated ones.
        for preset in [Some(Preset::Evidently), None] {
            runtime.block_on(columns("evidently", method, kind, data, preset, &folder));
        }
    }
    for (method, kind, data) in NANNYML {
        for preset in [Some(Preset::Nannyml), None] {
            runtime.block_on(columns("nannyml", method, kind, data, preset, &folder));
        }
    }
    let stream = numbers(&folder.join("stream"));
    for settings in streaming() {
        per_value(settings, &stream);
    }
}

/// Fits on the reference, judges the window; a preset that a kind does not have is passed over.
async fn columns(library: &str, method: &str, kind: DetectorKind, data: Data, preset: Option<Preset>, folder: &Path) {
    let (reference, window) = (data.table("reference", folder), data.table("window", folder));
    let n_rows = reference.n_rows();
    let request = FitRequest {
        project: "p".parse::<ProjectName>().expect("a name"),
        drift_type: DriftType::Tabular,
        reference,
        detector: DetectorRequest { kind: Some(kind), preset, ..DetectorRequest::default() },
        standardize: None,
        n_components: None,
        texts: TextRequest::default(),
        missing_values: MissingValues::Reject,
        // The libraries have no such checks.
        quality: QualityRequest { significance: None, off: QualityCheck::ALL.into() },
        report_run_length: false,
        overwrite: false,
    };
    let service = service();
    let begin = processor_time();
    let fitted = match service.fit(request).await {
        Ok(fitted) => fitted,
        Err(error) if preset.is_some() => {
            eprintln!("{method}: no such preset ({error})");
            return;
        }
        Err(error) => panic!("{method}: {error}"),
    };
    let view = service.store(fitted).await.expect("it is stored");
    let open = service.open(&view.name).await.expect("it is open");
    let fit_seconds = processor_time().saturating_sub(begin).as_secs_f64();
    let begin = processor_time();
    let prediction = service.predict(&open, window).await.expect("rows are judged");
    let seconds = processor_time().saturating_sub(begin).as_secs_f64();
    let line = serde_json::json!({
        "library": library,
        "method": method,
        "kind": kind.to_string(),
        "preset": preset.is_some(),
        "rows": n_rows,
        "columns": N_COLUMNS,
        "fit_seconds": fit_seconds,
        "seconds": seconds,
        "is_drift": prediction.detections[0].is_drift,
    });
    println!("{line}");
}

/// Every streaming kind at its defaults.
fn streaming() -> Vec<StreamingSettings> {
    use StreamingSettings as Of;
    vec![
        Of::Adwin(AdwinSettings::default()),
        Of::PageHinkley(PageHinkleySettings::default()),
        Of::Kswin(KswinSettings::default()),
        Of::Cusum(CusumSettings::default()),
        Of::Ddm(DdmSettings::default()),
        Of::Eddm(EddmSettings::default()),
        Of::HddmA(HddmASettings::default()),
        Of::HddmW(HddmWSettings::default()),
        Of::Rddm(RddmSettings::default()),
        Of::Stepd(StepdSettings::default()),
        Of::Fhddm(FhddmSettings::default()),
        Of::Ecdd(EcddSettings::default()),
        Of::GeometricMovingAverage(GeometricMovingAverageSettings::default()),
        Of::Bocd(BocdSettings::default()),
    ]
}

fn per_value(settings: StreamingSettings, stream: &[f64]) {
    let kind = settings.kind();
    let spec = StreamingSpec { settings, feed_reference: false };
    // `bocd` alone learns of it: mean and variance.
    let reference = &stream[..stream.len().min(1_000)];
    let detector = Streaming::fit(&spec, reference, 1, &Silent).expect("a column of numbers");
    let mut state = detector.start();
    let mut n_drifts = 0;
    let begin = processor_time();
    for x in stream {
        n_drifts += usize::from(black_box(detector.step(&mut state, &[*x])).is_drift);
    }
    let nanoseconds = processor_time().saturating_sub(begin).as_secs_f64() * 1e9 / stream.len() as f64;
    println!("{}", serde_json::json!({"kind": kind.to_string(), "nanoseconds": nanoseconds, "drifts": n_drifts}));
}

impl Data {
    fn table(self, side: &str, folder: &Path) -> Table {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let columns: Vec<Values> = if self == Self::Numbers {
            let all = numbers(&folder.join(format!("{side}_numbers")));
            all.chunks_exact(all.len() / N_COLUMNS).map(|column| Values::Numeric(column.to_vec())).collect()
        } else {
            let all = fs::read(folder.join(format!("{side}_categories"))).expect("the categories");
            let n_names = if self == Self::Classes { 2 } else { NAMES.len() };
            let names = |column: &[u8]| column.iter().map(|code| Some(NAMES[usize::from(*code) % n_names])).collect();
            all.chunks_exact(all.len() / N_COLUMNS).map(|column| Values::Text(names(column))).collect()
        };
        let named = columns.into_iter().enumerate();
        let named = named.map(|(index, values)| Column { name: format!("c{index}"), values });
        Table::named(named.collect()).expect("columns of one length")
    }
}

/// That this process has used: others that share the machine do not count.
fn processor_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.unsigned_abs(), time.tv_nsec.try_into().unwrap_or(0))
}

fn numbers(path: &Path) -> Vec<f64> {
    let bytes = fs::read(path).expect("the numbers");
    bytes.chunks_exact(8).map(|bytes| f64::from_le_bytes(bytes.try_into().expect("eight bytes"))).collect()
}
