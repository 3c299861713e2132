//! The plan: a scenario with every default filled, every reference resolved and every quantity in base units.
//!
//! It crosses from Python once, as one JSON document; the arrays of a workload travel beside it and are referred to by
//! index. These structures mirror `python/hookean/plan/` field by field, refuse unknown fields and have no defaults of
//! their own. Units are in the names: `_ns`, `_millicores`, `_bytes`, `_nanousd`; ratios are 0 to 1.

mod callers;
mod calls;
mod controller;
mod fault;
mod platform;
mod resize;
mod service;
mod validate;
mod workload;

pub use callers::{BackoffPlan, BatchPlan, BudgetPlan, ClientsPlan, Jitter, RetryPlan};
pub use calls::{CallPlan, WaitPlan};
pub use controller::{ControllerPlan, NodeControllerPlan, PipelinePlan, Settings};
pub use fault::{FaultEffect, FaultPlan, FaultTarget, FaultTimes, Held, Recovery};
pub use platform::{BillingPlan, PlatformPlan, PoolPlan, PullPlan, StagePlan};
pub use resize::ResizePlan;
pub use service::{
    ClassPlan, Discipline, Fidelity, QueuePlan, QuotaPlan, ReplicaPlan, Routing, ServicePlan,
    SloPlan, WarmupStep, WhenFull,
};
pub use validate::PlanError;
pub use workload::{ArrivalMode, LoadStep, WorkloadPlan, WorkloadSource};

use serde::Deserialize;

/// Which engine advances the stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EngineKind {
    /// Stations advance lazily from one control event to the next.
    Lazy,
    /// A plain event list: slow, and the reference for the other.
    Reference,
}

/// How much of the single requests a run keeps.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "keep", rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestLog {
    /// None.
    Off,
    /// One request in `one_in`, chosen by a hash of its index.
    Sampled {
        /// Inverse of the sampling ratio.
        one_in: u64,
    },
    /// Every request.
    Full,
}

/// Which decisions of controllers a run keeps; all of them enter its digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "keep", rename_all = "snake_case", deny_unknown_fields)]
pub enum DecisionRecord {
    /// Every one.
    All,
    /// Those that change the number of replicas.
    Changes,
    /// One in `one_in`, chosen by a hash of its number.
    Sampled {
        /// Inverse of the sampling ratio.
        one_in: u64,
    },
    /// None.
    Off,
}

/// What a run records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordPlan {
    /// Distance of the rows of the `series` table.
    pub series_step_ns: u64,
    /// Which requests are kept.
    pub requests: RequestLog,
    /// Which decisions are kept.
    pub decisions: DecisionRecord,
    /// Whether the histograms of latencies become a table.
    pub latencies: bool,
}

/// Everything one simulation needs.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Plan {
    /// Version of this structure; 1.
    pub plan_version: u32,
    /// Name of the scenario.
    pub name: String,
    /// Root seed of every random stream.
    pub seed: u64,
    /// End of simulated time.
    pub horizon_ns: u64,
    /// Which engine to use.
    pub engine: EngineKind,
    /// Services, sorted by name.
    pub services: Vec<ServicePlan>,
    /// At most one workload for each service, sorted by service.
    pub workloads: Vec<WorkloadPlan>,
    /// Calls between services, sorted by the calling service; the order of declaration decides within one service.
    pub calls: Vec<CallPlan>,
    /// Where replicas run.
    pub platform: PlatformPlan,
    /// Controllers, sorted by service; the order of declaration decides within one service.
    pub controllers: Vec<ControllerPlan>,
    /// Controllers of nodes, sorted by pool; at most one for each.
    pub node_controllers: Vec<NodeControllerPlan>,
    /// Faults, sorted by name.
    pub faults: Vec<FaultPlan>,
    /// Changes of the CPU of replicas in place, in order of time.
    pub resizes: Vec<ResizePlan>,
    /// What is recorded.
    pub record: RecordPlan,
}
