//! Workloads as streams of requests, one at a time, in constant memory.
//!
//! Request `i` of a service has the same arrival and the same work under every policy, platform and engine: arrivals,
//! work and thinning have streams of their own, and work is drawn for every request in order, kept or not.

mod arrivals;
mod batches;
mod bins;
mod callers;
mod classes;
mod counts;
mod inbox;
mod request;
mod values;

pub use arrivals::{Arrivals, BLOCK};
pub(crate) use bins::{BinnedArrivals, Crowd, WorkMoments};
pub(crate) use callers::Received;
pub use callers::{Callers, ClientCounts, SLOTS as BUDGET_SLOTS};
pub use classes::Classes;
pub(crate) use inbox::Inbox;
pub(crate) use request::{OF_CALL, OF_CLIENT, attempt_of, is_in_sequence, number_of};
pub use request::{Outcome, Request};
pub use values::Values;

/// The arrays that travel beside a plan and are referred to by index.
#[derive(Debug, Clone, Default)]
pub struct WorkloadArrays {
    /// Floating-point arrays: counts.
    pub f64s: Vec<Values<f64>>,
    /// Integer arrays: times and work.
    pub u64s: Vec<Values<u64>>,
}
