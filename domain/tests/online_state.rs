//! `save; load; feed k` equals `feed k` bit for bit, on the detectors as they are served.

use drifting_domain::data::Tensors;
use drifting_domain::detection::Detection;
use drifting_domain::detectors::{
    CvmOnlineSpec, CvmThresholds, DetectorSpec, MmdOnlineSpec, OnlineDetector, fit_online, restore_online,
};
use drifting_domain::ports::{CpuPool, Silent};
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

fn specs() -> impl Strategy<Value = DetectorSpec> {
    let cvm = (prop::collection::hash_set(2_usize..9, 1..4), any::<u64>()).prop_map(|(sizes, seed)| {
        let window_sizes = sizes.into_iter().collect();
        DetectorSpec::CvmOnline(CvmOnlineSpec { ert: 10.0, window_sizes, n_bootstraps: 300, seed })
    });
    let mmd =
        (2_usize..9, any::<u64>(), prop::collection::vec(0.1_f64..5.0, 0..3)).prop_map(|(window_size, seed, sigma)| {
            DetectorSpec::MmdOnline(MmdOnlineSpec { ert: 10.0, window_size, n_bootstraps: 300, sigma, seed })
        });
    prop_oneof![cvm, mmd]
}

fn rows(n: std::ops::Range<usize>, d: usize) -> impl Strategy<Value = Vec<f64>> {
    // Some coarse values, so that ties come up.
    let value = prop_oneof![3 => -5.0_f64..5.0, 1 => (-3_i32..3).prop_map(f64::from)];
    n.prop_flat_map(move |n| prop::collection::vec(value.clone(), n * d))
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
        let fitted = fit_online(&spec, &reference, 2, &CvmThresholds::default(), &OneThread, &Silent);
        // References of mostly equal rows have no bandwidth, which is refused.
        prop_assume!(fitted.is_ok());
        let fitted = fitted.expect("it was fitted");
        let restored = restore_online(&fitted.spec(), &fitted.save(), 2).expect("a saved detector is restored");
        let straight = feed(&*fitted, &stream, 2, None);
        let interrupted = feed(&*restored, &stream, 2, Some(every));
        // The texts of doubles are exact, and hold -0.0 and 0.0 apart.
        prop_assert_eq!(format!("{straight:?}"), format!("{interrupted:?}"));
    }
}

#[test]
fn states_of_other_detectors_are_refused() {
    let reference: Vec<f64> = (0..60).map(f64::from).collect();
    let fit = |spec: DetectorSpec, d| {
        fit_online(&spec, &reference, d, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit")
    };
    let cvm = DetectorSpec::CvmOnline(CvmOnlineSpec { ert: 10.0, window_sizes: vec![4], n_bootstraps: 300, seed: 1 });
    let mmd = DetectorSpec::MmdOnline(MmdOnlineSpec {
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
        let DetectorSpec::MmdOnline(spec) = mmd.spec() else { unreachable!() };
        let forged = DetectorSpec::MmdOnline(MmdOnlineSpec { window_size, ..spec });
        assert!(restore_online(&forged, &saved, 1).is_err());
    }
    for window_sizes in [vec![], vec![0], vec![4, usize::MAX]] {
        let DetectorSpec::CvmOnline(spec) = cvm.spec() else { unreachable!() };
        let forged = DetectorSpec::CvmOnline(CvmOnlineSpec { window_sizes, ..spec });
        assert!(restore_online(&forged, &cvm.save(), 1).is_err());
    }
    assert!(restore_online(&mmd.spec(), &saved, 0).is_err());
}

#[test]
fn a_state_does_not_grow_with_the_stream() {
    let reference: Vec<f64> = (0..60).map(f64::from).collect();
    let windows = vec![4, 8];
    let cvm = DetectorSpec::CvmOnline(CvmOnlineSpec { ert: 20.0, window_sizes: windows, n_bootstraps: 600, seed: 1 });
    let mmd = DetectorSpec::MmdOnline(MmdOnlineSpec {
        ert: 20.0,
        window_size: 8,
        n_bootstraps: 600,
        sigma: Vec::new(),
        seed: 1,
    });
    for spec in [cvm, mmd] {
        let detector = fit_online(&spec, &reference, 1, &CvmThresholds::default(), &OneThread, &Silent).expect("a fit");
        let size = |n_rows: u32| {
            let rows: Vec<f64> = (0..n_rows).map(|row| f64::from(row % 61)).collect();
            let (_, state) = feed(&*detector, &rows, 1, None);
            format!("{state:?}").len()
        };
        let (few, many) = (size(100), size(20_000));
        // But for the digits of the values.
        assert!(many < few + few / 5, "{few} then {many}");
    }
}
