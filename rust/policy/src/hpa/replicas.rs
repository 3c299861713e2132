//! Sections 5.2 to 5.5: how many replicas one metric asks for.

use super::config::{Config, MetricSpec, Resource, ResourceTarget, ValueTarget};
use super::observation::{Observation, Phase, Pod, Reading, ReadyStatus, Requests, Sample};
use super::outcome::{Measure, MetricError, MetricsApi, Proposal, Rule};
use super::pods::{PerPod, PodTarget, ReadinessRules, Sums, Tally};

/// How far a ratio may be from 1 without a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tolerances {
    /// On the way down.
    pub down: f64,
    /// On the way up.
    pub up: f64,
}

impl Tolerances {
    /// The tolerances of an HPA: the cluster's, unless the gate is on and a behaviour sets its own.
    pub fn of(config: &Config) -> Self {
        let own = config
            .behavior
            .as_ref()
            .filter(|_| config.gates.configurable_tolerance);
        Self {
            down: own
                .and_then(|b| b.scale_down.tolerance)
                .unwrap_or(config.tolerance),
            up: own
                .and_then(|b| b.scale_up.tolerance)
                .unwrap_or(config.tolerance),
        }
    }

    /// Whether `ratio` is too near to 1 for a change. Both edges belong to the range; not-a-number is never within.
    pub fn within(self, ratio: f64) -> bool {
        (1.0 - self.down) <= ratio && ratio <= (1.0 + self.up)
    }
}

/// The least whole number not below `x`, held to `i32`; 0 for not-a-number.
fn ceil32(x: f64) -> i32 {
    x.ceil() as i32
}

/// The usage reported for a target of average value: `usage / status_replicas`, rounded up and held to `i64`; 0 without replicas.
///
/// The division is in `f64`, so that beyond 2^53 the result is a multiple of a power of two. The specification says `i64::MAX`
/// "if the value is saturated"; that is read as the value of the quotient. It is reported only and never enters a decision.
pub fn per_pod_usage(usage_milli: i64, status_replicas: i32) -> i64 {
    if status_replicas == 0 {
        0
    } else {
        (usage_milli as f64 / f64::from(status_replicas)).ceil() as i64
    }
}

/// What every metric of one reconcile is evaluated with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scene<'a> {
    pub(super) config: &'a Config,
    pub(super) observation: &'a Observation<'a>,
    pub(super) tolerances: Tolerances,
}

impl Scene<'_> {
    /// How many replicas `spec` asks for, given its `reading`.
    pub(super) fn propose(
        &self,
        spec: &MetricSpec,
        reading: Reading<'_>,
    ) -> Result<Proposal, MetricError> {
        match (spec, reading) {
            (MetricSpec::Unsupported { .. }, _) => Err(MetricError::UnsupportedType),
            (_, Reading::Failed) => Err(MetricError::NotServed(api(spec))),
            (
                MetricSpec::Resource { resource, target }
                | MetricSpec::ContainerResource {
                    resource, target, ..
                },
                Reading::PerPod { samples, requests },
            ) => self.propose_per_pod(&PerPod {
                pods: self.observation.pods,
                samples,
                requests,
                rules: self.readiness_rules(*resource),
                target: (*target).into(),
            }),
            (
                MetricSpec::Pods {
                    average_value_milli,
                    ..
                },
                Reading::PerPod { samples, .. },
            ) => self.propose_per_pod(&self.custom(samples, *average_value_milli)),
            (
                _,
                Reading::Sum {
                    standing,
                    value_milli,
                    request_milli,
                },
            ) => {
                let target = pod_target(spec).ok_or(MetricError::WrongReading)?;
                let pods = self.observation.pods;
                let tally = Tally::of_sum(pods, standing, target, value_milli, request_milli);
                self.propose_from(&tally, target)
            }
            (MetricSpec::Object { target, .. }, Reading::Object(value)) => {
                self.propose_value(value, *target)
            }
            (MetricSpec::External { target, .. }, Reading::External(values)) => {
                if values.is_empty() {
                    return Err(MetricError::NotServed(MetricsApi::External));
                }
                self.propose_value(values.iter().copied().fold(0, i64::saturating_add), *target)
            }
            _ => Err(MetricError::WrongReading),
        }
    }

    fn custom<'b>(&'b self, samples: &'b [Sample], target_milli: i64) -> PerPod<'b> {
        PerPod {
            pods: self.observation.pods,
            samples,
            requests: Requests::None,
            rules: None,
            target: PodTarget::Average(target_milli),
        }
    }

    fn readiness_rules(&self, resource: Resource) -> Option<ReadinessRules> {
        (resource == Resource::Cpu).then(|| ReadinessRules::new(self.config, self.observation.now))
    }

    /// Sections 5.2 and 5.3.
    fn propose_per_pod(&self, input: &PerPod<'_>) -> Result<Proposal, MetricError> {
        self.propose_from(&input.tally(), input.target)
    }

    fn propose_from(&self, tally: &Tally, target: PodTarget) -> Result<Proposal, MetricError> {
        if self.observation.pods.is_empty() {
            return Err(MetricError::NoPods);
        }
        if tally.usable.samples == 0 {
            return Err(MetricError::NoUsableSamples);
        }
        if let Some(pod) = tally.lacks_request {
            return Err(MetricError::MissingRequest(pod));
        }
        let (measure, ratio) = target.measure(&tally.usable)?;
        let fill_unready = tally.unready.count > 0 && ratio > 1.0;
        let count = if fill_unready || tally.missing.count > 0 {
            self.adjusted_count(target, tally, ratio)?
        } else {
            self.plain_count(ratio, tally.ready)
        };
        Ok(Proposal {
            replicas: count.replicas,
            measure,
            ratio,
            adjusted_ratio: count.adjusted_ratio,
            rule: count.rule,
            ready: tally.ready,
            unready: tally.unready.count,
            missing: tally.missing.count,
            ignored: tally.ignored,
        })
    }

    fn plain_count(&self, ratio: f64, ready: u32) -> Count {
        if self.tolerances.within(ratio) {
            Count {
                replicas: self.observation.current_replicas,
                adjusted_ratio: None,
                rule: Rule::WithinTolerance,
            }
        } else {
            Count {
                replicas: ceil32(ratio * f64::from(ready)),
                adjusted_ratio: None,
                rule: Rule::Proportional,
            }
        }
    }

    /// Fills in missing pods, against the direction of travel, and on the way up also unready ones, with no usage.
    fn adjusted_count(
        &self,
        target: PodTarget,
        tally: &Tally,
        ratio: f64,
    ) -> Result<Count, MetricError> {
        let current = self.observation.current_replicas;
        let mut sums = tally.usable;
        if ratio < 1.0 {
            sums.add(&tally.missing, tally.missing.fallback);
        } else if ratio > 1.0 {
            sums.add(&tally.missing, 0);
            sums.add(&tally.unready, 0);
        }
        let (_, adjusted) = target.measure(&sums)?;
        let turned = (ratio < 1.0 && adjusted > 1.0) || (ratio > 1.0 && adjusted < 1.0);
        if turned || self.tolerances.within(adjusted) {
            return Ok(Count {
                replicas: current,
                adjusted_ratio: Some(adjusted),
                rule: Rule::AdjustedAway,
            });
        }
        let replicas = ceil32(adjusted * f64::from(sums.samples));
        let reversed =
            (adjusted < 1.0 && replicas > current) || (adjusted > 1.0 && replicas < current);
        Ok(if reversed {
            Count {
                replicas: current,
                adjusted_ratio: Some(adjusted),
                rule: Rule::Reversed,
            }
        } else {
            Count {
                replicas,
                adjusted_ratio: Some(adjusted),
                rule: Rule::ProportionalAdjusted,
            }
        })
    }

    /// Sections 5.4 and 5.5.
    fn propose_value(
        &self,
        value_milli: i64,
        target: ValueTarget,
    ) -> Result<Proposal, MetricError> {
        match target {
            ValueTarget::ValueMilli(target_milli) => self.propose_total(value_milli, target_milli),
            ValueTarget::AverageValueMilli(target_milli) => {
                Ok(self.propose_average(value_milli, target_milli))
            }
        }
    }

    fn propose_total(&self, value_milli: i64, target_milli: i64) -> Result<Proposal, MetricError> {
        let Observation {
            current_replicas,
            pods,
            ..
        } = *self.observation;
        let ratio = value_milli as f64 / target_milli as f64;
        let measure = Measure::Value {
            value_milli,
            target_milli,
        };
        if current_replicas == 0 {
            return Ok(Proposal::of_value(
                measure,
                ratio,
                ceil32(ratio),
                Rule::Proportional,
            ));
        }
        if self.tolerances.within(ratio) {
            return Ok(Proposal::of_value(
                measure,
                ratio,
                current_replicas,
                Rule::WithinTolerance,
            ));
        }
        if pods.is_empty() {
            return Err(MetricError::NoPods);
        }
        let ready = pods.iter().filter(|pod| runs_and_is_ready(pod)).count() as u32;
        let replicas = ceil32(ratio * f64::from(ready));
        Ok(Proposal {
            ready,
            ..Proposal::of_value(measure, ratio, replicas, Rule::Proportional)
        })
    }

    fn propose_average(&self, value_milli: i64, target_milli: i64) -> Proposal {
        let status_replicas = self.observation.status_replicas;
        let (value, target) = (value_milli as f64, target_milli as f64);
        let ratio = value / (target * f64::from(status_replicas));
        let measure = Measure::Average {
            average_milli: per_pod_usage(value_milli, status_replicas),
            target_milli,
        };
        if self.tolerances.within(ratio) {
            Proposal::of_value(measure, ratio, status_replicas, Rule::WithinTolerance)
        } else {
            Proposal::of_value(measure, ratio, ceil32(value / target), Rule::Proportional)
        }
    }
}

impl From<ResourceTarget> for PodTarget {
    fn from(target: ResourceTarget) -> Self {
        match target {
            ResourceTarget::UtilizationPercent(percent) => Self::Utilization(percent),
            ResourceTarget::AverageValueMilli(milli) => Self::Average(milli),
        }
    }
}

/// What a metric of single pods is compared with; `None` for others.
fn pod_target(spec: &MetricSpec) -> Option<PodTarget> {
    match spec {
        MetricSpec::Resource { target, .. } | MetricSpec::ContainerResource { target, .. } => {
            Some((*target).into())
        }
        MetricSpec::Pods {
            average_value_milli,
            ..
        } => Some(PodTarget::Average(*average_value_milli)),
        MetricSpec::Object { .. }
        | MetricSpec::External { .. }
        | MetricSpec::Unsupported { .. } => None,
    }
}

/// A count with how it came about.
struct Count {
    replicas: i32,
    adjusted_ratio: Option<f64>,
    rule: Rule,
}

impl Proposal {
    const fn of_value(measure: Measure, ratio: f64, replicas: i32, rule: Rule) -> Self {
        Self {
            replicas,
            measure,
            ratio,
            adjusted_ratio: None,
            rule,
            ready: 0,
            unready: 0,
            missing: 0,
            ignored: 0,
        }
    }
}

impl PodTarget {
    /// The current value over the samples, and its ratio to the target. There is at least one sample.
    fn measure(self, sums: &Sums) -> Result<(Measure, f64), MetricError> {
        match self {
            Self::Utilization(target_percent) => {
                if sums.request == 0 || sums.pods == 0 {
                    return Err(MetricError::NoMatchingPods);
                }
                let percent = divide(sums.value * 100, sums.request);
                let percent = percent.clamp(i64::from(i32::MIN), i64::from(i32::MAX)) as i32;
                let average_milli = divide(sums.value, i128::from(sums.pods));
                let ratio = f64::from(percent) / f64::from(target_percent);
                Ok((
                    Measure::Utilization {
                        percent,
                        target_percent,
                        average_milli,
                    },
                    ratio,
                ))
            }
            Self::Average(target_milli) => {
                let average_milli = divide(sums.value, i128::from(sums.samples));
                Ok((
                    Measure::Average {
                        average_milli,
                        target_milli,
                    },
                    average_milli as f64 / target_milli as f64,
                ))
            }
        }
    }
}

/// Integer division toward zero, held to `i64`. The common case avoids the slow division of wide integers.
fn divide(dividend: i128, divisor: i128) -> i64 {
    if let (Ok(a), Ok(b)) = (i64::try_from(dividend), i64::try_from(divisor)) {
        return a.saturating_div(b);
    }
    (dividend / divisor).clamp(i128::from(i64::MIN), i128::from(i64::MAX)) as i64
}

/// Counts for an object or external value: no sample needed, and pods being deleted still count.
fn runs_and_is_ready(pod: &Pod) -> bool {
    pod.phase == Phase::Running
        && pod
            .ready
            .is_some_and(|ready| ready.status == ReadyStatus::True)
}

const fn api(spec: &MetricSpec) -> MetricsApi {
    match spec {
        MetricSpec::Resource { .. } | MetricSpec::ContainerResource { .. } => MetricsApi::Resource,
        MetricSpec::Pods { .. } | MetricSpec::Object { .. } | MetricSpec::Unsupported { .. } => {
            MetricsApi::Custom
        }
        MetricSpec::External { .. } => MetricsApi::External,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TOLERANCES: Tolerances = Tolerances { down: 0.1, up: 0.1 };

    #[test]
    fn both_edges_are_within_tolerance() {
        assert!(TOLERANCES.within(0.9));
        assert!(TOLERANCES.within(1.1));
        assert!(!TOLERANCES.within(1.11));
        assert!(!TOLERANCES.within(0.89));
        assert!(!TOLERANCES.within(f64::NAN));
    }

    #[test]
    fn the_ceiling_holds_to_i32() {
        assert_eq!(ceil32(f64::NAN), 0);
        assert_eq!(ceil32(f64::INFINITY), i32::MAX);
        assert_eq!(ceil32(2.000_001), 3);
        assert_eq!(ceil32(-0.5), 0);
    }

    #[test]
    fn usage_per_pod_rounds_up_and_saturates() {
        assert_eq!(per_pod_usage(1000, 3), 334);
        assert_eq!(per_pod_usage(20_000, 0), 0);
        assert_eq!(per_pod_usage(i64::MAX, 1), i64::MAX);
    }

    #[test]
    fn division_cuts_toward_zero_and_saturates() {
        assert_eq!(divide(-7, 2), -3);
        assert_eq!(divide(i128::from(i64::MIN), -1), i64::MAX);
        assert_eq!(divide(i128::from(i64::MAX) * 100, 1), i64::MAX);
    }
}
