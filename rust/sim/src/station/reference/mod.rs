//! The reference engine: departures and renunciations are events in one list, merged with the arrivals, and every choice is
//! a plain search. Slow, obvious, and right; the lazily advanced stations must agree with it in every bit.
//!
//! Services that make synchronous calls run on it in either engine ([`joined`]): what is done is then held until others have
//! answered. So do those whose controller acts on single calls of others, and these others.
//!
//! It shares the books, the requests, the draws of routing and the arithmetic of rates, weights and virtual time with them,
//! and no logic.

mod joined;
mod order;
mod patience;
mod replica;
mod routing;
mod station;

use super::quota::Meter;
use super::routing::{rescaled, stride};
use super::settings::Settings;
use super::trigger::{Presence, Watch};
use super::{Ledger, ReplicaId, ReplicaShape, Station};
use crate::plan::{Discipline, Routing, ServicePlan};
use crate::workload::{Arrivals, Request};
use hookean_kernel::{EventList, SimTime, TimeWeightedMean, class};
use replica::Replica;
use std::collections::VecDeque;

/// At one instant requests are done first, then those in service give up, then quotas run out or come, then those that wait
/// give up.
const DEPARTURES: u32 = 0;
const ABANDONMENTS: u32 = 1;
const QUOTAS: u32 = 2;
const RENUNCIATIONS: u32 = 3;

#[derive(Debug, Clone, Copy)]
enum Event {
    /// A request may be done; true if the replica still has this version of its plans.
    Departure {
        replica: ReplicaId,
        request: u64,
        version: u64,
    },
    /// The calls that a request is held for are answered, or too many have failed.
    Release {
        replica: ReplicaId,
        request: u64,
        answered: bool,
    },
    /// A request in service on the replica gives up if it is still there.
    Abandonment { replica: ReplicaId },
    /// The CPU quota of a replica runs out, or is there again, if that is still so.
    Quota { replica: ReplicaId },
    /// A request gives up if it still waits.
    Renunciation { request: u64 },
}

/// A station driven by an event list.
#[derive(Debug, Clone)]
pub struct Reference {
    discipline: Discipline,
    settings: Settings,
    arrivals: Arrivals,
    ledger: Ledger,
    now: u64,
    events: EventList<Event>,
    /// Replicas by slot.
    replicas: Vec<Option<Replica>>,
    /// The central queue, or requests without a replica.
    queue: VecDeque<Request>,
    /// Round robin goes on from this slot.
    cursor: usize,
    /// Weighted routing: the last turn that was taken.
    last_turn: u128,
    versions: u64,
    number_in_system: TimeWeightedMean,
    watch: Watch,
    /// Whether the service advances together with others.
    joined: bool,
}

impl Reference {
    /// Builds the station of a service at time 0, without replicas.
    pub(super) fn new(
        service: &ServicePlan,
        settings: Settings,
        arrivals: Arrivals,
        ledger: Ledger,
    ) -> Self {
        Self {
            discipline: service.queue.discipline,
            settings,
            arrivals,
            ledger,
            now: 0,
            events: EventList::new(),
            replicas: Vec::new(),
            queue: VecDeque::new(),
            cursor: 0,
            last_turn: 0,
            versions: 0,
            number_in_system: TimeWeightedMean::new(SimTime::ZERO, 0),
            watch: Watch::default(),
            joined: false,
        }
    }

    /// The same station, of a service that may advance together with others.
    pub(super) fn joined(self, joined: bool) -> Self {
        Self { joined, ..self }
    }

    /// The number of requests in the system, integrated over time by itself (for Little's law).
    pub const fn number_in_system(&self) -> &TimeWeightedMean {
        &self.number_in_system
    }

    fn is_central(&self) -> bool {
        self.discipline.is_central()
    }

    fn replica_mut(&mut self, id: ReplicaId) -> Option<&mut Replica> {
        self.replicas
            .iter_mut()
            .flatten()
            .find(|replica| replica.id == id)
    }

    fn replica(&self, id: ReplicaId) -> &Replica {
        let found = self
            .replicas
            .iter()
            .flatten()
            .find(|replica| replica.id == id);
        found.expect("the control plane names replicas it has added")
    }

    /// Handles the events before `until`, or those up to the one that raises a trigger.
    fn run(&mut self, until: u64) -> Option<SimTime> {
        let mut raised = self.settle();
        while !raised {
            let event = self.events.peek_key();
            let event = event.map_or(u64::MAX, |key| key.time.as_nanos());
            let arrival = self.ledger.next_time(&self.arrivals);
            if event.min(arrival) >= until {
                return None;
            }
            self.now = event.min(arrival);
            raised = if arrival < event {
                self.arrive();
                self.settle()
            } else {
                self.pass_event()
            };
        }
        Some(SimTime::from_nanos(self.now))
    }

    /// Lets the next event happen, and start what can then; returns whether one of both raises a trigger.
    fn pass_event(&mut self) -> bool {
        let Some((_, event)) = self.events.pop() else {
            return false;
        };
        self.handle(event);
        self.count();
        let leaves = matches!(
            event,
            Event::Departure { .. } | Event::Release { .. } | Event::Abandonment { .. }
        );
        let frees_slots = self.is_central() && leaves;
        if frees_slots && !self.departures_are_due() && self.is_raised_now() {
            return true; // before the slots are taken again
        }
        self.settle()
    }

    /// Starts whatever can start; returns whether a trigger is raised.
    fn settle(&mut self) -> bool {
        self.dispatch();
        self.plan_quotas();
        self.count();
        self.is_raised()
    }

    /// Whether a trigger is raised, when all departures and renunciations of this instant are over.
    fn is_raised(&mut self) -> bool {
        if !self.watch.is_armed() {
            return false;
        }
        let next = self.events.peek_key();
        let due = next
            .is_some_and(|key| key.time.as_nanos() == self.now && key.class == class::DEPARTURE);
        !due && self.is_raised_now()
    }

    fn is_raised_now(&mut self) -> bool {
        if !self.watch.is_armed() {
            return false;
        }
        let presence = self.presence();
        self.watch.is_raised(presence)
    }

    /// Whether a request can be started or routed at this very instant.
    fn has_work_now(&self) -> bool {
        let starts = !self.queue.is_empty() && self.has_place();
        starts || self.replicas.iter().flatten().any(Replica::can_go_on)
    }

    fn presence(&self) -> Presence {
        let now = SimTime::from_nanos(self.now);
        Presence {
            in_system: self.in_system(now),
            waiting: self.waiting(now),
        }
    }

    /// Whether more requests may leave service at this very instant.
    fn departures_are_due(&self) -> bool {
        let next = self
            .events
            .peek_key()
            .filter(|key| key.time.as_nanos() == self.now);
        next.is_some_and(|key| key.class == class::DEPARTURE && key.entity <= ABANDONMENTS)
    }

    fn count(&mut self) {
        let counts = self.ledger.counts();
        self.number_in_system.set(
            SimTime::from_nanos(self.now),
            counts.arrivals - counts.ended(),
        );
    }

    fn handle(&mut self, event: Event) {
        match event {
            Event::Departure {
                replica,
                request,
                version,
            } => self.depart(replica, request, version),
            Event::Release {
                replica,
                request,
                answered,
            } => self.release(replica, request, answered),
            Event::Abandonment { replica } => self.abandon(replica, None),
            Event::Quota { replica } => self.turn(replica),
            Event::Renunciation { request } => self.renounce(request),
        }
    }

    fn arrive(&mut self) {
        let Some(request) = self.ledger.receive(&mut self.arrivals) else {
            return;
        };
        if !self.has_place() {
            self.wait(None, request);
        } else if self.is_central() {
            self.queue.push_back(request);
        } else {
            self.route(request);
        }
    }

    /// Starts whatever can start: the central queue on free slots, or requests without a replica on the ready ones.
    /// All departures of an instant free their slots before one of them is taken.
    fn dispatch(&mut self) {
        self.fill_free_places();
        if self.departures_are_due() {
            return;
        }
        if self.is_central() {
            while !self.queue.is_empty()
                && let Some((at, slot)) = self.free_slot()
                && let Some(request) = self.take_next(None)
            {
                self.start_on(at, slot, request);
            }
        } else if !self.queue.is_empty() && self.has_place() {
            while !self.departures_are_due()
                && let Some(request) = self.queue.pop_front()
            {
                self.route(request);
            }
        }
    }

    /// Starts what waits in a replica with a free place: in one that has been resumed.
    fn fill_free_places(&mut self) {
        if self.departures_are_due() {
            return;
        }
        for at in 0..self.replicas.len() {
            while self.replicas[at].as_ref().is_some_and(Replica::can_go_on)
                && let Some(request) = self.take_next(Some(at))
            {
                self.admit(at, request, None);
            }
        }
    }

    /// The free slot of a ready replica that has been free longest, or one of the newest; ties go to the lowest number.
    fn free_slot(&self) -> Option<(usize, usize)> {
        let newest_first = self.settings.routing == Routing::Newest;
        let ready = self.ready();
        let slots = ready.iter().flat_map(|&at| {
            self.replicas[at]
                .iter()
                .flat_map(move |r| r.free_slots().map(move |s| (s, at, r.id)))
        });
        slots
            .min_by_key(|((free_since, number, _), _, id)| {
                if newest_first {
                    (u64::from(u32::MAX - id.0), *number)
                } else {
                    (*free_since, *number)
                }
            })
            .map(|((_, _, slot), at, _)| (at, slot))
    }

    fn start_on(&mut self, at: usize, slot: usize, request: Request) {
        let (now, version) = (self.now, self.new_version());
        let Some(replica) = &mut self.replicas[at] else {
            return;
        };
        let end = replica.start_on(slot, request, now, version);
        self.ledger.start(now - request.time.as_nanos());
        let id = replica.id;
        if end == now {
            // Done at once: the slot is free again before the next request looks for one.
            self.depart(id, request.index, version);
        } else if self.end_of_patience(&request) <= now {
            self.abandon(id, Some(request.index));
        } else {
            self.plan_departure(id, request.index, end, version);
            self.plan_abandonment(id, &request);
        }
    }

    fn new_version(&mut self) -> u64 {
        self.versions += 1;
        self.versions
    }

    fn plan_departure(&mut self, replica: ReplicaId, request: u64, end: u64, version: u64) {
        let event = Event::Departure {
            replica,
            request,
            version,
        };
        self.events.push(
            SimTime::from_nanos(end),
            class::DEPARTURE,
            DEPARTURES,
            event,
        );
    }

    /// Whether there is a free slot for the central queue, or a replica that takes requests.
    fn has_place(&self) -> bool {
        let mut ready = self.replicas.iter().flatten().filter(|of| !of.draining);
        if self.is_central() {
            ready.any(|of| of.free_slots().next().is_some())
        } else {
            ready.next().is_some()
        }
    }

    /// Positions of the replicas that take requests.
    fn ready(&self) -> Vec<usize> {
        let takes = |at: &usize| {
            self.replicas[*at]
                .as_ref()
                .is_some_and(|replica| !replica.draining)
        };
        (0..self.replicas.len()).filter(takes).collect()
    }

    /// Sends a request to the queue of a ready replica.
    fn route(&mut self, request: Request) {
        let Some(at) = self.choose(&request) else {
            return;
        };
        let Some(replica) = &self.replicas[at] else {
            return;
        };
        if replica.has_room() {
            self.admit(at, request, None);
        } else {
            self.wait(Some(at), request);
        }
    }

    /// Starts a request on a replica that has room; one that shares may enter at the virtual time of a departure.
    fn admit(&mut self, at: usize, request: Request, entry: Option<f64>) {
        if self.discipline == Discipline::ProcessorSharing {
            let now = self.now;
            self.ledger.start(now - request.time.as_nanos());
            if let Some(replica) = &mut self.replicas[at] {
                let id = replica.id;
                replica.join(request, now, entry);
                self.plan_abandonment(id, &request);
            }
            self.plan_first_departure(at);
        } else if let Some(slot) = self.replicas[at]
            .as_ref()
            .and_then(|r| r.free_slots().next())
        {
            self.start_on(at, slot.2, request);
        }
    }

    /// Plans the departure of the sharing request that will be done first.
    fn plan_first_departure(&mut self, at: usize) {
        let version = self.new_version();
        let Some(replica) = &mut self.replicas[at] else {
            return;
        };
        let id = replica.id;
        if let Some((request, end)) = replica.plan(version) {
            self.plan_departure(id, request, end, version);
        }
    }

    fn depart(&mut self, id: ReplicaId, request: u64, version: u64) {
        let now = self.now;
        let found = self
            .replicas
            .iter()
            .position(|r| r.as_ref().is_some_and(|r| r.id == id));
        let Some(at) = found else { return };
        let Some(replica) = &mut self.replicas[at] else {
            return;
        };
        let Some(done) = replica.finish(request, version, now) else {
            return;
        };
        if self.ledger.holds(&done.request, now, id) {
            return self.hold(at, done);
        }
        replica.complete(now);
        self.ledger.complete(&done.request, done.start, now, id);
        let refilled = !replica.waiting.is_empty();
        let entry = replica.settle_departure(refilled);
        let next = self.take_next(Some(at));
        match next {
            Some(next) => self.admit(at, next, entry),
            None if self.discipline == Discipline::ProcessorSharing => {
                self.plan_first_departure(at);
            }
            None => {}
        }
    }

    /// Tells every meter what runs now, and plans when its quota runs out or comes.
    fn plan_quotas(&mut self) {
        if self.settings.quota.is_none() {
            return;
        }
        for replica in self.replicas.iter_mut().flatten() {
            replica.note_running(self.now);
            let next = replica.meter.as_ref().map_or(u64::MAX, Meter::next);
            if std::mem::replace(&mut replica.turn_planned, next) != next && next < u64::MAX {
                let event = Event::Quota {
                    replica: replica.id,
                };
                let time = SimTime::from_nanos(next);
                self.events.push(time, class::DEPARTURE, QUOTAS, event);
            }
        }
    }

    fn turn(&mut self, id: ReplicaId) {
        let (now, version) = (self.now, self.new_version());
        let Some(replica) = self.replica_mut(id) else {
            return;
        };
        let due = |meter: &Meter| meter.next() == now;
        if replica.meter.as_ref().is_some_and(due) {
            let ends = replica.turn(now, version);
            replica.note_running(now);
            // A new plan even for this very instant.
            replica.turn_planned = u64::MAX;
            self.plan_departures(id, ends, version);
            self.release_what_could_go_on(id);
        }
    }

    fn remove(&mut self, replica: ReplicaId) -> Replica {
        let at = self.position(replica);
        let gone = self.replicas[at].take();
        gone.expect("positions are those of replicas")
    }

    fn position(&self, replica: ReplicaId) -> usize {
        let is_it = |r: &Option<Replica>| r.as_ref().is_some_and(|r| r.id == replica);
        let found = self.replicas.iter().position(is_it);
        found.expect("the control plane names replicas it has added")
    }

    /// Changes speed and CPU of a replica, and plans its departures anew.
    fn reshape(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let (version, last_turn) = (self.new_version(), self.last_turn);
        let Some(of) = self.replica_mut(replica) else {
            return;
        };
        let before = stride(&of.shape);
        let ends = of.reshape(now.as_nanos(), shape, version);
        if !of.draining {
            let left = rescaled((of.turn - last_turn) as u64, before, stride(&shape));
            of.turn = last_turn + u128::from(left);
        }
        self.plan_departures(replica, ends, version);
    }

    fn plan_departures(&mut self, replica: ReplicaId, ends: Vec<(u64, u64)>, version: u64) {
        for (request, end) in ends {
            self.plan_departure(replica, request, end, version);
        }
        if self.discipline == Discipline::ProcessorSharing {
            self.plan_first_departure(self.position(replica));
        }
    }

    /// The lowest slot numbers that no replica has.
    fn vacant_numbers(&self, count: usize) -> Vec<u32> {
        let taken: Vec<u32> = self
            .replicas
            .iter()
            .flatten()
            .flat_map(Replica::numbers)
            .collect();
        (0..)
            .filter(|number| !taken.contains(number))
            .take(count)
            .collect()
    }
}

/// Moves the last of a queue to before the first that came later.
fn sort_in_last(queue: &mut VecDeque<Request>) {
    let order = |request: &Request| (request.time, request.index);
    let Some(last) = queue.pop_back() else {
        return;
    };
    let mut at = 0;
    while at < queue.len() && order(&queue[at]) < order(&last) {
        at += 1;
    }
    queue.insert(at, last);
}
