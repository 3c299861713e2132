//! One queue for all slots of a station; served in turn it is Kiefer and Wolfowitz's recursion on a winner tree.
//!
//! Nothing is scheduled. Served in turn, a request starts when it has arrived and the slot that has been free longest
//! (ties: the lowest) is free. `advance(until)` commits exactly the starts before `until`; what would start later stays in the backlog, so
//! a control event finds the true state. An armed station does the same one instant at a time.

use super::orders::Line;
use super::servers::{Servers, Taken};
use super::settings::{Settings, end_of_patience};
use super::trigger::{Presence, Trigger, Watch};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::plan::Routing;
use crate::workload::{Arrivals, BLOCK, Request};
use hookean_kernel::SimTime;
use std::collections::VecDeque;

/// A station with one queue.
#[derive(Debug)]
pub(super) struct Central<L> {
    pub(super) settings: Settings,
    pub(super) arrivals: Arrivals,
    pub(super) ledger: Ledger,
    pub(super) now: u64,
    pub(super) servers: Servers,
    /// Requests that wait at the present instant.
    pub(super) backlog: L,
    /// Served in turn: when requests that have left the queue did so, as far as the queue limit still has to know.
    exits: VecDeque<u64>,
    watch: Watch,
}

impl<L: Line> Central<L> {
    pub(super) fn new(settings: Settings, arrivals: Arrivals, ledger: Ledger) -> Self {
        Self {
            servers: Servers::new(&settings),
            settings,
            arrivals,
            ledger,
            now: 0,
            backlog: L::default(),
            exits: VecDeque::new(),
            watch: Watch::default(),
        }
    }

    /// Advances over a stretch that the servers' times can span.
    fn advance_stretch(&mut self, until: u64) {
        self.servers.settle(until, &mut self.ledger);
        if L::IN_TURN {
            self.serve_in_turn(until);
        } else {
            self.serve_by_order(until);
        }
        self.now = until;
    }

    fn serve_in_turn(&mut self, until: u64) {
        self.exits.clear();
        self.serve_backlog(until);
        if self.backlog.is_empty() {
            self.serve_blocks(until);
        }
        self.serve_arrivals(until);
    }

    fn serve_backlog(&mut self, until: u64) {
        while let Some(&request) = self.backlog.oldest() {
            // A slot may have been free for longer: what is in the backlog comes from one that was removed.
            let start = self.servers.first_free().max(self.now);
            let deadline = self.settings.deadline(&request);
            if start.min(deadline) >= until {
                break;
            }
            self.backlog.pop();
            self.decide(&request, start, deadline, until);
        }
    }

    /// Serves arrivals a block at a time while nothing can happen to them but to wait and be served: the short way of
    /// [`Central::serve_arrivals`], which goes on from where this has to stop.
    fn serve_blocks(&mut self, until: u64) {
        let bounded = self.settings.is_bounded() || self.settings.routing == Routing::Newest;
        let nothing_arrives = self.arrivals.peek_time().as_nanos() >= until;
        if nothing_arrives || bounded || !self.ledger.takes_blocks() {
            return;
        }
        let mut latencies = [0; BLOCK];
        loop {
            let block = self.arrivals.block();
            let served = self.servers.serve(block, &mut latencies, until);
            self.ledger.serve(&served, &latencies);
            let whole = served.started == block.len();
            self.arrivals.take(served.started);
            if !whole {
                break;
            }
        }
    }

    fn serve_arrivals(&mut self, until: u64) {
        while self.ledger.next_time(&self.arrivals) < until {
            self.serve_arrival(until);
        }
    }

    #[inline]
    fn serve_arrival(&mut self, until: u64) {
        let Some(request) = self.ledger.receive(&mut self.arrivals) else {
            return; // a caller has decided
        };
        let (arrival, free) = (request.time.as_nanos(), self.servers.first_free());
        if free <= arrival {
            self.start(&request, arrival, until);
        } else {
            self.wait(&request, free, until);
        }
    }

    /// Lets an arrival wait for the slot that is free at `start`, if there is room.
    fn wait(&mut self, request: &Request, start: u64, until: u64) {
        if self.settings.limit < u64::MAX {
            let arrival = request.time.as_nanos();
            while self.exits.front().is_some_and(|exit| *exit <= arrival) {
                self.exits.pop_front();
            }
            if (self.exits.len() + self.backlog.len()) as u64 >= self.settings.limit {
                self.ledger.reject(request, arrival);
                return;
            }
        }
        let deadline = self.settings.deadline(request);
        if start.min(deadline) >= until {
            self.backlog.push(request, &self.settings, &self.ledger);
        } else {
            self.decide(request, start, deadline, until);
        }
    }

    /// Starts a waiting request, or lets it give up: the first of both, before `until`.
    #[inline]
    fn decide(&mut self, request: &Request, start: u64, deadline: u64, until: u64) {
        if self.settings.limit < u64::MAX {
            self.exits.push_back(start.min(deadline));
        }
        if start <= deadline {
            self.start(request, start, until);
        } else {
            self.ledger.time_out(request, deadline);
        }
    }

    /// Starts a request on a free slot.
    #[inline]
    pub(super) fn start(&mut self, request: &Request, start: u64, until: u64) {
        let slot = self.servers.slot_for(start);
        let service_ns = self.servers.rate_of(slot).service_ns(request.work_ns);
        let done = start.saturating_add(service_ns);
        let mut patience = end_of_patience(request, self.settings.patience_ns);
        if L::DATED {
            patience = patience.min(self.ledger.due(request));
        }
        let times = (start, done, patience);
        let taken = self.servers.take(slot, request, times, until);
        let Taken { end, replica, .. } = taken;
        self.ledger.start(start - request.time.as_nanos());
        if end < until && taken.to_the_end {
            self.ledger.complete(request, start, end, replica);
        } else if end < until {
            self.ledger.abandon(request, start, end, replica);
        }
    }
}

impl<L: Line> Central<L> {
    fn presence(&self) -> Presence {
        let waiting = self.backlog.len() as u64;
        Presence {
            in_system: self.servers.in_service() + waiting,
            waiting,
        }
    }

    fn change(&mut self, now: SimTime, replica: ReplicaId, change: impl FnOnce(&mut ReplicaShape)) {
        let mut shape = self.servers.shape(replica);
        change(&mut shape);
        self.servers.reshape(now, replica, shape, &self.ledger);
    }

    fn is_raised(&mut self) -> bool {
        self.watch.is_raised(self.presence())
    }

    /// When the next of the waiting requests is served or gives up as things stand.
    fn head_leaves(&self) -> u64 {
        if self.backlog.is_empty() {
            return u64::MAX;
        }
        let start = self.servers.first_free().max(self.now);
        start.min(self.backlog.deadline(&self.settings))
    }

    fn serve_waiting(&mut self, until: u64) {
        if L::IN_TURN {
            self.serve_backlog(until);
        } else {
            while self.serve_next(u64::MAX, until) {}
        }
    }

    /// Lets everything happen that is left of an instant, before which nothing is; stops where a trigger is raised.
    fn pass(&mut self, at: u64) -> bool {
        self.now = at;
        if at >= self.servers.reach() {
            self.servers.rebase(at);
        }
        let after = at.saturating_add(1);
        self.servers.settle(after, &mut self.ledger);
        if self.is_raised() {
            return true;
        }
        self.exits.clear();
        self.serve_waiting(after);
        if self.is_raised() {
            return true;
        }
        while self.ledger.next_time(&self.arrivals) == at {
            if L::IN_TURN {
                self.serve_arrival(after);
            } else {
                self.take_in(at, after);
                self.serve_waiting(after);
            }
            if self.is_raised() {
                return true;
            }
        }
        false
    }
}

impl<L: Line> Station for Central<L> {
    fn advance(&mut self, until: SimTime) {
        let until = until.as_nanos();
        while self.now < until {
            let reach = self.servers.reach();
            self.advance_stretch(until.min(reach.max(self.now)));
            if reach < until {
                self.servers.rebase(self.now);
            }
        }
    }

    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        self.servers.add(now, replica, shape);
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        self.servers.drain(replica);
        self.servers.drained_at(now, replica)
    }

    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime {
        self.servers.drained_at(now, replica)
    }

    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let held = self.servers.remove(now, replica);
        for (request, start) in &held {
            self.ledger
                .lose(request, Some(*start), now.as_nanos(), replica);
        }
        self.watch.forgive(self.presence());
        held.len() as u64
    }

    fn requeue(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let mut back = 0;
        for (request, start) in self.servers.remove(now, replica) {
            self.ledger.take_back(&request, start);
            if self.settings.deadline(&request) < now.as_nanos() {
                self.ledger.time_out(&request, now.as_nanos());
            } else {
                self.backlog.insert(request, &self.settings, &self.ledger);
                back += 1;
            }
        }
        self.watch.forgive(self.presence());
        back
    }

    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        self.change(now, replica, |shape| shape.speed_ratio = speed_ratio);
    }

    fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        self.change(now, replica, |shape| shape.cpu_millicores = cpu_millicores);
    }

    fn pause(&mut self, now: SimTime, replica: ReplicaId) {
        self.servers.pause(now, replica, &self.ledger);
    }

    fn resume(&mut self, now: SimTime, replica: ReplicaId) {
        self.servers.resume(now, replica, &self.ledger);
    }

    #[inline]
    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        self.servers.read(now, replica)
    }

    fn read_completed(&self, _now: SimTime, replicas: &[ReplicaId], completed: &mut [u64]) {
        for (completed, id) in completed.iter_mut().zip(replicas) {
            *completed = self.servers.completed(*id);
        }
    }

    fn idle_since(&self, _now: SimTime, replica: ReplicaId) -> Option<SimTime> {
        self.servers.idle_since(replica)
    }

    fn arm(&mut self, triggers: &[Trigger]) {
        self.watch.arm(triggers, self.presence());
    }

    fn next_event(&self) -> SimTime {
        let inside = self.servers.first_end().min(self.head_leaves());
        SimTime::from_nanos(inside.min(self.ledger.next_time(&self.arrivals)))
    }

    fn run_to_trigger(&mut self, until: SimTime) -> Option<SimTime> {
        loop {
            let at = self.next_event();
            if at >= until {
                return None;
            }
            if self.pass(at.as_nanos()) {
                return Some(at);
            }
        }
    }

    fn arrivals_mut(&mut self) -> Option<&mut Arrivals> {
        Some(&mut self.arrivals)
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        self.presence().in_system
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        self.presence().waiting
    }

    fn bring_near(&self) {
        self.ledger.bring_near();
        self.arrivals.bring_near();
        self.servers.bring_near();
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {
        let served = self.servers.in_hand();
        let served = served
            .map(|(request, start, by)| (request, Some(SimTime::from_nanos(start)), Some(by)));
        let waiting = self.backlog.iter().map(|request| (*request, None, None));
        self.ledger.close_log(served.chain(waiting));
    }
}
