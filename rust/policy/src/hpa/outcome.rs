//! What one reconcile decided, and what it was computed from.

use std::fmt;

use super::conditions::{ConditionReason, Conditions};
use super::config::Config;
use super::observation::PodId;
use super::reason::Reason;

/// What one reconcile decided.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    /// The count the target was set to before.
    pub current_replicas: i32,
    /// The count the target should be set to; the current count where nothing was decided.
    pub desired_replicas: i32,
    /// Whether a new scale is written. Where it is, the target must be set to `desired_replicas`.
    pub scale_written: bool,
    /// Whether the reconcile reports an error; it may have scaled all the same.
    pub error: bool,
    /// The conditions after the reconcile.
    pub conditions: Conditions,
    /// Which way the reconcile went.
    pub branch: Branch,
    /// One entry per metric that was evaluated, in the order of the configuration; empty if none was.
    pub evaluations: Vec<Evaluation>,
}

impl Outcome {
    /// The reason in one sentence, formatted only when it is displayed. `config` must be the one that was decided with.
    pub fn reason<'a>(&'a self, config: &'a Config) -> Reason<'a> {
        let able = self.conditions.able_to_scale;
        Reason {
            current_replicas: self.current_replicas,
            branch: self.branch,
            evaluations: &self.evaluations,
            update_failed: able.is_some_and(|c| c.reason == ConditionReason::FailedUpdateScale),
            config,
        }
    }
}

/// Which way a reconcile went (section 4).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Branch {
    /// The target's scale could not be read.
    ScaleUnreadable,
    /// The target is at zero and this HPA did not put it there.
    Paused,
    /// The target is above the largest size and is cut to it without looking at metrics.
    AboveMaximum,
    /// The target is below the smallest size and is raised to it without looking at metrics.
    BelowMinimum,
    /// The selector cannot be used.
    SelectorRejected(ConditionReason),
    /// Metrics failed, and what is left may not scale down.
    MetricsFailed,
    /// The metrics gave a count, which was stabilised and limited.
    Normalized(Steps),
}

/// From the metrics' count to the decision (section 6).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// Position, among the evaluations, of the metric whose proposal won.
    pub winner: usize,
    /// What the metrics ask for.
    pub metric_desired: i32,
    /// That after stabilisation.
    pub stabilized: i32,
    /// The limit that acted on the stabilised count, or `DesiredWithinRange`.
    pub limit: ConditionReason,
    /// The decision.
    pub result: i32,
}

/// What came out of one metric.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Evaluation {
    /// Position of the metric in the configuration.
    pub metric: usize,
    /// Its proposal, or why there is none.
    pub result: Result<Proposal, MetricError>,
}

/// How many replicas one metric asks for, and from what.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Proposal {
    /// The count.
    pub replicas: i32,
    /// What was compared with the target.
    pub measure: Measure,
    /// Current value over target, from the samples that count.
    pub ratio: f64,
    /// The same after unready and missing pods were filled in; absent where none were.
    pub adjusted_ratio: Option<f64>,
    /// Which rule gave the count.
    pub rule: Rule,
    /// Pods that count. For object and external values: pods that run and are ready, where the rule needed them.
    pub ready: u32,
    /// Pods not ready, whose samples are left out.
    pub unready: u32,
    /// Pods without a sample.
    pub missing: u32,
    /// Pods that ended or are being deleted.
    pub ignored: u32,
}

/// A current value and its target in the same unit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Utilization of the request.
    Utilization {
        /// Percent of the request, cut to a whole number.
        percent: i32,
        /// The target.
        target_percent: i32,
        /// Usage per pod.
        average_milli: i64,
    },
    /// An average per pod.
    Average {
        /// Value per pod.
        average_milli: i64,
        /// The target.
        target_milli: i64,
    },
    /// One value for the whole workload.
    Value {
        /// The value.
        value_milli: i64,
        /// The target.
        target_milli: i64,
    },
}

/// Which rule turned the ratio into a count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The ratio is within tolerance: the count stays.
    WithinTolerance,
    /// In proportion to the ratio.
    Proportional,
    /// In proportion to the ratio after unready or missing pods were filled in.
    ProportionalAdjusted,
    /// After filling in, the ratio is within tolerance or points the other way: the count stays.
    AdjustedAway,
    /// The count after filling in points the other way than the ratio: the count stays.
    Reversed,
}

/// Which API serves a metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MetricsApi {
    /// CPU and memory.
    Resource,
    /// Pods and object metrics.
    Custom,
    /// External metrics.
    External,
}

impl fmt::Display for MetricsApi {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Resource => "resource",
            Self::Custom => "custom",
            Self::External => "external",
        })
    }
}

/// Why a metric gave no proposal. The words are those that upstream's errors contain.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetricError {
    /// The metrics API has nothing for this metric.
    #[error("no metrics returned from {0} metrics API")]
    NotServed(MetricsApi),
    /// The selector matches no pods.
    #[error("no pods returned by selector while calculating replica count")]
    NoPods,
    /// No sample is left after leaving out ignored and unready pods.
    #[error("did not receive metrics for targeted pods (pods might be unready)")]
    NoUsableSamples,
    /// Some pod lacks the request that the utilization is measured against.
    #[error("missing request for the resource in pod {}", .0.0)]
    MissingRequest(PodId),
    /// None of the samples belongs to a pod with a request.
    #[error("no metrics returned matched known pods")]
    NoMatchingPods,
    /// The metric's type is unknown.
    #[error("unknown metric source type")]
    UnsupportedType,
    /// The observation holds no reading of this metric's kind in its place.
    #[error("the observation has no reading of this metric's kind")]
    WrongReading,
}
