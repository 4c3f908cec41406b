//! The exponential function of many negative numbers at once.
//!
//! Kernel sums spend their time in `exp`. This one has no branch and no call, so the compiler turns a loop over it
//! into vector instructions. Cody & Waite's two-part reduction by multiples of ln 2, then a Taylor polynomial of
//! degree 13 on `|r| <= ln(2)/2`; the relative error stays within 5e-16 (tested).

/// Below this the result is the exponential of this number, about 3e-308, instead of a smaller one.
const SMALLEST: f64 = -708.0;
/// Adding and subtracting it rounds to an integer, whose low bits stand in the sum's mantissa: 1.5 * 2^52.
const ROUND: f64 = 6_755_399_441_055_744.0;
const LN_2_HIGH: f64 = 0.693_147_180_369_123_8;
const LN_2_LOW: f64 = 1.908_214_929_270_587_7e-10;

/// `exp(x)` for `x <= 0`.
#[expect(clippy::inline_always, reason = "a loop becomes vector instructions only with this inside")]
#[inline(always)]
pub fn exp_of_negative(x: f64) -> f64 {
    let x = if x > SMALLEST { x } else { SMALLEST };
    let shifted = x * std::f64::consts::LOG2_E + ROUND;
    let k = shifted - ROUND;
    let r = (x - k * LN_2_HIGH) - k * LN_2_LOW;
    let r2 = r * r;
    let r4 = r2 * r2;
    let r8 = r4 * r4;
    // Estrin's scheme: short chains of dependent operations.
    let p01 = 1.0 + r;
    let p23 = 0.5 + r * (1.0 / 6.0);
    let p45 = 1.0 / 24.0 + r * (1.0 / 120.0);
    let p67 = 1.0 / 720.0 + r * (1.0 / 5_040.0);
    let p89 = 1.0 / 40_320.0 + r * (1.0 / 362_880.0);
    let p1011 = 1.0 / 3_628_800.0 + r * (1.0 / 39_916_800.0);
    let p1213 = 1.0 / 479_001_600.0 + r * (1.0 / 6_227_020_800.0);
    let low = (p01 + r2 * p23) + r4 * (p45 + r2 * p67);
    let high = (p89 + r2 * p1011) + r4 * p1213;
    let polynomial = low + r8 * high;
    // 2^k: the integer's low bits moved into the exponent.
    let power = f64::from_bits((shifted.to_bits().wrapping_add(1023)) << 52);
    polynomial * power
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_agrees_with_the_standard_library() {
        let mut worst = 0.0_f64;
        for step in 0..2_000_000 {
            let x = -f64::from(step) * 3.5e-4;
            let expected = x.exp();
            worst = worst.max(((exp_of_negative(x) - expected) / expected).abs());
        }
        assert!(worst <= 5e-16, "relative error {worst:e}");
        assert_eq!(exp_of_negative(0.0), 1.0);
        assert_eq!(exp_of_negative(-0.0), 1.0);
        assert!(exp_of_negative(f64::NEG_INFINITY) < 1e-300);
        assert!(exp_of_negative(-1e300) < 1e-300);
    }
}
