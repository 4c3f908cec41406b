use super::*;
use crate::detectors::two_sample::multivariate::samples::{Sample, correlated, false_alarms};

fn spec() -> PcaReconstructionSpec {
    PcaReconstructionSpec {
        p_val: 0.05,
        preset: None,
        n_components: 0.65,
        chunk_size: None,
        n_bootstraps: 400,
        min_effect: None,
        seed: 1,
    }
}

fn fit(sample: &Sample) -> PcaReconstruction {
    PcaReconstruction::fit(&spec(), &sample.frame(), &Silent).unwrap()
}

#[test]
fn columns_that_no_longer_hang_together_are_found_and_named() {
    let fitted = fit(&correlated(500, 4, 0.9, 1));
    let calm = correlated(100, 4, 0.9, 2).judge(&fitted);
    assert!(!calm.is_beyond, "{:?}", calm.p_value);
    // The last column goes its own way; each by itself is as it was.
    let mut apart = correlated(100, 4, 0.9, 3);
    apart.columns[3] = correlated(100, 4, 0.9, 4).columns[3].clone();
    let verdict = apart.judge(&fitted);
    assert!(verdict.is_beyond && verdict.distance > verdict.distance_threshold.unwrap(), "{:?}", verdict.p_value);
    let Importances::OfColumns(importances) = verdict.importances else { panic!("of columns") };
    assert!((0..3).all(|other| importances[other] < importances[3]), "{importances:?}");
    // Columns that hang together more than they did are a change, too.
    let verdict = correlated(100, 4, 0.99, 5).judge(&fitted);
    assert!(verdict.is_beyond && verdict.distance < verdict.distance_threshold.unwrap());
}

#[test]
fn without_drift_alarms_are_as_rare_as_they_should_be() {
    for (n, m) in [(300, 30), (300, 300), (1_000, 2_000)] {
        let share = false_alarms(300, |seed| {
            let fitted = fit(&correlated(n, 3, 0.6, 10_000 + seed));
            correlated(m, 3, 0.6, 20_000 + seed).judge(&fitted).is_beyond
        });
        assert!((0.015..=0.09).contains(&share), "{n} {m}: {share}");
    }
}

#[test]
fn nor_are_they_more_often_where_nothing_determines_which_components_are_left_out() {
    for (n, m) in [(500, 100), (500, 7), (200, 20)] {
        let share = |with_folds: bool| {
            false_alarms(400, |seed| {
                let mut fitted = fit(&correlated(n, 3, 0.0, 30_000 + seed));
                if !with_folds {
                    (fitted.held_out, fitted.means) = (Vec::new(), vec![mean(&fitted.errors)]);
                }
                correlated(m, 3, 0.0, 40_000 + seed).judge(&fitted).is_beyond
            })
        };
        let (with, without) = (share(true), share(false));
        assert!((0.02..=0.085).contains(&with), "{n} {m}: {with}");
        assert!(with <= without, "{n} {m}: {with}, {without} without folds");
    }
}

#[test]
fn what_is_restored_says_the_same_bit_for_bit() {
    for preset in [None, Some(Preset::Nannyml)] {
        let spec = PcaReconstructionSpec { preset, ..spec() };
        let fitted = PcaReconstruction::fit(&spec, &correlated(200, 3, 0.5, 1).frame(), &Silent).unwrap();
        let restored = PcaReconstruction::from_tensors(&spec, &fitted.save(), 3).unwrap();
        assert_eq!(restored, fitted);
        assert!(PcaReconstruction::from_tensors(&spec, &fitted.save(), 4).is_err());
    }
}

#[test]
fn one_that_was_saved_before_folds_were_kept_is_held_against_the_mean_of_all_errors() {
    let fitted = fit(&correlated(500, 3, 0.6, 1));
    let fitted = PcaReconstruction { held_out: Vec::new(), means: vec![mean(&fitted.errors)], ..fitted };
    let restored = PcaReconstruction::from_tensors(&spec(), &fitted.save(), 3).unwrap();
    assert_eq!(restored, fitted);
    assert!(!correlated(100, 3, 0.6, 2).judge(&restored).is_beyond);
    assert!(correlated(100, 3, 0.0, 3).judge(&restored).is_beyond);
}

#[test]
fn components_that_keep_everything_are_refused() {
    let refused = |n_components, d| {
        let spec = PcaReconstructionSpec { n_components, ..spec() };
        PcaReconstruction::fit(&spec, &correlated(50, d, 0.5, 1).frame(), &Silent).map(|fitted| fitted.n_components())
    };
    assert_eq!(refused(3.0, 3), Err(FitProblem::AllComponents { n_columns: 3 }));
    assert_eq!(refused(0.5, 1), Err(FitProblem::AllComponents { n_columns: 1 }));
    assert_eq!((refused(2.0, 3), refused(0.999_999, 3)), (Ok(2), Ok(2)));
}
