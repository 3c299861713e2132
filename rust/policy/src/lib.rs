//! Autoscaling decisions as pure functions: `(config, memory, observation) -> (decision, reason)`.
//!
//! There is no engine here, no clock, no random number and no input or output: a controller sees its observation, updates its own
//! memory and says what it wants and why. Whoever calls it (a simulator, a test, another program) supplies the time.
//!
//! One module per controller; [`CONTROLLERS`] lists them. [`conformance`] replays recorded cases against them.

#![forbid(unsafe_code)]

pub mod conformance;
pub mod ec2_target_tracking;
pub mod hpa;
pub mod on_demand;
pub mod static_replicas;
pub mod text;
pub mod thresholds;
mod time;

pub use time::{Span, Timestamp};

/// What the table of controllers says about one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Controller {
    /// The name a scenario uses for it.
    pub kind: &'static str,
    /// One sentence for listings.
    pub summary: &'static str,
    /// Whether recorded cases of the original exist for it, which [`conformance`] can run.
    pub has_conformance_vectors: bool,
}

/// Every controller of this crate, in the order of its kind.
pub static CONTROLLERS: &[Controller] = &[
    Controller {
        kind: "ec2-target-tracking",
        summary: "EC2 Auto Scaling target tracking: two alarms per policy, capacity in proportion to the metric",
        has_conformance_vectors: false,
    },
    Controller {
        kind: "hpa",
        summary: "Kubernetes Horizontal Pod Autoscaler, autoscaling/v2",
        has_conformance_vectors: true,
    },
    Controller {
        kind: "on-demand",
        summary: "a replica for each request that finds no place, until it has been idle for its keep-alive",
        has_conformance_vectors: false,
    },
    Controller {
        kind: "static",
        summary: "a fixed number of replicas",
        has_conformance_vectors: false,
    },
    Controller {
        kind: "thresholds",
        summary: "levels of the number of requests at which a replica is added or removed, at once",
        has_conformance_vectors: false,
    },
];
