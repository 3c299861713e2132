//! What happens in stations between two control events and concerns the control plane.
//!
//! Armed stations run side by side in order of time: the one whose next event is first goes on, but not beyond the next
//! event of another. So when one of them stops for a trigger, nothing that the controller does then comes too late for
//! any of them. Triggers are handled in the order of (time, service), after the scheduled events of that instant. Stations that
//! advance together run together, all of them where one is armed, and stop where one of them does.

use super::World;
use crate::control::reactive::{Reaction, Scene, Seat};
use crate::run::control_loop::Decider;
use crate::run::event::Event;
use crate::station::{Presence, Trigger};
use hookean_kernel::{SimDuration, SimTime};

/// What runs by itself to the next trigger: an armed station, or those that advance together with one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Armed {
    /// The service, or the first of the unit.
    pub(super) service: usize,
    pub(super) unit: Option<usize>,
}

impl Armed {
    /// A station alone.
    pub(super) const fn alone(service: usize) -> Self {
        Self {
            service,
            unit: None,
        }
    }
}

/// A station that has stopped for the control plane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Raised {
    pub(super) at: SimTime,
    pub(super) service: usize,
}

impl World {
    /// Lets armed stations run up to `before` or to the first trigger.
    pub(super) fn next_trigger(&mut self, before: SimTime) -> Option<Raised> {
        self.tell_armed(before);
        loop {
            let next = |armed: &Armed| (self.next_event_of(*armed), armed.service);
            let all = self.armed.iter();
            let (this, (first, _)) = all
                .map(|armed| (*armed, next(armed)))
                .min_by_key(|(_, next)| *next)?;
            if first >= before {
                return None;
            }
            let others = self.armed.iter().filter(|other| **other != this);
            let other = others.map(next).min().map_or(before, |(at, _)| at);
            let whole_instant = first + SimDuration::from_nanos(1);
            let until = other.max(whole_instant).min(before);
            let raised = self.run_to_trigger(this, until);
            if raised.is_some() {
                return raised;
            }
        }
    }

    /// Tells armed units of the calls that arrive before an instant.
    fn tell_armed(&mut self, before: SimTime) {
        let Some(graph) = &mut self.graph else { return };
        for unit in self.armed.iter().filter_map(|armed| armed.unit) {
            graph.tell_armed(&mut self.stations, unit, before);
        }
    }

    fn next_event_of(&self, armed: Armed) -> SimTime {
        match (armed.unit, &self.graph) {
            (Some(unit), Some(graph)) => graph.next_event(&self.stations, unit),
            _ => self.stations[armed.service].next_event(),
        }
    }

    fn run_to_trigger(&mut self, armed: Armed, until: SimTime) -> Option<Raised> {
        if let (Some(unit), Some(graph)) = (armed.unit, &mut self.graph) {
            let raised = graph.run_to_trigger(&mut self.stations, unit, until);
            return raised.map(|(at, service)| Raised { at, service });
        }
        let raised = self.stations[armed.service].run_to_trigger(until);
        raised.map(|at| Raised {
            at,
            service: armed.service,
        })
    }

    /// Arms the station of a service, or disarms it.
    fn arm_station(&mut self, service: usize, triggers: &[Trigger]) {
        self.stations[service].arm(triggers);
        let graph = self.graph.as_ref();
        let armed = graph.map_or(Armed::alone(service), |graph| graph.armed(service));
        self.armed.retain(|other| *other != armed);
        let is_armed = match (armed.unit, graph) {
            (Some(unit), Some(graph)) => graph.is_armed(&self.stations, unit),
            _ => !triggers.is_empty(),
        };
        if is_armed {
            self.armed.push(armed);
        }
    }

    /// Asks the controller of a service that acts on what happens, if it has one and is there yet.
    pub(super) fn react(&mut self, service: usize) {
        if let Some(controller) = self.services[service].reactive
            && self.loops[controller].awake
        {
            self.react_with(controller);
        }
    }

    /// Asks every controller that acts on what happens: what a fault takes or gives back raises no trigger.
    pub(super) fn react_to_fault(&mut self) {
        for controller in 0..self.loops.len() {
            let this = &self.loops[controller];
            if this.awake && matches!(this.decider, Decider::Reactive(_)) {
                self.react_with(controller);
            }
        }
    }

    /// Asks a controller that acts on what happens, and does what it says.
    pub(super) fn react_with(&mut self, controller: usize) {
        let service = self.loops[controller].service;
        self.bring(service);
        let reaction = self.reaction(controller, service);
        if let Some(change) = &reaction.change {
            let this = &mut self.loops[controller];
            let account = this.log.account();
            account.inputs.push_str(&change.inputs);
            account.reason.push_str(&change.reason);
            this.note(self.now, &mut self.services[service], &change.verdict);
            self.services[service].desired = change.verdict.desired;
            self.dismiss(service, &change.leaving);
            self.scale(service, change.verdict.desired);
        }
        self.arm_station(service, &reaction.triggers);
        let this = &mut self.loops[controller];
        this.awake = true;
        if this.wake != reaction.wake {
            this.wake = reaction.wake;
            if let Some(at) = reaction.wake {
                self.schedule(at, Event::Tick { controller });
            }
        }
    }

    fn reaction(&mut self, controller: usize, service: usize) -> Reaction {
        let Self {
            loops,
            plan,
            services,
            stations,
            now,
            ..
        } = self;
        let (state, station) = (&services[service], &stations[service]);
        let replicas = state.existing();
        let seats: Vec<Seat<'_>> = replicas
            .filter(|replica| replica.is_wanted())
            .map(|replica| {
                let serves = replica.is_serving();
                let reading = serves.then(|| station.read(*now, replica.id));
                Seat {
                    replica,
                    idle_since: serves
                        .then(|| station.idle_since(*now, replica.id))
                        .flatten(),
                    held: reading.map_or(0, |r| u64::from(r.in_service) + u64::from(r.waiting)),
                }
            })
            .collect();
        let Decider::Reactive(reactive) = &mut loops[controller].decider else {
            unreachable!("Invariant: only controllers that act on what happens are asked here")
        };
        reactive.react(&Scene {
            now: *now,
            service: &plan.services[service],
            desired: state.desired,
            seats: &seats,
            presence: Presence {
                in_system: station.in_system(*now),
                waiting: station.waiting(*now),
            },
        })
    }
}
