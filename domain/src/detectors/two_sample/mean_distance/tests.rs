use rand::RngExt;

use super::*;
use crate::ports::Silent;
use crate::statistics::draws::stream;
use crate::statistics::permutation::PValueRule;
use crate::test_pool::Threads;

const D: usize = 11;

fn rows(n: usize, shift: f64, seed: u64) -> Vec<f64> {
    let mut generator = stream(seed, 3);
    (0..n * D).map(|index| generator.random::<f64>() + if index % D == 2 { shift } else { 0.0 }).collect()
}

fn spec(level: f64) -> PermutationSpec {
    PermutationSpec { n_permutations: 99, level, rule: PValueRule::Corrected, seed: 1 }
}

fn test(metric: DistanceMetric, reference: &[f64], window: &[f64]) -> PermutationTest {
    let reference = MeanDistanceReference::fit(metric, reference, D, true).unwrap();
    reference.test(window, &spec(0.05), &Threads(2), &Silent).unwrap()
}

#[test]
fn distances_are_those_of_their_definitions() {
    let (x, y) = ([1.0, 2.0, 2.0], [2.0, 0.0, 0.0]);
    let all = DistanceMetric::ALL.map(|metric| metric.between(&x, &y));
    let expected = [3.0, 1.0 - 1.0 / 3.0, 5.0, 2.0];
    assert!(all.iter().zip(expected).all(|(computed, expected)| (computed - expected).abs() < 1e-15), "{all:?}");
    assert_eq!(DistanceMetric::Cosine.between(&x, &[0.0; 3]), 1.0);
}

#[test]
fn sums_by_assignment_give_the_distances_of_the_permuted_samples() {
    let (reference, window) = (rows(90, 0.0, 1), rows(70, 0.2, 2));
    for metric in DistanceMetric::ALL {
        let fitted = MeanDistanceReference::fit(metric, &reference, D, true).unwrap();
        let assignments = Assignments::seeded(90, 70, 5, 7);
        let pooled = Pooled { reference: &reference, window: &window, d: D, origin: fitted.origin() };
        let [first, second] = [0, LANES].map(|from| pooled.terms(metric, from, &assignments));
        let all: Vec<f64> = reference.iter().chain(&window).copied().collect();
        for assignment in Assignments::OBSERVED..assignments.len() {
            let is_first = |row: usize| assignments.of_block(row / BLOCK)[assignment] >> (row % BLOCK) & 1 == 1;
            let side = |wanted: bool| {
                let rows = all.chunks_exact(D).enumerate().filter(move |(row, _)| is_first(*row) == wanted);
                mean(&rows.flat_map(|(_, row)| row.iter().copied()).collect::<Vec<f64>>(), D)
            };
            let expected = metric.between(&side(true), &side(false));
            let computed = metric.distance(metric.joined(first[assignment], second[assignment]));
            assert!((computed - expected).abs() < 1e-12, "{metric} {assignment}: {computed} {expected}");
        }
    }
}

#[test]
fn shifts_are_found_and_named_and_the_level_is_kept() {
    for metric in DistanceMetric::ALL {
        let false_alarms = (0..200)
            .filter(|seed| test(metric, &rows(60, 0.0, 2 * seed), &rows(20, 0.0, 2 * seed + 1)).p_value < 0.05)
            .count();
        // Ten are expected; more than twenty have a probability below a thousandth.
        assert!(false_alarms <= 20, "{metric}: {false_alarms} of 200");
        let (reference, window) = (rows(100, 0.0, 5), rows(60, 0.5, 6));
        let found = test(metric, &reference, &window);
        assert!(found.p_value < 0.05 && found.distance > found.distance_threshold, "{metric} {found:?}");
        let fitted = MeanDistanceReference::fit(metric, &reference, D, false).unwrap();
        assert_eq!(fitted.distance(&window), found.distance);
        let effect_size = fitted.effect_size(found.distance);
        assert!(effect_size > 0.0 && effect_size < 1.0, "{metric} {effect_size}");
        if let Some(contributions) = fitted.contributions(&window) {
            assert!(contributions.iter().all(|contribution| *contribution <= contributions[2]), "{contributions:?}");
        }
    }
}

#[test]
fn what_is_stored_tests_alike_and_nothing_else_is_taken() {
    let fitted = MeanDistanceReference::fit(DistanceMetric::Cityblock, &rows(20, 0.0, 1), D, true).unwrap();
    let restore = |tensors: &Tensors, is_permuted| {
        MeanDistanceReference::from_tensors(DistanceMetric::Cityblock, tensors, D, is_permuted)
    };
    assert_eq!(restore(&fitted.to_tensors(), true).unwrap(), fitted);
    let without_rows = MeanDistanceReference::fit(DistanceMetric::Cityblock, &rows(20, 0.0, 1), D, false).unwrap();
    assert_eq!(restore(&without_rows.to_tensors(), false).unwrap(), without_rows);
    assert!(restore(&without_rows.to_tensors(), true).is_err());
    assert!(MeanDistanceReference::fit(DistanceMetric::Cosine, &rows(1, 0.0, 1), D, true).is_err());
    assert!(MeanDistanceReference::fit(DistanceMetric::Euclidean, &[1e300; 4 * D], D, true).is_ok());
    let huge: Vec<f64> = (0..4 * D).map(|index| if index % 2 == 0 { 1e300 } else { -1e300 }).collect();
    assert_eq!(MeanDistanceReference::fit(DistanceMetric::Euclidean, &huge, D, true), Err(FitProblem::Overflow));
}
