use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::test_pool::Threads;

#[test]
fn bins_hold_values_in_their_order() {
    let values: Vec<f64> = (0..2_000).map(|index| f64::from((index * 37) % 1_000) - 300.0).collect();
    let bins = Bins::of(&values);
    assert!((200..=255).contains(&bins.n_bins()), "{}", bins.n_bins());
    let mut rows: Vec<usize> = (0..values.len()).collect();
    rows.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    assert!(rows.windows(2).all(|pair| bins.bin(pair[0]) <= bins.bin(pair[1])));
    assert!(rows.iter().all(|row| bins.bin(*row) == bins.bin_of(values[*row])));
    assert_eq!((bins.bin_of(-1e9), usize::from(bins.bin_of(1e9))), (0, bins.n_bins() - 1));
    assert_eq!(Bins::of(&[1.0, 0.0, 1.0, 0.0]).n_bins(), 2);
    assert_eq!(Bins::of(&[0.0; 5]).n_bins(), 1);
}

#[test]
fn trees_see_what_no_line_separates() {
    let mut generator = stream(1, 1);
    // The window lies in two opposite corners, the reference in the other two.
    let mut rows = |is_window: bool| -> Vec<f64> {
        (0..300)
            .flat_map(|index| {
                let x = if index % 2 == 0 { 1.0 } else { -1.0 };
                let y = if is_window { x } else { -x };
                [x + generator.random::<f64>(), y + generator.random::<f64>(), generator.random()]
            })
            .collect()
    };
    let (reference, window) = (rows(false), rows(true));
    let pooled = Pooled::new(&reference, &window, 3);
    let (train, held_out) = (0..600).partition(|row| row % 3 != 0);
    let split = Split { train, held_out };
    let judgement = judge(&pooled, std::slice::from_ref(&split), 20, &Threads(1), &Silent).unwrap().remove(0);
    let right =
        split.held_out.iter().zip(&judgement.scores).filter(|(row, score)| pooled.is_window(**row) == (**score > 0.0));
    assert!(right.count() > 190, "{:?}", judgement.scores);
    assert!(judgement.importances[2] < 0.1 * judgement.importances[0], "{:?}", judgement.importances);
}

#[test]
fn few_or_equal_rows_are_guessed() {
    let (reference, window) = (vec![1.0; 100], vec![1.0; 50]);
    let pooled = Pooled::new(&reference, &window, 1);
    let split = Split { train: (0..149).collect(), held_out: vec![149] };
    let judgement = judge(&pooled, &[split], 10, &Threads(1), &Silent).unwrap().remove(0);
    assert!((judgement.scores[0] - (49.0_f64 / 100.0).ln()).abs() < 1e-12, "{judgement:?}");
}
