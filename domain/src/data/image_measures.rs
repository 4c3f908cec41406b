//! What is measured of an image at once, and all that is kept of it.
//!
//! * **Size**: `width` and `height` in pixels.
//! * **Light**: `brightness`, the mean of the luma, `contrast`, its standard deviation, and `sharpness`, the standard deviation
//!   of its Laplacian (by four neighbours, the edge repeated), all in shares of white. Luma is (299 R + 587 G + 114 B) / 1000
//!   rounded to 8 bits.
//! * **Tones**: `tone_1` (darkest) to `tone_8` (lightest), the share of pixels in each eighth of luma.
//! * **Hues**: `hue_red` … `hue_magenta`, for each sixth of the colour wheel, centred on its colour, the mean over all pixels of
//!   the chroma (largest less smallest of R, G, B, in shares) of those in it. A grey image has 0 in all.
//! * **Thumbnail**: the luma in 16 × 16 cells of equal area, whatever the image's sides; a cell is the mean of what it covers,
//!   parts of pixels by their area.
//!
//! Everything but the last division and root is exact integer arithmetic, so every machine measures the same.
//!
//! **Cost**: O(pixels), a few nanoseconds each; a byte of memory a pixel for the luma of a coloured image. What stays is
//! [`N_MEASURES`] numbers in single precision, 1.1 KB.
//!
//! **Source**: Pech-Pacheco et al., *Diatom autofocusing in brightfield microscopy* (2000) for the variance of the Laplacian;
//! ITU-R BT.601 for luma.

use std::borrow::Cow;

use super::image::Image;

/// Cells of a side of the thumbnail.
pub const THUMBNAIL_SIDE: usize = 16;
/// Cells of the thumbnail.
pub const THUMBNAIL_CELLS: usize = THUMBNAIL_SIDE * THUMBNAIL_SIDE;
/// What people can read; the first of the measures.
pub const IMAGE_STATISTICS: [&str; N_STATISTICS] = [
    "width",
    "height",
    "brightness",
    "contrast",
    "sharpness",
    "tone_1",
    "tone_2",
    "tone_3",
    "tone_4",
    "tone_5",
    "tone_6",
    "tone_7",
    "tone_8",
    "hue_red",
    "hue_yellow",
    "hue_green",
    "hue_cyan",
    "hue_blue",
    "hue_magenta",
];
/// How many they are.
pub const N_STATISTICS: usize = 5 + N_TONES + N_HUES;
/// Numbers that an image becomes: the statistics, then the thumbnail row by row.
pub const N_MEASURES: usize = N_STATISTICS + THUMBNAIL_CELLS;

const N_TONES: usize = 8;
const N_HUES: usize = 6;
/// Lumas of one tone.
const TONE: usize = 256 / N_TONES;

/// Measures an image: [`N_MEASURES`] numbers, the statistics in the order of [`IMAGE_STATISTICS`], then the thumbnail.
#[expect(clippy::cast_possible_truncation, reason = "single precision is what is kept")]
pub fn measure(image: &Image) -> Vec<f32> {
    let luma = luma(image);
    let n_pixels = luma.len() as f64;
    let (brightness, contrast) = mean_and_deviation(luma.len(), luma.iter().map(|value| i64::from(*value)));
    let mut tones = [0_u32; N_TONES];
    for value in &*luma {
        tones[usize::from(*value) / TONE] += 1;
    }
    let mut measures: Vec<f32> = Vec::with_capacity(N_MEASURES);
    let sharpness = sharpness(&luma, image.width());
    measures.extend([image.width() as f32, image.height() as f32]);
    measures.extend([brightness, contrast, sharpness].map(|share| (share / 255.0) as f32));
    measures.extend(tones.map(|count| (f64::from(count) / n_pixels) as f32));
    measures.extend(hues(image).map(|chroma| (chroma as f64 / 255.0 / n_pixels) as f32));
    let unit = 255.0 * n_pixels;
    measures.extend(thumbnail(&luma, image.width(), image.height()).map(|sum| (sum as f64 / unit) as f32));
    measures
}

/// The lightness of each pixel, 0 to 255.
fn luma(image: &Image) -> Cow<'_, [u8]> {
    if image.n_channels() == 1 {
        return Cow::Borrowed(image.pixels());
    }
    let luma = |pixel: &[u8]| {
        let weighted = 299 * u32::from(pixel[0]) + 587 * u32::from(pixel[1]) + 114 * u32::from(pixel[2]);
        u8::try_from((weighted + 500) / 1_000).unwrap_or(u8::MAX)
    };
    image.pixels().chunks_exact(3).map(luma).collect()
}

/// Mean and standard deviation of `n` whole numbers, of at most 33 million and of at most some thousands each: the sums are exact.
fn mean_and_deviation(n: usize, values: impl Iterator<Item = i64>) -> (f64, f64) {
    let (sum, squares) = values.fold((0_i64, 0_i64), |(sum, squares), value| (sum + value, squares + value * value));
    let n_wide = n as i128;
    let spread = n_wide * i128::from(squares) - i128::from(sum) * i128::from(sum);
    (sum as f64 / n as f64, (spread as f64).sqrt() / n as f64)
}

/// The standard deviation of the Laplacian.
fn sharpness(luma: &[u8], width: usize) -> f64 {
    let height = luma.len() / width;
    let row = |y: usize| &luma[y * width..(y + 1) * width];
    let laplacians = (0..height).flat_map(|y| {
        let (above, here, below) = (row(y.saturating_sub(1)), row(y), row((y + 1).min(height - 1)));
        (0..width).map(move |x| {
            let neighbours = [above[x], below[x], here[x.saturating_sub(1)], here[(x + 1).min(width - 1)]];
            neighbours.into_iter().map(i64::from).sum::<i64>() - 4 * i64::from(here[x])
        })
    });
    mean_and_deviation(luma.len(), laplacians).1
}

/// The sum of the chroma of the pixels of each sixth of the colour wheel.
fn hues(image: &Image) -> [u64; N_HUES] {
    let mut hues = [0; N_HUES];
    if image.n_channels() == 1 {
        return hues;
    }
    for pixel in image.pixels().chunks_exact(3) {
        let [red, green, blue] = [pixel[0], pixel[1], pixel[2]].map(i32::from);
        let largest = red.max(green).max(blue);
        let chroma = largest - red.min(green).min(blue);
        if chroma == 0 {
            continue;
        }
        // The place of the largest on the wheel, and how far from it towards the next one in twelfths of the wheel.
        let (center, beyond) = match largest {
            _ if largest == red => (0, green - blue),
            _ if largest == green => (2, blue - red),
            _ => (4, red - green),
        };
        let hue = match 2 * beyond {
            twice if twice > chroma => center + 1,
            twice if twice < -chroma => center + N_HUES - 1,
            _ => center,
        };
        hues[hue % N_HUES] += u64::from(chroma.unsigned_abs());
    }
    hues
}

/// The sums of the cells, each over an area that counts as many as there are pixels: with pixels of 16 × 16 parts, a cell has
/// `width` × `height` parts.
fn thumbnail(luma: &[u8], width: usize, height: usize) -> [u64; THUMBNAIL_CELLS] {
    let mut cells = [0; THUMBNAIL_CELLS];
    for (y, row) in luma.chunks_exact(width).enumerate() {
        let mut across = [0_u64; THUMBNAIL_SIDE];
        for (cell, sum) in across.iter_mut().enumerate() {
            for (x, parts) in parts(cell, width) {
                *sum += u64::from(row[x]) * parts;
            }
        }
        // The cells that the row lies in.
        for down in y * THUMBNAIL_SIDE / height..=((y + 1) * THUMBNAIL_SIDE - 1) / height {
            let parts = overlap(down, y, height);
            for (cell, sum) in cells[down * THUMBNAIL_SIDE..][..THUMBNAIL_SIDE].iter_mut().zip(across) {
                *cell += sum * parts;
            }
        }
    }
    cells
}

/// The pixels that a cell of a side covers, each with how many of its 16 parts.
fn parts(cell: usize, length: usize) -> impl Iterator<Item = (usize, u64)> {
    let (first, last) = (cell * length / THUMBNAIL_SIDE, ((cell + 1) * length - 1) / THUMBNAIL_SIDE);
    (first..=last).map(move |pixel| (pixel, overlap(cell, pixel, length)))
}

fn overlap(cell: usize, pixel: usize, length: usize) -> u64 {
    let end = ((cell + 1) * length).min((pixel + 1) * THUMBNAIL_SIDE);
    (end - (cell * length).max(pixel * THUMBNAIL_SIDE)) as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(width: usize, height: usize, n_channels: usize, pixels: Vec<u8>) -> Vec<f32> {
        let measures = measure(&Image::new(width, height, n_channels, pixels).unwrap());
        assert_eq!(measures.len(), N_MEASURES);
        measures
    }

    fn of(measures: &[f32], name: &str) -> f32 {
        measures[IMAGE_STATISTICS.iter().position(|statistic| *statistic == name).unwrap()]
    }

    #[test]
    fn a_checkerboard_has_all_the_contrast_and_sharpness() {
        let pixels = (0..64).map(|index| if (index / 8 + index) % 2 == 0 { 255 } else { 0 }).collect();
        let board = measured(8, 8, 1, pixels);
        assert_eq!((of(&board, "width"), of(&board, "height")), (8.0, 8.0));
        assert_eq!((of(&board, "brightness"), of(&board, "contrast")), (0.5, 0.5));
        assert_eq!((of(&board, "tone_1"), of(&board, "tone_8"), of(&board, "tone_4")), (0.5, 0.5, 0.0));
        // Inside, 4; at an edge 3, in a corner 2: of 36, 24 and 4 pixels.
        let expected: f32 = ((36.0 * 16.0 + 24.0 * 9.0 + 4.0 * 4.0) / 64.0_f32).sqrt();
        assert!((of(&board, "sharpness") - expected).abs() < 1e-6, "{}", of(&board, "sharpness"));
        // Each pixel is four cells.
        assert_eq!(board[N_STATISTICS..N_STATISTICS + 4], [1.0, 1.0, 0.0, 0.0]);
        let plain = measured(3, 1, 1, vec![51; 3]);
        assert_eq!((of(&plain, "contrast"), of(&plain, "sharpness"), of(&plain, "brightness")), (0.0, 0.0, 0.2));
        assert!(plain[N_STATISTICS..].iter().all(|cell| *cell == 0.2));
    }

    #[test]
    fn hues_are_told_by_their_colours() {
        for (color, name) in [
            ([255, 0, 60], "hue_red"),
            ([255, 0, 0], "hue_red"),
            ([200, 200, 0], "hue_yellow"),
            ([0, 99, 0], "hue_green"),
            ([0, 255, 200], "hue_cyan"),
            ([10, 10, 30], "hue_blue"),
            ([255, 0, 200], "hue_magenta"),
            ([200, 0, 255], "hue_magenta"),
        ] {
            let mut pixels = color.to_vec();
            pixels.extend([128, 128, 128]);
            let measures = measured(2, 1, 3, pixels);
            let chroma = f64::from(color.into_iter().max().unwrap() - color.into_iter().min().unwrap());
            let hues = &measures[N_STATISTICS - N_HUES..N_STATISTICS];
            assert!((f64::from(of(&measures, name)) - chroma / 510.0).abs() < 1e-6, "{name} {hues:?}");
            assert_eq!(hues.iter().filter(|hue| **hue > 0.0).count(), 1, "{name} {hues:?}");
        }
    }

    #[test]
    fn grey_in_colours_is_as_grey() {
        let grey: Vec<u8> = (0..=255).collect();
        let colored = grey.iter().flat_map(|value| [*value; 3]).collect();
        assert_eq!(measured(32, 8, 1, grey), measured(32, 8, 3, colored));
    }

    #[test]
    fn a_thumbnail_is_the_mean_of_what_its_cells_cover() {
        let mut state = 1_u32;
        for (width, height) in [(16, 16), (1, 1), (5, 40), (33, 7), (28, 28), (64, 48)] {
            let mut next = || {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                (state >> 24) as u8
            };
            let pixels: Vec<u8> = (0..width * height).map(|_| next()).collect();
            let measures = measured(width, height, 1, pixels.clone());
            // By parts so small that each lies in one pixel and in one cell.
            for cell in 0..THUMBNAIL_CELLS {
                let (down, across) = (cell / THUMBNAIL_SIDE, cell % THUMBNAIL_SIDE);
                let mut sum = 0.0;
                for y in down * height..(down + 1) * height {
                    for x in across * width..(across + 1) * width {
                        sum += f64::from(pixels[y / THUMBNAIL_SIDE * width + x / THUMBNAIL_SIDE]);
                    }
                }
                let expected = sum / (width * height) as f64 / 255.0;
                let came = f64::from(measures[N_STATISTICS + cell]);
                assert!((came - expected).abs() < 1e-6, "{width} × {height}, {cell}: {came} {expected}");
            }
        }
    }
}
