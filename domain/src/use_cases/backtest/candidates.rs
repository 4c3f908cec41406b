//! What is tried: the candidates of a request, or the kinds that suit the data, each in the usual windows.

use super::{BacktestRequest, CANDIDATES_MAX, Candidate, too_many_candidates};
use crate::data::{ColumnType, Frame, Schema};
use crate::detectors::{DetectorKind, DetectorRequest, InvalidSettings, WindowRequest};
use crate::preprocess::{Encoding, Season};
use crate::project::{AfterAlarm, DriftType};

/// The sizes of windows that are tried, in rows.
const WINDOW_SIZES: [usize; 3] = [50, 200, 1_000];
/// The kinds that are tried on columns that suit them, beside those of one column alone.
const TRIED: [DetectorKind; 12] = [
    DetectorKind::CvmOnline,
    DetectorKind::FetOnline,
    DetectorKind::LsddOnline,
    DetectorKind::MmdOnline,
    DetectorKind::Ks,
    DetectorKind::Cvm,
    DetectorKind::ChiSquare,
    DetectorKind::FisherExact,
    DetectorKind::Tabular,
    DetectorKind::Mmd,
    DetectorKind::Lsdd,
    DetectorKind::Classifier,
];
/// So many of them should fit into the rows that are replayed.
const WINDOWS_MIN: usize = 5;

/// The candidates, each with everything that a backtest decides for it.
///
/// # Errors
/// When there are too many, or none that suits the data.
pub(super) fn of(
    request: &BacktestRequest,
    schema: &Schema,
    reference: &Frame<'_>,
    n_replayed: usize,
) -> Result<Vec<Candidate>, InvalidSettings> {
    let usual = WINDOW_SIZES.iter().filter(|size| *size * WINDOWS_MIN <= n_replayed).count();
    let sizes = if request.windows.is_empty() { &WINDOW_SIZES[..usual] } else { &request.windows };
    let mut candidates = if request.candidates.is_empty() {
        suiting(request, schema, reference, sizes)
    } else {
        let read = |wanted: &Candidate| {
            let detector = DetectorRequest { sequence: request.sequence.clone(), ..wanted.detector.clone() };
            Candidate { detector, ..wanted.clone() }
        };
        let windows = |wanted| in_windows(&read(wanted), request.drift_type, schema, reference, sizes);
        request.candidates.iter().flat_map(windows).collect()
    };
    if candidates.len() > CANDIDATES_MAX {
        return Err(too_many_candidates(candidates.len()));
    }
    if candidates.is_empty() {
        let detail =
            "expected candidates: no detector suits these columns by itself, and a longer history may do for windows";
        return Err(InvalidSettings::one("candidates", detail));
    }
    for candidate in &mut candidates {
        if let Some(ert) = request.ert
            && candidate.detector.kind.is_some_and(|kind| has_ert(&candidate.detector, kind, request.drift_type))
        {
            candidate.detector.ert.get_or_insert(ert);
        }
        if candidate.texts.is_default() {
            candidate.texts.encoder.clone_from(&request.encoder);
        }
        candidate.detector.seed.get_or_insert(request.seed);
        candidate.detector.after_alarm.get_or_insert(AfterAlarm::Reset);
    }
    Ok(candidates)
}

/// Every kind that suits the data, in the order of [`DetectorKind::ALL`]. Where those that judge windows were too many in all
/// sizes, the largest sizes are left out, and then the last kinds.
fn suiting(request: &BacktestRequest, schema: &Schema, reference: &Frame<'_>, sizes: &[usize]) -> Vec<Candidate> {
    let suits = |kind: &DetectorKind| suits(*kind, request, schema, reference);
    let kinds: Vec<DetectorKind> = DetectorKind::ALL.into_iter().filter(suits).collect();
    let (online, windowed): (Vec<DetectorKind>, Vec<DetectorKind>) =
        kinds.into_iter().partition(|kind| kind.is_online());
    let n_most = CANDIDATES_MAX.saturating_sub(online.len()).checked_div(windowed.len()).unwrap_or(sizes.len());
    let sizes = &sizes[..sizes.len().min(n_most.max(1))];
    let of_rows = online.into_iter().map(|kind| Candidate {
        detector: DetectorRequest { kind: Some(kind), ..request.of_no_kind() },
        ..Candidate::default()
    });
    let of_windows = windowed.into_iter().flat_map(|kind| {
        let detector = DetectorRequest { kind: Some(kind), ..DetectorRequest::default() };
        sizes
            .iter()
            .map(move |size| in_window(&Candidate { detector: detector.clone(), ..Candidate::default() }, *size))
    });
    of_rows.chain(of_windows).take(CANDIDATES_MAX).collect()
}

/// Whether a kind is worth a try on such columns. One that a column of another type is nothing for, or that needs to be told what
/// its columns are, is not; nor is one that explains a drift better than it finds one, or that never drifts; nor one that tells
/// much the same as another.
fn suits(kind: DetectorKind, request: &BacktestRequest, schema: &Schema, reference: &Frame<'_>) -> bool {
    let BacktestRequest { drift_type, sequence, .. } = request;
    let detector = DetectorRequest { kind: Some(kind), ..request.of_no_kind() };
    if detector.kind_for(*drift_type, schema, reference) != Ok(kind) {
        return false;
    }
    if matches!(*drift_type, DriftType::Text | DriftType::Image) {
        // The other columns of its features count words and characters, or are sizes, which are mostly equal.
        return kind.encoding() == Encoding::Kernel && TRIED.contains(&kind);
    }
    let season = sequence.season.as_ref().and_then(Season::column);
    let judged = || schema.columns.iter().enumerate().filter(|(_, column)| Some(column.name.as_str()) != season);
    let n_columns = judged().count();
    let n_numeric = judged().filter(|(_, column)| column.kind == ColumnType::Numeric).count();
    let are_numbers = n_numeric == n_columns;
    // Classes are watched as they are: what is differenced or has a season is a number.
    let is_read = sequence.difference.is_some() || sequence.season.is_some();
    let are_classes = !is_read && judged().all(|(column, _)| schema.has_two_classes(column, reference));
    let is_one_number = n_columns == 1 && are_numbers && !are_classes;
    match kind {
        // Of those that watch one column, those that see any change; of those that look at each column by itself, the usual ones.
        // The others tell much the same as one of these, and each window of each would be a candidate.
        DetectorKind::Adwin
        | DetectorKind::PageHinkley
        | DetectorKind::Kswin
        | DetectorKind::Psi
        | DetectorKind::JensenShannon
        | DetectorKind::Wasserstein => return is_one_number,
        _ if !TRIED.contains(&kind) => return false,
        _ => {}
    }
    match (kind, kind.encoding()) {
        (DetectorKind::FisherExact, _) | (_, Encoding::Binary) => are_classes,
        (DetectorKind::ChiSquare, _) => n_numeric == 0,
        // For columns of one type it is one of the others.
        (DetectorKind::Tabular, _) => n_numeric > 0 && !are_numbers,
        (_, Encoding::Raw | Encoding::Cells) => are_numbers && !are_classes,
        (_, Encoding::Kernel) => !are_classes,
    }
}

/// Whether a kind promises a run time. Of series those do whose alarms can be made as rare as wanted.
fn has_ert(detector: &DetectorRequest, kind: DetectorKind, drift_type: DriftType) -> bool {
    if drift_type == DriftType::Sequential {
        return kind.is_online() && detector.replayed_ert(kind).is_ok_and(|ert| ert.is_some());
    }
    let spec = DetectorRequest::default().online_specification(kind, 1);
    spec.is_ok_and(|spec| spec.ert().is_some())
}

/// A candidate in each of the windows that it leaves open.
fn in_windows(
    wanted: &Candidate,
    drift_type: DriftType,
    schema: &Schema,
    reference: &Frame<'_>,
    sizes: &[usize],
) -> Vec<Candidate> {
    let kind = wanted.detector.kind_for(drift_type, schema, reference);
    // One that cannot be used is told so when it is fitted.
    let policy = kind.and_then(|kind| Ok((kind, wanted.detector.policy(kind, schema.columns.len())?)));
    match policy {
        Ok((kind, policy)) if !kind.is_online() && policy.window.is_none() && !sizes.is_empty() => {
            sizes.iter().map(|size| in_window(wanted, *size)).collect()
        }
        _ => vec![wanted.clone()],
    }
}

fn in_window(wanted: &Candidate, size: usize) -> Candidate {
    let window = Some(WindowRequest { size: Some(size), ..WindowRequest::default() });
    Candidate { detector: DetectorRequest { window, ..wanted.detector.clone() }, ..wanted.clone() }
}
