//! Fashion-MNIST (Xiao, Rasul & Vollgraf, 2017): 10,000 grey pictures of 28 × 28 pixels, of ten kinds of garments in no order.

use std::fs::File;
use std::io::Read;
use std::sync::LazyLock;

use drifting_domain::data::Image;
use flate2::read::GzDecoder;

const SIDE: usize = 28;

/// The pictures with the number of their kind.
static GARMENTS: LazyLock<Vec<(u8, Vec<u8>)>> = LazyLock::new(|| {
    let (pictures, kinds) = (bytes("t10k-images-idx3-ubyte.gz", 16), bytes("t10k-labels-idx1-ubyte.gz", 8));
    kinds.into_iter().zip(pictures.chunks_exact(SIDE * SIDE).map(<[u8]>::to_vec)).collect()
});

/// The bytes behind the header of a file of the package that `scripts/test` installs.
fn bytes(file: &str, n_header: usize) -> Vec<u8> {
    let file = File::open(format!("/usr/share/datasets/fashion-mnist/{file}"));
    let file = file.expect("the data of the Debian package dataset-fashion-mnist, which scripts/test installs");
    let mut bytes = Vec::new();
    GzDecoder::new(file).read_to_end(&mut bytes).expect("they are compressed by gzip");
    bytes.split_off(n_header)
}

/// `n` pictures from the `start`-th on, of all kinds; after the last one the first one comes.
pub fn all(start: usize, n: usize) -> Vec<Image> {
    GARMENTS.iter().cycle().skip(start).take(n).map(|(_, pixels)| image(pixels.clone())).collect()
}

/// The same, of some kinds.
pub fn of_kinds(kinds: std::ops::Range<u8>, start: usize, n: usize) -> Vec<Image> {
    let of_kinds = GARMENTS.iter().filter(|(kind, _)| kinds.contains(kind));
    of_kinds.skip(start).take(n).map(|(_, pixels)| image(pixels.clone())).collect()
}

/// Every pixel the mean of itself and its eight neighbours.
pub fn blurred(images: &[Image]) -> Vec<Image> {
    let blur = |pixels: &[u8]| {
        let around = |at: usize| at.saturating_sub(1)..(at + 2).min(SIDE);
        let mean = |at: usize| {
            let near: Vec<usize> = around(at / SIDE)
                .flat_map(|y| around(at % SIDE).map(move |x| usize::from(pixels[y * SIDE + x])))
                .collect();
            u8::try_from(near.iter().sum::<usize>() / near.len()).expect("a mean of bytes")
        };
        (0..pixels.len()).map(mean).collect()
    };
    images.iter().map(|picture| image(blur(picture.pixels()))).collect()
}

/// Every pixel at seven tenths of its lightness.
pub fn darkened(images: &[Image]) -> Vec<Image> {
    let darken = |value: &u8| u8::try_from(u32::from(*value) * 7 / 10).expect("less than it was");
    images.iter().map(|picture| image(picture.pixels().iter().map(darken).collect())).collect()
}

fn image(pixels: Vec<u8>) -> Image {
    Image::new(SIDE, SIDE, 1, pixels).expect("28 × 28 bytes")
}
