//! Services that run ahead of the rest of the run.
//!
//! As long as nothing is created or removed, a service with its station and the one loop that scales it needs nobody else, and
//! nobody else needs it. So when a look or a decision of such a loop comes first on the list of events, the loop goes on by
//! itself, with everything it reads and writes close at hand, until
//!
//! - it wants another number of replicas: that concerns nodes, and through them other services, so it comes on the list in
//!   the place of the decision ([`Event::Scale`]) and is done when nothing before it is left;
//! - something is about to happen to the service that is on the list already (a replica has drained, or comes back from a fault);
//! - everybody meets: a fault of a node, a heartbeat, the horizon, or policies outside of the engine that decide, since they
//!   may fail and end the run where they do.
//!
//! Replicas that become ready concern their service alone, unless faults or a warm-up wait for that: they begin on the way.
//!
//! A service that such a policy decides for runs ahead to its next decision: looks and rows of the series are its own.
//!
//! All that may go on do so when the first of them has to, which is when it decides next, in parallel if there are threads for
//! it: those that another has to wait for are then few, however many services there are. A service some of whose replicas wait
//! for room is given them by what others do, so it takes one step at a time. Nothing here changes a result: every loop sees
//! what it would see if all took their steps in the order of time.

use super::control_loop::{Beginning, Loop, Step};
use super::event::{Event, Reach};
use super::service::Service;
use super::world::World;
use crate::metrics::NextSample;
use crate::plan::Plan;
use crate::platform::Platform;
use crate::replica::ReplicaState;
use crate::station::{ReplicaId, Station};
use hookean_kernel::{EventKey, SimDuration, SimTime, bring_value_near};
use std::cmp::Reverse;

/// Whether the loops of a plan may run ahead, as far as the plan as a whole is concerned: calls tie services together.
pub(super) fn is_open(plan: &Plan) -> bool {
    plan.calls.is_empty()
}

/// Fewer lanes than this are not worth the call of another thread.
const TOGETHER: usize = 4;
/// The memory of fewer stations than this stays at hand.
const MANY: usize = 16;

/// The next step of a loop that may run ahead, as it is listed.
#[derive(Debug, Clone, Copy)]
pub(super) struct LaneStep {
    controller: u32,
    service: u32,
    step: Step,
}

impl LaneStep {
    const fn event(self) -> Event {
        self.step
            .event(self.controller as usize, self.service as usize)
    }
}

/// A service that runs by itself.
struct Lane<'a> {
    plan: &'a Plan,
    platform: &'a Platform,
    /// The number of the service. Making a lane looks at nothing of it: it may be far away, and others are, too.
    of: usize,
    service: &'a mut Service,
    station: &'a mut dyn Station,
    this: &'a mut Loop,
    /// Where everybody meets.
    meet: SimTime,
}

/// Where a lane has stopped.
#[derive(Debug)]
struct Stop {
    steps: u64,
    next: Next,
}

/// How a loop that may run ahead goes on.
#[derive(Debug, Clone, Copy)]
enum Next {
    /// It wants so many replicas from an instant on.
    Scale(SimTime, u32),
    /// It runs ahead: it has to when this step is due.
    Ahead(SimTime, Step),
    /// It takes its next step when it is its turn.
    InTurn(SimTime, Step),
    /// Something happens to its service before.
    Nothing,
}

impl Next {
    /// The step that comes next.
    fn of(this: &mut Loop, service: &Service, meet: SimTime) -> Self {
        let (happens, waits) = (service.next_event(), service.waits());
        let decides = this.due.at(Step::Decide);
        let next = match this.due.first() {
            None => Self::Nothing,
            Some((at, _)) if at > happens && !waits => Self::Nothing,
            Some((at, step)) if at == happens || waits => Self::InTurn(at, step),
            // What it does before is its own, and nobody waits for it.
            Some(_) if decides < happens.min(meet) => Self::Ahead(decides, Step::Decide),
            Some((at, step)) => Self::Ahead(at, step),
        };
        this.due.listed = next.listed();
        next
    }

    /// For when it is on a list that lets the loop go on.
    const fn listed(self) -> Option<SimTime> {
        match self {
            Self::Ahead(at, _) | Self::InTurn(at, _) => Some(at),
            Self::Scale(..) | Self::Nothing => None,
        }
    }
}

impl Lane<'_> {
    /// Asks for what the memory of its service, its station and its loop is found by.
    fn bring_parts_near(&self) {
        bring_value_near(self.service);
        bring_value_near(self.station);
        bring_value_near(self.this);
    }

    /// Asks for their memory before it is used.
    fn bring_near(&self) {
        self.station.bring_near();
        self.service.bring_near();
        self.this.bring_near();
    }

    /// Takes the steps before others come in or something happens to the service, and the first in any case if it is in turn;
    /// and brings its station to where everybody meets while it is at hand.
    fn run(mut self, in_turn: bool) -> Stop {
        let before = if self.service.waits() {
            SimTime::ZERO
        } else {
            self.service.next_event().min(self.meet)
        };
        let mut steps = 0;
        let mut limit = if in_turn { SimTime::MAX } else { before };
        while let Some((now, step)) = self.this.due.pop_before(limit) {
            steps += 1;
            if let Some((at, desired)) = self.take(now, step) {
                let next = Next::Scale(at, desired);
                self.this.due.listed = next.listed();
                return Stop { steps, next };
            }
            limit = before;
        }
        if before == self.meet && self.service.ahead_to < self.meet {
            self.advance(self.meet);
        }
        Stop {
            steps,
            next: Next::of(self.this, self.service, self.meet),
        }
    }

    /// Takes a step; returns the replicas wanted if they are others than there are.
    fn take(&mut self, now: SimTime, step: Step) -> Option<(SimTime, u32)> {
        match step {
            Step::Look(clock) => self.look(now, clock),
            Step::Row => {
                self.advance(now);
                self.service.end_interval(now, self.station);
                let step = SimDuration::from_nanos(self.plan.record.series_step_ns);
                self.this.due.push(now + step, Step::Row);
            }
            Step::Decide => return self.decide(now),
            Step::Begin => self.begin(now),
        }
        None
    }

    /// Lets the replica begin to take requests that is ready now, unless it has been taken out before.
    fn begin(&mut self, now: SimTime) {
        let Some(id) = self.this.due.take_beginning() else {
            return;
        };
        let replica = self.service.get(id);
        if replica.state == ReplicaState::Starting {
            let pool = replica.node.map(|node| self.platform.pool_of(node));
            let speed_ratio = pool.map_or(1.0, |pool| pool.speed_ratio);
            let shape = &self.plan.services[self.of].replica;
            self.advance(now);
            self.service
                .begin(now, (id, speed_ratio), shape, self.station);
        }
    }

    fn look(&mut self, now: SimTime, clock: u8) {
        let due = &self.this.due;
        let others = |clock: u8| due.at(Step::Look(clock));
        if let Some(NextSample { at, clock }) = self.this.pipeline.pass_over(clock, now, others) {
            self.this.due.push(at, Step::Look(clock));
            return;
        }
        if self.this.pipeline.looks(clock) {
            self.read_replicas(now);
        }
        if let Some(NextSample { at, clock }) = self.this.look(now, clock, self.service) {
            self.this.due.push(at, Step::Look(clock));
        }
    }

    fn decide(&mut self, now: SimTime) -> Option<(SimTime, u32)> {
        if self.this.pipeline.is_immediate() {
            self.read_replicas(now);
        }
        self.this.due.push(now + self.this.period, Step::Decide);
        let verdict = self
            .this
            .decide(now, &self.plan.services[self.of], self.service)?;
        let desired = verdict.desired;
        if desired != self.service.wanted() {
            return Some((now, desired));
        }
        self.service.desired = desired;
        None
    }

    fn read_replicas(&mut self, now: SimTime) {
        let figures = self.this.pipeline.figures();
        if !self.service.has_read(now, figures) {
            self.station.advance_to_read(now);
            self.service.ahead_to = now;
            let shape = &self.plan.services[self.of].replica;
            self.service.read(now, figures, shape, self.station);
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

    /// Does what a loop has decided that had run ahead, which then goes on.
    pub(super) fn scale_from(&mut self, service: usize, desired: u32) {
        self.scale(service, desired);
        self.let_go_on(service);
    }

    /// Whether the loop of an event may run ahead.
    pub(super) fn is_alone(&self, event: Event) -> Option<usize> {
        match event {
            Event::Sample { controller, .. }
            | Event::Tick { controller }
            | Event::Interval { controller }
            | Event::Begin { controller, .. } => self.loops[controller].alone.then_some(controller),
            _ => None,
        }
    }

    /// Notes that an event has been handled: a loop that has waited for it goes on.
    pub(super) fn note_handled(&mut self, event: Event) {
        if let Reach::Service(service) = event.reach(&self.plan) {
            self.let_go_on(service);
        }
        self.let_beginnings_go_on();
    }

    /// Lets loops go on that waited for something else when they were given replicas to begin, which may be before it.
    pub(super) fn let_beginnings_go_on(&mut self) {
        while let Some(service) = self.given_beginnings.pop() {
            self.let_go_on(service);
        }
    }

    /// Lists the next step of the loop of a service that runs ahead, unless it is listed.
    fn let_go_on(&mut self, service: usize) {
        if let Some(controller) = self.services[service].lane
            && self.loops[controller].due.listed.is_none()
        {
            self.list(controller);
        }
    }

    /// Puts the next step of a loop that may run ahead where it belongs: among the lanes; or on the list of events, where it
    /// has to be taken in turn; or nowhere, where something happens to its service first.
    pub(super) fn list(&mut self, controller: usize) {
        let meet = self.meeting();
        let this = &mut self.loops[controller];
        let service = this.service;
        let next = Next::of(this, &self.services[service], meet);
        self.take_in(controller, service, next);
    }

    /// Leaves it to the loop that runs ahead with a service to let a replica begin at an instant; false if that has to happen
    /// in turn: others wait for it, or the loop goes on later only.
    pub(super) fn begins_ahead(&mut self, service: usize, replica: ReplicaId, at: SimTime) -> bool {
        let Some(controller) = self.services[service].lane else {
            return false;
        };
        let due = &mut self.loops[controller].due;
        let in_time = due.listed.is_none_or(|listed| listed <= at);
        let plain = self.plan.faults.is_empty() && self.plan.services[service].warmup.is_empty();
        if in_time && plain {
            due.add_beginning(Beginning {
                at,
                sequence: self.events.reserve(),
                replica,
            });
            if due.listed.is_none() {
                self.given_beginnings.push(service);
            }
        }
        in_time && plain
    }

    /// Notes when everybody meets. Loops that were to go on later only do so before.
    pub(super) fn meet(&mut self, at: SimTime) {
        self.meetings.push(Reverse(at));
        if at <= self.last_decision {
            for lane in self.lanes.take_before(SimTime::MAX) {
                self.list(lane.controller as usize);
            }
        }
    }

    /// Puts on a list how a loop goes on.
    fn take_in(&mut self, controller: usize, service: usize, next: Next) {
        match next {
            Next::Scale(at, desired) => {
                let event = Event::Scale {
                    controller,
                    service,
                    desired,
                };
                self.schedule(at, event);
            }
            Next::Ahead(at, step) => {
                let lane = LaneStep {
                    controller: controller as u32,
                    service: service as u32,
                    step,
                };
                if matches!(step, Step::Decide) {
                    self.last_decision = self.last_decision.max(at);
                }
                let (class, entity) = lane.event().order();
                self.lanes.push(at, class, entity, lane);
            }
            Next::InTurn(at, step) => self.list_in_turn(controller, service, at, step),
            Next::Nothing => {}
        }
    }

    /// Puts a step on the list of events, in its place.
    fn list_in_turn(&mut self, controller: usize, service: usize, at: SimTime, step: Step) {
        let event = step.event(controller, service);
        let (class, entity) = event.order();
        match self.loops[controller].due.first_beginning() {
            Some(Beginning { sequence, .. }) if step == Step::Begin => {
                let key = EventKey {
                    time: at,
                    class,
                    entity,
                    sequence,
                };
                self.events.push_at(key, event);
            }
            _ => {
                self.events.push(at, class, entity, event);
            }
        }
    }

    /// When everybody meets next, at the latest.
    fn meeting(&self) -> SimTime {
        let horizon = SimTime::from_nanos(self.plan.horizon_ns);
        let meeting = self.meetings.peek().map_or(SimTime::MAX, |at| at.0);
        self.beat_at.min(meeting).min(horizon)
    }

    /// Lets a loop take the step that it is the turn of, and those that follow; returns how many.
    pub(super) fn run_in_turn(&mut self, controller: usize) -> u64 {
        let meet = self.meeting();
        let this = &mut self.loops[controller];
        let of = this.service;
        debug_assert_eq!(
            this.due.first().map(|(at, _)| at),
            Some(self.now),
            "Invariant: the step whose turn it is comes first"
        );
        let lane = Lane {
            plan: &self.plan,
            platform: &self.platform,
            of,
            service: &mut self.services[of],
            station: &mut *self.stations[of],
            this,
            meet,
        };
        let stop = lane.run(true);
        self.take_in(controller, of, stop.next);
        stop.steps
    }

    /// Lets all lanes run, the first of which comes next; returns how many steps they have taken.
    pub(super) fn run_ahead(&mut self) -> u64 {
        let meet = self.meeting();
        let mut early = self.lanes.take_before(meet);
        while let Some((key, lane)) = self.lanes.peek()
            && key.time == self.now
        {
            // Everybody meets at this very instant: it waits for its turn.
            let (at, lane) = (key.time, *lane);
            self.lanes.pop();
            self.list_in_turn(
                lane.controller as usize,
                lane.service as usize,
                at,
                lane.step,
            );
        }
        // In the order of memory, which is called into the cache in that order too.
        early.sort_unstable_by_key(|lane| lane.controller);
        let mut steps = 0;
        for (lane, stop) in self.run_together(&early, meet) {
            steps += stop.steps;
            self.take_in(lane.controller as usize, lane.service as usize, stop.next);
        }
        steps
    }

    /// Lets the lanes of several services run, in parallel if there are threads for it. One that something has happened to, or
    /// is to happen to, before its step takes none. Returns how they have gone on, in no order.
    fn run_together(&mut self, steps: &[LaneStep], meet: SimTime) -> Vec<(LaneStep, Stop)> {
        let controllers = steps.iter().map(|lane| lane.controller as usize);
        let loops = picked(&mut self.loops, controllers);
        let mut loops: Vec<(LaneStep, &mut Loop)> = steps.iter().copied().zip(loops).collect();
        loops.sort_unstable_by_key(|(lane, _)| lane.service);
        let of: Vec<usize> = loops
            .iter()
            .map(|(lane, _)| lane.service as usize)
            .collect();
        let services = picked(&mut self.services, of.iter().copied());
        let stations = picked(&mut self.stations, of.iter().copied());
        let (plan, platform) = (&self.plan, &self.platform);
        let lanes = loops.into_iter().zip(services.zip(stations));
        let lanes = lanes.map(|((step, this), (service, station))| {
            let lane = Lane {
                plan,
                platform,
                of: step.service as usize,
                service,
                station: &mut **station,
                this,
                meet,
            };
            (step, lane)
        });
        let lanes: Vec<_> = lanes.collect();
        // Where many run in turn, each is called into the cache anew: at every tick, if policies in Python decide.
        let in_turn = of.len() >= MANY;
        let run = |(step, lane): (LaneStep, Lane<'_>)| (step, lane.run(false));
        if of.len() < TOGETHER {
            return lanes.into_iter().map(run).collect();
        }
        self.threads.share(lanes, MANY, |some, stops| {
            stops.extend(ahead(some, in_turn).map(run));
        })
    }
}

/// The lanes one after the other. If they run `in_turn`, each calls before it runs for the memory of the next, and for what
/// that of those after it is found by.
fn ahead(
    lanes: Vec<(LaneStep, Lane<'_>)>,
    in_turn: bool,
) -> impl Iterator<Item = (LaneStep, Lane<'_>)> {
    let mut lanes = lanes.into_iter();
    std::iter::from_fn(move || {
        let next = lanes.next();
        if in_turn && let [(_, lane), after @ ..] = lanes.as_slice() {
            if let [(_, second), after @ ..] = after {
                if let [(_, third), ..] = after {
                    third.bring_parts_near();
                }
                second.this.bring_decider_near();
            }
            lane.bring_near();
        }
        next
    })
}

/// Those at the given places, which ascend.
pub(super) fn picked<T>(
    all: &mut [T],
    places: impl Iterator<Item = usize>,
) -> impl Iterator<Item = &mut T> {
    let (mut rest, mut passed) = (all.iter_mut(), 0);
    places.filter_map(move |place| {
        let found = rest.nth(place - passed);
        passed = place + 1;
        found
    })
}

#[cfg(test)]
mod tests {
    use super::super::check::tests::{S, begun, document, ended};
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
    /// That does not show either: rows of others are due at instants that are nothing to a service that runs ahead.
    #[test]
    fn rows_of_others_leave_a_service_that_runs_ahead_where_it_is() {
        let mut document = alone();
        let mut other = document["services"][0].clone();
        other["name"] = json!("b");
        document["services"].as_array_mut().unwrap().push(other);
        let mut workload = document["workloads"][0].clone();
        workload["service"] = json!(1);
        document["workloads"].as_array_mut().unwrap().push(workload);
        let mut world = begun(&document);
        world.now = SimTime::from_nanos(10 * S);
        assert!(world.services[0].lane.is_some() && world.services[1].lane.is_none());
        world.record_series();
        let arrivals = |of: usize| world.stations[of].ledger().counts().arrivals;
        assert_eq!((arrivals(0), arrivals(1)), (0, 2));
    }

    fn alone() -> serde_json::Value {
        let mut document = document("cluster");
        document["controllers"].as_array_mut().unwrap().pop();
        document
    }

    const fn at(secs: u64) -> SimTime {
        SimTime::from_nanos(secs * S)
    }

    #[test]
    fn a_loop_that_goes_on_when_it_decides_does_so_before_everybody_meets() {
        let mut world = begun(&alone());
        world.services[0].meet_expected(); // its creation
        world.beat_at = at(60);
        world.list(0);
        assert_eq!(world.lanes.peek_time(), Some(at(20)), "it decides");
        world.meet(at(15));
        assert_eq!(world.lanes.peek_time(), Some(at(10)), "a row ends");
    }

    #[test]
    fn replicas_begin_on_the_way_unless_something_waits_for_that() {
        let begins = |document: &serde_json::Value| {
            let mut world = begun(document);
            let ahead = world.begins_ahead(0, ReplicaId(7), at(40));
            (ahead, world.loops[0].due.at(Step::Begin))
        };
        let mut document = alone();
        assert_eq!(begins(&document), (true, at(40)));
        let step =
            |age_ns: u64, speed_ratio: f64| json!({"age_ns": age_ns, "speed_ratio": speed_ratio});
        document["services"][0]["warmup"] = json!([step(0, 0.5), step(S, 1.0)]);
        assert_eq!(begins(&document), (false, SimTime::MAX));
    }
}
