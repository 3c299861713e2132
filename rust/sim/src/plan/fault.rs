//! Faults: what goes wrong, where, and when.

use hookean_kernel::Distribution;
use serde::Deserialize;

/// What becomes of the requests that a lost replica held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Held {
    /// They are lost with it.
    Lost,
    /// They go back to the queue, or are routed again, with their original arrival and their whole work.
    Requeued,
}

/// How the service goes on after the crash of a replica.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Recovery {
    /// Its container restarts in place, after the kubelet's back-off.
    Restart,
    /// Its owner replaces it.
    Replace,
}

/// What a fault does.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultEffect {
    /// A node is gone with all its replicas.
    NodeLoss {
        /// What they held.
        requests: Held,
    },
    /// A replica's process ends.
    ReplicaCrash {
        /// What it held.
        requests: Held,
        /// How the service goes on.
        recovery: Recovery,
    },
    /// Replicas are slower.
    SlowDown {
        /// Their speed relative to what it would be.
        speed_ratio: f64,
    },
    /// Replicas stand still.
    Pause,
}

/// Whom a fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(tag = "of", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultTarget {
    /// Nodes, with all their replicas.
    Node {
        /// The one; `None` is one drawn at random at that instant, or each when times are random.
        node: Option<u32>,
    },
    /// Replicas of a service.
    Replica {
        /// Index of the service.
        service: usize,
        /// The one; `None` as for nodes.
        replica: Option<u32>,
    },
}

/// When a fault strikes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "when", rename_all = "snake_case", deny_unknown_fields)]
pub enum FaultTimes {
    /// Once.
    At {
        /// When.
        at_ns: u64,
    },
    /// Again and again, each target by itself.
    Random {
        /// Time from the readiness of the target, or from the end of its last fault of this name, to the next.
        between: Distribution,
    },
}

/// A fault.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FaultPlan {
    /// Name; its hash keys the random streams of the fault.
    pub name: String,
    /// What it does.
    pub effect: FaultEffect,
    /// Whom it strikes.
    pub target: FaultTarget,
    /// When.
    pub times: FaultTimes,
    /// How long it lasts: until the node is back, from the restart of a container to its readiness, or until the speed is what
    /// it was. `None` is for good; for a restart it is the start-up of the service's replicas.
    pub duration: Option<Distribution>,
}
