//! What of a fit computes: reading and checking the reference and the settings, and then the long part.

use super::fit::FitRequest;
use super::fit_warnings::{sequence_warnings, warnings};
use super::online::Online;
use super::predict::{WORK_MAX_NS, too_much};
use super::run_length::Trial;
use super::serving::Detector;
use super::text_reading::{TextReading, encoding_of, for_kernels};
use super::windows::Windows;
use super::{FitError, RequestLimits};
use crate::data::{Cells, Frame, InvalidData, MissingValues, Schema};
use crate::detectors::{
    CvmThresholds, DetectorKind, DetectorSpec, FitProblem, InvalidSettings, OnlineDetector, OnlineSpec, Replay,
    Streams, check_batch, check_online, fit_online,
};
use crate::ports::{CpuPool, Progress};
use crate::preprocess::{Encoder, Encoding, Preprocessing, Season, Sequence, SequenceCalibration, SequenceSpec};
use crate::project::{AfterAlarm, DriftType, Policy, RunLengthReport, UpdateMethod, WindowPolicy};
use crate::statistics::part::Part;

/// More rows of reference than this are refused.
pub const REFERENCE_ROWS_MAX: usize = 10_000_000;

/// What has been read and checked.
pub(super) struct Prepared {
    pub(super) request: FitRequest,
    schema: Schema,
    /// Of texts, their features, and those of the reference.
    texts: Option<(TextReading, Frame<'static>)>,
    /// Of series, how they are read.
    sequence: Option<SequenceSpec>,
    /// The reading itself, where there is something to it, with the reference as it reads it and what it found.
    read: Option<Read>,
    kind: DetectorKind,
    preprocessing: Preprocessing,
    specified: Specified,
}

/// A series that has been read.
struct Read {
    sequence: Sequence,
    residuals: Frame<'static>,
    warnings: Vec<String>,
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
    pub(super) texts: Option<TextReading>,
    pub(super) sequence: Option<SequenceSpec>,
    pub(super) preprocessing: Preprocessing,
    pub(super) encoder: Encoder,
    pub(super) detector: Detector,
    pub(super) policy: Policy,
    pub(super) reference_rows: usize,
    pub(super) warnings: Vec<String>,
    pub(super) run_length: Option<RunLengthReport>,
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
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<Prepared, FitError> {
    limits.check_columns(&request.reference)?;
    if request.drift_type == DriftType::Label && request.reference.columns().len() != 1 {
        let detail = format!("expected one column for `label`, {} came", request.reference.columns().len());
        return Err(InvalidData::whole(detail).into());
    }
    if request.reference.n_rows() > REFERENCE_ROWS_MAX {
        let detail = format!("expected at most {REFERENCE_ROWS_MAX} rows, {} came", request.reference.n_rows());
        return Err(InvalidData::whole(detail).into());
    }
    let schema = schema_of(&request)?;
    let frame = schema.read(&request.reference)?;
    if frame.n_rows() == 0 {
        return Err(InvalidData::whole("expected rows without missing values, every row has one").into());
    }
    let kind = request.detector.kind_for(request.drift_type, &schema, &frame)?;
    let preprocessing = preprocessing(&request, kind)?;
    if request.drift_type == DriftType::Text && kind != DetectorKind::Dummy {
        let n_components = preprocessing.n_components;
        let seed = request.detector.seed.unwrap_or(0);
        let (texts, frame) = TextReading::fit(&schema, &request.reference, n_components, seed, pool, progress)?;
        let preprocessing = Preprocessing { n_components: Some(texts.n_components()), ..preprocessing };
        let specified = specify(&request, kind, texts.schema(), &frame, &preprocessing, Some(&texts));
        let specified = specified.map_err(|error| of_one_half(error, &frame))?;
        limits.check_detector(&specified.spec)?;
        let texts = Some((texts, frame));
        return Ok(Prepared { schema, texts, sequence: None, read: None, kind, preprocessing, specified, request });
    }
    let sequence = match request.drift_type {
        DriftType::Sequential if kind != DetectorKind::Dummy => {
            request.detector.replayed_ert(kind)?;
            Some(request.detector.sequence_specification(kind, &schema, frame.n_rows())?)
        }
        _ => None,
    };
    if let Some(spec) = sequence.clone().filter(|_| kind.encoding() != Encoding::Binary) {
        let (schema, read) = read_series(&request, &spec, schema, frame)?;
        let specified = specify(&request, kind, read.sequence.schema(), &read.residuals, &preprocessing, None)?;
        limits.check_detector(&specified.spec)?;
        let read = Some(read);
        return Ok(Prepared { schema, texts: None, sequence, read, kind, preprocessing, specified, request });
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
    Ok(Prepared { schema, texts: None, sequence, read: None, kind, preprocessing, specified, request })
}

/// A series as its detector sees it, and the schema of what clients send.
fn read_series<'r>(
    request: &'r FitRequest,
    spec: &SequenceSpec,
    schema: Schema,
    frame: Frame<'r>,
) -> Result<(Schema, Read), FitError> {
    if request.missing_values == MissingValues::Drop && matches!(spec.season, Some(Season::Period { .. })) {
        let detail = "rows that are left out would shift the period; take `impute`, or a `season` by a column";
        return Err(InvalidSettings::one("missing_values", detail).into());
    }
    let (mut schema, mut frame) = (schema, frame);
    if let Some(Season::Column { column }) = &spec.season {
        schema = schema.with_categories(&frame, |name| name == column)?;
        frame = schema.read(&request.reference)?;
    }
    let (sequence, residuals) = Sequence::fit(spec, &schema, &frame);
    let warnings = sequence_warnings(spec, &sequence, &schema, &frame);
    Ok((schema, Read { sequence, residuals, warnings }))
}

fn schema_of(request: &FitRequest) -> Result<Schema, InvalidData> {
    let FitRequest { reference, missing_values, .. } = request;
    match (request.drift_type, request.detector.kind) {
        (DriftType::Sequential, kind) if kind != Some(DetectorKind::Dummy) => match &request.detector.sequence.season {
            Some(Season::Timestamp { timestamp, .. }) => {
                Schema::infer_with_timestamp(reference, *missing_values, timestamp)
            }
            _ => Schema::infer(reference, *missing_values),
        },
        (DriftType::Text, _) => Schema::of_texts(reference, *missing_values),
        (_, Some(DetectorKind::Dummy)) => Schema::of_any(reference, *missing_values),
        _ => Schema::infer(reference, *missing_values),
    }
}

/// Too few rows, where one half of them is meant.
fn of_one_half(error: FitError, compared: &Frame<'_>) -> FitError {
    match error {
        FitError::Problem(problem @ (FitProblem::TooFewRows { .. } | FitProblem::TooFewReferenceRows { .. })) => {
            let detail = format!(
                "{problem} to compare with: one half of the texts teaches the features, {} are left",
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
    texts: Option<&TextReading>,
) -> Result<Specified, FitError> {
    let encoder = Encoder::fit(frame, &encoding_of(preprocessing, texts), kind.encoding())?;
    let encoder = for_kernels(encoder, kind, texts.map(TextReading::n_components));
    let policy = request.detector.policy(kind, schema.columns.len())?;
    let (spec, encoded) = if kind.is_online() {
        let is_series = request.drift_type == DriftType::Sequential;
        let spec = if is_series {
            request.detector.without_replayed(kind).online_specification(kind, encoder.width())?
        } else {
            request.detector.online_specification(kind, encoder.width())?
        };
        if is_series && request.report_run_length {
            let detail = "a series is replayed for its thresholds as it is; leave it out";
            return Err(InvalidSettings::one("report_run_length", detail).into());
        }
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
        if kind.encoding() == Encoding::Kernel && is_constant(frame) {
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
    let Prepared { request, schema: of_request, texts, mut sequence, read, kind, preprocessing, specified } = prepared;
    let Specified { encoder, spec, mut policy, encoded } = specified;
    let (texts, of_texts) = texts.unzip();
    let (reading, of_series, of_seasons) = match read {
        Some(Read { sequence, residuals, warnings }) => (Some(sequence), Some(residuals), warnings),
        None => (None, None, Vec::new()),
    };
    let schema = texts.as_ref().map_or(&of_request, TextReading::schema);
    let schema = reading.as_ref().map_or(schema, Sequence::schema);
    // It borrows from the request, so it could not come along; reading it costs little beside the fit.
    let frame = of_texts.or(of_series).map_or_else(|| schema.read(&request.reference), Ok)?;
    let n_components = texts.as_ref().map(TextReading::n_components);
    let mut warnings = match sequence {
        Some(_) => of_seasons,
        None => warnings(schema, &frame, kind, n_components),
    };
    let mut run_length = None;
    let reference_rows = if texts.is_some() || reading.is_some() {
        request.reference.n_rows() - frame.n_dropped()
    } else {
        frame.n_rows()
    };
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
                let preprocessing = &encoding_of(&preprocessing, texts.as_ref());
                let (detector, progress) = (&request.detector, &for_trial);
                let trial = Trial { kind, detector, preprocessing, n_components, thresholds, pool, progress };
                match trial.report(&frame)? {
                    Ok(report) => run_length = Some(report),
                    Err(why_not) => warnings.push(why_not),
                }
            }
            Detector::Online(Online::new(detector, schema, &encoder, &frame, pool, progress)?.reading(reading))
        }
        DetectorSpec::Batch(spec) => {
            let windows = Windows::fit(&spec, schema, &encoder, &frame, pool, progress)?;
            let is_sized = request.detector.window.is_none_or(|wanted| wanted.size.is_some());
            policy.window = bounded(policy, is_sized, &windows)?;
            Detector::Windows(if policy.update_reference.is_some() { windows.with_reference(frame) } else { windows })
        }
    };
    Ok(Fitted {
        schema: of_request,
        texts,
        sequence,
        preprocessing,
        encoder,
        detector,
        policy,
        reference_rows,
        warnings,
        run_length,
    })
}

/// A detector of a series, calibrated by streams like the reference.
fn fit_series(
    request: &FitRequest,
    spec: &OnlineSpec,
    encoded: &[f64],
    n_columns: usize,
    thresholds: &CvmThresholds,
    pool: &dyn CpuPool,
    progress: &dyn Progress,
) -> Result<(Box<dyn OnlineDetector>, Option<SequenceCalibration>), FitError> {
    let kind = spec.kind();
    let [for_fit, for_replay] = Part::split(progress, [1.0, 1.0]);
    let fit = |spec: &OnlineSpec| fit_online(spec, encoded, n_columns, thresholds, pool, &for_fit);
    let Some(ert) = request.detector.replayed_ert(kind)? else { return Ok((fit(spec)?, None)) };
    let are_classes = kind.encoding() == Encoding::Binary;
    let streams = Streams::learn(encoded, n_columns, are_classes, request.detector.sequence.block_length);
    let seed = request.detector.seed.unwrap_or(0);
    let is_reset = request.detector.after_alarm == Some(AfterAlarm::Reset);
    let replay = Replay { streams: &streams, ert, n_columns, is_reset, seed, pool, progress: &for_replay };
    let detector = if let OnlineSpec::Streaming(spec) = spec {
        progress.stage("replaying streams like the reference");
        let calibrated = replay.streaming(spec, encoded).map_err(FitProblem::from)?;
        fit(&OnlineSpec::Streaming(calibrated))?
    } else {
        let mut detector = fit(spec)?;
        progress.stage("replaying streams like the reference");
        let largest = spec.window_sizes().iter().copied().max().unwrap_or(0);
        let factor = replay.factor(&*detector, largest).map_err(FitProblem::from)?;
        detector.move_thresholds(factor);
        detector
    };
    let (block_length, orders) = (streams.block_length(), streams.orders());
    Ok((detector, Some(SequenceCalibration { ert, block_length, orders })))
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
    let is_of_texts = request.drift_type == DriftType::Text && kind != DetectorKind::Dummy;
    // Components of texts carry the less the more of them there are; scaled, the last ones would count as the first.
    let is_scaled = kind.encoding() == Encoding::Kernel && !is_of_texts;
    let settings =
        Preprocessing { standardize: request.standardize.unwrap_or(is_scaled), n_components: request.n_components };
    if kind.encoding() != Encoding::Kernel {
        let alone = |setting| {
            InvalidSettings::one(setting, format!("`{kind}` judges each column as it is and has no such setting"))
        };
        if settings.n_components.is_some() && !is_of_texts {
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
