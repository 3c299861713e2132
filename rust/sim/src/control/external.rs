//! Policies outside of the engine: it observes for them, asks them all at once, and applies what they want.
//!
//! The engine knows nothing about the language they are written in. What implements [`ExternalPolicies`] is handed to a
//! run beside its plan; controllers of kind [`KIND`] are decided by it. All of them that tick at one instant are
//! observed first, asked in one call in the order of the plan (by service name), and applied in that order: a policy
//! sees the state before any of them acts. Policies that say how many nodes a pool has ([`nodes`]) come after these, one
//! after the other in the order of pools: each sees what all before it have done. There is no way from a policy back into
//! the engine.

mod accounts;
mod nodes;

pub use nodes::{NodeConfig, NodeRow};

pub(crate) use nodes::NodeObserver;

use super::{Account, Accounts, Verdict, View, config};
use crate::metrics::{PodMetric, PodSample, Reads};
use crate::plan::ControllerPlan;
use crate::replica::{Replica, ReplicaState};
use crate::station::ReplicaId;
use accounts::Kept;
use hookean_kernel::{SimDuration, SimTime};
use serde::Deserialize;
use serde_json::Value;
use std::error::Error;
use std::fmt::Write;
use std::sync::{Arc, LazyLock};

/// The kind of the controllers that are decided outside.
pub const KIND: &str = "python";

/// The policies of a run that are not part of the engine.
pub trait ExternalPolicies: Send {
    /// Decides for every row, one [`Choice`] each, in their order.
    ///
    /// # Errors
    /// What made it impossible: the run ends there, and hands it back in [`crate::run::RunOutput::failure`].
    fn decide(&mut self, now: SimTime, rows: &[Row]) -> Result<Vec<Choice>, Failure>;

    /// Decides how many nodes a pool has.
    ///
    /// # Errors
    /// As [`Self::decide`].
    fn decide_nodes(&mut self, now: SimTime, row: &NodeRow) -> Result<Choice, Failure>;
}

/// Why policies could not decide.
pub type Failure = Box<dyn Error + Send + Sync>;

/// What a policy wants for a service, or a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Replicas, or nodes, before the bounds of the controller.
    pub wanted: u32,
    /// Why, if it says.
    pub reason: Option<String>,
}

/// What a policy sees of a service.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// Index of the controller in the plan.
    pub controller: usize,
    /// Replicas wanted so far.
    pub desired: u32,
    /// Replicas that take requests.
    pub ready: u32,
    /// Replicas on a node that do not take requests yet.
    pub starting: u32,
    /// Replicas that no node has room for.
    pub pending: u32,
    /// Replicas that finish what they hold.
    pub draining: u32,
    /// Samples the means of the first metric rest on; of a group average, 1.
    pub samples: u32,
    /// Time stamp of the newest of them.
    pub sampled: Option<SimTime>,
    /// Means over the ready replicas, by [`Metric`]; NaN when there is no sample, or the metric is not read.
    pub means: [f64; METRICS.len()],
    /// The replicas one by one, if the policy asked for them.
    pub replicas: Vec<ReplicaRow>,
}

/// What a policy sees of a single replica: what a control plane knows of it, and its samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplicaRow {
    /// Its number.
    pub id: ReplicaId,
    /// Whether its container runs.
    pub running: bool,
    /// Whether it takes requests.
    pub ready: bool,
    /// Whether it is on its way out.
    pub leaving: bool,
    /// When it got a node.
    pub placed: Option<SimTime>,
    /// When `ready` last changed.
    pub ready_changed: Option<SimTime>,
    /// Its samples, by [`Metric`].
    pub samples: [Option<PodSample>; METRICS.len()],
}

/// A metric that a policy may read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Metric {
    /// CPU in use, as a share of the request.
    Cpu,
    /// Memory in use, in bytes.
    Memory,
    /// Completed requests per second.
    Requests,
}

/// Every metric with its name in tables, by its number.
pub const METRICS: [(Metric, &str); 3] = [
    (Metric::Cpu, "cpu"),
    (Metric::Memory, "memory"),
    (Metric::Requests, "requests_per_second"),
];

/// The names, shared by all decisions.
static NAMES: LazyLock<[Arc<str>; METRICS.len()]> =
    LazyLock::new(|| METRICS.map(|(_, name)| name.into()));

/// Names of the means in the inputs of a decision.
const INPUTS: [&str; METRICS.len()] = ["cpu_ratio", "memory_bytes", "requests_rps"];

impl Metric {
    fn of_replicas(self) -> PodMetric {
        match self {
            Self::Cpu => PodMetric::Cpu,
            Self::Memory => PodMetric::Memory,
            Self::Requests => PodMetric::RequestRate,
        }
    }
}

/// The configuration of a controller that is decided outside.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Name of the policy.
    pub policy: String,
    /// Digest of its source; part of the plan so that the plan's digest tells versions of a policy apart.
    pub source_sha256: Option<String>,
    /// What it was given.
    pub parameters: Value,
    /// Number of the instance that decides; those who share one are decided in one call.
    pub instance: usize,
    /// Smallest number of replicas.
    pub min: u32,
    /// Largest number of replicas.
    pub max: u32,
    /// What it reads.
    pub metrics: Vec<Metric>,
    /// Whether it sees single replicas.
    pub sees_replicas: bool,
}

/// Observes for one controller and turns a choice into a verdict.
#[derive(Debug)]
pub struct Observer {
    config: Config,
    /// Name of the first metric, for the log of decisions.
    metric: Option<Arc<str>>,
    accounts: Kept,
}

impl Observer {
    /// Builds it from the plan.
    ///
    /// # Errors
    /// What is wrong with the configuration.
    pub(crate) fn new(plan: &ControllerPlan) -> Result<Self, String> {
        let config: Config = config(plan)?;
        if config.min > config.max {
            return Err("has crossed bounds".to_owned());
        }
        let first = config.metrics.first();
        let metric = first.map(|m| Arc::clone(&NAMES[*m as usize]));
        Ok(Self {
            accounts: Kept::new(&config),
            config,
            metric,
        })
    }

    /// What it reads of its pipeline.
    pub(crate) fn reads(&self, plan: &ControllerPlan) -> Reads {
        if self.config.metrics.is_empty() {
            return Reads::Nothing;
        }
        if plan.metrics.is_of_groups() {
            return Reads::Group {
                warmup: SimDuration::ZERO,
                datapoints: 1,
            };
        }
        let metrics = self.config.metrics.iter();
        Reads::Replicas(metrics.map(|m| m.of_replicas()).collect())
    }

    /// What the policy sees.
    pub(crate) fn observe(&self, controller: usize, view: &View<'_>) -> Row {
        let mut row = Row {
            controller,
            desired: view.desired,
            ready: view.counts.ready,
            starting: view.counts.starting,
            pending: view.counts.pending,
            draining: view.counts.draining,
            samples: 0,
            sampled: None,
            means: [f64::NAN; METRICS.len()],
            replicas: Vec::new(),
        };
        if self.config.sees_replicas {
            let replicas = view.existing();
            row.replicas = replicas.map(|r| replica_row(r, view.now)).collect();
        }
        if view.pipeline.is_of_groups() {
            group_means(&mut row, view);
        } else {
            self.replica_means(&mut row, view);
        }
        row
    }

    fn replica_means(&self, row: &mut Row, view: &View<'_>) {
        let cores_milli = view.cpu_millicores as f64;
        let all_ready = view.counts.ready as usize == view.live.len();
        for (place, metric) in self.config.metrics.iter().enumerate() {
            let mut replicas = view.live.iter().enumerate().peekable();
            let (mut sum, mut samples, mut newest) = (0.0, 0u32, None);
            let mut take = |sample: PodSample| {
                while replicas.next_if(|(_, id)| **id < sample.replica).is_some() {}
                let Some((at, id)) = replicas.next_if(|(_, id)| **id == sample.replica) else {
                    return;
                };
                if let Some(seen) = row.replicas.get_mut(at) {
                    seen.samples[*metric as usize] = Some(sample);
                }
                // As a rule all are ready, and none has to be looked at.
                if all_ready || view.replicas.get(*id).state == ReplicaState::Ready {
                    sum += sample.value_milli as f64;
                    samples += 1;
                    newest = newest.max(Some(sample.at));
                }
            };
            let (of, now) = (metric.of_replicas(), view.now);
            view.pipeline.pod_samples(of, now, view.samples, &mut take);
            let unit = if *metric == Metric::Cpu {
                cores_milli
            } else {
                1000.0
            };
            if samples > 0 {
                row.means[*metric as usize] = sum / f64::from(samples) / unit;
            }
            if place == 0 {
                (row.samples, row.sampled) = (samples, newest);
            }
        }
    }

    /// The choice within the bounds; what led to it is kept, if it is wanted. Replicas wanted before it are `current`.
    pub(crate) fn verdict(
        &mut self,
        row: &Row,
        choice: &Choice,
        current: u32,
        account: &Account<'_>,
    ) -> Verdict {
        let desired = choice.wanted.clamp(self.config.min, self.config.max);
        if account.wanted.takes(current, desired) {
            self.accounts.keep(row, choice, account.expected);
        }
        let first = self.config.metrics.first();
        let value = first.map(|m| row.means[*m as usize] * scale(*m));
        Verdict {
            desired,
            metric: self.metric.clone(),
            value: value.filter(|v| v.is_finite()),
            target: None,
        }
    }

    /// Hands over what has been kept of the decisions since it was last asked.
    pub(crate) fn take_accounts(&mut self) -> Box<dyn Accounts> {
        Box::new(self.accounts.take())
    }
}

/// Why a policy has got what it has: in its own words if it has some.
fn explain(
    policy: &str,
    wanted: u32,
    own: Option<&str>,
    (min, max): (u32, u32),
    reason: &mut String,
) {
    // writing to a String cannot fail
    let _ = if let Some(own) = own {
        write!(reason, "{own}")
    } else {
        write!(reason, "`{policy}` wants {wanted}")
    };
    let desired = wanted.clamp(min, max);
    if desired != wanted {
        let bound = if desired == max { "max" } else { "min" };
        let _ = write!(reason, "; {wanted} is outside of `{bound}`, so {desired}");
    }
}

/// To the unit of the `value` column: percent for CPU, as the other controllers write it.
fn scale(metric: Metric) -> f64 {
    if metric == Metric::Cpu { 100.0 } else { 1.0 }
}

/// CloudWatch publishes means over the group; it has no memory metric.
fn group_means(row: &mut Row, view: &View<'_>) {
    let Some(point) = view.pipeline.group_points(view.now).last() else {
        return;
    };
    let cores = view.cpu_millicores as f64 / 1000.0;
    let cpu = point.cpu_cores.map(|used| used / cores);
    row.means[Metric::Cpu as usize] = cpu.unwrap_or(f64::NAN);
    let requests = point.requests_per_minute.map(|count| count / 60.0);
    row.means[Metric::Requests as usize] = requests.unwrap_or(f64::NAN);
    if cpu.is_some() {
        (row.samples, row.sampled) = (1, Some(point.end));
    }
}

/// A replica is ready from then on, and was not ready from its place on a node until then.
fn replica_row(replica: &Replica, now: SimTime) -> ReplicaRow {
    let ready = replica.is_serving();
    ReplicaRow {
        id: replica.id,
        running: replica.running.is_some_and(|since| since <= now),
        ready,
        leaving: !replica.is_wanted(),
        placed: replica.placed,
        ready_changed: replica.readiness_changed(),
        samples: [None; METRICS.len()],
    }
}
