//! Cases about a whole reconcile.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::hpa_inputs::{
    PodIds, PodInput, RequestOf, ResourceSampleInput, levels, pods, requests, resource, samples,
};
use super::hpa_pods::computed;
use super::hpa_rules::BehaviorInput;
use super::json::{Secs, nullable, read};
use super::runner::Computed;
use crate::hpa::{
    self, BehaviorSpec, Condition, ConditionReason, Conditions, Config, Gates, MIN_REPLICAS,
    Memory, MetricSpec, Observation, Obstacle, Outcome, Reading, Recommendation, Requests,
    ResourceTarget, SCALE_UP_LIMIT_MINIMUM, Sample, ValueTarget, default_metrics,
};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReconcileInput {
    hpa: HpaInput,
    state: StateInput,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HpaInput {
    #[serde(rename = "minReplicas", deserialize_with = "nullable")]
    min_replicas: Option<i32>,
    #[serde(rename = "maxReplicas")]
    max_replicas: i32,
    metrics: Vec<MetricInput>,
    #[serde(deserialize_with = "nullable")]
    behavior: Option<BehaviorInput>,
    downscale_window_s: Secs,
    default_tolerance: f64,
    scale_up_limit_factor: f64,
    cpu_initialization_period_s: Secs,
    initial_readiness_delay_s: Secs,
    gates: GatesInput,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GatesInput {
    #[serde(rename = "HPAScaleToZero")]
    scale_to_zero: bool,
    #[serde(rename = "HPAConfigurableTolerance")]
    configurable_tolerance: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct MetricInput {
    r#type: String,
    name: Option<String>,
    resource: Option<String>,
    container: Option<String>,
    average_utilization: Option<i32>,
    average_value: Option<i64>,
    value: Option<i64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StateInput {
    now: Secs,
    spec_replicas: i32,
    status_replicas: i32,
    pods: Vec<PodInput>,
    resource_samples: Vec<ResourceSampleInput>,
    pods_metric_milli: Vec<i64>,
    #[serde(deserialize_with = "nullable")]
    object_value_milli: Option<i64>,
    external_values_milli: Vec<i64>,
    external_metric_fails: bool,
    #[serde(deserialize_with = "nullable")]
    recommendations: Option<Vec<RecommendationInput>>,
    conditions: BTreeMap<String, (String, String)>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RecommendationInput {
    replicas: i32,
    t: Secs,
}

pub(super) fn reconcile(input: Value) -> Result<Computed, String> {
    let ReconcileInput { hpa, state } = read(input)?;
    let config = hpa.config()?;
    let mut memory = state.memory()?;
    let pods = pods(&state.pods);
    let gathered: Vec<_> = config
        .metrics
        .iter()
        .map(|metric| state.gather(metric))
        .collect::<Result<_, _>>()?;
    let readings: Vec<_> = gathered
        .iter()
        .map(|gathered| gathered.reading(&state))
        .collect();
    let observation = Observation {
        now: state.now.timestamp(),
        current_replicas: state.spec_replicas,
        status_replicas: state.status_replicas,
        pods: &pods,
        readings: &readings,
        obstacle: Obstacle::None,
    };
    Ok(report(&hpa::reconcile(&config, &mut memory, &observation)))
}

fn report(outcome: &Outcome) -> Computed {
    let status = |holds| if holds { "True" } else { "False" };
    let conditions: Map<_, _> = outcome
        .conditions
        .entries()
        .map(|(kind, condition)| {
            (
                kind.to_owned(),
                json!([status(condition.status), condition.reason.as_str()]),
            )
        })
        .collect();
    computed([
        ("desired_replicas", json!(outcome.desired_replicas)),
        ("scale_updated", json!(outcome.scale_written)),
        ("error", json!(outcome.error)),
        ("conditions", Value::Object(conditions)),
    ])
}

impl HpaInput {
    fn config(self) -> Result<Config, String> {
        let downscale_stabilization = self.downscale_window_s.span();
        let metrics: Vec<_> = self
            .metrics
            .into_iter()
            .map(MetricInput::spec)
            .collect::<Result<_, _>>()?;
        Ok(Config {
            min_replicas: self.min_replicas.unwrap_or(MIN_REPLICAS),
            max_replicas: self.max_replicas,
            metrics: if metrics.is_empty() {
                default_metrics()
            } else {
                metrics
            },
            behavior: self
                .behavior
                .map(|behavior| BehaviorSpec::from(behavior).fill(downscale_stabilization)),
            tolerance: self.default_tolerance,
            cpu_initialization_period: self.cpu_initialization_period_s.span(),
            initial_readiness_delay: self.initial_readiness_delay_s.span(),
            downscale_stabilization,
            scale_up_limit_factor: self.scale_up_limit_factor,
            scale_up_limit_minimum: SCALE_UP_LIMIT_MINIMUM,
            gates: Gates {
                scale_to_zero: self.gates.scale_to_zero,
                configurable_tolerance: self.gates.configurable_tolerance,
            },
        })
    }
}

impl MetricInput {
    fn spec(self) -> Result<MetricSpec, String> {
        let kind = self.r#type.clone();
        self.check_fields()?;
        let missing = |field: &str| format!("{kind} metric: missing field `{field}`");
        let name = self.name.clone().unwrap_or_else(|| kind.to_lowercase());
        Ok(match kind.as_str() {
            "Resource" => MetricSpec::Resource {
                resource: self.resource()?,
                target: self.resource_target()?,
            },
            "ContainerResource" => MetricSpec::ContainerResource {
                resource: self.resource()?,
                target: self.resource_target()?,
                container: self.container.ok_or_else(|| missing("container"))?,
            },
            "Pods" => {
                let average_value_milli =
                    self.average_value.ok_or_else(|| missing("averageValue"))?;
                MetricSpec::Pods {
                    name,
                    average_value_milli,
                }
            }
            "Object" => MetricSpec::Object {
                name,
                target: self.value_target()?,
            },
            "External" => MetricSpec::External {
                name,
                target: self.value_target()?,
            },
            _ => MetricSpec::Unsupported { name: kind },
        })
    }

    /// Complains about fields that the metric's type does not have.
    fn check_fields(&self) -> Result<(), String> {
        let allowed: &[&str] = match self.r#type.as_str() {
            "Resource" => &["resource", "averageUtilization", "averageValue"],
            "ContainerResource" => &[
                "resource",
                "container",
                "averageUtilization",
                "averageValue",
            ],
            "Pods" => &["name", "averageValue"],
            "Object" | "External" => &["name", "averageValue", "value"],
            _ => &[],
        };
        let present = [
            ("name", self.name.is_some()),
            ("resource", self.resource.is_some()),
            ("container", self.container.is_some()),
            ("averageUtilization", self.average_utilization.is_some()),
            ("averageValue", self.average_value.is_some()),
            ("value", self.value.is_some()),
        ];
        match present
            .iter()
            .find(|(field, is_present)| *is_present && !allowed.contains(field))
        {
            Some((field, _)) => Err(format!(
                "{} metric: unexpected field `{field}`",
                self.r#type
            )),
            None => Ok(()),
        }
    }

    fn resource(&self) -> Result<hpa::Resource, String> {
        resource(
            self.resource
                .as_deref()
                .ok_or("resource metric: missing field `resource`")?,
        )
    }

    fn resource_target(&self) -> Result<ResourceTarget, String> {
        match (self.average_value, self.average_utilization) {
            (Some(milli), _) => Ok(ResourceTarget::AverageValueMilli(milli)),
            (None, Some(percent)) => Ok(ResourceTarget::UtilizationPercent(percent)),
            (None, None) => Err(
                "resource metric: missing field `averageUtilization` or `averageValue`".to_owned(),
            ),
        }
    }

    fn value_target(&self) -> Result<ValueTarget, String> {
        match (self.value, self.average_value) {
            (Some(milli), None) => Ok(ValueTarget::ValueMilli(milli)),
            (None, Some(milli)) => Ok(ValueTarget::AverageValueMilli(milli)),
            _ => Err(format!(
                "{} metric: needs one of `value` and `averageValue`",
                self.r#type
            )),
        }
    }
}

/// What the metrics API holds for one metric.
enum Gathered {
    PerPod(Vec<Sample>, Vec<Option<i64>>),
    Object(i64),
    External,
    Failed,
}

impl Gathered {
    fn reading<'a>(&'a self, state: &'a StateInput) -> Reading<'a> {
        match self {
            Self::PerPod(samples, requests) => Reading::PerPod {
                samples,
                requests: Requests::PerPod(requests),
            },
            Self::Object(value) => Reading::Object(*value),
            Self::External => Reading::External(&state.external_values_milli),
            Self::Failed => Reading::Failed,
        }
    }
}

impl StateInput {
    fn gather(&self, metric: &MetricSpec) -> Result<Gathered, String> {
        let mut ids = PodIds::new(&self.pods)?;
        let container = match metric {
            MetricSpec::ContainerResource { container, .. } => Some(container.as_str()),
            _ => None,
        };
        Ok(match metric {
            MetricSpec::Resource { resource, .. }
            | MetricSpec::ContainerResource { resource, .. } => {
                if self.resource_samples.is_empty() {
                    return Ok(Gathered::Failed);
                }
                let of = RequestOf {
                    resource: resource.as_str(),
                    container,
                    pod_level: true,
                };
                Gathered::PerPod(
                    samples(&self.resource_samples, &mut ids, container)?,
                    requests(&self.pods, of)?,
                )
            }
            MetricSpec::Pods { .. } if self.pods_metric_milli.is_empty() => Gathered::Failed,
            MetricSpec::Pods { .. } => {
                Gathered::PerPod(levels(&self.pods_metric_milli), Vec::new())
            }
            MetricSpec::Object { .. } => self
                .object_value_milli
                .map_or(Gathered::Failed, Gathered::Object),
            MetricSpec::External { .. } if self.external_metric_fails => Gathered::Failed,
            MetricSpec::External { .. } => Gathered::External,
            MetricSpec::Unsupported { .. } => Gathered::Failed,
        })
    }

    fn memory(&self) -> Result<Memory, String> {
        let recommendation = |past: &RecommendationInput| Recommendation {
            replicas: past.replicas,
            at: past.t.timestamp(),
        };
        Ok(Memory {
            recommendations: self
                .recommendations
                .as_ref()
                .map(|all| all.iter().map(recommendation).collect()),
            conditions: self.conditions()?,
            ..Memory::default()
        })
    }

    fn conditions(&self) -> Result<Conditions, String> {
        let mut conditions = Conditions::default();
        for (kind, (status, reason)) in &self.conditions {
            let place = match kind.as_str() {
                "AbleToScale" => &mut conditions.able_to_scale,
                "ScalingActive" => &mut conditions.scaling_active,
                "ScalingLimited" => &mut conditions.scaling_limited,
                "ScaledToZero" => &mut conditions.scaled_to_zero,
                _ => return Err(format!("unknown condition `{kind}`")),
            };
            let status = match status.as_str() {
                "True" => true,
                "False" => false,
                _ => return Err(format!("unknown status `{status}` of condition `{kind}`")),
            };
            let reason = ConditionReason::ALL
                .into_iter()
                .find(|known| known.as_str() == reason);
            let reason = reason.ok_or_else(|| format!("unknown reason of condition `{kind}`"))?;
            *place = Some(Condition { status, reason });
        }
        Ok(conditions)
    }
}
