//! Workloads as streams of requests, one at a time, in constant memory.
//!
//! Request `i` of a service has the same arrival and the same work under every policy, platform and engine: arrivals,
//! work and thinning have streams of their own, and work is drawn for every request in order, kept or not.

mod arrivals;
mod counts;

pub use arrivals::{Arrivals, BLOCK};

use hookean_kernel::SimTime;
use std::sync::Arc;

/// One request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Request {
    /// Its number in the workload, counting those that thinning drops.
    pub index: u64,
    /// When it arrives.
    pub time: SimTime,
    /// CPU time it needs on one full core.
    pub work_ns: u64,
}

/// The arrays that travel beside a plan and are referred to by index.
#[derive(Debug, Clone, Default)]
pub struct WorkloadArrays {
    /// Floating-point arrays: counts.
    pub f64s: Vec<Arc<[f64]>>,
    /// Integer arrays: times and work.
    pub u64s: Vec<Arc<[u64]>>,
}
