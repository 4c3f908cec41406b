//! The one setting of each streaming kind that says how readily it raises alarms.

use super::StreamingSettings;
use crate::detectors::DetectorKind;

/// Decades of a significance that are searched.
const SIGNIFICANCE: [f64; 2] = [0.002, 300.0];
/// Decades of what a sum may be.
const SUM: [f64; 2] = [-4.0, 6.0];
/// Decades of standard deviations.
const DEVIATIONS: [f64; 2] = [-1.0, 3.0];
/// Decades of how far a ratio is from 1.
const RATIO: [f64; 2] = [-3.0, 3.0];

/// The name of the setting in a request; nothing of kinds whose alarms no setting moves by itself.
pub(crate) fn sensitivity_of(kind: DetectorKind) -> Option<&'static str> {
    Some(match kind {
        DetectorKind::Adwin => "delta",
        DetectorKind::PageHinkley => "threshold",
        DetectorKind::Kswin => "alpha",
        DetectorKind::Cusum | DetectorKind::GeometricMovingAverage => "lambda",
        DetectorKind::Ddm => "drift_threshold",
        DetectorKind::Eddm => "beta",
        DetectorKind::HddmA | DetectorKind::HddmW => "drift_confidence",
        DetectorKind::Rddm => "drift_level",
        DetectorKind::Stepd => "alpha_d",
        DetectorKind::Fhddm => "confidence_level",
        DetectorKind::Bocd => "hazard",
        _ => return None,
    })
}

impl StreamingSettings {
    /// Where the search for the setting begins and ends, in decades: the larger, the fewer alarms.
    pub(crate) fn decades(&self) -> Option<[f64; 2]> {
        Some(match self {
            Self::Adwin(_) | Self::Kswin(_) | Self::HddmA(_) | Self::HddmW(_) | Self::Stepd(_) | Self::Bocd(_) => {
                SIGNIFICANCE
            }
            Self::Fhddm(settings) => [SIGNIFICANCE[0], SIGNIFICANCE[1].min(0.999 * settings.decades_max())],
            Self::PageHinkley(_) | Self::Cusum(_) | Self::GeometricMovingAverage(_) => SUM,
            Self::Ddm(_) | Self::Rddm(_) => DEVIATIONS,
            Self::Eddm(_) => RATIO,
            Self::Ecdd(_) => return None,
        })
    }

    /// The same with the setting at a place of the search; it may be one that [`StreamingSettings::issues`] refuses.
    pub(crate) fn with_decades(&self, decades: f64) -> Self {
        let (share, amount) = (10.0_f64.powf(-decades), 10.0_f64.powf(decades));
        let mut settings = self.clone();
        match &mut settings {
            Self::Adwin(settings) => settings.delta = share,
            Self::PageHinkley(settings) => settings.threshold = amount,
            Self::Kswin(settings) => settings.alpha = share,
            Self::Cusum(settings) => settings.lambda = amount,
            Self::Ddm(settings) => settings.drift_threshold = amount,
            Self::Eddm(settings) => settings.beta = 1.0 / (1.0 + amount),
            Self::HddmA(settings) => settings.drift_confidence = share,
            Self::HddmW(settings) => settings.drift_confidence = share,
            Self::Rddm(settings) => settings.drift_level = amount,
            Self::Stepd(settings) => settings.alpha_d = share,
            Self::Fhddm(settings) => settings.confidence_level = share,
            Self::GeometricMovingAverage(settings) => settings.lambda = amount,
            Self::Bocd(settings) => settings.hazard = share,
            Self::Ecdd(_) => {}
        }
        settings
    }
}
