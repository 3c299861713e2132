//! Cases about pods: how they are grouped, what they request, usage per pod.

use std::collections::BTreeMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::hpa_inputs::{PodInput, RequestOf, RequestsInput, resource};
use super::json::{Secs, read};
use super::runner::Computed;
use crate::hpa::{self, PodClass, PodId, ReadinessRules, Resource, Sample};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GroupInput {
    resource: String,
    cpu_initialization_period_s: Secs,
    initial_readiness_delay_s: Secs,
    now: Secs,
    pods: Vec<PodInput>,
    metrics: BTreeMap<String, SampleInput>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SampleInput {
    value: i64,
    timestamp: Secs,
    window: Secs,
}

pub(super) fn group_pods(input: Value) -> Result<Computed, String> {
    let input: GroupInput = read(input)?;
    let rules = ReadinessRules {
        now: input.now.timestamp(),
        cpu_initialization_period: input.cpu_initialization_period_s.span(),
        initial_readiness_delay: input.initial_readiness_delay_s.span(),
    };
    // Any resource may be asked about here; all but CPU are treated alike.
    let rules = (resource(&input.resource) == Ok(Resource::Cpu)).then_some(rules);
    let [mut unready, mut missing, mut ignored] = [const { Vec::new() }; 3];
    let mut ready_count = 0;
    for (id, pod) in (0..).map(PodId).zip(&input.pods) {
        let sample = input.metrics.get(&pod.name).map(|sample| Sample {
            pod: id,
            value_milli: sample.value,
            timestamp: sample.timestamp.timestamp(),
            window: sample.window.span(),
        });
        match hpa::classify(&pod.pod(id), sample.as_ref(), rules.as_ref()) {
            PodClass::Ready => ready_count += 1,
            PodClass::Unready => unready.push(&pod.name),
            PodClass::Missing => missing.push(&pod.name),
            PodClass::Ignored => ignored.push(&pod.name),
        }
    }
    Ok(computed([
        ("ready_count", json!(ready_count)),
        ("unready", json!(unready)),
        ("missing", json!(missing)),
        ("ignored", json!(ignored)),
    ]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PodRequestsInput {
    resource: String,
    container: String,
    pod_level_resources_enabled: bool,
    pods: Vec<RequestsInput>,
}

pub(super) fn pod_requests(input: Value) -> Result<Computed, String> {
    let input: PodRequestsInput = read(input)?;
    let of = RequestOf {
        resource: &input.resource,
        container: container(&input.container),
        pod_level: input.pod_level_resources_enabled,
    };
    let mut requests = Map::new();
    for pod in &input.pods {
        match pod.request(of) {
            Ok(milli) => requests.insert(pod.name.clone(), json!(milli)),
            Err(error) => return Ok(computed([("error", json!(error))])),
        };
    }
    Ok(computed([("requests_milli", Value::Object(requests))]))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PerPodUsageInput {
    usage_milli: i64,
    status_replicas: i32,
}

pub(super) fn per_pod_usage(input: Value) -> Result<Computed, String> {
    let input: PerPodUsageInput = read(input)?;
    Ok(computed([(
        "per_pod_milli",
        json!(hpa::per_pod_usage(input.usage_milli, input.status_replicas)),
    )]))
}

/// Cases write an empty name where no container is meant.
pub(super) fn container(name: &str) -> Option<&str> {
    Some(name).filter(|name| !name.is_empty())
}

/// Collects computed values.
pub(super) fn computed<const N: usize>(values: [(&str, Value); N]) -> Computed {
    values
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
