//! What of a fit computes: reading and checking the reference and the settings, and then the long part.

use super::fit::FitRequest;
use super::fit_warnings::warnings;
use super::online::Online;
use super::predict::{WORK_MAX_NS, too_much};
use super::reading::{Readers, Reading, encoding_of, for_kernels};
use super::run_length::Trial;
use super::series::{ReadSeries, Series, fit_series};
use super::serving::Detector;
use super::windows::Windows;
use super::{FitError, RequestLimits};
use crate::data::{Cells, Frame, InvalidData, MissingValues, Schema, Table, Tensors};
use crate::detectors::{
    CvmThresholds, DetectorKind, DetectorRequest, DetectorSpec, FitProblem, InvalidSettings, check_batch, check_online,
    fit_online,
};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{Encoder, Encoding, FeatureSet, Preprocessing, Season, Sequence, SequenceSpec};
use crate::project::{DriftType, Policy, RunLengthReport, UpdateMethod, WindowPolicy};
use crate::quality::{Quality, QualitySettings, RowsCome};
use crate::statistics::part::Part;

/// More rows of reference than this are refused.
pub const REFERENCE_ROWS_MAX: usize = 10_000_000;

/// What has been read and checked.
pub(super) struct Prepared {
    pub(super) request: FitRequest,
    schema: Schema,
    /// Of texts and images, their features, and those of the reference.
    reading: Option<(Reading, Frame<'static>)>,
    /// Of series, how they are read.
    series: Option<Series>,
    kind: DetectorKind,
    preprocessing: Preprocessing,
    specified: Specified,
    quality: Option<QualitySettings>,
}

/// A detector that is ready to be computed.
struct Specified {
    encoder: Encoder,
    spec: DetectorSpec,
    policy: Policy,
    /// The rows that an online detector is fitted on.
    encoded: Vec<f64>,
}

/// What the computation gives.
pub(super) struct Fitted {
    pub(super) schema: Schema,
    pub(super) reading: Option<Reading>,
    pub(super) sequence: Option<SequenceSpec>,
    pub(super) preprocessing: Preprocessing,
    pub(super) encoder: Encoder,
    pub(super) detector: Detector,
    pub(super) policy: Policy,
    pub(super) reference_rows: usize,
    pub(super) warnings: Vec<String>,
    pub(super) run_length: Option<RunLengthReport>,
    pub(super) quality_settings: Option<QualitySettings>,
    pub(super) quality: Option<Quality>,
}

impl Fitted {
    /// The columns that the detector sees.
    pub(super) fn judged_schema(&self) -> &Schema {
        self.detector.judged(self.reading.as_ref().map_or(&self.schema, Reading::schema))
    }

    /// Rows as the detector sees them.
    ///
    /// # Errors
    /// When they are not those of the schema.
    pub(super) fn read<'t>(&self, rows: &'t Table, pool: &dyn CpuPool) -> Result<Frame<'t>, InvalidData> {
        match &self.reading {
            Some(reading) => reading.read(&self.schema, rows, pool),
            None => self.schema.read(rows),
        }
    }

    /// Its arrays.
    pub(super) fn save(&self) -> Tensors {
        let mut parameters = self.encoder.save();
        parameters.extend(self.detector.save());
        parameters.extend(self.reading.as_ref().map(Reading::save).unwrap_or_default());
        parameters.extend(self.quality.as_ref().map(Quality::save).unwrap_or_default());
        parameters
    }
}

/// Whoever asks does the work.
pub(super) struct Here;

impl CpuPool for Here {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

pub(super) fn prepare(
    request: FitRequest,
    limits: RequestLimits,
    readers: &Readers,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Prepared, FitError> {
    let quality = request.quality.settings()?;
    let FitRequest { drift_type, reference, missing_values, .. } = &request;
    let (mut schema, frame) = read_reference(reference, *drift_type, &request.detector, *missing_values, limits)?;
    let kind = request.detector.kind_for(request.drift_type, &schema, &frame)?;
    let preprocessing = preprocessing(&request, kind)?;
    if Reading::is_for(request.drift_type, kind) {
        let (reading, frame) = Reading::fit(&request, kind, &schema, readers, pool, progress)?;
        let preprocessing = Preprocessing { n_components: reading.n_components(), ..preprocessing };
        let specified = specify(&request, kind, reading.schema(), &frame, &preprocessing, Some(&reading));
        let specified = specified
            .map_err(|error| if reading.learns() { of_one_half(error, reading.noun(), &frame) } else { error })?;
        limits.check_detector(&specified.spec)?;
        let reading = Some((reading, frame));
        return Ok(Prepared { request, schema, reading, series: None, kind, preprocessing, specified, quality });
    }
    let series = Series::fit(&request, kind, &mut schema, &frame)?;
    if let Some(ReadSeries { sequence, residuals, .. }) = series.as_ref().and_then(|series| series.read.as_ref()) {
        let specified = specify(&request, kind, sequence.schema(), residuals, &preprocessing, None)?;
        limits.check_detector(&specified.spec)?;
        return Ok(Prepared { request, schema, reading: None, series, kind, preprocessing, specified, quality });
    }
    let (schema, frame) = match request.detector.schema_for(kind, &schema, &frame)? {
        None => (schema, frame),
        Some(schema) => {
            let frame = schema.read(&request.reference)?;
            (schema, frame)
        }
    };
    let specified = specify(&request, kind, &schema, &frame, &preprocessing, None)?;
    limits.check_detector(&specified.spec)?;
    drop(frame);
    Ok(Prepared { schema, reading: None, series, kind, preprocessing, specified, quality, request })
}

/// The schema of a reference before a kind asks for other types, and its rows.
///
/// # Errors
/// When they cannot be the reference of such a drift type.
pub(super) fn read_reference<'r>(
    reference: &'r Table,
    drift_type: DriftType,
    wanted: &DetectorRequest,
    missing_values: MissingValues,
    limits: RequestLimits,
) -> Result<(Schema, Frame<'r>), InvalidData> {
    limits.check_columns(reference)?;
    if drift_type == DriftType::Label && reference.columns().len() != 1 {
        let detail = format!("expected one column for `label`, {} came", reference.columns().len());
        return Err(InvalidData::whole(detail));
    }
    if reference.n_rows() > REFERENCE_ROWS_MAX {
        let detail = format!("expected at most {REFERENCE_ROWS_MAX} rows, {} came", reference.n_rows());
        return Err(InvalidData::whole(detail));
    }
    let schema = match (drift_type, wanted.kind) {
        (DriftType::Text, _) => Schema::of_texts(reference, missing_values)?,
        (DriftType::Image, kind) if kind != Some(DetectorKind::Dummy) => Schema::of_images(reference, missing_values)?,
        (_, Some(DetectorKind::Dummy)) => Schema::of_any(reference, missing_values)?,
        (DriftType::Sequential, _) => match &wanted.sequence.season {
            Some(Season::Timestamp { timestamp, .. }) => {
                Schema::infer_with_timestamp(reference, missing_values, timestamp)?
            }
            _ => Schema::infer(reference, missing_values)?,
        },
        _ => Schema::infer(reference, missing_values)?,
    };
    let frame = schema.read(reference)?;
    if frame.n_rows() == 0 {
        return Err(InvalidData::whole("expected rows without missing values, every row has one"));
    }
    Ok((schema, frame))
}

/// Too few rows, where one half of them is meant.
fn of_one_half(error: FitError, noun: &str, compared: &Frame<'_>) -> FitError {
    match error {
        FitError::Problem(problem @ (FitProblem::TooFewRows { .. } | FitProblem::TooFewReferenceRows { .. })) => {
            let detail = format!(
                "{problem} to compare with: one half of the {noun} teaches the features, {} are left",
                compared.n_rows()
            );
            InvalidData::whole(detail).into()
        }
        other => other,
    }
}

/// The detector with every parameter, for rows as it sees them.
fn specify(
    request: &FitRequest,
    kind: DetectorKind,
    schema: &Schema,
    frame: &Frame<'_>,
    preprocessing: &Preprocessing,
    reading: Option<&Reading>,
) -> Result<Specified, FitError> {
    let encoder = Encoder::fit(frame, &encoding_of(preprocessing, reading), kind.encoding())?;
    let encoder = for_kernels(encoder, kind, preprocessing, reading);
    let policy = request.detector.policy(kind, schema.columns.len())?;
    let (spec, encoded) = if kind.is_online() {
        let spec = match request.drift_type {
            DriftType::Sequential => {
                request.detector.without_replayed(kind).online_specification(kind, encoder.width())?
            }
            _ => request.detector.online_specification(kind, encoder.width())?,
        };
        // A kernel has no bandwidth then, and a share of ones no variance; ranks do well with a constant.
        if matches!(kind.encoding(), Encoding::Kernel | Encoding::Binary) && !kind.is_streaming() && is_constant(frame)
        {
            return Err(FitProblem::AllConstant.into());
        }
        check_online(&spec, frame.n_rows(), encoder.width())?;
        if kind == DetectorKind::Dummy && request.report_run_length {
            return Err(InvalidSettings::one("report_run_length", "`dummy` raises no alarm; leave it out").into());
        }
        if kind.is_streaming() && request.report_run_length {
            let detail = format!("`{kind}` keeps no expected run time to compare with; leave it out");
            return Err(InvalidSettings::one("report_run_length", detail).into());
        }
        let encoded = if kind == DetectorKind::Dummy { Vec::new() } else { encoder.encode(frame) };
        (DetectorSpec::Online(spec), encoded)
    } else {
        let spec = request.detector.batch_specification(kind, schema, frame.n_rows())?;
        if request.report_run_length {
            let detail = format!("`{kind}` judges windows, whose false alarms its `p_val` bounds; leave it out");
            return Err(InvalidSettings::one("report_run_length", detail).into());
        }
        // Words are compared, not whether texts are there.
        if kind.encoding() == Encoding::Kernel && frame.words().is_none() && is_constant(frame) {
            return Err(FitProblem::AllConstant.into());
        }
        if kind == DetectorKind::ContextMmd && preprocessing.n_components.is_some() {
            let detail = "components mix columns with their context; leave it out";
            return Err(InvalidSettings::one("preprocessing/n_components", detail).into());
        }
        let sees_cells = matches!(kind, DetectorKind::PcaReconstruction | DetectorKind::Hdddm | DetectorKind::KdqTree);
        if sees_cells && preprocessing.n_components.is_some() {
            let detail = format!("`{kind}` judges the columns themselves; leave it out");
            return Err(InvalidSettings::one("preprocessing/n_components", detail).into());
        }
        check_batch(&spec, frame.n_rows())?;
        if let Some(update) = policy.update_reference {
            check_batch(&spec, update.rows).map_err(|problem| {
                let setting = match update.method {
                    UpdateMethod::Last => "detector/update_reference/last",
                    UpdateMethod::Reservoir => "detector/update_reference/reservoir",
                };
                InvalidSettings::one(setting, problem.to_string())
            })?;
        }
        let least = *spec.window_rows().start();
        if let Some(window) = policy.window
            && window.size < least
        {
            let detail = format!("expected a window of at least {least} rows for `{kind}`, {} came", window.size);
            return Err(InvalidSettings::one("detector/window/size", detail).into());
        }
        let n_reference = policy.update_reference.map_or(0, |update| update.rows).max(frame.n_rows());
        let n_together = policy.window.map_or(0, |window| window.size.saturating_add(n_reference));
        if let Some(most) = spec.rows_together_max()
            && n_together > most
        {
            let detail = format!("expected at most {most} rows of reference and window together, {n_together} came");
            return Err(InvalidSettings::one("detector/window/size", detail).into());
        }
        (DetectorSpec::Batch(spec), Vec::new())
    };
    Ok(Specified { encoder, spec, policy, encoded })
}

pub(super) fn compute(
    prepared: Prepared,
    thresholds: &CvmThresholds,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Fitted, FitError> {
    progress.stage("fitting the detector");
    let Prepared { request, schema: of_request, reading, series, kind, preprocessing, specified, quality: wanted } =
        prepared;
    let Specified { encoder, spec, mut policy, encoded } = specified;
    let (reading, of_reading) = reading.unzip();
    let (mut sequence, read) = series.map(|Series { spec, read }| (spec, read)).unzip();
    let (of_series, of_seasons, of_residuals) = match read.flatten() {
        Some(ReadSeries { sequence, residuals, warnings }) => (Some(sequence), warnings, Some(residuals)),
        None => (None, Vec::new(), None),
    };
    let schema = reading.as_ref().map_or(&of_request, Reading::schema);
    let schema = of_series.as_ref().map_or(schema, Sequence::schema);
    // It borrows from the request, so it could not come along; reading it costs little beside the fit.
    let frame = of_reading.or(of_residuals).map_or_else(|| schema.read(&request.reference), Ok)?;
    let mut warnings = match sequence {
        Some(_) => of_seasons,
        None => warnings(schema, &frame, kind, reading.as_ref()),
    };
    let mut run_length = None;
    // Of texts and images some have taught the features, of series some had none before to be differenced with.
    let is_shortened = reading.is_some() || of_series.is_some();
    let reference_rows = if is_shortened { request.reference.n_rows() - frame.n_dropped() } else { frame.n_rows() };
    let detector = match spec {
        DetectorSpec::Online(spec) => {
            let [for_fit, for_trial] = Part::split(progress, [1.0, f64::from(u8::from(request.report_run_length))]);
            let detector = match &mut sequence {
                None => fit_online(&spec, &encoded, encoder.width(), thresholds, pool, &for_fit)?,
                Some(sequence) => {
                    let (detector, calibration) =
                        fit_series(&request, &spec, &encoded, encoder.width(), thresholds, pool, &for_fit)?;
                    if calibration.is_none() {
                        warnings.push(format!(
                            "`{kind}` was not calibrated: its alarms are as frequent as its settings make them"
                        ));
                    }
                    sequence.calibration = calibration;
                    detector
                }
            };
            if request.report_run_length {
                let preprocessing = &encoding_of(&preprocessing, reading.as_ref());
                let (detector, reading, progress) = (&request.detector, reading.as_ref(), &for_trial);
                let trial = Trial { kind, detector, preprocessing, reading, thresholds, pool, progress };
                match trial.report(&frame)? {
                    Ok(report) => run_length = Some(report),
                    Err(why_not) => warnings.push(why_not),
                }
            }
            Detector::Online(Online::new(detector, schema, &encoder, &frame, pool, progress)?.reading(of_series))
        }
        DetectorSpec::Batch(spec) => {
            let windows = Windows::fit(&spec, schema, &encoder, &frame, pool, progress)?;
            let is_sized = request.detector.window.is_none_or(|wanted| wanted.size.is_some());
            policy.window = bounded(policy, is_sized, &windows)?;
            Detector::Windows(if policy.update_reference.is_some() { windows.with_reference(frame) } else { windows })
        }
    };
    let quality = match &wanted {
        None => None,
        Some(settings) => {
            let whole = of_request.read_whole(&request.reference)?;
            let rows = RowsCome::of(kind.is_online(), policy.window);
            Some(Quality::fit(settings, &of_request, &whole, rows, pool))
        }
    };
    Ok(Fitted {
        schema: of_request,
        reading,
        sequence,
        preprocessing,
        encoder,
        detector,
        policy,
        reference_rows,
        warnings,
        run_length,
        quality_settings: wanted,
        quality,
    })
}

/// The window of a policy, if one can be judged in time. One that only age closes waits for no more rows than can be judged in
/// passing.
fn bounded(policy: Policy, is_sized: bool, windows: &Windows) -> Result<Option<WindowPolicy>, InvalidSettings> {
    let Some(mut window) = policy.window else { return Ok(None) };
    if !is_sized {
        while window.size > 2 && windows.window_cost_ns(window.size, &policy) > WORK_MAX_NS / 10 {
            window.size /= 2;
        }
        window.stride = window.stride.min(window.size);
    }
    let work_ns = windows.window_cost_ns(window.size, &policy);
    if work_ns > WORK_MAX_NS {
        return Err(InvalidSettings::one("detector/window/size", too_much(window.size, work_ns)));
    }
    Ok(Some(window))
}

fn preprocessing(request: &FitRequest, kind: DetectorKind) -> Result<Preprocessing, InvalidSettings> {
    let has_features = Reading::is_for(request.drift_type, kind);
    // Components carry the less the more of them there are; scaled, the last ones would count as the first.
    let is_of_statistics = request.texts.features == Some(FeatureSet::Statistics);
    let is_scaled = kind.encoding() == Encoding::Kernel
        && (!has_features || is_of_statistics)
        && request.detector.is_standardized(kind);
    let settings = Preprocessing {
        standardize: request.standardize.unwrap_or(is_scaled),
        n_components: request.n_components,
        texts: request.texts.clone(),
    };
    if request.texts.features.is_some() && !(has_features && request.drift_type == DriftType::Text) {
        return Err(InvalidSettings::one("preprocessing/features", "expected none: it is of the drift type `text`"));
    }
    if request.texts.encoder.is_some() && !has_features {
        let detail = "expected none: it is of the drift types `text` and `image`";
        return Err(InvalidSettings::one("preprocessing/encoder", detail));
    }
    if kind.encoding() != Encoding::Kernel {
        let alone = |setting| {
            InvalidSettings::one(setting, format!("`{kind}` judges each column as it is and has no such setting"))
        };
        if settings.n_components.is_some() && !has_features {
            return Err(alone("preprocessing/n_components"));
        }
        if settings.standardize {
            return Err(alone("preprocessing/standardize"));
        }
    }
    Ok(settings)
}

fn is_constant(frame: &Frame) -> bool {
    frame.columns().iter().all(|cells| match cells {
        Cells::Numeric(values) => values.iter().all(|value| *value == values[0]),
        Cells::Categorical { codes, .. } => codes.iter().all(|code| *code == codes[0]),
    })
}
