use super::*;
use crate::data::Cells;
use crate::detectors::two_sample::multivariate::samples::{correlated, false_alarms};

fn spec() -> HdddmSpec {
    HdddmSpec { p_val: 0.05, preset: None, threshold: None, n_bootstraps: 200, min_effect: None, seed: 1 }
}

fn fit(frame: &Frame<'_>) -> Hdddm {
    Hdddm::fit(&spec(), frame, &Silent).unwrap()
}

#[test]
fn a_column_that_changed_is_found_and_named() {
    let fitted = fit(&correlated(1_000, 4, 0.5, 1).frame());
    assert!(!correlated(200, 4, 0.5, 2).judge(&fitted).is_beyond);
    let mut wider = correlated(200, 4, 0.5, 3);
    wider.columns[2].iter_mut().for_each(|value| *value *= 2.0);
    let verdict = wider.judge(&fitted);
    assert!(verdict.is_beyond && verdict.distance > verdict.distance_threshold.unwrap(), "{:?}", verdict.p_value);
    let Importances::OfColumns(importances) = verdict.importances else { panic!("of columns") };
    assert!([0, 1, 3].iter().all(|other| importances[*other] < importances[2]), "{importances:?}");
}

#[test]
fn without_drift_alarms_are_as_rare_as_they_should_be() {
    for (n, m) in [(400, 30), (400, 400), (2_000, 3_000)] {
        let share = false_alarms(200, |seed| {
            let fitted = fit(&correlated(n, 3, 0.5, 10_000 + seed).frame());
            correlated(m, 3, 0.5, 20_000 + seed).judge(&fitted).is_beyond
        });
        assert!((0.01..=0.1).contains(&share), "{n} {m}: {share}");
    }
}

#[test]
fn bins_have_as_many_rows_each_and_what_fills_one_is_alone_in_it() {
    let numbers = |values: &[f64]| Cells::Numeric(values.to_vec().into());
    let binning = Binning::fit(&numbers(&[0.0, 10.0, 5.0, 6.0]), 2);
    assert_eq!(binning.cells(&numbers(&[-1.0, 5.0, 5.1, 10.0, 11.0])), [0, 0, 1, 1, 1]);
    // A constant: smaller, the same, larger.
    for n_bins in [1, 2, 3] {
        let binning = Binning::fit(&numbers(&[3.0; 9]), n_bins);
        let cells = binning.cells(&numbers(&[2.0, 3.0, 4.0]));
        assert!(cells[0] < cells[1] && (n_bins == 1 || cells[1] < cells[2]), "{cells:?}");
    }
    let categories = |codes: &[u32]| Cells::Categorical { codes: codes.to_vec(), n_categories: 3, unseen: Vec::new() };
    let binning = Binning::fit(&categories(&[0, 0, 0, 0, 0, 1, 2, 2, 2, 2, 2, 2]), 3);
    assert_eq!((binning.n_cells(), binning.cells(&categories(&[0, 1, 2, 7]))), (3, vec![0, 2, 1, 2]));
}

#[test]
fn categories_are_judged_and_restored() {
    let frame = |n_rows: u32, share: u32| {
        let codes = (0..n_rows).map(|row| u32::from(row % 10 < share)).collect();
        Frame::of(vec![Cells::Categorical { codes, n_categories: 2, unseen: Vec::new() }])
    };
    let fitted = fit(&frame(500, 3));
    assert_eq!(Hdddm::from_tensors(&spec(), &fitted.save(), 1).unwrap(), fitted);
    let p_value = |window: &Frame<'_>| {
        let window = Window { cells: window, n_missing: &[0], encoded: &[], origins: &[] };
        fitted.judge(&window, &crate::test_pool::Threads(1)).unwrap().p_value.unwrap()
    };
    assert!(p_value(&frame(100, 3)) > 0.5 && p_value(&frame(100, 6)) < 0.01);
}

#[test]
fn what_is_restored_says_the_same_bit_for_bit() {
    let fitted = fit(&correlated(300, 3, 0.5, 1).frame());
    let restored = Hdddm::from_tensors(&spec(), &fitted.save(), 3).unwrap();
    assert_eq!(restored, fitted);
    let window = correlated(50, 3, 0.5, 2);
    assert_eq!(window.judge(&restored).p_value, window.judge(&fitted).p_value);
    assert!(Hdddm::from_tensors(&spec(), &fitted.save(), 4).is_err());
    let mut damaged = fitted.save();
    damaged.insert_u64("bins.cells.1", vec![1_000; 300]);
    assert!(Hdddm::from_tensors(&spec(), &damaged, 3).is_err());
}
