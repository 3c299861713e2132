//! What happens periodically: measurements, decisions, rows of the series.

use super::control_loop::Decider;
use super::event::Event;
use super::service::Service;
use super::world::World;
use crate::metrics::{Figures, NextSample};
use crate::replica::Replica;
use crate::station::ReplicaReading;
use hookean_kernel::SimDuration;

impl World {
    /// Lets a pipeline look at its service.
    pub(super) fn sample(&mut self, controller: usize, clock: u8) {
        let service = self.loops[controller].service;
        if self.loops[controller].pipeline.looks(clock) {
            if self.events.peek_time() == Some(self.now) {
                self.advance_together(); // others look at the same instant, probably at other services
            }
            self.take_samples(service);
        }
        let next = self.loops[controller].look(self.now, clock, &self.services[service]);
        if let Some(NextSample { at, clock }) = next {
            self.schedule(at, Event::Sample { controller, clock });
        }
    }

    /// Lets a controller decide, and does what it says.
    pub(super) fn tick(&mut self, controller: usize) {
        if matches!(self.loops[controller].decider, Decider::Reactive(_)) {
            if self.loops[controller].wake == Some(self.now) {
                self.loops[controller].wake = None;
                self.react_with(controller);
            }
            return;
        }
        if self.loops[controller].in_step {
            self.advance_together();
        }
        let service = self.loops[controller].service;
        if self.loops[controller].pipeline.is_immediate() {
            self.take_samples(service);
        }
        let (this, plan) = (&mut self.loops[controller], &self.plan.services[service]);
        let next = self.now + this.period;
        if let Some(verdict) = this.decide(self.now, plan, &mut self.services[service]) {
            self.scale(service, verdict.desired);
            self.schedule(next, Event::Tick { controller });
        }
    }

    /// Reads the running replicas of a service, in order of creation, unless that was done at this instant and no replica
    /// has changed since; those on their way out are not measured.
    pub(super) fn take_samples(&mut self, service: usize) {
        if self.services[service].has_read(self.now, Figures::All) {
            return;
        }
        self.bring(service);
        let shape = &self.plan.services[service].replica;
        let station = &*self.stations[service];
        self.services[service].read(self.now, Figures::All, shape, station);
    }

    /// What a serving replica has done, before its last restart included.
    pub(super) fn reading(&self, service: usize, replica: &Replica) -> ReplicaReading {
        let (now, before) = (
            self.stations[service].read(self.now, replica.id),
            &replica.last_reading,
        );
        ReplicaReading {
            cpu_core_ns: before.cpu_core_ns + now.cpu_core_ns,
            completed: before.completed + now.completed,
            throttled_periods: before.throttled_periods + now.throttled_periods,
            throttled_ns: before.throttled_ns + now.throttled_ns,
            ..now
        }
    }

    /// CPU the service has used so far, in core-nanoseconds.
    pub(super) fn cpu_core_ns(&self, service: usize) -> f64 {
        self.services[service].cpu_core_ns(self.now, &*self.stations[service])
    }

    /// Writes a row per service and schedules the next; the end of the run writes the last.
    pub(super) fn record_series(&mut self) {
        self.write_series_rows(|service| service.lane.is_none());
        let step = SimDuration::from_nanos(self.plan.record.series_step_ns);
        self.schedule(self.now + step, Event::Series);
    }

    /// Ends an interval now, and writes the rows of those services that are `wanted`.
    pub(super) fn write_series_rows(&mut self, wanted: impl Fn(&Service) -> bool + Sync) {
        self.series.push(self.now, self.platform.nodes_in_use());
        if self.services.iter().all(&wanted) {
            self.advance_all(self.now);
        } else if self.services.iter().any(&wanted) {
            self.bring_those(self.now, &wanted);
        }
        for (service, station) in self.services.iter_mut().zip(&mut self.stations) {
            if wanted(service) {
                service.end_interval(self.now, &mut **station);
            }
        }
    }
}
