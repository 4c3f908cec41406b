//! A picture: its pixels, checked once.

/// Longer sides than this are refused.
const SIDE_MAX: usize = 1 << 14;
/// More pixels than this are refused.
const PIXELS_MAX: usize = 1 << 25;
/// What an 8-bit value has at the most.
const LIGHTEST: f64 = 255.0;

/// Why something is no image.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum InvalidImage {
    /// A side is empty or too long, or there are too many pixels.
    #[error(
        "expected an image with sides of 1 to {SIDE_MAX} pixels and at most {PIXELS_MAX} pixels, one of {width} × {height} came"
    )]
    Size {
        /// Pixels a row.
        width: usize,
        /// Rows.
        height: usize,
    },
    /// A pixel has neither one value nor three, with or without an opacity.
    #[error("expected 1 to 4 values a pixel (grey, grey and opacity, red green blue, the same with opacity), {0} came")]
    Channels(usize),
    /// There are not as many values as the sides and the channels say.
    #[error("expected {expected} values for an image of this size, {actual} came")]
    Length {
        /// Width times height times channels.
        expected: usize,
        /// What came.
        actual: usize,
    },
    /// A value that no pixel has.
    #[error("expected values of pixels of 0 to 1 or of 0 to 255, {0} came")]
    Value(f64),
}

/// A picture of 8-bit pixels: grey ones, or red, green and blue in sRGB. What was transparent has been laid on white.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    width: usize,
    height: usize,
    /// Values of a pixel: 1 or 3.
    n_channels: usize,
    /// Row by row from the top, each pixel's values one after the other.
    pixels: Vec<u8>,
}

impl Image {
    /// Whether an image may have such a size; asked before its pixels are made.
    ///
    /// # Errors
    /// When a side is 0 or too long, or when there are too many pixels.
    pub fn check_size(width: usize, height: usize) -> Result<(), InvalidImage> {
        let is_side = |side: usize| (1..=SIDE_MAX).contains(&side);
        if is_side(width) && is_side(height) && width * height <= PIXELS_MAX {
            Ok(())
        } else {
            Err(InvalidImage::Size { width, height })
        }
    }

    /// An image of `height` rows of `width` pixels of `n_channels` values: 1 (grey), 2 (grey, opacity), 3 (red, green, blue)
    /// or 4 (the same with opacity), row-major. Opacity is taken out: the image is laid on white.
    ///
    /// # Errors
    /// When the size is refused, the number of channels is another one, or the values are not as many.
    pub fn new(width: usize, height: usize, n_channels: usize, mut pixels: Vec<u8>) -> Result<Self, InvalidImage> {
        Self::check_size(width, height)?;
        if !(1..=4).contains(&n_channels) {
            return Err(InvalidImage::Channels(n_channels));
        }
        let expected = width * height * n_channels;
        if pixels.len() != expected {
            return Err(InvalidImage::Length { expected, actual: pixels.len() });
        }
        let n_opaque = if n_channels.is_multiple_of(2) { n_channels - 1 } else { n_channels };
        if n_opaque < n_channels {
            for pixel in 0..width * height {
                let opacity = u32::from(pixels[pixel * n_channels + n_opaque]);
                for channel in 0..n_opaque {
                    let value = u32::from(pixels[pixel * n_channels + channel]);
                    let laid = (value * opacity + 255 * (255 - opacity) + 127) / 255;
                    pixels[pixel * n_opaque + channel] = u8::try_from(laid).unwrap_or(u8::MAX);
                }
            }
            pixels.truncate(width * height * n_opaque);
        }
        Ok(Self { width, height, n_channels: n_opaque, pixels })
    }

    /// The same of an array of numbers. Where none is above 1 they are shares of 1, so that 1 is the lightest; else they are
    /// 0 to 255. Both are rounded to the nearest 8-bit value.
    ///
    /// # Errors
    /// As [`Self::new`], and where a number is not finite, below 0 or above 255.
    pub fn of_numbers(width: usize, height: usize, n_channels: usize, numbers: &[f64]) -> Result<Self, InvalidImage> {
        if let Some(wrong) = numbers.iter().find(|number| !(0.0..=LIGHTEST).contains(*number)) {
            return Err(InvalidImage::Value(*wrong));
        }
        let unit = if numbers.iter().all(|number| *number <= 1.0) { LIGHTEST } else { 1.0 };
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 255")]
        let pixels = numbers.iter().map(|number| (number * unit).round() as u8).collect();
        Self::new(width, height, n_channels, pixels)
    }

    /// Pixels a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Rows.
    pub fn height(&self) -> usize {
        self.height
    }

    /// Values of a pixel: 1 (grey) or 3 (red, green, blue).
    pub fn n_channels(&self) -> usize {
        self.n_channels
    }

    /// The values, row by row from the top, a pixel's one after the other.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_shares_where_none_is_above_one() {
        let of = |numbers: &[f64]| Image::of_numbers(numbers.len(), 1, 1, numbers).map(|image| image.pixels);
        assert_eq!(of(&[0.0, 0.5, 1.0]), Ok(vec![0, 128, 255]));
        assert_eq!(of(&[0.0, 0.5, 1.5]), Ok(vec![0, 1, 2]));
        assert_eq!(of(&[0.0, 1.0, 255.0]), Ok(vec![0, 1, 255]));
        for wrong in [-0.1, 255.1, f64::INFINITY] {
            assert_eq!(of(&[0.0, wrong]), Err(InvalidImage::Value(wrong)));
        }
        assert!(of(&[f64::NAN]).is_err());
    }

    #[test]
    fn what_is_transparent_lies_on_white() {
        let pixels = vec![10, 20, 30, 255, 10, 20, 30, 0, 0, 0, 0, 128];
        let image = Image::new(3, 1, 4, pixels).unwrap();
        assert_eq!((image.n_channels(), image.pixels()), (3, &[10, 20, 30, 255, 255, 255, 127, 127, 127][..]));
        let image = Image::new(1, 2, 2, vec![7, 255, 7, 0]).unwrap();
        assert_eq!((image.n_channels(), image.pixels()), (1, &[7, 255][..]));
    }

    #[test]
    fn sizes_and_lengths_are_checked() {
        for (width, height) in [(0, 1), (1, 0), (SIDE_MAX + 1, 1), (SIDE_MAX, SIDE_MAX), (usize::MAX, usize::MAX)] {
            assert_eq!(Image::check_size(width, height), Err(InvalidImage::Size { width, height }));
        }
        assert_eq!(Image::new(1, 1, 5, vec![0; 5]), Err(InvalidImage::Channels(5)));
        assert_eq!(Image::new(2, 2, 3, vec![0; 11]), Err(InvalidImage::Length { expected: 12, actual: 11 }));
    }
}
