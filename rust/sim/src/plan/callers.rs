//! Callers: those who send requests, wait for their ends, and may come back.

use hookean_kernel::Distribution;
use serde::Deserialize;

/// How many requests come at one arrival instant.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "law", rename_all = "snake_case", deny_unknown_fields)]
pub enum BatchPlan {
    /// Always the same number.
    Fixed {
        /// Requests in a batch, at least 1.
        size: u64,
    },
    /// Geometric from 1 on: one more request comes with the same probability after each.
    Geometric {
        /// Mean, at least 1.
        mean: f64,
    },
    /// One of some sizes.
    Measured {
        /// The sizes, at least 1 each.
        sizes: Vec<u64>,
        /// How often each comes, relative to the others.
        weights: Vec<f64>,
    },
}

/// How a delay before a retry is spread. `delay` is the exponential one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Jitter {
    /// Exactly `delay`.
    None,
    /// Uniform from 0 to `delay`.
    Full,
    /// Half of `delay`, and uniform from 0 to the other half.
    Equal,
}

/// The delay before a retry: `initial * factor^(k - 1)` before the k-th, at most `maximum`.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackoffPlan {
    /// Before the first retry.
    pub initial_ns: u64,
    /// Growth from one retry to the next, at least 1.
    pub factor: f64,
    /// Longest delay.
    pub maximum_ns: u64,
    /// Spread.
    pub jitter: Jitter,
}

/// A retry budget as in Finagle and Linkerd: over the last `window_ns`, retries are at most `ratio` per first attempt,
/// plus `per_second_min` in each second.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BudgetPlan {
    /// Retries that each first attempt pays for.
    pub ratio: f64,
    /// Retries per second that are free.
    pub per_second_min: f64,
    /// How long deposits and withdrawals count.
    pub window_ns: u64,
}

/// When and how often a failed request is sent again.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "the failures that are tried again, each by itself"
)]
pub struct RetryPlan {
    /// Whether rejected attempts are tried again.
    pub after_rejected: bool,
    /// Whether attempts that timed out are tried again.
    pub after_timed_out: bool,
    /// Whether attempts lost with a replica are tried again.
    pub after_lost: bool,
    /// Whether attempts are tried again for which too many held calls have failed.
    pub after_unanswered: bool,
    /// Most attempts of a request, the first included.
    pub attempts_max: u32,
    /// Delay before a retry.
    pub backoff: BackoffPlan,
    /// Limit on all retries together; `None` has none.
    pub budget: Option<BudgetPlan>,
}

/// Clients in a closed loop: each thinks, sends a request, waits for its end, and thinks again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientsPlan {
    /// How many.
    pub count: u64,
    /// Time from the end of a request (at first: from the workload's start) to the next request.
    pub think: Distribution,
    /// How long after the workload's start clients send requests; `None` is until the end.
    pub duration_ns: Option<u64>,
}
