//! Draining replicas of services that advance together: when they are empty depends on others.
//!
//! Nobody knows beforehand when the last held request of such a replica ends, but not before something leaves, decides or
//! arrives in one of the stations. So they are looked at right after that, which is asked again after every control event.

use super::world::World;
use crate::replica::ReplicaState;
use crate::run::event::Event;
use crate::station::ReplicaId;
use crate::station::reference::Reference;
use hookean_kernel::{SimDuration, SimTime};
use std::collections::{BTreeMap, BTreeSet};

/// Draining replicas that wait for others.
#[derive(Debug, Default)]
pub(super) struct Drains {
    replicas: BTreeSet<(usize, ReplicaId)>,
    /// When the services of a unit are looked at next.
    looks: BTreeMap<usize, SimTime>,
}

impl World {
    /// Whether a service advances together with others.
    pub(super) fn is_joined(&self, service: usize) -> bool {
        let graph = self.graph.as_ref();
        graph.is_some_and(|graph| graph.is_joined(service))
    }

    /// Watches a draining replica of a service that advances together with others.
    pub(super) fn watch(&mut self, service: usize, id: ReplicaId) {
        self.drains.replicas.insert((service, id));
    }

    /// Schedules the next look at the draining replicas of every unit.
    pub(super) fn watch_drains(&mut self) {
        let mut looks: BTreeMap<usize, (usize, SimTime)> = BTreeMap::new();
        for (service, id) in &self.drains.replicas {
            let unit = self.graph.as_ref().map_or(0, |graph| graph.unit(*service));
            let grace_end = self.grace_end(*service, *id);
            let look = looks.entry(unit).or_insert((*service, grace_end));
            look.1 = look.1.min(grace_end);
        }
        for (unit, (service, grace_end)) in looks {
            let just_after = self
                .next_end(unit)
                .saturating_add(SimDuration::from_nanos(1));
            let at = just_after.min(grace_end).max(self.now);
            let planned = self.drains.looks.get(&unit);
            if planned.is_none_or(|planned| at < *planned) {
                self.drains.looks.insert(unit, at);
                self.schedule(at, Event::Released { service });
            }
        }
    }

    /// No request of a unit can end before this, as things stand.
    fn next_end(&self, unit: usize) -> SimTime {
        let services = self.graph.as_ref().map(|graph| graph.services(unit));
        let services = services.into_iter().flatten();
        let stations = services.filter_map(|service| self.stations[*service].joined());
        let pushed = stations.clone().any(Reference::pushes_out);
        let next = stations.map(|station| station.next_end(pushed)).min();
        SimTime::from_nanos(next.unwrap_or(u64::MAX))
    }

    /// Ends the draining replicas of a unit that are empty, or out of time.
    pub(super) fn look_at_drains(&mut self, service: usize) {
        let Some(unit) = self.graph.as_ref().map(|graph| graph.unit(service)) else {
            return;
        };
        if self.drains.looks.get(&unit) != Some(&self.now) {
            return; // an earlier look was planned since
        }
        self.drains.looks.remove(&unit);
        let of_unit = |of: &usize| {
            let graph = self.graph.as_ref();
            graph.is_some_and(|graph| graph.unit(*of) == unit)
        };
        let all = self.drains.replicas.iter().copied();
        let watched: Vec<(usize, ReplicaId)> = all.filter(|(of, _)| of_unit(of)).collect();
        for (service, id) in watched {
            if !self.still_drains(service, id) {
                self.drains.replicas.remove(&(service, id));
            }
        }
    }

    /// Looks at a draining replica and ends it when it is empty or out of time; returns whether it goes on.
    fn still_drains(&mut self, service: usize, id: ReplicaId) -> bool {
        if self.services[service].get(id).state != ReplicaState::Draining {
            return false;
        }
        self.bring(service);
        if let Some(since) = self.stations[service].idle_since(self.now, id) {
            let exit = self.drained(service, id, since);
            self.end(service, id, exit);
        } else if self.now >= self.grace_end(service, id) {
            self.end_out_of_time(service, id);
        } else {
            return true;
        }
        false
    }
}
