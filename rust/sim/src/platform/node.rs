//! One node: its resources, its images, its life.

use crate::placement::{NodeResources, Request};
use crate::plan::PoolPlan;
use hookean_kernel::{SimDuration, SimTime, TimeWeightedMean};
use std::collections::BTreeMap;

/// Number of a node, in order of purchase.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct NodeId(pub u32);

impl NodeId {
    pub(super) fn new(index: usize) -> Self {
        Self(u32::try_from(index).unwrap_or(u32::MAX))
    }

    /// Position in the platform's list.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// A node.
#[derive(Debug)]
pub struct Node {
    /// Index of its pool.
    pub pool: usize,
    /// When it was bought.
    pub bought: SimTime,
    /// When it could hold replicas.
    pub ready: Option<SimTime>,
    /// When it was told to go: it takes no replicas any more.
    pub drained: Option<SimTime>,
    /// When it was given back.
    pub ended: Option<SimTime>,
    /// Whether it is lost for now.
    pub down: bool,
    /// How often it has been lost.
    pub failures: u32,
    /// Capacity and use.
    pub resources: NodeResources,
    /// Most replicas at once.
    pub replicas_max: u32,
    /// CPU requested over time.
    pub cpu_requested: TimeWeightedMean,
    /// Since when, or from when on, the image of a service is here: there may be very many services.
    images: BTreeMap<usize, SimTime>,
    pulls_free_at: SimTime,
    /// When the last replica that has left it since it was told to go was gone.
    last_exit: SimTime,
}

impl Node {
    pub(super) fn new(pool: usize, plan: &PoolPlan, now: SimTime) -> Self {
        Self {
            pool,
            bought: now,
            ready: None,
            drained: None,
            ended: None,
            down: false,
            failures: 0,
            resources: NodeResources {
                allocatable_cpu_millicores: plan.allocatable_cpu_millicores,
                allocatable_memory_bytes: plan.allocatable_memory_bytes,
                max_replicas: plan.max_replicas,
                used_cpu_millicores: 0,
                used_memory_bytes: 0,
                replicas: 0,
            },
            replicas_max: 0,
            cpu_requested: TimeWeightedMean::new(now, 0),
            images: BTreeMap::new(),
            pulls_free_at: SimTime::ZERO,
            last_exit: SimTime::ZERO,
        }
    }

    /// Whether it may take replicas.
    pub fn is_usable(&self) -> bool {
        self.ready.is_some() && self.drained.is_none() && self.is_there()
    }

    /// Whether it is one of its pool's: paid for, and not on its way out.
    pub fn is_kept(&self) -> bool {
        self.ended.is_none() && self.drained.is_none()
    }

    /// Whether it is on its way out, but not gone.
    pub fn is_leaving(&self) -> bool {
        self.ended.is_none() && self.drained.is_some()
    }

    /// Tells it to go.
    pub(super) fn drain(&mut self, now: SimTime) {
        self.drained = Some(now);
        self.last_exit = now;
    }

    /// Takes a replica that was gone at `at` off a node on its way out; replicas may be noticed to be gone in another
    /// order than that of their exits. Returns when the last of them was.
    pub(super) fn vacate_leaving(&mut self, request: Request, at: SimTime) -> SimTime {
        self.last_exit = self.last_exit.max(at);
        self.vacate(request, self.last_exit);
        self.last_exit
    }

    pub(super) fn is_there(&self) -> bool {
        self.ended.is_none() && !self.down
    }

    pub(super) fn occupy(&mut self, request: Request, now: SimTime) {
        self.resources.reserve(request);
        self.replicas_max = self.replicas_max.max(self.resources.replicas);
        self.cpu_requested
            .set(now, self.resources.used_cpu_millicores);
    }

    pub(super) fn resize(&mut self, (from, to): (u64, u64), now: SimTime) {
        let used = &mut self.resources.used_cpu_millicores;
        *used = *used - from + to;
        self.cpu_requested.set(now, *used);
    }

    pub(super) fn vacate(&mut self, request: Request, now: SimTime) {
        self.resources.release(request);
        self.cpu_requested
            .set(now, self.resources.used_cpu_millicores);
    }

    pub(super) fn preload(&mut self, service: usize) {
        self.images.entry(service).or_insert(SimTime::ZERO);
    }

    /// Starts the transfer of a service's image unless it is here or on its way; returns how long until it is here.
    pub(super) fn pull(
        &mut self,
        service: usize,
        transfer: SimDuration,
        serialized: bool,
        now: SimTime,
    ) -> SimDuration {
        if let Some(here_at) = self.images.get(&service) {
            return here_at.saturating_since(now);
        }
        let start = if serialized {
            self.pulls_free_at.max(now)
        } else {
            now
        };
        let here_at = start + transfer;
        self.pulls_free_at = here_at;
        self.images.insert(service, here_at);
        here_at.saturating_since(now)
    }
}
