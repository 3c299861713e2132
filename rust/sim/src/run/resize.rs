//! Replicas whose CPU changes while they serve.
//!
//! Follows the in-place resize of pods (Kubernetes KEP-1287) as far as it is about CPU: the share of a node changes with it. Where
//! the node has no room, the resize is deferred until it has: who waits for that gets room before replicas without a node, in
//! the order in which they began to wait. It takes no time. Replicas on their way out keep what they have.

use super::event::Event;
use super::world::World;
use crate::platform::NodeId;
use crate::record::ResizeRow;
use crate::replica::ReplicaState;
use crate::station::ReplicaId;
use hookean_kernel::SimTime;
use std::collections::BTreeMap;

impl World {
    /// Puts the resizes of the plan on the list of events.
    pub(super) fn schedule_resizes(&mut self) {
        for index in 0..self.plan.resizes.len() {
            let at = SimTime::from_nanos(self.plan.resizes[index].at_ns);
            self.schedule(at, Event::Resize { index });
        }
    }

    /// Gives the replicas of a service another CPU: those that are there, and those to come.
    pub(super) fn resize(&mut self, service: usize, cpu_millicores: u64) {
        if self.services[service].cpu_millicores() == cpu_millicores {
            return;
        }
        self.bring(service);
        self.services[service].begin_resize(cpu_millicores, self.now);
        self.deferred.retain(|(of, _)| *of != service);
        let (mut resized, mut freed) = (0, Vec::new());
        for id in self.services[service].live.clone() {
            let replica = self.services[service].get(id);
            let (node, state) = (replica.node, replica.state);
            let Some(node) = node.filter(|_| state != ReplicaState::Draining) else {
                continue;
            };
            if self.services[service].cpu_of(id) > cpu_millicores {
                freed.push(node);
            }
            if self.try_resize(service, id, node) {
                resized += 1;
            } else {
                self.deferred.push((service, id));
            }
        }
        self.log_resize(service, resized);
        self.place_again(service);
        freed.dedup();
        for node in freed {
            self.fill(node);
        }
    }

    /// Gives a replica the CPU of its service if its node has room for that.
    fn try_resize(&mut self, service: usize, id: ReplicaId, node: NodeId) -> bool {
        let of = &self.services[service];
        let (has, wants) = (of.cpu_of(id), of.cpu_millicores());
        if !self.platform.resize(node, (has, wants), self.now) {
            return false;
        }
        let pool = self.platform.node(node).pool;
        let of = &mut self.services[service];
        of.requested.note(pool, true, wants, self.now);
        of.requested.note(pool, false, has, self.now);
        of.end_resize(id, self.now);
        if of.get(id).is_serving() {
            self.stations[service].resize(self.now, id, wants);
        }
        true
    }

    /// Gives room that has appeared on a node to the replicas there that wait for it to be resized.
    pub(super) fn resize_deferred(&mut self, node: NodeId) {
        let mut resized: BTreeMap<usize, u32> = BTreeMap::new();
        for (service, id) in std::mem::take(&mut self.deferred) {
            let replica = self.services[service].get(id);
            let (on, state) = (replica.node, replica.state);
            if matches!(state, ReplicaState::Draining | ReplicaState::Ended) {
                continue;
            }
            if on == Some(node) {
                self.bring(service);
                if self.try_resize(service, id, node) {
                    *resized.entry(service).or_default() += 1;
                    continue;
                }
            }
            self.deferred.push((service, id));
        }
        for (service, replicas) in resized {
            self.log_resize(service, replicas);
        }
    }

    /// Looks for room again for the replicas of a service that wait for a node.
    fn place_again(&mut self, service: usize) {
        for (of, id) in std::mem::take(&mut self.waiting) {
            if of == service && self.services[of].get(id).state == ReplicaState::Pending {
                self.place(of, id);
            } else {
                self.waiting.push_back((of, id));
            }
        }
    }

    /// A replica is gone, and with it what it had or waited for.
    pub(super) fn forget_size(&mut self, service: usize, id: ReplicaId) {
        if self.services[service].is_between_sizes() {
            self.services[service].end_resize(id, self.now);
            self.deferred.retain(|of| *of != (service, id));
        }
    }

    fn log_resize(&mut self, service: usize, replicas: u32) {
        let deferred = self.deferred.iter().filter(|(of, _)| *of == service);
        self.resizes.push(ResizeRow {
            now: self.now,
            service,
            cpu_millicores: self.services[service].cpu_millicores(),
            replicas,
            deferred: deferred.count() as u32,
        });
    }
}
