//! What happens periodically: measurements, decisions, rows of the series.

use super::event::Event;
use super::world::{Decider, World};
use crate::control::Verdict;
use crate::metrics::NextSample;
use crate::record::{DecisionContext, SeriesRow};
use crate::replica::Replica;
use crate::station::ReplicaReading;
use hookean_kernel::SimDuration;

impl World {
    /// Lets a pipeline look at its service.
    pub(super) fn sample(&mut self, controller: usize, clock: u8) {
        let service = self.loops[controller].service;
        let looks = self.loops[controller].pipeline.looks(clock);
        if looks {
            if self.events.peek_time() == Some(self.now) {
                self.advance_together(); // others look at the same instant, probably at other services
            }
            self.take_samples(service);
        }
        let samples = if looks {
            self.services[service].samples.as_slice()
        } else {
            &[]
        };
        let next = self.loops[controller]
            .pipeline
            .sample(clock, self.now, samples);
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
        let immediate = self.loops[controller].pipeline.is_immediate();
        if immediate {
            self.take_samples(service);
        }
        let Self {
            loops,
            plan,
            services,
            decisions,
            ..
        } = self;
        let (this, state) = (&mut loops[controller], &services[service]);
        let Decider::Native(native) = &mut this.decider else {
            return; // these are consulted together
        };
        let view = state.view(self.now, &plan.services[service], &this.pipeline);
        let verdict = native.decide(&view, &mut decisions.account());
        self.apply(controller, service, &verdict);
        let period = SimDuration::from_nanos(self.plan.controllers[controller].period_ns);
        self.schedule(self.now + period, Event::Tick { controller });
    }

    pub(super) fn apply(&mut self, controller: usize, service: usize, verdict: &Verdict) {
        self.note(controller, service, verdict);
        self.scale(service, verdict.desired);
    }

    /// Notes what a controller has decided.
    pub(super) fn note(&mut self, controller: usize, service: usize, verdict: &Verdict) {
        let state = &mut self.services[service];
        let current = state.desired;
        state.scale_outs += u64::from(verdict.desired > current);
        state.scale_ins += u64::from(verdict.desired < current);
        let context = DecisionContext {
            now: self.now,
            controller,
            service,
            current,
            ready: state.counts.ready,
        };
        self.decisions.push(&context, verdict);
    }

    /// Reads the running replicas of a service, in order of creation, unless that was done at this instant and no replica
    /// has changed since; those on their way out are not measured.
    pub(super) fn take_samples(&mut self, service: usize) {
        if self.services[service].sampled_at == Some(self.now) {
            return;
        }
        self.bring(service);
        let shape = &self.plan.services[service].replica;
        self.services[service].sample(self.now, shape, &*self.stations[service]);
    }

    /// What a serving replica has done, before its last restart included.
    pub(super) fn reading(&self, service: usize, replica: &Replica) -> ReplicaReading {
        let now = self.stations[service].read(self.now, replica.id);
        ReplicaReading {
            cpu_core_ns: replica.before_restart.cpu_core_ns + now.cpu_core_ns,
            completed: replica.before_restart.completed + now.completed,
            throttled_periods: replica.before_restart.throttled_periods + now.throttled_periods,
            throttled_ns: replica.before_restart.throttled_ns + now.throttled_ns,
            ..now
        }
    }

    /// CPU the service has used so far, in core-nanoseconds.
    pub(super) fn cpu_core_ns(&self, service: usize) -> f64 {
        let state = &self.services[service];
        let serving = state.live.iter().filter(|id| state.get(**id).is_serving());
        state.ended_cpu_core_ns
            + serving
                .map(|id| self.stations[service].read(self.now, *id).cpu_core_ns)
                .sum::<f64>()
    }

    /// Writes a row per service and schedules the next; the end of the run writes the last.
    pub(super) fn record_series(&mut self) {
        self.write_series_rows();
        let step = SimDuration::from_nanos(self.plan.record.series_step_ns);
        self.schedule(self.now + step, Event::Series);
    }

    /// Writes a row per service for the interval that ends now.
    pub(super) fn write_series_rows(&mut self) {
        self.advance_all(self.now);
        for service in 0..self.services.len() {
            let cpu_core_ns = self.cpu_core_ns(service);
            let state = &self.services[service];
            let row = SeriesRow {
                now: self.now,
                desired: state.desired,
                counts: (
                    state.counts.ready,
                    state.counts.starting,
                    state.counts.pending,
                    state.counts.draining,
                ),
                nodes: self.platform.nodes_in_use(),
                cpu_core_ns,
                in_system: self.stations[service].in_system(self.now),
                waiting: self.stations[service].waiting(self.now),
            };
            self.series
                .push(service, &row, self.stations[service].ledger_mut());
        }
    }
}
