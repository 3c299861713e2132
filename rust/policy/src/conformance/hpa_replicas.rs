//! Cases about the proposal of one metric.

use serde::Deserialize;
use serde_json::{Value, json};

use super::hpa_inputs::{
    PodIds, PodInput, Readiness, RequestOf, ResourceSampleInput, ToleranceInput, levels,
    lone_metric, pods, requests, resource, samples,
};
use super::hpa_pods::{computed, container};
use super::json::{Secs, read};
use super::runner::Computed;
use crate::hpa::{
    Config, Measure, MetricError, MetricSpec, Observation, Obstacle, Pod, Proposal, Reading,
    Requests, ResourceTarget, ValueTarget, evaluate,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceInput {
    resource: String,
    container: String,
    current_replicas: i32,
    target_utilization: i32,
    tolerance: ToleranceInput,
    cpu_initialization_period_s: Secs,
    initial_readiness_delay_s: Secs,
    now: Secs,
    pods: Vec<PodInput>,
    metrics: Vec<ResourceSampleInput>,
}

pub(super) fn resource_replicas(input: Value) -> Result<Computed, String> {
    let input: ResourceInput = read(input)?;
    let container = container(&input.container);
    let resource = resource(&input.resource)?;
    let target = ResourceTarget::UtilizationPercent(input.target_utilization);
    let metric = match container {
        None => MetricSpec::Resource { resource, target },
        Some(name) => MetricSpec::ContainerResource {
            resource,
            container: name.to_owned(),
            target,
        },
    };
    let readiness = Readiness {
        cpu_initialization_period: input.cpu_initialization_period_s,
        initial_readiness_delay: input.initial_readiness_delay_s,
    };
    let config = lone_metric(metric, readiness, input.tolerance);
    let samples = samples(&input.metrics, &mut PodIds::new(&input.pods)?, container)?;
    let of = RequestOf {
        resource: resource.as_str(),
        container,
        pod_level: true,
    };
    let requests = requests(&input.pods, of)?;
    let reading = if input.metrics.is_empty() {
        Reading::Failed
    } else {
        Reading::PerPod {
            samples: &samples,
            requests: Requests::PerPod(&requests),
        }
    };
    let scene = Scene {
        current: input.current_replicas,
        now: input.now,
        pods: &pods(&input.pods),
    };
    Ok(match scene.propose(&config, reading)? {
        Ok(proposal) => report_utilization(&proposal),
        Err(error) => computed([("error", json!(error.to_string()))]),
    })
}

fn report_utilization(proposal: &Proposal) -> Computed {
    let (percent, average) = match proposal.measure {
        Measure::Utilization {
            percent,
            average_milli,
            ..
        } => (Some(percent), average_milli),
        Measure::Average { average_milli, .. } => (None, average_milli),
        Measure::Value { value_milli, .. } => (None, value_milli),
    };
    computed([
        ("replicas", json!(proposal.replicas)),
        ("utilization_percent", json!(percent)),
        ("raw_average_milli", json!(average)),
    ])
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MetricInput {
    metric: MetricKind,
    current_replicas: i32,
    target_milli: i64,
    levels_milli: Vec<i64>,
    tolerance: ToleranceInput,
    cpu_initialization_period_s: Secs,
    initial_readiness_delay_s: Secs,
    now: Secs,
    pods: Vec<PodInput>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum MetricKind {
    Pods,
    ObjectValue,
    ObjectAverageValue,
    ExternalValue,
    ExternalAverageValue,
}

impl MetricKind {
    fn spec(self, target_milli: i64) -> MetricSpec {
        let name = "metric".to_owned();
        let value = ValueTarget::ValueMilli(target_milli);
        let average = ValueTarget::AverageValueMilli(target_milli);
        match self {
            Self::Pods => MetricSpec::Pods {
                name,
                average_value_milli: target_milli,
            },
            Self::ObjectValue => MetricSpec::Object {
                name,
                target: value,
            },
            Self::ObjectAverageValue => MetricSpec::Object {
                name,
                target: average,
            },
            Self::ExternalValue => MetricSpec::External {
                name,
                target: value,
            },
            Self::ExternalAverageValue => MetricSpec::External {
                name,
                target: average,
            },
        }
    }
}

pub(super) fn metric_replicas(input: Value) -> Result<Computed, String> {
    let input: MetricInput = read(input)?;
    let readiness = Readiness {
        cpu_initialization_period: input.cpu_initialization_period_s,
        initial_readiness_delay: input.initial_readiness_delay_s,
    };
    PodIds::new(&input.pods)?;
    let config = lone_metric(
        input.metric.spec(input.target_milli),
        readiness,
        input.tolerance,
    );
    let samples = levels(&input.levels_milli);
    let reading = match (input.metric, input.levels_milli.as_slice()) {
        (_, []) => Reading::Failed,
        (MetricKind::Pods, _) => Reading::PerPod {
            samples: &samples,
            requests: Requests::None,
        },
        (MetricKind::ExternalValue | MetricKind::ExternalAverageValue, values) => {
            Reading::External(values)
        }
        (MetricKind::ObjectValue | MetricKind::ObjectAverageValue, [value]) => {
            Reading::Object(*value)
        }
        _ => return Err("an object metric has one level".to_owned()),
    };
    let scene = Scene {
        current: input.current_replicas,
        now: input.now,
        pods: &pods(&input.pods),
    };
    Ok(match scene.propose(&config, reading)? {
        Ok(proposal) => computed([
            ("replicas", json!(proposal.replicas)),
            (
                "usage_milli",
                json!(match proposal.measure {
                    Measure::Utilization { average_milli, .. }
                    | Measure::Average { average_milli, .. } => average_milli,
                    Measure::Value { value_milli, .. } => value_milli,
                }),
            ),
        ]),
        Err(error) => computed([("error", json!(error.to_string()))]),
    })
}

/// What a proposal depends on besides the metric. Spec and status hold the same count in these cases.
struct Scene<'a> {
    current: i32,
    now: Secs,
    pods: &'a [Pod],
}

impl Scene<'_> {
    fn propose(
        &self,
        config: &Config,
        reading: Reading<'_>,
    ) -> Result<Result<Proposal, MetricError>, String> {
        let observation = Observation {
            now: self.now.timestamp(),
            current_replicas: self.current,
            status_replicas: self.current,
            pods: self.pods,
            readings: &[reading],
            obstacle: Obstacle::None,
        };
        let evaluations = evaluate(config, &observation);
        evaluations
            .first()
            .map(|evaluation| evaluation.result)
            .ok_or_else(|| "no metric".to_owned())
    }
}
