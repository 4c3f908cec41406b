use super::*;
use crate::ports::Silent;
use crate::statistics::alternative::Alternative;

/// What a detector that starts empty says of a stream.
fn verdicts(settings: StreamingSettings, values: &[f64]) -> Vec<Detection> {
    let spec = StreamingSpec { settings, feed_reference: false };
    let detector = Streaming::fit(&spec, &[], 1, &Silent).unwrap();
    let mut state = detector.start();
    values.iter().map(|x| detector.step(&mut state, &[*x])).collect()
}

#[test]
fn a_reference_that_is_fed_is_a_beginning_of_the_stream() {
    let values: Vec<f64> = (0..400).map(|index| f64::from(index % 7) + if index < 300 { 0.0 } else { 9.0 }).collect();
    for settings in [
        StreamingSettings::Adwin(AdwinSettings::default()),
        StreamingSettings::PageHinkley(PageHinkleySettings::default()),
        StreamingSettings::Kswin(KswinSettings::default()),
        StreamingSettings::Cusum(CusumSettings::default()),
    ] {
        let whole = verdicts(settings.clone(), &values);
        assert!(whole.iter().any(|detection| detection.is_drift));
        let spec = StreamingSpec { settings, feed_reference: true };
        let detector = Streaming::fit(&spec, &values[..200], 1, &Silent).unwrap();
        let mut state = detector.start();
        for (x, whole) in values[200..].iter().zip(&whole[200..]) {
            let detection = detector.step(&mut state, &[*x]);
            assert_eq!(Detection { time: whole.time, ..detection }, *whole);
        }
        assert_eq!(state.time(), 200);
    }
}

#[test]
fn bayes_takes_its_prior_from_the_reference() {
    let spec = StreamingSpec { settings: StreamingSettings::Bocd(BocdSettings::default()), feed_reference: true };
    let detector = Streaming::fit(&spec, &[98.0, 102.0], 1, &Silent).unwrap();
    let OnlineSpec::Streaming(StreamingSpec { settings: StreamingSettings::Bocd(learnt), .. }) = detector.spec() else {
        panic!("another kind")
    };
    assert_eq!([learnt.prior_mean, learnt.prior_variance, learnt.data_variance], [Some(100.0), Some(4.0), Some(4.0)]);
}

#[test]
fn a_perfect_classifier_does_not_drift() {
    let stepd = verdicts(StreamingSettings::Stepd(StepdSettings::default()), &[0.0; 300]);
    assert!(stepd.iter().all(|detection| !detection.is_drift && !detection.is_warning));
}

#[test]
fn adwin_may_keep_its_window() {
    let values: Vec<f64> = (0..600).map(|index| f64::from(index % 2) + if index < 400 { 0.0 } else { 3.0 }).collect();
    let keep = |keep_window| StreamingSettings::Adwin(AdwinSettings { keep_window, ..AdwinSettings::default() });
    let first_drift = |detections: &[Detection]| detections.iter().position(|detection| detection.is_drift).unwrap();
    let (kept, thrown) = (verdicts(keep(true), &values), verdicts(keep(false), &values));
    let at = first_drift(&kept);
    assert_eq!(at, first_drift(&thrown));
    assert!(thrown[at + 1].warm_up && !kept[at + 1].warm_up);
}

#[test]
fn only_more_errors_count_where_that_is_asked_for() {
    let values: Vec<f64> = (0..400).map(|index| f64::from(u8::from(index < 200 && index % 2 == 0))).collect();
    let drifts = |alternative| {
        let settings = StepdSettings { alternative, ..StepdSettings::default() };
        let verdicts = verdicts(StreamingSettings::Stepd(settings), &values);
        verdicts.iter().filter(|detection| detection.is_drift).count()
    };
    assert!(drifts(Alternative::TwoSided) > 0);
    assert_eq!(drifts(Alternative::Greater), 0);
    assert_eq!(drifts(Alternative::Less), drifts(Alternative::TwoSided));
}

#[test]
fn errors_above_the_fewest_are_told_sooner_by_a_short_window_and_fewer_of_them_never() {
    let first_drift = |short_window_size, is_error: fn(usize) -> bool| {
        let settings = FhddmSettings { short_window_size, ..FhddmSettings::default() };
        let values: Vec<f64> = (0..400).map(|index| f64::from(u8::from(is_error(index)))).collect();
        let verdicts = verdicts(StreamingSettings::Fhddm(settings), &values);
        assert!(verdicts[98].warm_up && !verdicts[99].warm_up);
        verdicts.iter().position(|detection| detection.is_drift)
    };
    // 27 of 100 are above the bound of 0.263, and 14 of 25 above that of 0.526.
    assert_eq!(first_drift(None, |index| index >= 200), Some(226));
    assert_eq!(first_drift(Some(25), |index| index >= 200), Some(213));
    for short_window_size in [None, Some(25)] {
        assert_eq!(first_drift(short_window_size, |index| index < 200), None);
    }
}

#[test]
fn windows_too_small_for_a_significance_are_refused() {
    let issues = |sliding_window_size, short_window_size| {
        let settings = FhddmSettings { sliding_window_size, short_window_size, ..FhddmSettings::default() };
        let issues = StreamingSettings::Fhddm(settings).issues();
        issues.into_iter().map(|issue| (issue.setting, issue.detail)).collect::<Vec<_>>()
    };
    assert_eq!(issues(7, None), []);
    let detail = "expected a window of at least 7 rows at this `confidence_level`, 6 came".to_owned();
    assert_eq!(issues(6, None), [("detector/sliding_window_size", detail.clone())]);
    assert_eq!(issues(100, Some(6)), [("detector/short_window_size", detail)]);
    assert_eq!(issues(100, Some(100)).len(), 1);
}
