//! The Kubernetes HPA in the engine: pods from replicas, samples from the pipeline.
//!
//! A replica is one pod with one container. It is Pending until its container runs, has a start time once a node is
//! found (the kubelet acknowledges it), and its Ready condition is False from then until it takes requests.

mod accounts;

use super::{Account, Accounts, Controller, Verdict, View, config};
use crate::metrics::{PodMetric, PodSample, Reads};
use crate::plan::ControllerPlan;
use crate::replica::Replica;
use crate::station::ReplicaId;
use accounts::Kept;
use hookean_kernel::{SimTime, bring_near, bring_value_near};
use hookean_policy::hpa::{
    self, Config, Evaluation, Measure, Memory, MetricSpec, Observation, Obstacle, Outcome, Phase,
    Pod, PodId, Reading, ReadyCondition, ReadyStatus, Requests, Resource, Sample, Standing,
    counts_with_sample, readiness_is_nothing_from,
};
use hookean_policy::{Span, Timestamp};
use std::sync::Arc;

struct Hpa {
    config: Arc<Config>,
    /// Name of each metric.
    names: Arc<[Arc<str>]>,
    accounts: Kept,
    memory: Memory,
    pods: Vec<Pod>,
    /// The version of the replicas that the pods show, and when time alone will change them.
    shown: Option<(u64, SimTime)>,
    standing: Standing,
    /// From when on readiness plays no part in how they count, if that is known.
    readiness_is_nothing_from: Option<Timestamp>,
    seen: Vec<Seen>,
    /// Room for what metrics ask for.
    evaluations: Vec<Evaluation>,
}

/// What has been measured of a metric.
#[derive(Default)]
struct Seen {
    /// The sum over the pods that count, if each of them has a sample and readiness plays no part; nothing else needs to be
    /// known then.
    sum_milli: Option<i128>,
    samples: Vec<Sample>,
}

/// Readings of so many metrics find room without asking for it.
const FEW: usize = 4;
/// Name of the one custom metric that the engine measures.
const REQUEST_RATE: &str = "requests_per_second";

pub(super) fn build(plan: &ControllerPlan) -> Result<Box<dyn Controller>, String> {
    let config: Config = config(plan)?;
    config.validate().map_err(|e| e.to_string())?;
    if let Some(unfed) = config.metrics.iter().find(|m| measured_as(m).is_none()) {
        return Err(format!("the engine does not measure `{}`", unfed.name()));
    }
    let names = config.metrics.iter().map(|m| m.name().into());
    let (names, config) = (names.collect(), Arc::new(config));
    Ok(Box::new(Hpa::new(names, Kept::new(config.clone()), config)))
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

    fn decide(&mut self, view: &View<'_>, account: &mut Account<'_>) -> Verdict {
        self.observe(view);
        let requests = (view.cpu_millicores, view.service.replica.memory_bytes);
        let standing = self.standing;
        let read = |(m, seen)| reading(m, seen, standing, requests);
        let readings = self.config.metrics.iter().zip(&self.seen).map(read);
        let (mut few, many): ([_; FEW], Vec<_>);
        let readings: &[Reading<'_>] = if self.seen.len() <= FEW {
            few = [Reading::Failed; FEW];
            few.iter_mut().zip(readings).for_each(|(to, of)| *to = of);
            &few[..self.seen.len()]
        } else {
            many = readings.collect();
            &many
        };
        let observation = Observation {
            now: timestamp(view.now),
            current_replicas: count(view.desired),
            status_replicas: count(view.wanted),
            pods: &self.pods,
            readings,
            obstacle: Obstacle::None,
        };
        let room = std::mem::take(&mut self.evaluations);
        let outcome = hpa::reconcile_in(&self.config, &mut self.memory, &observation, room);
        let desired = u32::try_from(outcome.desired_replicas).unwrap_or(0);
        let wanted = account.wanted.takes(view.desired, desired);
        if wanted {
            self.accounts.make_room(account.expected);
            self.accounts.keep(observation.status_replicas, &outcome);
        }
        // Who shares names with others counts those who use them, which is not done in vain.
        let decisive = decisive(&outcome).filter(|_| wanted);
        let figures =
            decisive.and_then(|of| Some(figures_milli(&of.result.as_ref().ok()?.measure)));
        let whole = |milli: i64| milli as f64 / 1000.0;
        let verdict = Verdict {
            desired,
            metric: decisive.map(|of| self.names[of.metric].clone()),
            value: figures.map(|(value, _)| whole(value)),
            target: figures.map(|(_, target)| whole(target)),
        };
        self.evaluations = outcome.evaluations;
        verdict
    }

    fn bring_near(&self) {
        bring_value_near(self.pods.as_slice());
        bring_value_near(self.seen.as_slice());
        if let Some(recommendations) = &self.memory.recommendations {
            bring_near(recommendations.at());
            bring_near(recommendations.replicas());
        }
    }

    fn twin(&self) -> Option<Box<dyn Controller>> {
        let (names, config) = (Arc::clone(&self.names), Arc::clone(&self.config));
        Some(Box::new(Self::new(names, self.accounts.none(), config)))
    }

    fn take_accounts(&mut self) -> Option<Box<dyn Accounts>> {
        Some(Box::new(self.accounts.take()))
    }
}

impl Hpa {
    fn new(names: Arc<[Arc<str>]>, accounts: Kept, config: Arc<Config>) -> Self {
        Self {
            names,
            accounts,
            memory: Memory::default(),
            pods: Vec::new(),
            shown: None,
            standing: Standing::default(),
            readiness_is_nothing_from: None,
            seen: config.metrics.iter().map(|_| Seen::default()).collect(),
            config,
            evaluations: Vec::new(),
        }
    }

    fn observe(&mut self, view: &View<'_>) {
        let is_shown = |(version, until)| version == view.version && view.now < until;
        if !self.shown.is_some_and(is_shown) {
            self.show_pods(view);
        }
        let now = timestamp(view.now);
        let settled = self
            .readiness_is_nothing_from
            .is_some_and(|from| from <= now);
        let all_count = self.standing.all_are_ready();
        for (metric, seen) in self.config.metrics.iter().zip(&mut self.seen) {
            seen.sum_milli = None;
            seen.samples.clear();
            let Some(measured) = measured_as(metric) else {
                continue;
            };
            // Upstream asks for readiness where CPU is concerned alone.
            if settled || measured != PodMetric::Cpu {
                let counts = |pod: &&Pod| all_count || counts_with_sample(pod);
                let counting = self
                    .pods
                    .iter()
                    .filter(counts)
                    .map(|pod| ReplicaId(pod.id.0 as u32));
                let (now, samples) = (view.now, view.samples);
                seen.sum_milli = view.pipeline.sum_milli(measured, now, samples, counting);
                if seen.sum_milli.is_some() {
                    continue;
                }
            }
            // One for each pod at most; doubling would leave room for very many, of very many services.
            seen.samples.reserve_exact(self.pods.len());
            // the metrics API knows only pods that exist; what it has of a pod that is being deleted is left to the policy
            let mut pods = self.pods.iter().peekable();
            let mut exists = |replica| {
                let id = pod_id(replica);
                while pods.next_if(|pod| pod.id < id).is_some() {}
                pods.peek().is_some_and(|pod| pod.id == id)
            };
            let all_exist = view.pipeline.is_immediate();
            view.pipeline
                .pod_samples(measured, view.now, view.samples, &mut |read: PodSample| {
                    if all_exist || exists(read.replica) {
                        seen.samples.push(sample(&read));
                    }
                });
        }
    }

    /// Describes the replicas as pods. One whose start is known runs from then on without any change of its replica.
    fn show_pods(&mut self, view: &View<'_>) {
        self.pods.clear();
        self.pods.reserve_exact(view.live.len());
        self.pods
            .extend(view.existing().map(|replica| pod(replica, view.now)));
        let starts = view.existing().filter_map(|replica| replica.running);
        let until = starts.filter(|at| *at > view.now).min();
        self.shown = Some((view.version, until.unwrap_or(SimTime::MAX)));
        self.standing = Standing::of(&self.pods);
        self.readiness_is_nothing_from =
            readiness_is_nothing_from(&self.pods, self.config.cpu_initialization_period);
    }
}

/// What decided, if anything did that was measured.
fn decisive(outcome: &Outcome) -> Option<&Evaluation> {
    match outcome.branch {
        hpa::Branch::Normalized(steps) => outcome.evaluations.get(steps.winner),
        _ => None,
    }
}

/// Value and target in thousandths of the unit people use: percent for utilisation, else whole units.
fn figures_milli(measure: &Measure) -> (i64, i64) {
    match *measure {
        Measure::Utilization {
            percent,
            target_percent,
            ..
        } => (i64::from(percent) * 1000, i64::from(target_percent) * 1000),
        Measure::Average {
            average_milli,
            target_milli,
        } => (average_milli, target_milli),
        Measure::Value {
            value_milli,
            target_milli,
        } => (value_milli, target_milli),
    }
}

fn reading<'a>(
    metric: &MetricSpec,
    seen: &'a Seen,
    standing: Standing,
    (cpu_millicores, memory_bytes): (u64, u64),
) -> Reading<'a> {
    let milli = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
    let request_milli = match metric {
        MetricSpec::Resource {
            resource: Resource::Cpu,
            ..
        } => Some(milli(cpu_millicores)),
        MetricSpec::Resource {
            resource: Resource::Memory,
            ..
        } => Some(milli(memory_bytes.saturating_mul(1000))),
        _ => None,
    };
    match seen.sum_milli {
        Some(value_milli) => Reading::Sum {
            standing,
            value_milli,
            request_milli,
        },
        None => Reading::PerPod {
            samples: &seen.samples,
            requests: request_milli.map_or(Requests::None, Requests::Uniform),
        },
    }
}

fn pod_id(replica: ReplicaId) -> PodId {
    PodId(u64::from(replica.0))
}

fn pod(replica: &Replica, now: SimTime) -> Pod {
    let runs = replica.running.is_some_and(|since| since <= now);
    let ready = replica.is_serving();
    Pod {
        id: pod_id(replica.id),
        phase: if runs { Phase::Running } else { Phase::Pending },
        deleted: !replica.is_wanted(),
        start: replica.placed.map(timestamp),
        ready: replica.readiness_changed().map(|at| ReadyCondition {
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
