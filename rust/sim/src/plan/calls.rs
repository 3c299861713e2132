//! Calls between services: what a request of one sets off in others.

use super::RetryPlan;
use hookean_kernel::Distribution;
use serde::Deserialize;

/// How many of the calls that a request makes have to be answered before it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "wait", rename_all = "snake_case", deny_unknown_fields)]
pub enum WaitPlan {
    /// All of them.
    All,
    /// None: the answer does not depend on them.
    Nothing,
    /// So many, whichever come first.
    Some {
        /// How many; at least 1, at most all.
        count: u64,
    },
}

/// Calls that a request of a service sets off, with some probability.
///
/// Asynchronous calls are set off when the request completes: nobody holds a place meanwhile. Synchronous ones are set off when
/// its work is done, and it holds its place until they are answered.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CallPlan {
    /// Index of the calling service.
    pub service: usize,
    /// Indices of the services that are called, in ascending order.
    pub to: Vec<usize>,
    /// Probability that a request makes these calls: all of them, or none.
    pub probability: f64,
    /// Calls to each of them.
    pub copies: u64,
    /// Whether they are synchronous: the request is completed when as many of them are answered as it waits for.
    pub hold: bool,
    /// Time from the end of the request, or of its work, to the arrival of a call.
    pub delay: Distribution,
    /// How many of the calls the answer to the request waits for.
    pub wait_for: WaitPlan,
    /// How long after its first arrival a call ends at the latest, with the attempt that is under way; `None` is never.
    pub deadline_ns: Option<u64>,
    /// Whether and how failed calls come back; `None` gives up at once.
    pub retry: Option<RetryPlan>,
}
