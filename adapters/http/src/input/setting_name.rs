//! The names of settings, each once.

/// Declares the names by where they stand.
macro_rules! names {
    ($($(#[$about:meta])* $group:ident { $($name:ident = $text:literal,)+ })+) => {
        /// A setting by its name.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub(super) enum Name {
            $($($name,)+)+
        }

        impl Name {
            $($(#[$about])* pub(super) const $group: &[Self] = &[$(Self::$name),+];)+

            pub(super) fn as_str(self) -> &'static str {
                match self {
                    $($(Self::$name => $text,)+)+
                }
            }
        }
    };
}

names! {
    /// Those at the top of a body.
    TOP {
        DriftType = "drift_type",
        Truth = "truth",
        Overwrite = "overwrite",
        MissingValues = "missing_values",
        ReportRunLength = "report_run_length",
        Quality = "quality",
    }
    /// Those of `sequence`.
    SEQUENCE {
        Difference = "difference",
        Season = "season",
        BlockLength = "block_length",
    }
    /// Those of its `season`.
    SEASON {
        SeasonColumn = "column",
        SeasonPeriod = "period",
        SeasonTimestamp = "timestamp",
        SeasonBy = "by",
    }
    /// Those of `preprocessing`.
    PREPROCESSING {
        Standardize = "standardize",
        NComponents = "n_components",
        Features = "features",
        Encoder = "encoder",
    }
    /// Those of `detector`.
    DETECTOR {
        Kind = "kind",
        Ert = "ert",
        WindowSize = "window_size",
        WindowSizes = "window_sizes",
        NBootstraps = "n_bootstraps",
        Sigma = "sigma",
        Alternative = "alternative",
        Lam = "lam",
        TMax = "t_max",
        NKernelCenters = "n_kernel_centers",
        LambdaRdMax = "lambda_rd_max",
        Seed = "seed",
        PVal = "p_val",
        Correction = "correction",
        Tests = "tests",
        MinEffect = "min_effect",
        NPermutations = "n_permutations",
        PValueRule = "p_value_rule",
        ConfigureKernel = "configure_kernel_from_x_ref",
        Model = "model",
        NTrees = "n_trees",
        NFolds = "n_folds",
        TrainSize = "train_size",
        BinarizePreds = "binarize_preds",
        UseCalibration = "use_calibration",
        NDiffs = "n_diffs",
        L1Reg = "l1_reg",
        LearningRate = "learning_rate",
        Epochs = "epochs",
        BatchSize = "batch_size",
        PredsType = "preds_type",
        UncertaintyType = "uncertainty_type",
        MarginWidth = "margin_width",
        ContextColumns = "context_columns",
        ContextSigma = "context_sigma",
        PropCHeld = "prop_c_held",
        Window = "window",
        UpdateReference = "update_reference",
        AfterAlarm = "after_alarm",
        Preset = "preset",
        Metric = "metric",
        DivergenceMetric = "divergence_metric",
        Threshold = "threshold",
        DriftShare = "drift_share",
        DetectorComponents = "n_components",
        ChunkSize = "chunk_size",
        NFrequencies = "n_frequencies",
        CountUbound = "count_ubound",
        FeedReference = "feed_reference",
        Delta = "delta",
        Clock = "clock",
        MaxBuckets = "max_buckets",
        MinWindowLength = "min_window_length",
        GracePeriod = "grace_period",
        KeepWindow = "keep_window",
        MinInstances = "min_instances",
        Alpha = "alpha",
        Mode = "mode",
        StatSize = "stat_size",
        Lambda = "lambda",
        MinNumInstances = "min_num_instances",
        BurnIn = "burn_in",
        WarmStart = "warm_start",
        WarningThreshold = "warning_threshold",
        DriftThreshold = "drift_threshold",
        Beta = "beta",
        DriftConfidence = "drift_confidence",
        WarningConfidence = "warning_confidence",
        TwoSidedTest = "two_sided_test",
        WarningLevel = "warning_level",
        DriftLevel = "drift_level",
        MaxConceptSize = "max_concept_size",
        MinConceptSize = "min_concept_size",
        MaxNumInstancesWarning = "max_num_instances_warning",
        AlphaD = "alpha_d",
        AlphaW = "alpha_w",
        SlidingWindowSize = "sliding_window_size",
        ConfidenceLevel = "confidence_level",
        ShortWindowSize = "short_window_size",
        AverageRunLength = "average_run_length",
        Hazard = "hazard",
        PriorMean = "prior_mean",
        PriorVariance = "prior_variance",
        DataVariance = "data_variance",
        MaxRunLengths = "max_run_lengths",
    }
}

impl Name {
    /// Those of `sequence` as keys of a query string.
    pub(super) const OF_SERIES: [(&str, Self); 6] = [
        ("sequence.difference", Self::Difference),
        ("sequence.season.column", Self::SeasonColumn),
        ("sequence.season.period", Self::SeasonPeriod),
        ("sequence.season.timestamp", Self::SeasonTimestamp),
        ("sequence.season.by", Self::SeasonBy),
        ("sequence.block_length", Self::BlockLength),
    ];

    /// Every name but those of `sequence`, whose keys in a query string are longer.
    pub(super) fn all() -> impl Iterator<Item = Self> + Clone {
        [Self::TOP, Self::PREPROCESSING, Self::DETECTOR].into_iter().flatten().copied()
    }

    /// Whether it takes an object.
    pub(super) fn is_object(self) -> bool {
        matches!(self, Self::Tests | Self::Window | Self::UpdateReference | Self::Quality)
    }

    /// Whether it takes a list.
    pub(super) fn is_list(self) -> bool {
        matches!(self, Self::WindowSizes | Self::Sigma | Self::ContextColumns | Self::ContextSigma | Self::SeasonBy)
    }
}
