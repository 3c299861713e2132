//! What a group with target tracking policies is told once.

use serde::{Deserialize, Serialize};

use super::alarm::AlarmRule;
use crate::Span;

/// A group and its target tracking policies. All values are explicit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Smallest desired capacity.
    pub min: i32,
    /// Largest desired capacity.
    pub max: i32,
    /// The policies of the group.
    pub policies: Vec<TargetPolicy>,
    /// Length of one datapoint. The caller publishes datapoints of this length; decisions only count them.
    #[serde(rename = "period_ns")]
    pub period: Span,
    /// The high alarm fires after this many datapoints above the target.
    pub high_datapoints: u32,
    /// The low alarm fires after this many datapoints below the low threshold.
    pub low_datapoints: u32,
    /// The low threshold as a share of the target.
    pub low_factor: f64,
    /// An alarm that stays on acts again after this time.
    #[serde(rename = "alarm_repeat_ns")]
    pub alarm_repeat: Span,
    /// How long an instance in service is still warming. The caller applies it when it counts warmed and warming instances.
    #[serde(rename = "instance_warmup_ns")]
    pub instance_warmup: Span,
}

/// One target tracking policy.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TargetPolicy {
    /// What is measured.
    pub metric: Metric,
    /// The value to hold, in the metric's own unit.
    pub target: f64,
    /// Whether this policy only ever scales out.
    pub disable_scale_in: bool,
}

/// A predefined metric: an average over the warmed instances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// `ASGAverageCPUUtilization`, in percent.
    Cpu,
    /// `ALBRequestCountPerTarget`, requests per instance and minute.
    RequestCountPerTarget,
}

impl Metric {
    /// The metric's name for a log or a sentence.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::RequestCountPerTarget => "requests per target",
        }
    }

    /// The unit as it follows a number.
    pub const fn unit(self) -> &'static str {
        match self {
            Self::Cpu => " %",
            Self::RequestCountPerTarget => " per minute",
        }
    }
}

impl Config {
    pub(super) const fn high_rule(&self) -> AlarmRule {
        AlarmRule::all_of(self.high_datapoints)
    }

    pub(super) const fn low_rule(&self) -> AlarmRule {
        AlarmRule::all_of(self.low_datapoints)
    }
}
