//! What a replica with a queue of its own holds: requests in service and requests that wait.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is some per cent slower"
)]

use super::first_out::{FirstOut, InService};
use super::orders::Line;
use super::{ReplicaId, ReplicaReading};
use crate::workload::Request;
use hookean_kernel::SimTime;
use std::collections::BinaryHeap;

/// Requests in service, the first to leave on top.
pub(super) trait InHand: Default {
    /// How many there are.
    fn count(&self) -> usize;
    /// All of them, in no order.
    fn all(&self) -> impl Iterator<Item = &InService>;
}

impl InHand for BinaryHeap<InService> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.len()
    }

    fn all(&self) -> impl Iterator<Item = &InService> {
        self.iter()
    }
}

impl<const PATIENT: bool> InHand for FirstOut<PATIENT> {
    #[inline(always)]
    fn count(&self) -> usize {
        self.len()
    }

    fn all(&self) -> impl Iterator<Item = &InService> {
        self.iter()
    }
}

/// The requests of one replica.
#[derive(Debug, Clone)]
pub(super) struct Held<L, J> {
    pub(super) replica: ReplicaId,
    pub(super) jobs: J,
    pub(super) waiting: L,
    pub(super) completed: u64,
}

impl<L: Line, J: InHand> Held<L, J> {
    pub(super) fn new(replica: ReplicaId) -> Self {
        Self {
            replica,
            jobs: J::default(),
            waiting: L::default(),
            completed: 0,
        }
    }

    /// Requests waiting or in service.
    #[inline(always)]
    pub(super) fn outstanding(&self) -> u64 {
        (self.jobs.count() + self.waiting.len()) as u64
    }

    /// The reading of a replica that has used, and uses, this much CPU.
    pub(super) fn reading(&self, cpu_core_ns: f64, cpu_cores: f64) -> ReplicaReading {
        ReplicaReading {
            cpu_core_ns,
            cpu_cores,
            completed: self.completed,
            in_service: self.jobs.count() as u32,
            waiting: self.waiting.len() as u32,
            ..ReplicaReading::default()
        }
    }

    /// Requests inside, with the start of their service.
    pub(super) fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)> {
        let served = self.jobs.all().map(|job| job.inside(self.replica));
        let waiting = self.waiting.iter();
        served.chain(waiting.map(|request| (*request, None, self.replica)))
    }
}
