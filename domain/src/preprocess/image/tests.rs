use super::*;
use crate::data::{Image, Images, N_MEASURES};

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

fn fit(images: &Images, n_components: Option<usize>) -> Result<(ImageFeatures, Frame<'static>), ImageProblem> {
    ImageFeatures::fit(&images.iter().collect::<Vec<_>>(), n_components, 3)
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
    let later = features.frame(&later.iter().collect::<Vec<_>>());
    let first = column(&later, &features, "thumbnail_1");
    assert!(first.chunks(2).all(|pair| pair[0] * pair[1] < 0.0), "{first:?}");
    let darker = discs(10, 90);
    let darker = features.frame(&darker.iter().collect::<Vec<_>>());
    let (before, after) = (column(&later, &features, "brightness"), column(&darker, &features, "brightness"));
    assert!(before.iter().zip(after).all(|(before, after)| before - after > 0.08), "{before:?} {after:?}");
    assert!(column(&darker, &features, "tone_3").iter().all(|share| *share > 0.5));
}

#[test]
fn they_are_the_same_for_a_seed_and_after_a_restart() {
    let images = discs(80, 100);
    let (features, frame) = fit(&images, None).unwrap();
    assert_eq!(fit(&images, None).unwrap(), (features.clone(), frame));
    let restored = ImageFeatures::restore(&features.save(), 16).unwrap();
    assert_eq!(restored, features);
    let other = ImageFeatures::fit(&images.iter().collect::<Vec<_>>(), None, 4).unwrap().0;
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
    assert_eq!(features.scales().len(), frame.columns().len());
    let deviation = |name: &str| {
        let columns = features.schema(MissingValues::Reject).columns;
        let index = columns.iter().position(|column| column.name == name).unwrap();
        let values = column(&frame, &features, name);
        // Of constants it would be 1.
        let varies = values.iter().any(|value| *value != values[0]);
        f64::from(u8::from(varies)) * mean_and_deviation(values).1 / features.scales()[index]
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
    assert!(features.scales().iter().all(|scale| *scale == 1.0), "{:?}", features.scales());
    assert!(frame.columns().iter().all(|cells| cells.n_missing() == 0));
}

#[test]
fn arrays_that_are_no_features_are_refused() {
    let (features, _) = fit(&discs(40, 100), Some(2)).unwrap();
    for n_components in [0, 1, 3, N_MEASURES] {
        assert!(ImageFeatures::restore(&features.save(), n_components).is_err());
    }
    for (name, entry) in [("pca.mean", f64::NAN), ("pca.components", f64::INFINITY), ("image.scales", 0.0)] {
        let mut tensors = features.save();
        let mut values = tensors.f64s(name).unwrap().to_vec();
        values[0] = entry;
        tensors.insert_f64(name, values);
        assert!(ImageFeatures::restore(&tensors, 2).is_err(), "{name}");
    }
}
