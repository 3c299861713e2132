//! The status conditions of an HPA, with upstream's type and reason strings (table of section 4).

/// Why a condition has its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConditionReason {
    /// The target's scale was read and nothing later had more to say.
    SucceededGetScale,
    /// The target's scale could not be read.
    FailedGetScale,
    /// Stabilisation did not change the result.
    ReadyForNewScale,
    /// Stabilisation held back a scale-up.
    ScaleUpStabilized,
    /// Stabilisation held back a scale-down.
    ScaleDownStabilized,
    /// A new scale was written.
    SucceededRescale,
    /// A new scale could not be written.
    FailedUpdateScale,
    /// A replica count came out of the metrics.
    ValidMetricFound,
    /// The workload is set to zero and not by this HPA.
    ScalingDisabled,
    /// The selector is empty or cannot be parsed.
    InvalidSelector,
    /// Another HPA selects the same pods.
    AmbiguousSelector,
    /// A resource metric failed.
    FailedGetResourceMetric,
    /// A container resource metric failed.
    FailedGetContainerResourceMetric,
    /// A pods metric failed.
    FailedGetPodsMetric,
    /// An object metric failed.
    FailedGetObjectMetric,
    /// An external metric failed.
    FailedGetExternalMetric,
    /// A metric of unknown type.
    InvalidMetricSourceType,
    /// No limit acted.
    DesiredWithinRange,
    /// The smallest number of replicas acted.
    TooFewReplicas,
    /// The largest number of replicas acted.
    TooManyReplicas,
    /// The scale-up rate limit acted.
    ScaleUpLimit,
    /// The scale-down rate limit acted.
    ScaleDownLimit,
    /// This HPA put the workload to zero.
    ScaledToZero,
    /// The last scale of this HPA was not to zero.
    NotScaledToZero,
}

impl ConditionReason {
    /// Every reason.
    pub const ALL: [Self; 24] = [
        Self::SucceededGetScale,
        Self::FailedGetScale,
        Self::ReadyForNewScale,
        Self::ScaleUpStabilized,
        Self::ScaleDownStabilized,
        Self::SucceededRescale,
        Self::FailedUpdateScale,
        Self::ValidMetricFound,
        Self::ScalingDisabled,
        Self::InvalidSelector,
        Self::AmbiguousSelector,
        Self::FailedGetResourceMetric,
        Self::FailedGetContainerResourceMetric,
        Self::FailedGetPodsMetric,
        Self::FailedGetObjectMetric,
        Self::FailedGetExternalMetric,
        Self::InvalidMetricSourceType,
        Self::DesiredWithinRange,
        Self::TooFewReplicas,
        Self::TooManyReplicas,
        Self::ScaleUpLimit,
        Self::ScaleDownLimit,
        Self::ScaledToZero,
        Self::NotScaledToZero,
    ];

    /// Upstream's reason string.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::SucceededGetScale => "SucceededGetScale",
            Self::FailedGetScale => "FailedGetScale",
            Self::ReadyForNewScale => "ReadyForNewScale",
            Self::ScaleUpStabilized => "ScaleUpStabilized",
            Self::ScaleDownStabilized => "ScaleDownStabilized",
            Self::SucceededRescale => "SucceededRescale",
            Self::FailedUpdateScale => "FailedUpdateScale",
            Self::ValidMetricFound => "ValidMetricFound",
            Self::ScalingDisabled => "ScalingDisabled",
            Self::InvalidSelector => "InvalidSelector",
            Self::AmbiguousSelector => "AmbiguousSelector",
            Self::FailedGetResourceMetric => "FailedGetResourceMetric",
            Self::FailedGetContainerResourceMetric => "FailedGetContainerResourceMetric",
            Self::FailedGetPodsMetric => "FailedGetPodsMetric",
            Self::FailedGetObjectMetric => "FailedGetObjectMetric",
            Self::FailedGetExternalMetric => "FailedGetExternalMetric",
            Self::InvalidMetricSourceType => "InvalidMetricSourceType",
            Self::DesiredWithinRange => "DesiredWithinRange",
            Self::TooFewReplicas => "TooFewReplicas",
            Self::TooManyReplicas => "TooManyReplicas",
            Self::ScaleUpLimit => "ScaleUpLimit",
            Self::ScaleDownLimit => "ScaleDownLimit",
            Self::ScaledToZero => "ScaledToZero",
            Self::NotScaledToZero => "NotScaledToZero",
        }
    }
}

/// One condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Whether it holds.
    pub status: bool,
    /// Why.
    pub reason: ConditionReason,
}

impl Condition {
    pub(super) const fn yes(reason: ConditionReason) -> Self {
        Self {
            status: true,
            reason,
        }
    }

    pub(super) const fn no(reason: ConditionReason) -> Self {
        Self {
            status: false,
            reason,
        }
    }
}

/// The conditions of one HPA. What a reconcile does not touch keeps its value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// `AbleToScale`.
    pub able_to_scale: Option<Condition>,
    /// `ScalingActive`.
    pub scaling_active: Option<Condition>,
    /// `ScalingLimited`.
    pub scaling_limited: Option<Condition>,
    /// `ScaledToZero`.
    pub scaled_to_zero: Option<Condition>,
}

impl Conditions {
    /// The conditions that are set, with upstream's type strings.
    pub fn entries(&self) -> impl Iterator<Item = (&'static str, Condition)> {
        let all = [
            ("AbleToScale", self.able_to_scale),
            ("ScalingActive", self.scaling_active),
            ("ScalingLimited", self.scaling_limited),
            ("ScaledToZero", self.scaled_to_zero),
        ];
        all.into_iter()
            .filter_map(|(kind, condition)| Some((kind, condition?)))
    }
}
