//! The Kubernetes HPA in the engine: pods from replicas, samples from the pipeline.
//!
//! A replica is one pod with one container. It is Pending until its container runs, has a start time once a node is
//! found (the kubelet acknowledges it), and its Ready condition is False from then until it takes requests.

use super::{Controller, Verdict, View, config};
use crate::metrics::{PodMetric, PodSample, Reads};
use crate::plan::{ControllerPlan, ReplicaPlan};
use crate::replica::Replica;
use crate::station::ReplicaId;
use hookean_kernel::SimTime;
use hookean_policy::hpa::{
    self, Config, Evaluation, Measure, Memory, MetricSpec, Observation, Obstacle, Outcome, Phase,
    Pod, PodId, Reading, ReadyCondition, ReadyStatus, Requests, Resource, Sample,
};
use hookean_policy::{Span, Timestamp};
use std::fmt::Write;

struct Hpa {
    config: Config,
    memory: Memory,
    pods: Vec<Pod>,
    samples: Vec<Vec<Sample>>,
    read: Vec<PodSample>,
}

/// Name of the one custom metric that the engine measures.
const REQUEST_RATE: &str = "requests_per_second";

pub(super) fn build(plan: &ControllerPlan) -> Result<Box<dyn Controller>, String> {
    let config: Config = config(plan)?;
    config.validate().map_err(|e| e.to_string())?;
    if let Some(unfed) = config.metrics.iter().find(|m| measured_as(m).is_none()) {
        return Err(format!("the engine does not measure `{}`", unfed.name()));
    }
    let samples = vec![Vec::new(); config.metrics.len()];
    Ok(Box::new(Hpa {
        config,
        memory: Memory::default(),
        pods: Vec::new(),
        samples,
        read: Vec::new(),
    }))
}

/// What the engine measures for a metric, if it does.
fn measured_as(metric: &MetricSpec) -> Option<PodMetric> {
    match metric {
        MetricSpec::Resource { resource, .. } => Some(match resource {
            Resource::Cpu => PodMetric::Cpu,
            Resource::Memory => PodMetric::Memory,
        }),
        MetricSpec::Pods { name, .. } if name == REQUEST_RATE => Some(PodMetric::RequestRate),
        _ => None,
    }
}

impl Controller for Hpa {
    fn reads(&self) -> Reads {
        Reads::Replicas(self.config.metrics.iter().filter_map(measured_as).collect())
    }

    fn decide(&mut self, view: &View<'_>) -> Verdict {
        self.observe(view);
        let readings: Vec<Reading<'_>> = self
            .config
            .metrics
            .iter()
            .zip(&self.samples)
            .map(|(m, s)| reading(m, s, &view.service.replica))
            .collect();
        let observation = Observation {
            now: timestamp(view.now),
            current_replicas: count(view.desired),
            status_replicas: count(view.wanted().count() as u32),
            pods: &self.pods,
            readings: &readings,
            obstacle: Obstacle::None,
        };
        let outcome = hpa::reconcile(&self.config, &mut self.memory, &observation);
        self.verdict(view, &outcome)
    }
}

impl Hpa {
    fn observe(&mut self, view: &View<'_>) {
        self.pods.clear();
        self.pods
            .extend(view.replicas.iter().map(|replica| pod(replica, view.now)));
        for (metric, samples) in self.config.metrics.iter().zip(&mut self.samples) {
            self.read.clear();
            if let Some(measured) = measured_as(metric) {
                view.pipeline
                    .pod_samples(measured, view.now, view.samples, &mut self.read);
            }
            // the metrics API knows only pods that exist; what it has of a pod that is being deleted is left to the policy
            let pods = &self.pods;
            let exists = |s: &&PodSample| {
                pods.binary_search_by_key(&pod_id(s.replica), |p| p.id)
                    .is_ok()
            };
            samples.clear();
            samples.extend(self.read.iter().filter(exists).map(sample));
        }
    }

    fn verdict(&self, view: &View<'_>, outcome: &Outcome) -> Verdict {
        let desired = u32::try_from(outcome.desired_replicas).unwrap_or(0);
        let decisive = match outcome.branch {
            hpa::Branch::Normalized(steps) => outcome.evaluations.get(steps.winner),
            _ => None,
        };
        let proposal = decisive.and_then(|e| e.result.as_ref().ok());
        let figures = proposal.map(|p| figures(&p.measure));
        Verdict {
            desired,
            metric: decisive.map(|e| self.config.metrics[e.metric].name().to_owned()),
            value: figures.map(|(value, _)| value),
            target: figures.map(|(_, target)| target),
            inputs: self.inputs(view, outcome),
            reason: outcome.reason(&self.config).to_string(),
        }
    }

    /// The evaluations as a JSON object; built by hand because it is written at every tick.
    fn inputs(&self, view: &View<'_>, outcome: &Outcome) -> String {
        let mut text = format!(
            "{{\"current\":{},\"pods\":{},\"metrics\":[",
            view.desired,
            view.wanted().count()
        );
        for (i, evaluation) in outcome.evaluations.iter().enumerate() {
            let comma = if i == 0 { "" } else { "," };
            let name = json_text(self.config.metrics[evaluation.metric].name());
            // writing to a String cannot fail
            let _ = write!(
                text,
                "{comma}{{\"metric\":{name},{}}}",
                evaluation_fields(evaluation)
            );
        }
        text.push_str("]}");
        text
    }
}

fn json_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

fn evaluation_fields(evaluation: &Evaluation) -> String {
    match &evaluation.result {
        Ok(p) => {
            let (value, target) = figures(&p.measure);
            let proposal = p.replicas;
            let (ready, unready, missing, ignored) = (p.ready, p.unready, p.missing, p.ignored);
            format!(
                "\"value\":{value},\"target\":{target},\"ready\":{ready},\"unready\":{unready},\"missing\":{missing},\"ignored\":{ignored},\"proposal\":{proposal}"
            )
        }
        Err(error) => format!("\"error\":{}", json_text(&error.to_string())),
    }
}

/// Value and target in the unit people use: percent for utilisation, else whole units.
fn figures(measure: &Measure) -> (f64, f64) {
    let whole = |milli: i64| milli as f64 / 1000.0;
    match *measure {
        Measure::Utilization {
            percent,
            target_percent,
            ..
        } => (f64::from(percent), f64::from(target_percent)),
        Measure::Average {
            average_milli,
            target_milli,
        } => (whole(average_milli), whole(target_milli)),
        Measure::Value {
            value_milli,
            target_milli,
        } => (whole(value_milli), whole(target_milli)),
    }
}

fn reading<'a>(metric: &MetricSpec, samples: &'a [Sample], replica: &ReplicaPlan) -> Reading<'a> {
    let milli = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let requests = match metric {
        MetricSpec::Resource {
            resource: Resource::Cpu,
            ..
        } => Requests::Uniform(milli(replica.cpu_millicores)),
        MetricSpec::Resource {
            resource: Resource::Memory,
            ..
        } => Requests::Uniform(milli(replica.memory_bytes.saturating_mul(1000))),
        _ => Requests::None,
    };
    Reading::PerPod { samples, requests }
}

fn pod_id(replica: ReplicaId) -> PodId {
    PodId(u64::from(replica.0))
}

fn pod(replica: &Replica, now: SimTime) -> Pod {
    let runs = replica.running.is_some_and(|since| since <= now);
    let ready = replica.is_serving();
    let changed = if ready { replica.ready } else { replica.placed };
    Pod {
        id: pod_id(replica.id),
        phase: if runs { Phase::Running } else { Phase::Pending },
        deleted: !replica.is_wanted(),
        start: replica.placed.map(timestamp),
        ready: changed.map(|at| ReadyCondition {
            status: if ready {
                ReadyStatus::True
            } else {
                ReadyStatus::False
            },
            last_transition: timestamp(at),
        }),
    }
}

fn sample(sample: &PodSample) -> Sample {
    Sample {
        pod: pod_id(sample.replica),
        value_milli: sample.value_milli,
        timestamp: timestamp(sample.at),
        window: Span::from_nanos(i64::try_from(sample.window.as_nanos()).unwrap_or(i64::MAX)),
    }
}

fn timestamp(at: SimTime) -> Timestamp {
    Timestamp::from_nanos(i64::try_from(at.as_nanos()).unwrap_or(i64::MAX))
}

fn count(replicas: u32) -> i32 {
    i32::try_from(replicas).unwrap_or(i32::MAX)
}
