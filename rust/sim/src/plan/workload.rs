//! Workloads: what arrives, when.

use super::{BatchPlan, ClientsPlan, RetryPlan};
use serde::Deserialize;

/// How recorded counts become arrival instants.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ArrivalMode {
    /// A Poisson process on a unit-rate clock whose rate is constant inside a bin.
    Poisson,
    /// Exactly the bin's (integer) count, at independent uniform instants of the bin: the same process given its counts.
    Exact,
}

/// One stretch of a fluid load.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadStep {
    /// Total CPU the service would use.
    pub millicores: u64,
    /// How long.
    pub duration_ns: u64,
}

/// Where requests come from.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "source", rename_all = "snake_case", deny_unknown_fields)]
pub enum WorkloadSource {
    /// Expected requests per bin (f64 array), bins of `step_ns` from `start_ns` on.
    Counts {
        /// Index of the f64 array of counts.
        counts: usize,
        /// Width of a bin.
        step_ns: u64,
        /// How counts become arrivals.
        arrivals: ArrivalMode,
        /// Share of arrivals kept by independent thinning, in parts per 2^53; 2^53 keeps all.
        keep_2_53: u64,
        /// Requests that come at one instant; `None` lets each come by itself. Counts are of requests all the same.
        batch: Option<BatchPlan>,
    },
    /// An explicit table: arrival times (u64 ns, ascending) and work (u64 ns).
    Table {
        /// Index of the u64 array of times, relative to the workload's start.
        times: usize,
        /// Index of the u64 array of work; `None` draws from the service's distribution.
        work: Option<usize>,
        /// Share of arrivals kept by independent thinning, in parts per 2^53.
        keep_2_53: u64,
    },
    /// A fluid load without requests: total CPU demand in steps, repeated until the end when `cycle`.
    Load {
        /// The steps.
        steps: Vec<LoadStep>,
        /// Whether the steps start again after the last.
        cycle: bool,
    },
    /// No open arrivals: clients in a closed loop send all requests.
    Clients,
}

/// The workload of one service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadPlan {
    /// Index of the service.
    pub service: usize,
    /// First bin, or the zero of a table's times.
    pub start_ns: u64,
    /// What arrives.
    pub source: WorkloadSource,
    /// How long after its first arrival a request ends at the latest, with the attempt that is under way; `None` is never.
    pub deadline_ns: Option<u64>,
    /// Whether and how failed requests come back; `None` gives up at once.
    pub retry: Option<RetryPlan>,
    /// Clients in a closed loop, beside the source.
    pub clients: Option<ClientsPlan>,
}

impl WorkloadPlan {
    /// What arrives from `source`, and never comes back.
    pub const fn open(service: usize, start_ns: u64, source: WorkloadSource) -> Self {
        Self {
            service,
            start_ns,
            source,
            deadline_ns: None,
            retry: None,
            clients: None,
        }
    }
}
