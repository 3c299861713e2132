//! What a station's queues and routing are, from the plan.

use super::ReplicaShape;
use super::quota::Quota;
use super::routing::Streams;
use crate::plan::{QueuePlan, Routing, WhenFull};
use crate::workload::{Classes, Request};

/// Settings that hold for all replicas of a station.
#[derive(Debug, Clone)]
pub(super) struct Settings {
    /// Most requests that may wait in one queue.
    pub(super) limit: u64,
    /// Whether a request of an earlier level takes the place of one of a later level when the queue is full.
    pub(super) pushes_out: bool,
    /// Longest wait.
    timeout_ns: u64,
    /// Longest time in the station.
    pub(super) patience_ns: u64,
    pub(super) routing: Routing,
    /// Streams of routing.
    pub(super) streams: Streams,
    pub(super) classes: Classes,
    /// CPU limit of each replica.
    pub(super) quota: Option<Quota>,
}

impl Settings {
    pub(super) fn new(queue: &QueuePlan, classes: Classes, streams: Streams) -> Self {
        let patience_ns = queue.total_timeout_ns.unwrap_or(u64::MAX);
        Self {
            limit: queue.limit.unwrap_or(u64::MAX),
            pushes_out: queue.when_full == WhenFull::PushOut,
            timeout_ns: queue.timeout_ns.unwrap_or(u64::MAX).min(patience_ns),
            patience_ns,
            routing: queue.routing,
            streams,
            classes,
            quota: None,
        }
    }

    /// The same with a CPU limit, if there is one.
    pub(super) fn limited_by(self, quota: Option<Quota>) -> Self {
        Self { quota, ..self }
    }

    /// Whether a request may end otherwise than by being served.
    pub(super) const fn is_bounded(&self) -> bool {
        self.limit < u64::MAX || self.timeout_ns < u64::MAX
    }

    /// When a request that still waits gives up.
    #[inline]
    pub(super) fn deadline(&self, request: &Request) -> u64 {
        request.time.as_nanos().saturating_add(self.timeout_ns)
    }
}

/// When a request gives up, also in service.
#[inline]
pub(super) fn end_of_patience(request: &Request, patience_ns: u64) -> u64 {
    request.time.as_nanos().saturating_add(patience_ns)
}

/// Slots of a replica whose slots serve one request at a time.
///
/// # Panics
/// When the shape has none: a plan with such a queue is refused before it gets here.
pub(super) fn slots_of(shape: &ReplicaShape) -> u32 {
    shape
        .concurrency
        .filter(|slots| *slots > 0)
        .expect("a first-come queue has a concurrency: the plan is checked")
}
