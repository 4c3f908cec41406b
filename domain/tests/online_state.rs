//! `save; load; feed k` equals `feed k` bit for bit, on the detectors as they are served.

use drifting_domain::data::Tensors;
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{
    AdwinSettings, BocdSettings, CusumSettings, CvmOnlineSpec, CvmThresholds, DdmSettings, DummySpec, EcddSettings,
    EddmSettings, FetOnlineSpec, FhddmSettings, GeometricMovingAverageSettings, HddmASettings, HddmWSettings,
    KswinSettings, LsddOnlineSpec, MmdOnlineSpec, OnlineDetector, OnlineSpec, PageHinkleySettings, RddmSettings,
    StepdSettings, StreamingSettings, StreamingSpec, fit_online, restore_online,
};
use drifting_domain::ports::{CpuPool, Silent};
use drifting_domain::statistics::alternative::Alternative;
use proptest::prelude::*;

struct OneThread;

impl CpuPool for OneThread {
    fn spawn(&self, job: Box<dyn FnOnce() + Send>) {
        job();
    }

    fn for_each(&self, n_tasks: usize, task: &(dyn Fn(usize) + Sync)) {
        (0..n_tasks).for_each(task);
    }
}

fn specs() -> impl Strategy<Value = OnlineSpec> {
    let cvm = (prop::collection::hash_set(2_usize..9, 1..4), any::<u64>()).prop_map(|(sizes, seed)| {
        let window_sizes = sizes.into_iter().collect();
        OnlineSpec::CvmOnline(CvmOnlineSpec { ert: 10.0, window_sizes, n_bootstraps: 300, seed })
    });
    let alternative = prop::sample::select(vec![Alternative::TwoSided, Alternative::Greater, Alternative::Less]);
    let sizes = prop::collection::hash_set(2_usize..9, 1..4);
    let fet = (sizes, alternative, 0.5_f64..=1.0, 0_usize..5, any::<u64>()).prop_map(
        |(sizes, alternative, lam, more_steps, seed)| {
            let window_sizes: Vec<usize> = sizes.into_iter().collect();
            let t_max = 2 * window_sizes.iter().max().expect("a window") - 1 + more_steps;
            let n_bootstraps = 600;
            OnlineSpec::FetOnline(FetOnlineSpec {
                ert: 10.0,
                window_sizes,
                alternative,
                lam,
                t_max,
                n_bootstraps,
                seed,
            })
        },
    );
    let sigma = prop::collection::vec(0.5_f64..5.0, 0..3);
    let lsdd =
        (2_usize..9, any::<u64>(), sigma, 1_usize..12).prop_map(|(window_size, seed, sigma, n_kernel_centers)| {
            OnlineSpec::LsddOnline(LsddOnlineSpec {
                ert: 10.0,
                window_size,
                n_bootstraps: 300,
                sigma,
                n_kernel_centers,
                lambda_rd_max: 0.5,
                seed,
            })
        });
    let mmd =
        (2_usize..9, any::<u64>(), prop::collection::vec(0.1_f64..5.0, 0..3)).prop_map(|(window_size, seed, sigma)| {
            OnlineSpec::MmdOnline(MmdOnlineSpec { ert: 10.0, window_size, n_bootstraps: 300, sigma, seed })
        });
    let dummy = any::<u64>().prop_map(|seed| OnlineSpec::Dummy(DummySpec { seed }));
    prop_oneof![cvm, fet, lsdd, mmd, dummy]
}

/// Every streaming kind, with warm-ups so short and thresholds so low that drifts come up.
fn streaming_kinds(seed: u64) -> Vec<StreamingSettings> {
    let adwin =
        AdwinSettings { delta: 0.5, clock: 3, max_buckets: 2, min_window_length: 2, ..AdwinSettings::default() };
    vec![
        StreamingSettings::Adwin(AdwinSettings { keep_window: true, ..adwin.clone() }),
        StreamingSettings::Adwin(adwin),
        StreamingSettings::PageHinkley(PageHinkleySettings {
            min_instances: 5,
            threshold: 6.0,
            ..PageHinkleySettings::default()
        }),
        StreamingSettings::Kswin(KswinSettings { alpha: 0.2, window_size: 20, stat_size: 6, seed }),
        StreamingSettings::Cusum(CusumSettings { lambda: 4.0, min_num_instances: 5, ..CusumSettings::default() }),
        StreamingSettings::Ddm(DdmSettings { warm_start: 5, warning_threshold: 0.5, drift_threshold: 1.0 }),
        StreamingSettings::Eddm(EddmSettings { warm_start: 3, alpha: 0.99, beta: 0.95 }),
        StreamingSettings::HddmA(HddmASettings {
            drift_confidence: 0.2,
            warning_confidence: 0.4,
            two_sided_test: true,
        }),
        StreamingSettings::HddmW(HddmWSettings {
            drift_confidence: 0.2,
            warning_confidence: 0.4,
            lambda: 0.1,
            two_sided_test: true,
        }),
        StreamingSettings::Rddm(RddmSettings {
            warning_level: 0.5,
            drift_level: 1.0,
            max_concept_size: 70,
            min_concept_size: 66,
            max_num_instances_warning: 3,
            min_num_instances: 5,
        }),
        StreamingSettings::Stepd(StepdSettings {
            alpha_d: 0.1,
            alpha_w: 0.3,
            window_size: 5,
            ..StepdSettings::default()
        }),
        StreamingSettings::Fhddm(FhddmSettings {
            sliding_window_size: 12,
            confidence_level: 0.5,
            short_window_size: Some(5),
        }),
        StreamingSettings::Fhddm(FhddmSettings {
            sliding_window_size: 70,
            confidence_level: 0.5,
            short_window_size: None,
        }),
        StreamingSettings::Ecdd(EcddSettings { min_num_instances: 5, ..EcddSettings::default() }),
        StreamingSettings::GeometricMovingAverage(GeometricMovingAverageSettings {
            alpha: 0.8,
            lambda: 0.5,
            min_num_instances: 5,
        }),
        StreamingSettings::Bocd(BocdSettings {
            hazard: 0.1,
            min_num_instances: 5,
            max_run_lengths: 12,
            ..BocdSettings::default()
        }),
    ]
}

fn rows(n: std::ops::Range<usize>, d: usize) -> impl Strategy<Value = Vec<f64>> {
    // Some coarse values, so that ties come up.
    let value = prop_oneof![3 => -5.0_f64..5.0, 1 => (-3_i32..3).prop_map(f64::from)];
    n.prop_flat_map(move |n| prop::collection::vec(value.clone(), n * d))
}

/// Zeros and ones for the kind that needs them.
fn suited(spec: &OnlineSpec, rows: Vec<f64>) -> Vec<f64> {
    match spec {
        OnlineSpec::FetOnline(_) => rows.into_iter().map(|value| f64::from(u8::from(value > 0.0))).collect(),
        _ => rows,
    }
}

fn fet(window_sizes: Vec<usize>) -> FetOnlineSpec {
    let t_max = 2 * window_sizes.iter().max().expect("a window") - 1;
    let alternative = Alternative::TwoSided;
    FetOnlineSpec { ert: 20.0, window_sizes, alternative, lam: 0.99, t_max, n_bootstraps: 600, seed: 1 }
}

fn lsdd(window_size: usize) -> LsddOnlineSpec {
    LsddOnlineSpec {
        ert: 20.0,
        window_size,
        n_bootstraps: 600,
        sigma: Vec::new(),
        n_kernel_centers: 2 * window_size,
        lambda_rd_max: 0.2,
        seed: 1,
    }
}

fn feed(detector: &dyn OnlineDetector, rows: &[f64], d: usize, stop_every: Option<usize>) -> (Vec<Detection>, Tensors) {
    let mut state = detector.start();
    let mut detections = Vec::new();
    for (index, row) in rows.chunks_exact(d).enumerate() {
        if stop_every.is_some_and(|every| index % every == 0) {
            let saved = detector.save_state(&state);
            state = detector.restore_state(&saved).expect("a saved state is restored");
        }
        detections.push(detector.step(&mut state, row));
    }
    (detections, detector.save_state(&state))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn saved_and_restored_detectors_go_on_bit_for_bit(
        spec in specs(),
        reference in rows(30..50, 2),
        stream in rows(0..60, 2),
        every in 1_usize..20,
    ) {
        let (reference, stream) = (suited(&spec, reference), suited(&spec, stream));
        let fitted = fit_online(&spec, &reference, 2, &CvmThresholds::default(), &OneThread, &Silent);
        // References of mostly equal rows have no bandwidth, and constant ones no share, which is refused.
        prop_assume!(fitted.is_ok());
        let fitted = fitted.expect("it was fitted");
        let restored = restore_online(&fitted.spec(), &fitted.save(), 2).expect("a saved detector is restored");
        let straight = feed(&*fitted, &stream, 2, None);
        let interrupted = feed(&*restored, &stream, 2, Some(every));
        // The texts of doubles are exact, and hold -0.0 and 0.0 apart.
        prop_assert_eq!(format!("{straight:?}"), format!("{interrupted:?}"));
    }

    #[test]
    fn saved_and_restored_streaming_detectors_go_on_bit_for_bit(
        seed in any::<u64>(),
        feed_reference in any::<bool>(),
        reference in rows(1..50, 1),
        stream in rows(60..150, 1),
        every in 1_usize..20,
    ) {
        for settings in streaming_kinds(seed) {
            let errors = settings.kind().watches_errors();
            let suited = |rows: &[f64]| -> Vec<f64> {
                rows.iter().map(|x| if errors { f64::from(u8::from(*x > 0.0)) } else { *x }).collect()
            };
            let (reference, stream) = (suited(&reference), suited(&stream));
            let spec = OnlineSpec::Streaming(StreamingSpec { settings, feed_reference });
            let fitted = fit_online(&spec, &reference, 1, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit");
            let restored = restore_online(&fitted.spec(), &fitted.save(), 1).expect("a saved detector is restored");
            let straight = feed(&*fitted, &stream, 1, None);
            let interrupted = feed(&*restored, &stream, 1, Some(every));
            prop_assert_eq!(format!("{straight:?}"), format!("{interrupted:?}"));
        }
    }
}

#[test]
fn streaming_kinds_drift_warn_and_keep_little() {
    let (mut warn, n_warning) = (0, 4);
    for settings in streaming_kinds(1) {
        let kind = settings.kind();
        let spec = OnlineSpec::Streaming(StreamingSpec { settings, feed_reference: false });
        let detector = fit_online(&spec, &[0.0], 1, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit");
        let values = |n: u32| (0..n).map(|n| f64::from(u8::from(n * 37 % 101 < n / 3 % 80))).collect::<Vec<f64>>();
        let (detections, state) = feed(&*detector, &values(20_000), 1, None);
        assert!(detections.iter().any(|detection| detection.is_drift), "{kind}");
        warn += usize::from(detections.iter().any(|detection| detection.is_warning));
        let (_, early) = feed(&*detector, &values(300), 1, None);
        assert!(state.n_bytes() < 4 * early.n_bytes() + 1_000, "{kind}: {} then {}", early.n_bytes(), state.n_bytes());

        let spec = detector.spec();
        assert!(restore_online(&spec, &Tensors::new(), 1).is_err(), "{kind}");
        assert!(restore_online(&spec, &detector.save(), 2).is_err(), "{kind}");
        let mut longer = state.clone();
        longer.insert_u64("streaming_counts", vec![7; 500]);
        assert!(detector.restore_state(&longer).is_err(), "{kind}");
    }
    assert!(warn >= n_warning, "{warn} kinds warn");
    let wrong = StreamingSettings::Kswin(KswinSettings { stat_size: 90, ..KswinSettings::default() });
    let spec = OnlineSpec::Streaming(StreamingSpec { settings: wrong, feed_reference: false });
    assert!(restore_online(&spec, &Tensors::new(), 1).is_err());
}

#[test]
fn states_of_other_detectors_are_refused() {
    let reference: Vec<f64> = (0..60).map(f64::from).collect();
    let fit = |spec: OnlineSpec, d| {
        fit_online(&spec, &reference, d, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit")
    };
    let cvm = OnlineSpec::CvmOnline(CvmOnlineSpec { ert: 10.0, window_sizes: vec![4], n_bootstraps: 300, seed: 1 });
    let mmd = OnlineSpec::MmdOnline(MmdOnlineSpec {
        ert: 10.0,
        window_size: 5,
        n_bootstraps: 300,
        sigma: Vec::new(),
        seed: 1,
    });
    let (cvm, mmd, wide) = (fit(cvm, 1), fit(mmd.clone(), 1), fit(mmd, 2));
    let state = |detector: &dyn OnlineDetector| detector.save_state(&detector.start());
    assert!(cvm.restore_state(&Tensors::new()).is_err());
    assert!(mmd.restore_state(&state(&*cvm)).is_err());
    assert!(wide.restore_state(&state(&*mmd)).is_err());
    assert!(restore_online(&cvm.spec(), &mmd.save(), 1).is_err());
    assert!(restore_online(&wide.spec(), &wide.save(), 3).is_err());

    // Specifications that no fit gives, from configurations written by hand.
    let saved = mmd.save();
    for window_size in [0, 1, usize::MAX] {
        let OnlineSpec::MmdOnline(spec) = mmd.spec() else { unreachable!() };
        let forged = OnlineSpec::MmdOnline(MmdOnlineSpec { window_size, ..spec });
        assert!(restore_online(&forged, &saved, 1).is_err());
    }
    for window_sizes in [vec![], vec![0], vec![4, usize::MAX]] {
        let OnlineSpec::CvmOnline(spec) = cvm.spec() else { unreachable!() };
        let forged = OnlineSpec::CvmOnline(CvmOnlineSpec { window_sizes, ..spec });
        assert!(restore_online(&forged, &cvm.save(), 1).is_err());
    }
    assert!(restore_online(&mmd.spec(), &saved, 0).is_err());
}

#[test]
fn states_and_specifications_of_no_fet_or_lsdd_are_refused() {
    let flags: Vec<f64> = (0..60).map(|row| f64::from(row % 3 / 2)).collect();
    let numbers: Vec<f64> = (0..60).map(f64::from).collect();
    let fit = |spec: OnlineSpec, reference: &[f64]| {
        fit_online(&spec, reference, 1, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit")
    };
    let by_test = fit(OnlineSpec::FetOnline(fet(vec![4, 8])), &flags);
    let by_density = fit(OnlineSpec::LsddOnline(lsdd(5)), &numbers);
    let state = |detector: &dyn OnlineDetector| detector.save_state(&detector.start());
    assert!(by_test.restore_state(&state(&*by_density)).is_err());
    assert!(by_density.restore_state(&state(&*by_test)).is_err());
    assert!(by_test.restore_state(&Tensors::new()).is_err());
    let mut forged = feed(&*by_test, &[1.0, 0.0, 1.0], 1, None).1;
    forged.insert_u64("window", vec![1, 2, 0]);
    assert!(by_test.restore_state(&forged).is_err());

    let saved = by_test.save();
    for t_max in [0, 14, usize::MAX] {
        let forged = OnlineSpec::FetOnline(FetOnlineSpec { t_max, ..fet(vec![4, 8]) });
        assert!(restore_online(&forged, &saved, 1).is_err(), "{t_max}");
    }
    for lam in [0.0, f64::NAN, 1.5] {
        let forged = OnlineSpec::FetOnline(FetOnlineSpec { lam, ..fet(vec![4, 8]) });
        assert!(restore_online(&forged, &saved, 1).is_err(), "{lam}");
    }
    let mut more_ones_than_rows = saved.clone();
    more_ones_than_rows.insert_u64("reference_ones", vec![61]);
    assert!(restore_online(&by_test.spec(), &more_ones_than_rows, 1).is_err());

    let saved = by_density.save();
    let OnlineSpec::LsddOnline(spec) = by_density.spec() else { unreachable!() };
    for n_kernel_centers in [0, 9, usize::MAX] {
        let forged = OnlineSpec::LsddOnline(LsddOnlineSpec { n_kernel_centers, ..spec.clone() });
        assert!(restore_online(&forged, &saved, 1).is_err(), "{n_kernel_centers}");
    }
    assert!(restore_online(&OnlineSpec::LsddOnline(lsdd(5)), &saved, 1).is_err(), "no bandwidth");
    assert!(restore_online(&by_density.spec(), &saved, 2).is_err());
}

#[test]
fn a_state_does_not_grow_with_the_stream() {
    let reference: Vec<f64> = (0..60).map(f64::from).collect();
    let windows = vec![4, 8];
    let cvm = OnlineSpec::CvmOnline(CvmOnlineSpec { ert: 20.0, window_sizes: windows, n_bootstraps: 600, seed: 1 });
    let mmd = OnlineSpec::MmdOnline(MmdOnlineSpec {
        ert: 20.0,
        window_size: 8,
        n_bootstraps: 600,
        sigma: Vec::new(),
        seed: 1,
    });
    for spec in [cvm, OnlineSpec::FetOnline(fet(vec![4, 8])), OnlineSpec::LsddOnline(lsdd(8)), mmd] {
        let reference = suited(&spec, reference.iter().map(|value| value - 30.0).collect());
        let detector = fit_online(&spec, &reference, 1, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit");
        let size = |n_rows: u32| {
            let rows = suited(&spec, (0..n_rows).map(|row| f64::from(row % 61) - 30.0).collect());
            let (_, state) = feed(&*detector, &rows, 1, None);
            format!("{state:?}").len()
        };
        let (few, many) = (size(100), size(20_000));
        // But for the digits of the values.
        assert!(many < few + few / 5, "{few} then {many}");
    }
}
