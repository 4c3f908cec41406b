use super::*;

/// The folder of two small models: of a vector of four numbers for each of eight words, and of the mean of these. Each has a mask, and
/// the first adds one to tokens of a second text, of which there are none.
fn testdata() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata")
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a * b)).sum()
}

#[test]
fn a_model_and_its_tokenizer_make_vectors_of_texts() {
    let encoders = EncoderFolder::at(testdata());
    let encoder = encoders.text_encoder("small").unwrap();
    assert_eq!((encoder.width(), encoder.fingerprint().len()), (4, 64));
    let of = |text: &str| encoder.encode(text).unwrap();
    let (late, slow, sun) = (of("the parcel late"), of("parcel late late"), of("sun valley"));
    for vector in [&late, &slow, &sun] {
        assert!((cosine(vector, vector) - 1.0).abs() < 1e-5, "{vector:?}");
    }
    assert!(cosine(&late, &slow) > 0.8 && cosine(&late, &sun) < 0.2, "{late:?} {slow:?} {sun:?}");
    // The order of words is all the same to this model, and so is what came before.
    assert_eq!(of("late parcel the"), late);
    // Words that it does not know are one word.
    assert_eq!(of("xyzzy"), of("frobnicate"));
}

#[test]
fn a_model_may_give_the_vector_of_the_text_itself() {
    let encoders = EncoderFolder::at(testdata());
    let (of_tokens, of_text) = (encoders.text_encoder("small").unwrap(), encoders.text_encoder("pooled").unwrap());
    for text in ["the parcel late", "sun", "rain rain valley"] {
        let (one, other) = (of_tokens.encode(text).unwrap(), of_text.encode(text).unwrap());
        assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-6), "{one:?} {other:?}");
    }
    assert_ne!(of_tokens.fingerprint(), of_text.fingerprint());
}

#[test]
fn long_and_empty_texts_have_vectors_too() {
    let encoders = EncoderFolder::at(testdata());
    let encoder = encoders.text_encoder("small").unwrap();
    let long = "parcel ".repeat(500_000);
    let beginning = "parcel ".repeat(TOKENS_MAX);
    assert_eq!(encoder.encode(&long).unwrap(), encoder.encode(&beginning).unwrap());
    let no_break = "é".repeat(1_000_000);
    for text in ["", "   ", "\u{0}", &no_break] {
        let vector = encoder.encode(text).unwrap();
        assert!(vector.len() == 4 && vector.iter().all(|value| value.is_finite()), "{vector:?}");
    }
    assert!(encoder.cost_ns(1_000_000) > encoder.cost_ns(10));
}

#[test]
fn the_same_name_is_the_same_encoder_and_no_name_leads_out() {
    let encoders = EncoderFolder::at(testdata());
    let (first, again) = (encoders.text_encoder("small").unwrap(), encoders.text_encoder("small").unwrap());
    assert!(Arc::ptr_eq(&first, &again));
    for name in ["other", "", ".", "..", "../testdata/small", "small/", "/etc", "small\0", ".small", "a b"] {
        let error = encoders.text_encoder(name).unwrap_err();
        assert!(error.contains("expected the name of an encoder (`pooled`, `small`)"), "{name}: {error}");
        assert!(!error.contains(env!("CARGO_MANIFEST_DIR")), "{error}");
    }
    let none = EncoderFolder::at(testdata().join("small")).text_encoder("small").unwrap_err();
    assert!(none.contains("this server has none"), "{none}");
}

#[test]
fn files_that_are_no_encoder_are_errors_that_say_what_is_missing() {
    let folder = tempfile::tempdir().unwrap();
    let encoder = folder.path().join("e");
    std::fs::create_dir(&encoder).unwrap();
    let error = || EncoderFolder::at(folder.path().to_owned()).text_encoder("e").unwrap_err();
    assert!(error().contains("expected a file `model.onnx`"), "{}", error());
    let small = testdata().join("small");
    std::fs::write(encoder.join("model.onnx"), b"no model").unwrap();
    std::fs::copy(small.join("tokenizer.json"), encoder.join("tokenizer.json")).unwrap();
    assert!(error().contains("expected an ONNX model"), "{}", error());
    std::fs::copy(small.join("model.onnx"), encoder.join("model.onnx")).unwrap();
    std::fs::write(encoder.join("tokenizer.json"), b"{}").unwrap();
    assert!(error().contains("expected a `tokenizer.json`"), "{}", error());
    assert!(!error().contains(&*folder.path().to_string_lossy()), "{}", error());
}
