//! One value taken in by all groups.

use crate::statistics::exponential::{exp2_of_negative, exp2_of_negative_rough};

/// A value, and what it is weighed with.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) x: f64,
    /// Probabilities are masses times this.
    pub(super) scale: f64,
    /// Of the squared deviation in the exponent to the base 2.
    pub(super) factor: f64,
}

/// The masses, means and precisions of groups.
pub(super) type Fields<'f> = (&'f [f64], &'f [f64], &'f [f64]);

impl Step {
    /// Weighs groups by the density of the value, and takes the value in.
    ///
    /// With `r = 1 / (1 + precision)`, the mean moves by `r` times the deviation, and the inverse variance of the value is `1 - r` in
    /// units of the precision of a value. Not inlined: only of arguments it is known that what is written is apart from what is read,
    /// and the loop becomes vector instructions.
    #[inline(never)]
    pub(super) fn take(
        self,
        (masses, means, precisions): Fields,
        to_masses: &mut [f64],
        to_means: &mut [f64],
        to: &mut [f64],
    ) {
        let groups = masses.iter().zip(means).zip(precisions);
        let places = to_masses.iter_mut().zip(to_means).zip(to);
        for (((mass, mean), precision), ((to_mass, to_mean), to_precision)) in groups.zip(places) {
            let updated = 1.0 + precision;
            let gain = 1.0 / updated;
            let inverse_variance = precision * gain;
            let deviation = self.x - mean;
            let exponent = self.factor * (deviation * deviation) * inverse_variance;
            *to_mass = mass * exp2_of_negative_rough(exponent) * inverse_variance.sqrt();
            *to_mean = mean + gain * deviation;
            *to_precision = updated;
        }
    }

    /// The same masses, of probabilities and up to a factor that makes the largest density 1; none where no group explains the value.
    pub(super) fn weigh_again(self, (masses, means, precisions): Fields, to_masses: &mut [f64]) {
        let groups = || masses.iter().zip(means).zip(precisions);
        let weigh = |mean: f64, precision: f64| {
            let inverse_variance = precision / (1.0 + precision);
            let deviation = self.x - mean;
            (self.factor * (deviation * deviation) * inverse_variance, inverse_variance.sqrt())
        };
        // Of runs that are possible: one whose probability has become 0 would leave nothing to the others.
        let possible = groups().filter(|((mass, _), _)| **mass > 0.0);
        let exponents = possible.map(|((_, mean), precision)| weigh(*mean, *precision).0);
        let largest = exponents.fold(f64::NEG_INFINITY, f64::max);
        for (((mass, mean), precision), to_mass) in groups().zip(to_masses) {
            let (exponent, root) = weigh(*mean, *precision);
            // Above it are impossible runs alone.
            let density = if largest.is_finite() { exp2_of_negative((exponent - largest).min(0.0)) } else { 0.0 };
            *to_mass = mass * self.scale * density * root;
        }
    }
}
