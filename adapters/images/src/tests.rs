use base64::prelude::{BASE64_STANDARD, BASE64_STANDARD_NO_PAD};
use image::codecs::jpeg::JpegEncoder;
use image::{GrayImage, ImageBuffer, ImageFormat, LumaA, Rgb, RgbImage, Rgba};
use proptest::prelude::*;

use super::*;

/// Whatever the domain takes.
fn accepted(width: usize, height: usize) -> Result<(), String> {
    Image::check_size(width, height).map_err(|problem| problem.to_string())
}

fn decode(bytes: &[u8]) -> Result<Image, String> {
    ImageFiles.decode(&BASE64_STANDARD.encode(bytes), &mut accepted)
}

fn png(image: impl Into<DynamicImage>) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    image.into().write_to(&mut bytes, ImageFormat::Png).unwrap();
    bytes.into_inner()
}

fn colors() -> RgbImage {
    RgbImage::from_fn(31, 17, |x, y| {
        let value = |factor: u32, of: u32| u8::try_from(factor * of % 256).unwrap();
        Rgb([value(8, x), value(15, y), value(3, x + y)])
    })
}

#[test]
fn pngs_come_back_pixel_by_pixel() {
    let grey = GrayImage::from_fn(5, 3, |x, y| image::Luma([u8::try_from(x * 50 + y).unwrap()]));
    let image = decode(&png(grey.clone())).unwrap();
    assert_eq!(
        (image.width(), image.height(), image.n_channels(), image.pixels()),
        (5, 3, 1, grey.as_raw().as_slice())
    );
    let image = decode(&png(colors())).unwrap();
    assert_eq!(
        (image.width(), image.height(), image.n_channels(), image.pixels()),
        (31, 17, 3, colors().as_raw().as_slice())
    );
    // What is transparent lies on white, 16 bits become 8.
    let clear = ImageBuffer::from_pixel(2, 1, Rgba([9_u8, 9, 9, 0]));
    assert_eq!(decode(&png(clear)).unwrap().pixels(), [255; 6]);
    let half = ImageBuffer::from_pixel(1, 1, LumaA([0_u8, 128]));
    assert_eq!(decode(&png(half)).unwrap().pixels(), [127]);
    let deep: ImageBuffer<Rgb<u16>, Vec<u16>> = ImageBuffer::from_pixel(1, 1, Rgb([0, 0x8080, 0xffff]));
    assert_eq!(decode(&png(deep)).unwrap().pixels(), [0, 128, 255]);
}

#[test]
fn jpegs_come_back_nearly() {
    let mut bytes = Vec::new();
    JpegEncoder::new_with_quality(&mut bytes, 95)
        .encode_image(&RgbImage::from_pixel(40, 24, Rgb([200, 30, 60])))
        .unwrap();
    let image = decode(&bytes).unwrap();
    assert_eq!((image.width(), image.height(), image.n_channels()), (40, 24, 3));
    for pixel in image.pixels().chunks_exact(3) {
        assert!(pixel.iter().zip([200_u8, 30, 60]).all(|(came, sent)| came.abs_diff(sent) < 6), "{pixel:?}");
    }
    let mut grey = Vec::new();
    JpegEncoder::new(&mut grey).encode_image(&GrayImage::from_pixel(8, 8, image::Luma([77]))).unwrap();
    assert_eq!(decode(&grey).unwrap().n_channels(), 1);
}

#[test]
fn addresses_and_base64_without_padding_are_taken() {
    let bytes = png(colors());
    let expected = decode(&bytes).unwrap();
    let (padded, bare) = (BASE64_STANDARD.encode(&bytes), BASE64_STANDARD_NO_PAD.encode(&bytes));
    for file in
        [format!("data:image/png;base64,{padded}"), format!(" {padded}\n"), bare, format!("data:;base64,{padded}")]
    {
        assert_eq!(ImageFiles.decode(&file, &mut accepted).as_ref(), Ok(&expected));
    }
}

#[test]
fn what_is_no_image_is_told() {
    for (file, expected) in [
        ("not base64!", "expected a PNG or JPEG file in base64, the text \"not base64!\" came"),
        ("R0lGODlhAQABAAAAACw=", "one of another format came: the text \"R0lGODlhAQABAAAAACw=\""),
        ("", "one of another format came"),
        ("data:image/png,abc", "expected an address as in `data:image/png;base64,…`"),
    ] {
        let error = ImageFiles.decode(file, &mut accepted).unwrap_err();
        assert!(error.contains(expected), "{error}");
    }
    let bytes = png(colors());
    for n_bytes in [8, 20, 40, bytes.len() / 2] {
        let error = decode(&bytes[..n_bytes]).unwrap_err();
        assert!(error.starts_with("expected a whole PNG file"), "{error}");
    }
    let mut jpeg = Vec::new();
    JpegEncoder::new(&mut jpeg).encode_image(&colors()).unwrap();
    for n_bytes in [4, 30, jpeg.len() / 2, jpeg.len() - 2] {
        let error = decode(&jpeg[..n_bytes]).unwrap_err();
        assert!(error.starts_with("expected a whole JPEG file"), "{error}");
    }
    // What some cameras put behind the end is passed over.
    jpeg.extend([0, 1, 2]);
    assert!(decode(&jpeg).is_ok());
}

/// A PNG of grey pixels whose header says another size; its check is that of the header.
fn claiming(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = png(GrayImage::new(1, 1));
    bytes[16..20].copy_from_slice(&width.to_be_bytes());
    bytes[20..24].copy_from_slice(&height.to_be_bytes());
    let crc = bytes[12..29].iter().fold(u32::MAX, |crc, byte| {
        (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 })
    });
    bytes[29..33].copy_from_slice(&(!crc).to_be_bytes());
    bytes
}

#[test]
fn a_size_is_asked_for_before_pixels_are_made() {
    let mut asked = Vec::new();
    let mut refuse = |width, height| {
        asked.push((width, height));
        Err("too large".to_owned())
    };
    let file = BASE64_STANDARD.encode(claiming(60_000, 70_000));
    assert_eq!(ImageFiles.decode(&file, &mut refuse), Err("too large".to_owned()));
    assert_eq!(asked, [(60_000, 70_000)]);
    assert!(decode(&claiming(60_000, 70_000)).unwrap_err().contains("60000 × 70000 came"));
    // A size that is accepted, and hardly a byte behind it.
    assert!(decode(&claiming(4_000, 4_000)).unwrap_err().starts_with("expected a whole PNG file"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn damaged_files_do_no_harm(
        is_png: bool,
        damage in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut bytes = if is_png {
            png(colors())
        } else {
            let mut bytes = Vec::new();
            JpegEncoder::new(&mut bytes).encode_image(&colors()).unwrap();
            bytes
        };
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        let mut small = |width: usize, height: usize| if width * height <= 10_000 { Ok(()) } else { Err(String::new()) };
        for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
            if let Ok(image) = ImageFiles.decode(&BASE64_STANDARD.encode(bytes), &mut small) {
                prop_assert!(image.width() * image.height() <= 10_000);
            }
        }
    }
}

/// The decoder panics on it.
#[test]
fn a_palette_without_the_colours_of_its_pixels_is_damage() {
    let file = include_bytes!("../../../tests/fuzzing/corpus/image/palette_too_short.png");
    assert_eq!(decode(file).unwrap_err(), damaged("PNG"));
}
