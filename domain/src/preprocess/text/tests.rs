use super::*;
use crate::test_pool::Threads;

/// Sentences about two things, by turns.
fn sentences(n: usize) -> Vec<String> {
    (0..n)
        .map(|index| match index % 2 {
            0 => format!("The train to {} was late again", ["Bern", "Lyon", "Graz"][index % 3]),
            _ => format!("Stir {} eggs into the warm batter", 1 + index % 5),
        })
        .collect()
}

fn some(texts: &[String]) -> Vec<Option<&str>> {
    texts.iter().map(|text| Some(text.as_str())).collect()
}

fn fit(texts: &[Option<&str>], n_components: Option<usize>) -> Result<(TextFeatures, Frame<'static>), TextProblem> {
    TextFeatures::fit(texts, TextFeatureSet::Components(n_components), 3, &Threads(2), &Silent)
}

fn column<'f>(frame: &'f Frame<'_>, index: usize) -> &'f [f64] {
    let Cells::Numeric(values) = &frame.columns()[index] else { panic!("numbers") };
    values
}

#[test]
fn one_half_is_compared_and_the_first_component_tells_the_subjects() {
    let texts = sentences(60);
    let (features, frame) = fit(&some(&texts), Some(3)).unwrap();
    assert_eq!((frame.n_rows(), frame.columns().len(), features.n_components()), (30, 6, Some(3)));
    assert_eq!(TextFeatures::n_compared(60), 30);
    let names: Vec<String> =
        features.schema(MissingValues::Drop).columns.into_iter().map(|column| column.name).collect();
    let expected = ["component_1", "component_2", "component_3", "characters", "words", "unknown_words"];
    assert_eq!(names, expected);

    let later = features.frame(&some(&sentences(10)), &Threads(1)).unwrap();
    let first = column(&later, 0);
    let (trains, eggs): (Vec<f64>, Vec<f64>) = (0..5).map(|index| (first[2 * index], first[2 * index + 1])).unzip();
    assert!(trains.iter().all(|train| eggs.iter().all(|egg| train * egg < 0.0)), "{first:?}");
    assert_eq!((column(&later, 4)[0], column(&later, 5)[0]), (7.0, 0.0));
    let strange = features.frame(&[Some("Zwei völlig neue train Wörter"), None, Some("")], &Threads(1)).unwrap();
    assert_eq!(column(&strange, 5)[0], 4.0 / 5.0);
    assert!(column(&strange, 0)[1].is_nan() && column(&strange, 5)[1].is_nan());
    assert!(column(&strange, 0)[2].is_finite() && column(&strange, 3)[2] == 0.0);
}

#[test]
fn they_are_the_same_on_any_number_of_threads_and_after_a_restart() {
    let texts = sentences(200);
    let of =
        |n| TextFeatures::fit(&some(&texts), TextFeatureSet::Components(Some(4)), 3, &Threads(n), &Silent).unwrap();
    assert_eq!(of(1), of(4));
    let (features, _) = of(1);
    let restored = TextFeatures::restore(&features.save(), Some(4), None).unwrap();
    assert_eq!(restored, features);
    let later = sentences(50);
    // Together or one by one.
    let together = features.frame(&some(&later), &Threads(3)).unwrap();
    for (index, text) in later.iter().enumerate() {
        let alone = restored.frame(&[Some(text.as_str())], &Threads(1)).unwrap();
        for component in 0..features.width() {
            assert_eq!(column(&alone, component)[0].to_bits(), column(&together, component)[index].to_bits());
        }
    }
    let other = TextFeatures::fit(&some(&texts), TextFeatureSet::Components(Some(4)), 4, &Threads(1), &Silent).unwrap();
    assert_ne!(other.0, features);
}

#[test]
fn what_cannot_be_learnt_from_is_refused_with_what_is_missing() {
    let texts = sentences(10);
    let problem = |texts: &[Option<&str>], k| fit(texts, k).map(|_| ()).unwrap_err();
    assert_eq!(problem(&some(&texts[..3]), None), TextProblem::TooFew { expected: 4, actual: 3 });
    assert_eq!(
        problem(&[Some("a"), None, Some("b"), None, None], None),
        TextProblem::TooFew { expected: 4, actual: 2 }
    );
    assert_eq!(problem(&[Some(""), Some("  "), Some("\n"), Some("")], None), TextProblem::Empty);
    assert_eq!(problem(&some(&texts), Some(5)), TextProblem::Components { most: 4, actual: 5 });
    assert_eq!(problem(&some(&texts), Some(0)), TextProblem::Components { most: 4, actual: 0 });
    assert_eq!(fit(&some(&texts), None).unwrap().0.n_components(), Some(4));
    // All alike: no direction, but no fault either.
    let (features, frame) = fit(&[Some("the same"); 8], None).unwrap();
    assert_eq!(features.n_components(), Some(3));
    assert!(frame.columns().iter().all(|cells| matches!(cells, Cells::Numeric(values) if values[0] == values[3])));
}

#[test]
fn arrays_that_are_no_features_are_refused() {
    let texts = sentences(40);
    let saved = fit(&some(&texts), Some(2)).unwrap().0.save();
    for (n_components, change) in [
        (3, None),
        (0, None),
        (usize::MAX, None),
        (2, Some(("text.center", vec![f64::NAN, 0.0]))),
        (2, Some(("text.idf", vec![1.0]))),
        (2, Some(("text.unknown_idf", vec![-1.0]))),
    ] {
        let mut tensors = saved.clone();
        if let Some((name, values)) = change {
            tensors.insert_f64(name, values);
        }
        assert!(TextFeatures::restore(&tensors, Some(n_components), None).is_err());
    }
    for buckets in [vec![], vec![2, 1], vec![1, 1 << 40], vec![0; 70_000]] {
        let mut tensors = saved.clone();
        tensors.insert_u64("text.buckets", buckets);
        assert!(TextFeatures::restore(&tensors, Some(2), None).is_err());
    }
}
