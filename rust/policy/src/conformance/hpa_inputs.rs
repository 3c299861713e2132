//! Pods and samples as the HPA's cases write them.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::json::{Secs, nullable};
use crate::hpa::{
    BehaviorSpec, Config, Container, Gates, MetricSpec, Phase, Pod, PodId, PodRequests,
    ReadyCondition, ReadyStatus, Resource, SCALE_UP_LIMIT_FACTOR, SCALE_UP_LIMIT_MINIMUM, Sample,
    container_usage, pod_request, pod_usage,
};
use crate::{Span, Timestamp};

/// Quantities of a pod or container, by resource.
type Quantities = BTreeMap<String, i64>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PodInput {
    pub(super) name: String,
    phase: PhaseInput,
    #[serde(deserialize_with = "nullable")]
    start: Option<Secs>,
    #[serde(deserialize_with = "nullable")]
    ready_condition: Option<ReadyInput>,
    deleted: bool,
    containers: Option<Vec<ContainerInput>>,
    init_containers: Option<Vec<ContainerInput>>,
    pod_level_requests: Option<Quantities>,
}

/// A pod as far as its requests go.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RequestsInput {
    pub(super) name: String,
    containers: Vec<ContainerInput>,
    init_containers: Vec<ContainerInput>,
    #[serde(deserialize_with = "nullable")]
    pod_level_requests: Option<Quantities>,
}

#[derive(Deserialize)]
enum PhaseInput {
    Pending,
    Running,
    Succeeded,
    Failed,
    #[serde(alias = "")]
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReadyInput {
    status: ReadyStatusInput,
    last_transition: Secs,
}

#[derive(Deserialize)]
enum ReadyStatusInput {
    True,
    False,
    Unknown,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ContainerInput {
    name: String,
    requests: Quantities,
    #[serde(alias = "restartPolicy")]
    restart_policy: Option<String>,
}

/// Which request of a pod a metric is about.
#[derive(Clone, Copy)]
pub(super) struct RequestOf<'a> {
    pub(super) resource: &'a str,
    pub(super) container: Option<&'a str>,
    pub(super) pod_level: bool,
}

impl RequestOf<'_> {
    fn sum(
        self,
        containers: &[ContainerInput],
        init_containers: &[ContainerInput],
        pod_level: Option<&Quantities>,
    ) -> Result<i64, String> {
        let always = |c: &&ContainerInput| c.restart_policy.as_deref() == Some("Always");
        let containers: Vec<_> = containers.iter().map(|c| c.of(self.resource)).collect();
        let sidecars: Vec<_> = init_containers
            .iter()
            .filter(always)
            .map(|c| c.of(self.resource))
            .collect();
        let pod_level_milli = pod_level
            .filter(|_| self.pod_level)
            .and_then(|q| q.get(self.resource))
            .copied();
        let pod = PodRequests {
            containers: &containers,
            sidecars: &sidecars,
            pod_level_milli,
        };
        pod_request(&pod, self.container).map_err(|error| error.to_string())
    }
}

impl ContainerInput {
    fn of(&self, resource: &str) -> Container<'_> {
        Container {
            name: &self.name,
            request_milli: self.requests.get(resource).copied(),
        }
    }
}

impl RequestsInput {
    /// The pod's request; the error is the one the controller reports.
    pub(super) fn request(&self, of: RequestOf<'_>) -> Result<i64, String> {
        of.sum(
            &self.containers,
            &self.init_containers,
            self.pod_level_requests.as_ref(),
        )
    }
}

impl PodInput {
    pub(super) fn pod(&self, id: PodId) -> Pod {
        Pod {
            id,
            phase: match self.phase {
                PhaseInput::Pending => Phase::Pending,
                PhaseInput::Running => Phase::Running,
                PhaseInput::Succeeded => Phase::Succeeded,
                PhaseInput::Failed => Phase::Failed,
                PhaseInput::Unknown => Phase::Unknown,
            },
            deleted: self.deleted,
            start: self.start.map(Secs::timestamp),
            ready: self.ready_condition.as_ref().map(|ready| ReadyCondition {
                status: match ready.status {
                    ReadyStatusInput::True => ReadyStatus::True,
                    ReadyStatusInput::False => ReadyStatus::False,
                    ReadyStatusInput::Unknown => ReadyStatus::Unknown,
                },
                last_transition: ready.last_transition.timestamp(),
            }),
        }
    }

    fn request(&self, of: RequestOf<'_>) -> Result<Option<i64>, String> {
        let containers = self
            .containers
            .as_ref()
            .ok_or_else(|| format!("pod `{}`: missing field `containers`", self.name))?;
        let init_containers = self.init_containers.as_deref().unwrap_or_default();
        Ok(of
            .sum(
                containers,
                init_containers,
                self.pod_level_requests.as_ref(),
            )
            .ok())
    }
}

/// The requests of all pods, aligned with them; an error means a malformed case, `None` a missing request.
pub(super) fn requests(pods: &[PodInput], of: RequestOf<'_>) -> Result<Vec<Option<i64>>, String> {
    pods.iter().map(|pod| pod.request(of)).collect()
}

/// Numbers pods in the order of the case; names that no pod has get the numbers after those.
pub(super) struct PodIds<'a> {
    ids: BTreeMap<&'a str, PodId>,
}

impl<'a> PodIds<'a> {
    pub(super) fn new(pods: &'a [PodInput]) -> Result<Self, String> {
        let mut ids = Self {
            ids: BTreeMap::new(),
        };
        for pod in pods {
            if ids.ids.contains_key(pod.name.as_str()) {
                return Err(format!("two pods are called `{}`", pod.name));
            }
            ids.of(&pod.name);
        }
        Ok(ids)
    }

    pub(super) fn of(&mut self, name: &'a str) -> PodId {
        let next = PodId(self.ids.len() as u64);
        *self.ids.entry(name).or_insert(next)
    }
}

/// The pods of a case, numbered in its order.
pub(super) fn pods(inputs: &[PodInput]) -> Vec<Pod> {
    (0..)
        .zip(inputs)
        .map(|(id, input)| input.pod(PodId(id)))
        .collect()
}

/// A reading of one pod, container by container.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ResourceSampleInput {
    pod: String,
    timestamp: Secs,
    window: Secs,
    containers: BTreeMap<String, Option<i64>>,
}

impl ResourceSampleInput {
    fn value(&self, container: Option<&str>) -> Option<i64> {
        match container {
            Some(name) => container_usage(
                self.containers
                    .iter()
                    .map(|(container, v)| (container.as_str(), *v)),
                name,
            ),
            None => pod_usage(self.containers.values().copied()),
        }
    }
}

/// The samples of all pods in ascending order of pod; a pod without the resource has none.
pub(super) fn samples<'a>(
    inputs: &'a [ResourceSampleInput],
    ids: &mut PodIds<'a>,
    container: Option<&str>,
) -> Result<Vec<Sample>, String> {
    let mut samples: Vec<Sample> = Vec::with_capacity(inputs.len());
    for input in inputs {
        let pod = ids.of(&input.pod);
        if let Some(value_milli) = input.value(container) {
            samples.push(Sample {
                pod,
                value_milli,
                timestamp: input.timestamp.timestamp(),
                window: input.window.span(),
            });
        }
    }
    samples.sort_by_key(|sample| sample.pod);
    match samples.windows(2).find(|pair| pair[0].pod == pair[1].pod) {
        Some(_) => Err("two samples of one pod".to_owned()),
        None => Ok(samples),
    }
}

/// Samples of a custom metric: level `i` belongs to pod `i` of the case.
pub(super) fn levels(levels: &[i64]) -> Vec<Sample> {
    let sample = |(id, &value_milli)| Sample {
        pod: PodId(id),
        value_milli,
        timestamp: Timestamp::ZERO,
        window: Span::from_secs(60),
    };
    (0..).zip(levels).map(sample).collect()
}

/// The resource called `name`.
pub(super) fn resource(name: &str) -> Result<Resource, String> {
    let known = [Resource::Cpu, Resource::Memory];
    known
        .into_iter()
        .find(|known| known.as_str() == name)
        .ok_or_else(|| format!("unknown resource `{name}`"))
}

/// How a controller treats young pods.
#[derive(Clone, Copy)]
pub(super) struct Readiness {
    pub(super) cpu_initialization_period: Secs,
    pub(super) initial_readiness_delay: Secs,
}

/// A configuration with one metric and wide bounds, for cases about one proposal.
pub(super) fn lone_metric(
    metric: MetricSpec,
    readiness: Readiness,
    tolerances: ToleranceInput,
) -> Config {
    let mut behavior = BehaviorSpec::default().fill(Span::ZERO);
    behavior.scale_up.tolerance = Some(tolerances.scale_up);
    behavior.scale_down.tolerance = Some(tolerances.scale_down);
    Config {
        min_replicas: 0,
        max_replicas: i32::MAX,
        metrics: vec![metric],
        behavior: Some(behavior),
        tolerance: 0.0,
        cpu_initialization_period: readiness.cpu_initialization_period.span(),
        initial_readiness_delay: readiness.initial_readiness_delay.span(),
        downscale_stabilization: Span::ZERO,
        scale_up_limit_factor: SCALE_UP_LIMIT_FACTOR,
        scale_up_limit_minimum: SCALE_UP_LIMIT_MINIMUM,
        gates: Gates {
            scale_to_zero: true,
            configurable_tolerance: true,
        },
    }
}

/// Tolerances of both directions.
#[derive(Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToleranceInput {
    scale_down: f64,
    scale_up: f64,
}
