//! Encoders of images: what models see, what of their outputs is taken, and what is refused.

#![expect(clippy::unwrap_used, reason = "a failure in what the tests share fails the test, too")]

mod models;

use std::path::Path;
use std::sync::Arc;

use drifting_domain::data::Image;
use drifting_domain::ports::{ImageEncoder, ImageEncoders, TextEncoders};
use drifting_encoders::{EncoderFolder, IMAGE_WIDTH_MAX};

use self::models::{Graph, Of, convolutions};

/// The encoder of a model with what is done to images before.
fn opened(model: &[u8], preprocessor: Option<&str>) -> Result<Arc<dyn ImageEncoder>, String> {
    let folder = tempfile::tempdir().unwrap();
    let of_encoder = folder.path().join("e");
    std::fs::create_dir(&of_encoder).unwrap();
    std::fs::write(of_encoder.join("model.onnx"), model).unwrap();
    if let Some(preprocessor) = preprocessor {
        std::fs::write(of_encoder.join("preprocessor_config.json"), preprocessor).unwrap();
    }
    let opened = ImageEncoders::open(&EncoderFolder::at(folder.path().to_owned()), "e");
    if let Err(error) = &opened {
        assert!(!error.contains(&*folder.path().to_string_lossy()), "{error}");
    }
    opened
}

/// What a model makes of an image that gives its input back, flat.
fn seen(shape: &[Of], preprocessor: Option<&str>, image: &Image) -> Vec<f32> {
    let model =
        Graph::default().input("pixel_values", shape).node("Flatten", &["pixel_values"], "flat", &[]).model("flat");
    opened(&model, preprocessor).unwrap().encode(image).unwrap()
}

fn close(actual: &[f32], expected: &[f32]) {
    let is_close = actual.len() == expected.len() && actual.iter().zip(expected).all(|(a, b)| (a - b).abs() < 2e-3);
    assert!(is_close, "{actual:?} {expected:?}");
}

const GREY: [Of; 4] = [Of::Any("n"), Of::Some(1), Of::Some(2), Of::Some(2)];

fn grey(width: usize, height: usize, pixels: &[u8]) -> Image {
    Image::new(width, height, 1, pixels.to_vec()).unwrap()
}

#[test]
fn models_see_shares_of_white_in_their_order_of_values() {
    let image = grey(2, 2, &[0, 51, 102, 255]);
    close(&seen(&GREY, None, &image), &[0.0, 0.2, 0.4, 1.0]);
    let colours = Image::new(2, 1, 3, vec![255, 0, 0, 51, 102, 153]).unwrap();
    let first = [Of::Some(1), Of::Some(3), Of::Some(1), Of::Some(2)];
    close(&seen(&first, None, &colours), &[1.0, 0.2, 0.0, 0.4, 0.0, 0.6]);
    // Where both could be the channels, the first are.
    let both = [Of::Any("n"), Of::Some(1), Of::Some(2), Of::Some(3)];
    close(&seen(&both, None, &grey(3, 2, &[0, 51, 102, 153, 204, 255])), &[0.0, 0.2, 0.4, 0.6, 0.8, 1.0]);
    let last = [Of::Any("n"), Of::Some(2), Of::Some(2), Of::Some(3)];
    let image = Image::new(2, 2, 3, (0..12).map(|value| value * 20).collect()).unwrap();
    close(&seen(&last, None, &image), &(0..12).map(|value| value as f32 * 20.0 / 255.0).collect::<Vec<_>>());
    // Grey ones are of three equal channels, colours are grey by their luma.
    close(&seen(&first, None, &grey(2, 1, &[255, 51])), &[1.0, 0.2, 1.0, 0.2, 1.0, 0.2]);
    let one = [Of::Some(1), Of::Some(1), Of::Some(1), Of::Some(2)];
    close(&seen(&one, None, &colours), &[76.0 / 255.0, 93.0 / 255.0]);
}

#[test]
fn images_are_prepared_as_their_file_says() {
    let any = [Of::Any("batch"), Of::Any("channels"), Of::Any("height"), Of::Any("width")];
    let ramp = grey(4, 4, &[0, 60, 120, 180].repeat(4));
    // Triangles over the pixels that a smaller one covers, as Pillow resizes: 3/7, 3/7 and 1/7.
    let halved = [300.0 / 7.0, 960.0 / 7.0].map(|value: f32| value.round() / 255.0);
    let of_rows = [halved, halved].concat();
    close(&seen(&GREY, Some(r#"{"size": {"height": 2, "width": 2}}"#), &ramp), &of_rows);
    close(&seen(&GREY, Some(r#"{"size": 2, "resample": 2, "image_mean": null}"#), &ramp), &of_rows);
    let nearest = [60.0, 180.0, 60.0, 180.0].map(|value: f32| value / 255.0);
    close(&seen(&GREY, Some(r#"{"size": 2, "resample": 0}"#), &ramp), &nearest);
    let boxes = [30.0, 150.0, 30.0, 150.0].map(|value: f32| value / 255.0);
    close(
        &seen(
            &GREY,
            Some(r#"{"size": 2, "resample": 4, "do_rescale": true, "rescale_factor": 0.00392156862745098}"#),
            &ramp,
        ),
        &boxes,
    );
    let unscaled = [30.0, 150.0, 30.0, 150.0];
    close(&seen(&GREY, Some(r#"{"size": 2, "resample": 4, "do_rescale": false}"#), &ramp), &unscaled);
    // The middle of what is resized by its shorter side; the shape stays.
    let wide = grey(8, 4, &[0, 10, 20, 30, 40, 50, 60, 70].repeat(4));
    let cut = r#"{"size": {"shortest_edge": 4}, "crop_size": {"height": 2, "width": 2}, "do_rescale": false}"#;
    close(&seen(&GREY, Some(cut), &wide), &[30.0, 40.0, 30.0, 40.0]);
    let cut = r#"{"size": 4, "do_center_crop": true, "crop_size": 2, "do_rescale": false}"#;
    close(&seen(&GREY, Some(cut), &wide), &[30.0, 40.0, 30.0, 40.0]);
    let uncut = r#"{"size": {"height": 2, "width": 2}, "do_center_crop": false, "crop_size": 1, "resample": 0, "do_rescale": false}"#;
    close(&seen(&GREY, Some(uncut), &wide), &[20.0, 60.0, 20.0, 60.0]);
    // Means and deviations of each channel, in a model that says nothing of its sides.
    let normal = r#"{"size": {"height": 1, "width": 1}, "image_mean": [0.5, 0.25, 0], "image_std": [0.5, 0.25, 2]}"#;
    let pixel = Image::new(1, 1, 3, vec![255, 0, 255]).unwrap();
    close(&seen(&any, Some(normal), &pixel), &[1.0, -1.0, 0.5]);
    let flipped = normal.replacen('{', r#"{"do_flip_channel_order": true, "#, 1);
    close(&seen(&any, Some(&flipped), &Image::new(1, 1, 3, vec![255, 0, 0]).unwrap()), &[-1.0, -1.0, 0.5]);
    let plain = normal.replacen('{', r#"{"do_normalize": false, "#, 1);
    close(&seen(&any, Some(&plain), &pixel), &[1.0, 0.0, 1.0]);
    // A long strip takes no more than what is cut out of it.
    let strip = grey(16_384, 1, &[100; 16_384]);
    let cut = r#"{"size": {"shortest_edge": 224}, "crop_size": 224}"#;
    let large = [Of::Any("n"), Of::Some(1), Of::Any("h"), Of::Any("w")];
    let pooled = Graph::default().input("x", &large).node("GlobalAveragePool", &["x"], "y", &[]).model("y");
    close(&opened(&pooled, Some(cut)).unwrap().encode(&strip).unwrap(), &[100.0 / 255.0]);
    // As ConvNeXt: 7/8 of what is resized, unless it is large.
    let share = r#"{"size": {"shortest_edge": 2}, "crop_pct": 0.5, "do_rescale": false, "resample": 0}"#;
    close(&seen(&GREY, Some(share), &ramp), &[60.0, 120.0, 60.0, 120.0]);
}

#[test]
fn a_vector_is_the_output_or_the_mean_of_its_places() {
    let image = grey(2, 2, &[0, 51, 102, 255]);
    let input = || Graph::default().input("x", &GREY);
    let vector = |model: Vec<u8>| opened(&model, None).unwrap().encode(&image).unwrap();
    // A map a feature, of which there is one: [1, 1, 2, 2].
    close(&vector(input().node("Relu", &["x"], "y", &[]).model("y")), &[0.4]);
    close(&vector(input().node("GlobalAveragePool", &["x"], "y", &[]).model("y")), &[0.4]);
    // Two parts of two numbers: [1, 2, 2].
    let parts = input().node("Squeeze", &["x"], "y", &[]).model("y");
    assert!(opened(&parts, None).unwrap_err().contains("an output of the shape [2, 2] came"));
    let parts = input().weights("zero", &[1, 2, 2], &[0.0; 4]);
    let parts = parts.node("Squeeze", &["x"], "s", &[]).node("Add", &["s", "zero"], "y", &[]).model("y");
    close(&vector(parts), &[0.2, 0.6]);
    let last = [Of::Any("n"), Of::Some(2), Of::Some(2), Of::Some(3)];
    let maps = Graph::default().input("x", &last).node("Relu", &["x"], "y", &[]).model("y");
    let colours = Image::new(2, 2, 3, [255, 51, 0].repeat(4)).unwrap();
    close(&opened(&maps, None).unwrap().encode(&colours).unwrap(), &[1.0, 0.2, 0.0]);
}

#[test]
fn the_same_image_has_the_same_vector_and_other_files_another_fingerprint() {
    let committed = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/convolutions/model.onnx");
    assert!(std::fs::read(committed).unwrap() == convolutions(), "it is what `convolutions` makes");
    let folder = EncoderFolder::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
    let encoder = ImageEncoders::open(&folder, "convolutions").unwrap();
    assert!(Arc::ptr_eq(&encoder, &ImageEncoders::open(&folder, "convolutions").unwrap()));
    assert_eq!((encoder.width(), encoder.fingerprint().len()), (16, 64));
    // 8 × 12² × 25 and 16 × 5² × 72 multiplications, in less than a millisecond.
    assert!((50_000..1_000_000).contains(&encoder.cost_ns()), "{}", encoder.cost_ns());
    let image = grey(28, 28, &(0..784).map(|at| u8::try_from(at * 7 % 256).unwrap()).collect::<Vec<_>>());
    let vector = encoder.encode(&image).unwrap();
    assert!(vector.len() == 16 && vector.iter().any(|number| *number > 0.0), "{vector:?}");
    let plain = encoder.encode(&grey(28, 28, &[9; 784])).unwrap();
    assert!(plain.iter().all(|number| number.abs() < 1e-5), "{plain:?}");
    assert_eq!(encoder.encode(&image).unwrap(), vector);
    // Of other sizes, too.
    assert_eq!(encoder.encode(&grey(1, 500, &[7; 500])).unwrap().len(), 16);
    let (with, without) =
        (opened(&convolutions(), Some(r#"{"size": 28}"#)).unwrap(), opened(&convolutions(), None).unwrap());
    assert!(with.fingerprint() != without.fingerprint() && without.fingerprint() != encoder.fingerprint());
    assert_eq!(with.encode(&image).unwrap(), without.encode(&image).unwrap());
}

#[test]
fn names_are_those_of_encoders_of_images() {
    let folder = EncoderFolder::at(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata"));
    for name in ["other", "", "..", "../testdata/convolutions", "/etc"] {
        let error = ImageEncoders::open(&folder, name).unwrap_err();
        assert!(error.contains("expected the name of an encoder (`convolutions`)"), "{name}: {error}");
    }
    let error = ImageEncoders::open(&folder, "small").unwrap_err();
    assert!(error.contains("the encoder `small`: expected an encoder of images, one of texts came"), "{error}");
    let error = TextEncoders::open(&folder, "convolutions").unwrap_err();
    assert!(error.contains("expected a file `tokenizer.json`"), "{error}");
}

#[test]
fn models_that_take_no_images_are_refused() {
    let flat = |graph: Graph| graph.node("Flatten", &["x"], "y", &[]).model("y");
    let of = |shape: &[Of]| flat(Graph::default().input("x", shape));
    let wide = Graph::default().input("x", &GREY).weights("w", &[4, 2_049], &vec![0.5; 4 * 2_049]);
    let wide = wide.node("Flatten", &["x"], "f", &[]).node("MatMul", &["f", "w"], "y", &[]).model("y");
    assert_eq!(IMAGE_WIDTH_MAX, 2_048);
    let two = Graph::default().input("x", &GREY).input("z", &GREY).node("Add", &["x", "z"], "y", &[]).model("y");
    for (model, expected) in [
        (b"no model".to_vec(), "expected an ONNX model that tract runs"),
        (Vec::new(), "expected"),
        (two, "expected a model with one input, images as a tensor of 4 dimensions of 32-bit floats, `x`, `z` came"),
        (flat(Graph::default().whole_input("x", &GREY)), "of 32-bit floats, `x` of I64 came"),
        (of(&[Of::Any("n"), Of::Some(9)]), "`x` of 2 dimensions came"),
        (of(&[Of::Some(8), Of::Some(3), Of::Some(2), Of::Some(2)]), "one of 8 came"),
        (of(&[Of::Some(1), Of::Some(4), Of::Some(2), Of::Some(2)]), "the model takes 4 × 2 × 2"),
        (
            of(&[Of::Any("n"), Of::Some(3), Of::Any("h"), Of::Any("w")]),
            "or a `preprocessor_config.json` that says them",
        ),
        (
            of(&[Of::Any("n"), Of::Some(1), Of::Some(2_000), Of::Some(2)]),
            "at most 1024 pixels a side, one of 2000 × 2 came",
        ),
        (wide, "expected a vector of at most 2048 numbers an image, one of 2049 came"),
    ] {
        let error = opened(&model, None).unwrap_err();
        assert!(error.starts_with("the encoder `e`: ") && error.contains(expected), "{error}");
    }
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("e")).unwrap();
    let error = ImageEncoders::open(&EncoderFolder::at(folder.path().to_owned()), "e").unwrap_err();
    assert!(error.contains("expected a file `model.onnx` that can be read"), "{error}");
}

#[test]
fn files_of_preparation_that_cannot_be_followed_are_refused() {
    for (preprocessor, expected) in [
        ("{", "expected a `preprocessor_config.json` as Hugging Face's library writes it"),
        ("[]", "expected a `preprocessor_config.json` as Hugging Face's library writes it"),
        (r#"{"do_resize": false}"#, "expected images that are resized"),
        (r#"{"do_pad": true}"#, "expected no `do_pad`"),
        (r#"{"size": 0}"#, "expected sides of 1 to 1024 pixels in `size`, 0 came"),
        (r#"{"size": {"height": 2, "width": 5000}}"#, "pixels in `size`, 5000 came"),
        (r#"{"size": {"shortest_edge": 2, "longest_edge": 9}}"#, "expected `size` as a number, as {height, width}"),
        (r#"{"size": 3}"#, "the model takes images of 2 × 2 pixels, `preprocessor_config.json` makes 3 × 3"),
        (r#"{"size": {"shortest_edge": 1}}"#, "expected a `size` of at least what is cut out of it, 2 × 2"),
        (r#"{"size": 2, "crop_size": "large"}"#, "pixels in `crop_size`, \"large\" came"),
        (r#"{"resample": 9}"#, "expected a number of 0 to 5 as `resample`, 9 came"),
        (r#"{"rescale_factor": "x"}"#, "expected a number as `rescale_factor`"),
        (r#"{"do_normalize": true}"#, "expected `image_mean` and `image_std`"),
        (r#"{"image_mean": [0.5], "image_std": [0]}"#, "expected numbers other than 0 as `image_std`"),
        (r#"{"image_mean": [0.5, 1], "image_std": [1, 1]}"#, "expected 1 or 3 numbers as `image_mean`"),
        (r#"{"image_mean": [0.5, 1, 1], "image_std": [1, 1, 1]}"#, "expected 1 numbers as `image_mean`"),
        (r#"{"size": 2, "crop_pct": 0}"#, "as `crop_pct`, 0 came"),
    ] {
        let model = Graph::default().input("x", &GREY).node("Flatten", &["x"], "y", &[]).model("y");
        let error = opened(&model, Some(preprocessor)).unwrap_err();
        assert!(error.contains(expected), "{preprocessor}: {error}");
    }
}
