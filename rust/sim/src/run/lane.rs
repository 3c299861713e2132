//! Services that run ahead of the rest of the run.
//!
//! As long as nothing is created or removed, a service with its station and the one loop that scales it needs nobody else, and
//! nobody else needs it. So when a look or a decision of such a loop comes first on the list of events, the loop goes on by
//! itself, with everything it reads and writes close at hand, until
//!
//! - it wants another number of replicas: that concerns nodes, and through them other services, so it comes on the list in
//!   the place of the decision ([`Event::Scale`]) and is done when nothing before it is left;
//! - something is about to happen to the service that is on the list already (a replica becomes ready, or has drained);
//! - everybody meets: a fault of a node, a heartbeat, the horizon.
//!
//! A service some of whose replicas wait for room is given them by what others do, so it takes one step at a time. Nothing
//! here changes a result: every loop sees what it would see if all took their steps in the order of time.

use super::control_loop::Loop;
use super::event::Event;
use super::service::Service;
use super::world::World;
use crate::control::external;
use crate::metrics::NextSample;
use crate::plan::{Plan, ServicePlan};
use crate::station::Station;
use hookean_kernel::{SimDuration, SimTime};
use rayon::prelude::*;

/// Whether the loops of a plan may run ahead, as far as the plan as a whole is concerned: calls tie services together, and
/// policies outside of the engine may fail and end the run where they do.
pub(super) fn is_open(plan: &Plan) -> bool {
    let outside = plan.controllers.iter().any(|c| c.kind == external::KIND);
    plan.calls.is_empty() && !outside && plan.node_controllers.is_empty()
}

/// A step that a loop is about to take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Step {
    pub(super) at: SimTime,
    pub(super) event: Event,
    pub(super) controller: usize,
}

/// A service that runs by itself.
struct Lane<'a> {
    plan: &'a ServicePlan,
    series_step: SimDuration,
    service: &'a mut Service,
    station: &'a mut dyn Station,
    this: &'a mut Loop,
    /// Where others come in, or something happens to the service.
    limit: SimTime,
}

/// Why a lane has stopped.
#[derive(Debug, Default)]
struct Stop {
    steps: u64,
    /// The replicas it wants from an instant on.
    scale: Option<(SimTime, u32)>,
    /// What it does next.
    next: Option<(SimTime, Event)>,
}

impl<'a> Lane<'a> {
    fn new(
        plan: &'a Plan,
        this: &'a mut Loop,
        service: &'a mut Service,
        station: &'a mut dyn Station,
        meet: SimTime,
    ) -> Self {
        Self {
            limit: if service.waits() {
                SimTime::ZERO
            } else {
                service.next_event().min(meet)
            },
            plan: &plan.services[this.service],
            series_step: SimDuration::from_nanos(plan.record.series_step_ns),
            service,
            station,
            this,
        }
    }

    /// Takes a step, and those that follow before the limit.
    fn run(mut self, first: Step) -> Stop {
        let mut stop = Stop::default();
        let (mut now, mut event) = (first.at, first.event);
        loop {
            stop.steps += 1;
            stop.scale = self.take(now, event);
            let limit = if stop.scale.is_some() {
                SimTime::ZERO
            } else {
                self.limit
            };
            match self.this.due.pop_before(limit) {
                Some(next) => (now, event) = next,
                None => break,
            }
        }
        stop.next = self.this.due.pop_before(SimTime::MAX);
        stop
    }

    /// Takes a step; returns the replicas wanted if they are others than there are.
    fn take(&mut self, now: SimTime, event: Event) -> Option<(SimTime, u32)> {
        match event {
            Event::Sample { controller, clock } => self.look(now, controller, clock),
            Event::Interval { .. } => {
                self.advance(now);
                self.service.end_interval(now, self.station);
                self.this.due.push(now + self.series_step, event);
            }
            _ => return self.decide(now, event),
        }
        None
    }

    fn look(&mut self, now: SimTime, controller: usize, clock: u8) {
        if self.this.pipeline.looks(clock) {
            self.read_replicas(now);
        }
        if let Some(NextSample { at, clock }) = self.this.look(now, clock, self.service) {
            self.this.due.push(at, Event::Sample { controller, clock });
        }
    }

    fn decide(&mut self, now: SimTime, tick: Event) -> Option<(SimTime, u32)> {
        if self.this.pipeline.is_immediate() {
            self.read_replicas(now);
        }
        self.this.due.push(now + self.this.period, tick);
        let verdict = self.this.decide(now, self.plan, self.service)?;
        let desired = verdict.desired;
        if desired != self.service.wanted() {
            return Some((now, desired));
        }
        self.service.desired = desired;
        None
    }

    fn read_replicas(&mut self, now: SimTime) {
        if self.service.sampled_at != Some(now) {
            self.advance(now);
            self.service.sample(now, &self.plan.replica, self.station);
        }
    }

    fn advance(&mut self, now: SimTime) {
        self.station.advance(now);
        self.service.ahead_to = now;
    }
}

impl World {
    /// Whether services may be ahead of others.
    pub(super) fn runs_ahead(&self) -> bool {
        self.loops.iter().any(|this| this.alone)
    }

    /// Does what a loop has decided that had run ahead.
    pub(super) fn scale_from(&mut self, controller: usize, desired: u32) {
        self.scale(self.loops[controller].service, desired);
    }

    /// Whether the loop of an event may run ahead.
    pub(super) fn is_alone(&self, event: Event) -> Option<usize> {
        match event {
            Event::Sample { controller, .. }
            | Event::Tick { controller }
            | Event::Interval { controller } => self.loops[controller].alone.then_some(controller),
            _ => None,
        }
    }

    /// Lets a lane run, and in parallel those that come next on the list if there are threads for it; returns how many
    /// steps they have taken.
    pub(super) fn run_ahead(&mut self, first: Step) -> u64 {
        let meet = self.meeting();
        let mut steps = vec![];
        while self.pool.is_some()
            && let Some(step) = self.pop_lane(meet)
        {
            steps.push(step);
        }
        if steps.is_empty() {
            let stop = self.lane(first.controller, meet).run(first);
            return self.take_in(first.controller, &stop);
        }
        steps.push(first);
        let ended = self.run_together(&steps, meet);
        ended
            .iter()
            .map(|(controller, stop)| self.take_in(*controller, stop))
            .sum()
    }

    /// When everybody meets next, at the latest.
    fn meeting(&self) -> SimTime {
        let horizon = SimTime::from_nanos(self.plan.horizon_ns);
        let meeting = self.meetings.peek().map_or(SimTime::MAX, |at| at.0);
        self.beat_at.min(meeting).min(horizon)
    }

    /// The first event if it is that of a lane, and nothing that is done before it can matter to it.
    fn pop_lane(&mut self, meet: SimTime) -> Option<Step> {
        let (key, event) = self.events.peek()?;
        let (at, event) = (key.time, *event);
        let controller = self.is_alone(event).filter(|_| at < meet)?;
        let waits = self.services[self.loops[controller].service].waits();
        (!waits).then(|| {
            self.events.pop();
            Step {
                at,
                event,
                controller,
            }
        })
    }

    fn lane(&mut self, controller: usize, meet: SimTime) -> Lane<'_> {
        let this = &mut self.loops[controller];
        let of = this.service;
        let (service, station) = (&mut self.services[of], &mut self.stations[of]);
        Lane::new(&self.plan, this, service, &mut **station, meet)
    }

    /// Lets the lanes of several services run in parallel.
    fn run_together(&mut self, steps: &[Step], meet: SimTime) -> Vec<(usize, Stop)> {
        let Self {
            plan,
            loops,
            services,
            stations,
            pool,
            ..
        } = self;
        let mut first_of: Vec<Option<Step>> = vec![None; services.len()];
        for step in steps {
            first_of[loops[step.controller].service] = Some(*step);
        }
        let mut loop_of: Vec<Option<&mut Loop>> = services.iter().map(|_| None).collect();
        for this in loops.iter_mut().filter(|this| this.alone) {
            let of = this.service;
            loop_of[of] = Some(this);
        }
        let each = services.iter_mut().zip(stations).zip(loop_of).zip(first_of);
        let lanes = each.filter_map(|(((service, station), this), first)| {
            let lane = Lane::new(plan, this?, service, &mut **station, meet);
            first.map(|first| (lane, first))
        });
        let lanes: Vec<(Lane<'_>, Step)> = lanes.collect();
        let run = |(lane, first): (Lane<'_>, Step)| (first.controller, lane.run(first));
        match pool {
            Some(pool) => pool.install(|| lanes.into_par_iter().map(run).collect()),
            None => lanes.into_iter().map(run).collect(),
        }
    }

    /// Puts on the list what a lane has stopped for, and what it does next; returns the steps it has taken.
    fn take_in(&mut self, controller: usize, stop: &Stop) -> u64 {
        if let Some((at, desired)) = stop.scale {
            let event = Event::Scale {
                controller,
                desired,
            };
            self.schedule(at, event);
        }
        if let Some((at, event)) = stop.next {
            self.schedule(at, event);
        }
        stop.steps
    }
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::{S, document, ended};
    use super::*;
    use serde_json::json;

    /// That nothing else shows: results are the same.
    #[test]
    fn a_service_with_a_loop_of_its_own_runs_ahead() {
        let mut document = document("cluster");
        assert_eq!(ended(&document).services[0].ahead_to, SimTime::ZERO, "two");
        document["controllers"].as_array_mut().unwrap().pop();
        document["controllers"][0]["period_ns"] = json!(5 * S);
        let alone = ended(&document);
        assert!(alone.services[0].ahead_to > SimTime::ZERO);
        assert!(
            alone.steps > 20,
            "rows of the series and decisions are steps"
        );
    }
}
