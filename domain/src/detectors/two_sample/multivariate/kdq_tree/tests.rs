use super::*;
use crate::detectors::two_sample::multivariate::samples::{Sample, correlated, false_alarms};
use crate::test_pool::Threads;

fn spec() -> KdqTreeSpec {
    KdqTreeSpec { p_val: 0.05, preset: None, count_ubound: 50, n_bootstraps: 200, min_effect: None, seed: 1 }
}

fn fit(spec: &KdqTreeSpec, sample: &Sample) -> KdqTree {
    KdqTree::fit(spec, &sample.frame(), &Threads(2), &Silent).unwrap()
}

#[test]
fn a_change_that_no_column_shows_by_itself_is_found() {
    let fitted = fit(&spec(), &correlated(2_000, 2, 0.8, 1));
    assert!(!correlated(500, 2, 0.8, 2).judge(&fitted).is_beyond);
    let verdict = correlated(500, 2, 0.0, 3).judge(&fitted);
    assert!(verdict.is_beyond && verdict.distance > verdict.distance_threshold.unwrap(), "{:?}", verdict.p_value);
}

#[test]
fn without_drift_alarms_are_as_rare_as_they_should_be() {
    for (n, m) in [(1_000, 50), (1_000, 1_000), (2_000, 7_000)] {
        let share = false_alarms(200, |seed| {
            let fitted = fit(&spec(), &correlated(n, 2, 0.5, 10_000 + seed));
            correlated(m, 2, 0.5, 20_000 + seed).judge(&fitted).is_beyond
        });
        assert!((0.01..=0.1).contains(&share), "{n} {m}: {share}");
    }
}

#[test]
fn few_different_numbers_are_split_unless_the_preset_says_otherwise() {
    let rows = Sample { columns: vec![(0..400).map(|row| f64::from(row % 4)).collect(), vec![1.0; 400]] };
    let leaves = |preset| fit(&KdqTreeSpec { preset, ..spec() }, &rows).counts.len();
    assert_eq!((leaves(None), leaves(Some(Preset::Menelaus))), (4, 1));
}

#[test]
fn what_is_restored_says_the_same_bit_for_bit() {
    for preset in [None, Some(Preset::Menelaus)] {
        let spec = KdqTreeSpec { preset, ..spec() };
        let fitted = fit(&spec, &correlated(300, 3, 0.5, 1));
        let restored = KdqTree::from_tensors(&spec, &fitted.save(), 3).unwrap();
        assert_eq!(restored, fitted);
        let window = correlated(50, 3, 0.5, 2);
        assert_eq!(window.judge(&restored).p_value, window.judge(&fitted).p_value);
        let mut damaged = fitted.save();
        let n_nodes = damaged.u64s("tree.targets").unwrap().len();
        damaged.insert_u64("tree.targets", vec![0; n_nodes]);
        assert!(KdqTree::from_tensors(&spec, &damaged, 3).is_err());
        assert!(KdqTree::from_tensors(&spec, &fitted.save(), 1).is_err());
    }
}
