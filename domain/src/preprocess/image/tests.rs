use super::*;
use crate::data::{Image, Images, KeptImage, N_MEASURES};
use crate::ports::Silent;

/// Discs on a grey ground, some bright, some dark, at places that differ.
fn discs(n: usize, ground: u8) -> Images {
    let mut images = Images::new();
    for index in 0..n {
        let (x0, y0) = (6 + index * 7 % 9, 6 + index * 5 % 11);
        let disc = if index % 2 == 0 { 220 } else { 20 };
        let pixel = |at: usize| {
            let (x, y) = (at % 24, at / 24);
            if x.abs_diff(x0).pow(2) + y.abs_diff(y0).pow(2) < 25 { disc } else { ground }
        };
        images.push(Some(&Image::new(24, 24, 1, (0..24 * 24).map(pixel).collect()).unwrap()));
    }
    images
}

fn measures(images: &Images) -> Vec<Option<&[f32]>> {
    let measures = |image: Option<_>| match image {
        Some(KeptImage::Measured(measures)) => Some(measures),
        _ => None,
    };
    images.iter().map(measures).collect()
}

fn fit(images: &Images, n_components: Option<usize>) -> Result<(ImageFeatures, Frame<'static>), ImageProblem> {
    ImageFeatures::fit(&measures(images), n_components, 3)
}

fn scales(features: &ImageFeatures) -> &[f64] {
    features.scales().unwrap()
}

fn column<'f>(frame: &'f Frame<'_>, features: &ImageFeatures, name: &str) -> &'f [f64] {
    let columns = features.schema(MissingValues::Reject).columns;
    let index = columns.iter().position(|column| column.name == name).unwrap();
    let Cells::Numeric(values) = &frame.columns()[index] else { panic!("numbers") };
    values
}

#[test]
fn one_half_is_compared_and_columns_have_names() {
    let (features, frame) = fit(&discs(60, 128), Some(3)).unwrap();
    assert_eq!((frame.n_rows(), features.n_components(), ImageFeatures::n_compared(60)), (30, 3, 30));
    let names: Vec<String> =
        features.schema(MissingValues::Drop).columns.into_iter().map(|column| column.name).collect();
    assert_eq!(names.len(), frame.columns().len());
    assert_eq!(names[2..5], ["brightness", "contrast", "sharpness"]);
    assert_eq!(names[N_STATISTICS..], ["thumbnail_1", "thumbnail_2", "thumbnail_3"]);

    // The first component tells bright discs from dark ones.
    let later = discs(10, 128);
    let later = features.frame(&measures(&later));
    let first = column(&later, &features, "thumbnail_1");
    assert!(first.chunks(2).all(|pair| pair[0] * pair[1] < 0.0), "{first:?}");
    let darker = discs(10, 90);
    let darker = features.frame(&measures(&darker));
    let (before, after) = (column(&later, &features, "brightness"), column(&darker, &features, "brightness"));
    assert!(before.iter().zip(after).all(|(before, after)| before - after > 0.08), "{before:?} {after:?}");
    assert!(column(&darker, &features, "tone_3").iter().all(|share| *share > 0.5));
}

#[test]
fn they_are_the_same_for_a_seed_and_after_a_restart() {
    let images = discs(80, 100);
    let (features, frame) = fit(&images, None).unwrap();
    assert_eq!(fit(&images, None).unwrap(), (features.clone(), frame));
    let restored = ImageFeatures::restore(&features.save(), 16, None).unwrap();
    assert_eq!(restored, features);
    let other = ImageFeatures::fit(&measures(&images), None, 4).unwrap().0;
    assert_ne!(other, features);
}

#[test]
fn missing_images_are_missing_in_every_column_and_teach_nothing() {
    let mut images = discs(20, 100);
    images.pad(24);
    let (features, frame) = fit(&images, Some(2)).unwrap();
    assert_eq!(frame.n_rows(), 14);
    assert!(frame.columns().iter().all(|cells| cells.n_missing() == 4));
    assert_eq!(features, fit(&discs(20, 100), Some(2)).unwrap().0);
}

#[test]
fn no_block_outweighs_another() {
    let (features, frame) = fit(&discs(200, 100), None).unwrap();
    assert_eq!(scales(&features).len(), frame.columns().len());
    let deviation = |name: &str| {
        let columns = features.schema(MissingValues::Reject).columns;
        let index = columns.iter().position(|column| column.name == name).unwrap();
        let values = column(&frame, &features, name);
        // Of constants it would be 1.
        let varies = values.iter().any(|value| *value != values[0]);
        f64::from(u8::from(varies)) * mean_and_deviation(values).1 / scales(&features)[index]
    };
    for name in ["brightness", "sharpness", "thumbnail_1"] {
        assert!((0.8..1.25).contains(&deviation(name)), "{name} {}", deviation(name));
    }
    assert!(deviation("thumbnail_16") < 0.5, "{}", deviation("thumbnail_16"));
    assert!((1..=8).all(|tone| deviation(&format!("tone_{tone}")) < 1.05));
}

#[test]
fn what_cannot_be_learnt_from_is_refused() {
    assert_eq!(fit(&discs(3, 0), None), Err(ImageProblem::TooFew { expected: 4, actual: 3 }));
    for actual in [0, 5] {
        assert_eq!(fit(&discs(10, 0), Some(actual)), Err(ImageProblem::Components { most: 4, actual }));
    }
    // All alike: nothing varies, and nothing is divided by zero.
    let mut alike = Images::new();
    (0..10).for_each(|_| alike.push(Some(&Image::new(4, 4, 1, vec![77; 16]).unwrap())));
    let (features, frame) = fit(&alike, None).unwrap();
    assert!(scales(&features).iter().all(|scale| *scale == 1.0), "{:?}", features.scales());
    assert!(frame.columns().iter().all(|cells| cells.n_missing() == 0));
}

#[test]
fn arrays_that_are_no_features_are_refused() {
    let (features, _) = fit(&discs(40, 100), Some(2)).unwrap();
    for n_components in [0, 1, 3, N_MEASURES] {
        assert!(ImageFeatures::restore(&features.save(), n_components, None).is_err());
    }
    for (name, entry) in [("pca.mean", f64::NAN), ("pca.components", f64::INFINITY), ("image.scales", 0.0)] {
        let mut tensors = features.save();
        let mut values = tensors.f64s(name).unwrap().to_vec();
        values[0] = entry;
        tensors.insert_f64(name, values);
        assert!(ImageFeatures::restore(&tensors, 2, None).is_err(), "{name}");
    }
}

/// The discs with the vectors of an encoder of two numbers, the lightness of two of their pixels.
fn seen(images: &Images) -> Vec<Option<Vec<f32>>> {
    let seen = |measures: Option<&[f32]>| measures.map(|measures| [measures, &[measures[40], measures[200]]].concat());
    self::measures(images).into_iter().map(seen).collect()
}

#[test]
fn vectors_of_an_encoder_come_first_and_kernels_see_them_alone() {
    let mut images = discs(60, 128);
    images.pad(61);
    let seen = seen(&images);
    let seen: Vec<Option<&[f32]>> = seen.iter().map(Option::as_deref).collect();
    let fit = |n_components| ImageFeatures::fit_vectors(&seen, ("one", 2), n_components, 3, &Silent);
    let (features, frame) = fit(None).unwrap();
    assert_eq!((frame.n_rows(), features.n_components(), features.scales()), (31, 2, None));
    assert!(frame.columns().iter().all(|cells| cells.n_missing() == 1));
    let columns = features.schema(MissingValues::Drop).columns;
    let names: Vec<&str> = columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!((names.len(), &names[..4]), (2 + N_STATISTICS, &["component_1", "component_2", "width", "height"][..]));
    assert!(column(&frame, &features, "width")[..30].iter().all(|width| *width == 24.0));
    // Components keep distances: those of the two numbers.
    let places =
        |rows: &Frame<'_>, row: usize| ["component_1", "component_2"].map(|name| column(rows, &features, name)[row]);
    let rows = features.frame(&seen[..2]);
    let (one, other) = (places(&rows, 0), places(&rows, 1));
    let [from, to] = [0, 1].map(|row: usize| &seen[row].unwrap()[N_MEASURES..]);
    let square = |a: f64, b: f64| (a - b).powi(2);
    let expected = square(f64::from(from[0]), f64::from(to[0])) + square(f64::from(from[1]), f64::from(to[1]));
    let actual = square(one[0], other[0]) + square(one[1], other[1]);
    assert!(expected > 0.0 && (expected - actual).abs() < 1e-9, "{expected} {actual}");

    let tensors = features.save();
    assert_eq!(ImageFeatures::restore(&tensors, 2, Some(("one", 2))), Ok(features));
    let other = ImageFeatures::restore(&tensors, 2, Some(("another", 2))).unwrap_err().to_string();
    assert!(other.contains("another one than that of the fit"), "{other}");
    for (n_components, encoder) in [(2, None), (0, Some(("one", 2))), (1, Some(("one", 2))), (2, Some(("one", 3)))] {
        assert!(ImageFeatures::restore(&tensors, n_components, encoder).is_err(), "{n_components} {encoder:?}");
    }
    assert_eq!(fit(Some(3)), Err(ImageProblem::Components { most: 2, actual: 3 }));
}
