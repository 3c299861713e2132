//! The CPU of a service's replicas, where it changes while they serve.

use super::service::Service;
use crate::replica::ReplicaState;
use crate::station::ReplicaId;
use hookean_kernel::{SimTime, TimeWeightedMean};
use std::collections::BTreeMap;

/// What the replicas of a service have: all the same but for those that have not been resized yet.
#[derive(Debug)]
pub(super) struct Sizes {
    cpu_millicores: u64,
    /// What those have that keep another CPU: their node has no room, or they are on their way out.
    others: BTreeMap<ReplicaId, u64>,
    /// Once they have been resized.
    resized: Option<Box<Resized>>,
}

#[derive(Debug)]
struct Resized {
    /// The most that a replica has had.
    largest: u64,
    /// CPU of ready replicas up to the first resize, in millicores times nanoseconds, and since.
    before: u128,
    ready: TimeWeightedMean,
}

impl Sizes {
    pub(super) const fn new(cpu_millicores: u64) -> Self {
        Self {
            cpu_millicores,
            others: BTreeMap::new(),
            resized: None,
        }
    }
}

impl Service {
    /// CPU that its replicas are to have.
    pub(super) const fn cpu_millicores(&self) -> u64 {
        self.sizes.cpu_millicores
    }

    /// CPU that a replica has.
    pub(super) fn cpu_of(&self, id: ReplicaId) -> u64 {
        let other = self.sizes.others.get(&id).copied();
        other.unwrap_or(self.sizes.cpu_millicores)
    }

    /// The most that a replica has had.
    pub(super) fn cpu_largest(&self) -> u64 {
        let resized = self.sizes.resized.as_ref();
        resized.map_or(self.sizes.cpu_millicores, |of| of.largest)
    }

    /// CPU of ready replicas over time, in core-nanoseconds.
    pub(super) fn ready_core_ns(&self, end: SimTime) -> f64 {
        match &self.sizes.resized {
            Some(of) => (of.before + of.ready.integral(end)) as f64 / 1000.0,
            None => self.ready.integral(end) as f64 * self.sizes.cpu_millicores as f64 / 1000.0,
        }
    }

    /// Replicas to come have another CPU from now on. Those on a node keep theirs until they are resized.
    pub(super) fn begin_resize(&mut self, cpu_millicores: u64, now: SimTime) {
        let before = match &self.sizes.resized {
            Some(of) => of.before + of.ready.integral(now),
            None => self.ready.integral(now) * u128::from(self.sizes.cpu_millicores),
        };
        let largest = self.cpu_largest().max(cpu_millicores);
        let placed: Vec<ReplicaId> = self
            .existing()
            .filter(|replica| replica.node.is_some())
            .map(|replica| replica.id)
            .collect();
        let have: Vec<u64> = placed.iter().map(|id| self.cpu_of(*id)).collect();
        self.sizes.others = placed.into_iter().zip(have).collect();
        self.sizes.cpu_millicores = cpu_millicores;
        let ready = TimeWeightedMean::new(now, 0);
        let resized = Resized {
            largest,
            before,
            ready,
        };
        self.sizes.resized = Some(Box::new(resized));
        self.note_sizes(now);
    }

    /// A replica has the CPU of its service from now on.
    pub(super) fn end_resize(&mut self, id: ReplicaId, now: SimTime) {
        self.sizes.others.remove(&id);
        self.note_sizes(now);
    }

    /// Whether some of its replicas keep another CPU for now.
    pub(super) fn is_between_sizes(&self) -> bool {
        !self.sizes.others.is_empty()
    }

    /// Notes what the ready replicas have now.
    pub(super) fn note_sizes(&mut self, now: SimTime) {
        if self.sizes.resized.is_none() {
            return;
        }
        let ready = self.existing().filter(|r| r.state == ReplicaState::Ready);
        let sum = ready.map(|replica| self.cpu_of(replica.id)).sum();
        if let Some(of) = &mut self.sizes.resized {
            of.ready.set(now, sum);
        }
    }
}
