//! What an HPA is told once: its spec with every default filled in, and the settings of the controller that runs it.

use serde::{Deserialize, Serialize};

use crate::Span;

/// An HPA and the settings of its controller. All values are explicit; [`super::BehaviorSpec`] fills an incomplete behaviour.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Smallest number of replicas; 0 only makes sense with the scale-to-zero gate and an object or external metric.
    pub min_replicas: i32,
    /// Largest number of replicas.
    pub max_replicas: i32,
    /// The metrics, in the order of the spec: the order decides whose failure is reported.
    pub metrics: Vec<MetricSpec>,
    /// Scaling behaviour. Without it the legacy limits apply, which are *not* those of an empty behaviour.
    pub behavior: Option<Behavior>,
    /// Tolerance of the cluster, for both directions.
    pub tolerance: f64,
    /// For this long after a pod's start, its CPU samples count only when they lie wholly after its last readiness change.
    #[serde(rename = "cpu_initialization_period_ns")]
    pub cpu_initialization_period: Span,
    /// A pod that lost readiness within this time of its start is taken never to have been ready.
    #[serde(rename = "initial_readiness_delay_ns")]
    pub initial_readiness_delay: Span,
    /// How long a recommendation holds back a scale-down on the legacy path.
    #[serde(rename = "downscale_stabilization_ns")]
    pub downscale_stabilization: Span,
    /// Legacy scale-up limit: largest growth in one step, as a factor.
    pub scale_up_limit_factor: f64,
    /// Legacy scale-up limit: the limit is never below this count.
    pub scale_up_limit_minimum: f64,
    /// Feature gates.
    pub gates: Gates,
}

/// The feature gates that change decisions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Gates {
    /// `HPAScaleToZero`: on by default from Kubernetes 1.37.
    pub scale_to_zero: bool,
    /// `HPAConfigurableTolerance`: whether the tolerance of a behaviour is honoured.
    pub configurable_tolerance: bool,
}

/// A resource the metrics API serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Resource {
    /// CPU time, in millicores. The only resource for which pod readiness plays a part.
    Cpu,
    /// Working set, in milli-bytes.
    Memory,
}

impl Resource {
    /// The name Kubernetes uses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cpu => "cpu",
            Self::Memory => "memory",
        }
    }
}

/// One metric of the spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum MetricSpec {
    /// A resource of the whole pod.
    Resource {
        /// Which resource.
        resource: Resource,
        /// What to aim for.
        target: ResourceTarget,
    },
    /// A resource of one container of each pod.
    ContainerResource {
        /// Which resource.
        resource: Resource,
        /// Name of the container.
        container: String,
        /// What to aim for.
        target: ResourceTarget,
    },
    /// A custom metric of each pod.
    Pods {
        /// Name of the metric.
        name: String,
        /// The average over pods to aim for.
        average_value_milli: i64,
    },
    /// A metric of one other object.
    Object {
        /// Name of the metric.
        name: String,
        /// What to aim for.
        target: ValueTarget,
    },
    /// A metric from outside the cluster, possibly of several series that are added up.
    External {
        /// Name of the metric.
        name: String,
        /// What to aim for.
        target: ValueTarget,
    },
    /// A metric source the controller does not know; it always fails.
    Unsupported {
        /// The unknown type.
        name: String,
    },
}

impl MetricSpec {
    /// The metric's name for a log or a sentence.
    pub fn name(&self) -> &str {
        match self {
            Self::Resource { resource, .. } | Self::ContainerResource { resource, .. } => {
                resource.as_str()
            }
            Self::Pods { name, .. }
            | Self::Object { name, .. }
            | Self::External { name, .. }
            | Self::Unsupported { name } => name,
        }
    }

    /// Whether this metric can be read while there are no pods, so that it may wake a workload scaled to zero.
    pub const fn works_without_pods(&self) -> bool {
        matches!(self, Self::Object { .. } | Self::External { .. })
    }
}

/// Target of a resource metric. Where an API object sets both, upstream takes the average value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ResourceTarget {
    /// `averageUtilization`: percent of the request.
    UtilizationPercent(i32),
    /// `averageValue`: usage per pod.
    AverageValueMilli(i64),
}

/// Target of an object or external metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ValueTarget {
    /// `value`: the value itself.
    ValueMilli(i64),
    /// `averageValue`: the value divided by the number of pods.
    AverageValueMilli(i64),
}

/// Scaling behaviour of both directions, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Behavior {
    /// Rules on the way up.
    pub scale_up: ScalingRules,
    /// Rules on the way down.
    pub scale_down: ScalingRules,
}

/// Rules of one direction, complete.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingRules {
    /// How far back recommendations are looked at.
    #[serde(rename = "stabilization_window_ns")]
    pub stabilization_window: Span,
    /// Which policy wins.
    pub select_policy: SelectPolicy,
    /// The rate limits.
    pub policies: Vec<ScalingPolicy>,
    /// Replaces the cluster's tolerance in this direction, where the gate allows it.
    pub tolerance: Option<f64>,
}

/// Which of several policies decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SelectPolicy {
    /// The one that allows the largest change.
    Max,
    /// The one that allows the smallest change.
    Min,
    /// No change in this direction.
    Disabled,
}

/// A rate limit: at most this much change per period.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ScalingPolicy {
    /// What `value` counts.
    pub kind: PolicyKind,
    /// How many pods or percent.
    pub value: i32,
    /// Over which time.
    #[serde(rename = "period_ns")]
    pub period: Span,
}

/// What the value of a policy counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PolicyKind {
    /// Pods.
    Pods,
    /// Percent of the replicas at the start of the period.
    Percent,
}

/// Why the API server would not accept a configuration.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum ConfigError {
    /// The bounds are negative or the wrong way round.
    #[error("replicas must satisfy 0 <= min <= max and 1 <= max, got min `{min}` and max `{max}`")]
    Bounds {
        /// Smallest number of replicas.
        min: i32,
        /// Largest number of replicas.
        max: i32,
    },
    /// Zero replicas without a metric that works without pods, or without the gate.
    #[error("min `0` needs the scale-to-zero gate and an object or external metric")]
    ZeroWithoutWakeUp,
    /// There is no metric at all.
    #[error("no metrics given")]
    NoMetrics,
    /// A target that no usage can be compared with.
    #[error("the target of metric {index} must be above zero")]
    Target {
        /// Position of the metric.
        index: usize,
    },
    /// A tolerance below zero or not a number.
    #[error("tolerance must be zero or more, got `{0}`")]
    Tolerance(f64),
    /// A stabilisation window outside 0 to 3600 s.
    #[error("stabilisation window must be 0 to 3600 s")]
    Window,
    /// A direction with no policy, or one with a value below 1 or a period outside 1 to 1800 s.
    #[error("a direction needs policies with a value of at least 1 and a period of 1 to 1800 s")]
    Policy,
}

impl Config {
    /// Checks what the API server checks before a controller ever sees the object.
    ///
    /// # Errors
    ///
    /// The first rule that the configuration breaks.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let (min, max) = (self.min_replicas, self.max_replicas);
        if min < 0 || max < 1 || min > max {
            return Err(ConfigError::Bounds { min, max });
        }
        if self.metrics.is_empty() {
            return Err(ConfigError::NoMetrics);
        }
        if min == 0 && !(self.gates.scale_to_zero && self.wakes_from_zero()) {
            return Err(ConfigError::ZeroWithoutWakeUp);
        }
        if let Some(index) = self
            .metrics
            .iter()
            .position(|metric| !metric.has_positive_target())
        {
            return Err(ConfigError::Target { index });
        }
        check_tolerance(Some(self.tolerance))?;
        self.behavior
            .iter()
            .flat_map(|b| [&b.scale_up, &b.scale_down])
            .try_for_each(ScalingRules::validate)
    }

    /// Whether some metric can be read while there are no pods.
    pub fn wakes_from_zero(&self) -> bool {
        self.metrics.iter().any(MetricSpec::works_without_pods)
    }
}

impl MetricSpec {
    fn has_positive_target(&self) -> bool {
        let target = match self {
            Self::Resource { target, .. } | Self::ContainerResource { target, .. } => match *target
            {
                ResourceTarget::UtilizationPercent(percent) => i64::from(percent),
                ResourceTarget::AverageValueMilli(milli) => milli,
            },
            Self::Pods {
                average_value_milli,
                ..
            } => *average_value_milli,
            Self::Object { target, .. } | Self::External { target, .. } => match *target {
                ValueTarget::ValueMilli(milli) | ValueTarget::AverageValueMilli(milli) => milli,
            },
            Self::Unsupported { .. } => return true,
        };
        target > 0
    }
}

impl ScalingRules {
    fn validate(&self) -> Result<(), ConfigError> {
        if self.stabilization_window < Span::ZERO
            || self.stabilization_window > Span::from_secs(3600)
        {
            return Err(ConfigError::Window);
        }
        let sound = |p: &ScalingPolicy| {
            p.value >= 1 && p.period >= Span::from_secs(1) && p.period <= Span::from_secs(1800)
        };
        if self.policies.is_empty() || !self.policies.iter().all(sound) {
            return Err(ConfigError::Policy);
        }
        check_tolerance(self.tolerance)
    }
}

fn check_tolerance(tolerance: Option<f64>) -> Result<(), ConfigError> {
    match tolerance {
        Some(t) if t.is_nan() || t < 0.0 => Err(ConfigError::Tolerance(t)),
        _ => Ok(()),
    }
}
