//! Changes of the CPU of replicas in place.

use serde::Deserialize;

/// From an instant on, the replicas of a service have another CPU: those that are there, and those to come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ResizePlan {
    /// Index of the service.
    pub service: usize,
    /// When.
    pub at_ns: u64,
    /// CPU of a replica from then on.
    pub cpu_millicores: u64,
}
