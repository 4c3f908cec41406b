//! The exponential function of many negative numbers at once.
//!
//! Kernel sums spend their time in it. This one has no branch and no call, so the compiler turns a loop over it into
//! vector instructions. It is to the base 2, so that the reduction to `|f| <= 1/2` is exact and costs one subtraction;
//! whoever wants another base has a factor to multiply with anyway. Then a polynomial of degree 11, whose relative error is
//! the smallest possible (found by the exchange algorithm of Remez): 2e-17 before rounding, 5e-16 with it (tested). One of degree 7
//! takes 16 multiplications and additions in place of 24 and has an error of 4e-11, the same way.

/// Below this the result is that of this number, about 4e-308, instead of a smaller one.
const SMALLEST: f64 = -1021.0;
/// Adding and subtracting it rounds to an integer, whose low bits stand in the sum's mantissa: 1.5 * 2^52.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// Of `2^f` on `|f| <= 1/2`, by power.
const COEFFICIENTS: [f64; 12] = [
    1.0,
    0.693_147_180_559_945_7,
    0.240_226_506_959_100_97,
    0.055_504_108_664_790_39,
    0.009_618_129_107_607_003,
    0.001_333_355_815_344_002_4,
    0.000_154_035_304_415_723_1,
    1.525_272_738_514_155e-5,
    1.321_544_267_522_628_6e-6,
    1.018_064_767_930_533_4e-7,
    7.072_570_431_600_277e-9,
    4.078_069_113_192_610_5e-10,
];

/// The same with fewer powers.
const COEFFICIENTS_ROUGH: [f64; 8] = [
    0.999_999_999_961_682_8,
    0.693_147_180_728_437_7,
    0.240_226_511_981_542_6,
    0.055_504_103_534_825_794,
    0.009_618_027_253_909_7,
    0.001_333_392_252_980_445_5,
    0.000_154_692_911_019_019_66,
    1.520_193_021_018_367e-5,
];

/// `2^y` for `y <= 0`.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
pub fn exp2_of_negative(y: f64) -> f64 {
    let c = &COEFFICIENTS;
    let (f, power) = reduced(y);
    let f2 = f * f;
    let f4 = f2 * f2;
    // Estrin's scheme: short chains of dependent operations.
    let low = (c[0] + f * c[1]) + f2 * (c[2] + f * c[3]);
    let middle = (c[4] + f * c[5]) + f2 * (c[6] + f * c[7]);
    let high = (c[8] + f * c[9]) + f2 * (c[10] + f * c[11]);
    (low + f4 * (middle + f4 * high)) * power
}

/// `2^y` for `y <= 0`, with a relative error of 4e-11.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
pub fn exp2_of_negative_rough(y: f64) -> f64 {
    let c = &COEFFICIENTS_ROUGH;
    let (f, power) = reduced(y);
    let f2 = f * f;
    let low = (c[0] + f * c[1]) + f2 * (c[2] + f * c[3]);
    let high = (c[4] + f * c[5]) + f2 * (c[6] + f * c[7]);
    (low + f2 * f2 * high) * power
}

/// What is left of `y` within half of 1, and the power of 2 that it is left from.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
fn reduced(y: f64) -> (f64, f64) {
    let y = if y > SMALLEST { y } else { SMALLEST };
    let shifted = y + ROUND;
    // 2^k: the integer's low bits moved into the exponent.
    (y - (shifted - ROUND), f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_standard_library() {
        let (mut worst, mut worst_rough) = (0.0_f64, 0.0_f64);
        for step in 0..2_000_000 {
            let y = -f64::from(step) * 5.1e-4;
            let expected = y.exp2();
            worst = worst.max(((exp2_of_negative(y) - expected) / expected).abs());
            worst_rough = worst_rough.max(((exp2_of_negative_rough(y) - expected) / expected).abs());
        }
        assert!(worst <= 5e-16 && worst_rough <= 4.1e-11, "relative errors {worst:e} and {worst_rough:e}");
        assert_eq!(exp2_of_negative(0.0), 1.0);
        assert_eq!(exp2_of_negative(-0.0), 1.0);
        assert_eq!(exp2_of_negative(-1021.0), 2.0_f64.powi(-1021));
        for y in [f64::NEG_INFINITY, -1e300, -1022.0] {
            assert_eq!(exp2_of_negative(y), 2.0_f64.powi(-1021), "{y}");
        }
    }
}
