use super::*;
use crate::ports::Silent;
use crate::test_pool::Threads;

fn all(pooled: &Pooled<'_>) -> Vec<Split> {
    let rows: Vec<usize> = (0..pooled.n_rows()).collect();
    vec![Split { train: rows.clone(), held_out: rows }]
}

#[test]
fn labels_that_a_column_separates_are_learnt() {
    let reference: Vec<f64> = (0..200).map(f64::from).collect();
    let window: Vec<f64> = (200..400).map(f64::from).collect();
    let pooled = Pooled::new(&reference, &window, 1);
    let judgement = &judge(&pooled, &all(&pooled), 30, 1, &Threads(2), &Silent).unwrap()[0];
    for (row, score) in judgement.scores.iter().enumerate() {
        assert!((score - f64::from(u8::from(row >= 200))).abs() < 0.5, "{row}: {score}");
    }
    assert_eq!(judgement.importances, [1.0]);
}

#[test]
fn rows_between_the_values_that_trained_go_to_the_nearer_side() {
    let (reference, window) = ([0.0, 0.0, 4.0, 6.0], [10.0, 10.0, 10.0]);
    let pooled = Pooled::new(&reference, &window, 1);
    let split = Split { train: vec![0, 1, 4, 5, 6], held_out: vec![2, 3] };
    let judgement = &judge(&pooled, &[split], 50, 1, &Threads(2), &Silent).unwrap()[0];
    // Five rows drawn of five are all of the window in (3/5)^5 or 8 % of the trees.
    assert!(judgement.scores[0] < 0.2 && judgement.scores[1] > 0.9, "{:?}", judgement.scores);
}

#[test]
fn a_constant_column_does_not_use_up_a_candidate() {
    // Of nine columns three are candidates at a split; eight of them are constant.
    let row = |value: f64| (0..9).map(move |column| if column == 4 { value } else { 1.0 });
    let reference: Vec<f64> = (0..50).flat_map(|value| row(f64::from(value))).collect();
    let window: Vec<f64> = (50..100).flat_map(|value| row(f64::from(value))).collect();
    let pooled = Pooled::new(&reference, &window, 9);
    let judgement = &judge(&pooled, &all(&pooled), 10, 1, &Threads(2), &Silent).unwrap()[0];
    assert_eq!(judgement.importances[4], 1.0);
    assert!(judgement.scores[0] < 0.2 && judgement.scores[99] > 0.8, "{:?}", judgement.scores);
}
