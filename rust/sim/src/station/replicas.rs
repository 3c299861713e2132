//! Stations whose replicas have queues of their own.
//!
//! Each replica knows its next event: a departure, or a request that gives up. Where routing looks at the requests that
//! all replicas hold, a winner tree knows whose event is first, and events and arrivals are merged in time. Where it looks at
//! none or a few, those are brought up to date when a request comes, and all at the end of an advance: no order is kept
//! among them. An armed station always keeps the order, and passes one instant at a time.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

mod station;

use super::orders::Line;
use super::routing::Router;
use super::settings::Settings;
use super::slots::SlotNumbers;
use super::trigger::{Presence, Watch};
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, insert_by_arrival};
use crate::workload::{Arrivals, Request};
use hookean_kernel::{SimTime, WinnerTree};
use std::collections::{BTreeMap, VecDeque};

/// The queue of one replica. Everything before `now` has happened whenever it is called.
pub(super) trait Queue: Clone + Send {
    /// Requests that wait for any replica to be ready, served as they came.
    type Homeless: Line;

    /// An empty replica that is ready at `now`.
    fn new(now: u64, replica: ReplicaId, shape: &ReplicaShape, settings: &Settings) -> Self;
    /// Takes a request in, or rejects it.
    fn arrive(&mut self, now: u64, request: &Request, settings: &Settings, ledger: &mut Ledger);
    /// When something happens next; `u64::MAX` when nothing will.
    fn next_event(&self, settings: &Settings) -> u64;
    /// When a request is done or gives up in service next; `u64::MAX` when none will.
    fn next_departure(&self) -> u64;
    /// Lets one thing happen at `now`, the time of the next event. Requests in service come first.
    fn step(&mut self, now: u64, ledger: &mut Ledger);
    /// Its shape.
    fn shape(&self) -> ReplicaShape;
    /// Changes speed and CPU.
    fn reshape(&mut self, now: u64, shape: &ReplicaShape, ledger: &Ledger);
    /// Stands still: nothing leaves but what gives up, nothing starts.
    fn pause(&mut self, now: u64, ledger: &Ledger);
    /// Goes on after a pause; what waits for a place that is free is started by [`Queue::settle`].
    fn resume(&mut self, now: u64, ledger: &Ledger);
    /// Starts what waits although a place is free.
    fn fill(&mut self, now: u64, ledger: &mut Ledger);
    /// Lets those leave that are done at `now`, and start those that a place is free for.
    #[cold]
    fn settle(&mut self, now: u64, ledger: &mut Ledger) {
        while self.next_departure() <= now {
            self.step(now, ledger);
        }
        self.fill(now, ledger);
        while self.next_departure() <= now {
            self.step(now, ledger);
        }
    }
    /// Reads the replica.
    fn read(&self, now: u64) -> ReplicaReading;
    /// Requests waiting or in service.
    fn outstanding(&self) -> u64;
    /// Requests waiting.
    fn waiting(&self) -> u64;
    /// The queue, in order of arrival, in which a request waits or would wait.
    fn queue_of(&mut self, request: &Request, settings: &Settings) -> &mut VecDeque<Request>;
    /// When its last request left, or when it became ready, if it holds none.
    fn idle_since(&self) -> Option<SimTime>;
    /// Asks for its memory before it is used.
    fn bring_near(&self);
    /// Requests inside, with the start of their service.
    fn inside(&self) -> impl Iterator<Item = (Request, Option<SimTime>, ReplicaId)>;
}

/// A station of such replicas.
#[derive(Debug)]
pub(super) struct Replicas<Q: Queue> {
    settings: Settings,
    arrivals: Arrivals,
    ledger: Ledger,
    now: u64,
    queues: Vec<Option<Q>>,
    /// Next event of each replica; `u64::MAX` when there is none.
    next: Vec<u64>,
    /// Whether events and arrivals are merged in time: when routing looks at all replicas, ends lead to arrivals, or the
    /// station has ever been armed.
    ordered: bool,
    /// With ordered events: the next event of each replica, relative to `origin`.
    tree: WinnerTree,
    origin: u64,
    router: Router,
    numbers: SlotNumbers,
    slots: BTreeMap<ReplicaId, u32>,
    /// Requests that wait for any replica to be ready, in order of arrival.
    homeless: Q::Homeless,
    /// Whether a replica has been resumed at this instant.
    resumed: bool,
    watch: Watch,
}

impl<Q: Queue> Replicas<Q> {
    pub(super) fn new(settings: Settings, arrivals: Arrivals, ledger: Ledger) -> Self {
        let router = Router::new(&settings);
        let ordered = router.compares_all() || ledger.has_callers();
        Self {
            settings,
            arrivals,
            ledger,
            now: 0,
            queues: Vec::new(),
            next: Vec::new(),
            ordered,
            tree: WinnerTree::with_capacity(2),
            origin: 0,
            router,
            numbers: SlotNumbers::default(),
            slots: BTreeMap::new(),
            homeless: Q::Homeless::default(),
            resumed: false,
            watch: Watch::default(),
        }
    }

    /// Advances over a stretch that the tree's keys can hold.
    fn advance_stretch(&mut self, until: u64) {
        if self.resumed || !self.homeless.is_empty() {
            self.settle_all();
        }
        if self.ledger.has_callers() {
            self.merge::<true>(until);
        } else if self.ordered {
            self.merge::<false>(until);
        } else {
            self.catch_up(until);
        }
        self.send_away(until);
        self.now = until;
    }

    /// Lets everything happen that control events have made possible at this instant.
    #[cold]
    fn settle_all(&mut self) {
        let houses = !self.router.is_empty();
        if std::mem::take(&mut self.resumed) || houses {
            (0..self.queues.len()).for_each(|slot| self.settle(slot));
        }
        if houses {
            self.house();
        }
    }

    /// Lets events and arrivals happen in order of time, with callers who come back or without.
    fn merge<const CALLERS: bool>(&mut self, until: u64) {
        loop {
            let event = self.origin.saturating_add(self.tree.min_time());
            let arrival = if CALLERS {
                self.next_arrival(event, until)
            } else {
                self.arrivals.peek_time().as_nanos()
            };
            if event <= arrival {
                if event >= until {
                    break;
                }
                self.step(self.tree.min_slot(), event);
            } else {
                if arrival >= until {
                    break;
                }
                let request = if CALLERS {
                    self.ledger.receive(&mut self.arrivals)
                } else {
                    Some(self.ledger.receive_open(&mut self.arrivals))
                };
                if let Some(request) = request {
                    self.arrive(&request);
                }
            }
        }
    }

    /// When a request arrives next, or a caller decides about one, with replicas' next event at `event`. The requests without
    /// a replica that give up until then have done so, and no others: they fill the queue that an arrival finds.
    fn next_arrival(&mut self, event: u64, until: u64) -> u64 {
        loop {
            let arrival = self.ledger.next_time(&self.arrivals);
            if self.homeless.is_empty() {
                return arrival;
            }
            let deadline = self.homeless.deadline(&self.settings);
            if deadline > arrival.min(event) || deadline >= until {
                return arrival;
            }
            self.send_away(deadline.saturating_add(1));
        }
    }

    /// Lets arrivals happen, and the events of each replica before what happens to it next. There are no callers.
    fn catch_up(&mut self, until: u64) {
        while self.arrivals.peek_time().as_nanos() < until {
            let request = self.ledger.receive_open(&mut self.arrivals);
            self.arrive(&request);
        }
        for slot in 0..self.next.len() {
            while self.next[slot] < until {
                self.step(slot, self.next[slot]);
            }
        }
    }

    #[inline(always)]
    fn step(&mut self, slot: usize, now: u64) {
        let Some(queue) = &mut self.queues[slot] else {
            return;
        };
        queue.step(now, &mut self.ledger);
        self.changed(slot);
    }

    #[inline(always)]
    fn arrive(&mut self, request: &Request) {
        let now = request.time.as_nanos();
        if self.router.is_empty() {
            self.send_away(now.saturating_add(1));
            if (self.homeless.len() as u64) < self.settings.limit {
                self.homeless.push(request, &self.settings, &self.ledger);
            } else {
                self.ledger.reject(request, now);
            }
        } else {
            self.route(now, request);
        }
    }

    /// Routes the requests without a replica, in order, as if they arrived now, and settles each at once. Every replica is
    /// settled before, and none has to catch up with more: what gives up at this instant does so later.
    #[cold]
    fn house(&mut self) {
        let now = self.now;
        while let Some(request) = self.homeless.pop() {
            let slot = self.choose::<false>(now, request.index);
            self.take_in(slot, now, &request);
            if request.time.as_nanos() < now {
                self.rank_by_arrival(slot, &request);
            }
            self.settle(slot);
        }
    }

    /// Moves a request from the end of a replica's queue, if it waits there, to before those that came later.
    fn rank_by_arrival(&mut self, slot: usize, request: &Request) {
        if let Some(queue) = &mut self.queues[slot] {
            let queue = queue.queue_of(request, &self.settings);
            if let Some(last) = queue.pop_back_if(|last| last.index == request.index) {
                insert_by_arrival(queue, last);
            }
        }
    }

    #[cold]
    fn settle(&mut self, slot: usize) {
        if let Some(queue) = &mut self.queues[slot] {
            queue.settle(self.now, &mut self.ledger);
            self.changed(slot);
        }
    }

    #[inline(always)]
    fn route(&mut self, now: u64, request: &Request) {
        let slot = self.choose::<true>(now, request.index);
        self.take_in(slot, now, request);
    }

    #[inline(always)]
    fn take_in(&mut self, slot: usize, now: u64, request: &Request) {
        if let Some(queue) = &mut self.queues[slot] {
            queue.arrive(now, request, &self.settings, &mut self.ledger);
            self.changed(slot);
        }
    }

    /// Chooses a replica for request `index`; those that are looked at are brought up to date unless they are.
    #[inline(always)]
    fn choose<const BRING: bool>(&mut self, now: u64, index: u64) -> usize {
        let mut chosen = self.router.choose(index);
        if self.router.compares_all() {
            return chosen;
        }
        if BRING {
            self.bring_to(now, chosen);
        }
        while let Some(other) = self.router.another(index) {
            if BRING {
                self.bring_to(now, other);
            }
            if self.outstanding(other) < self.outstanding(chosen) {
                chosen = other;
            }
        }
        chosen
    }

    /// Lets the events of one replica happen, those at `now` included.
    #[inline(always)]
    fn bring_to(&mut self, now: u64, slot: usize) {
        while self.next[slot] <= now {
            self.step(slot, self.next[slot]);
        }
    }

    fn outstanding(&self, slot: usize) -> u64 {
        self.queues[slot].as_ref().map_or(0, Queue::outstanding)
    }

    /// Books the requests without a replica that give up before `until`.
    fn send_away(&mut self, until: u64) {
        loop {
            let deadline = self.homeless.deadline(&self.settings);
            if deadline >= until {
                break;
            }
            if let Some(request) = self.homeless.give_up() {
                self.ledger.time_out(&request, deadline);
            }
        }
    }

    /// Notes a replica's next event, and shows its new state to the tree and the router.
    #[inline(always)]
    fn changed(&mut self, slot: usize) {
        let Some(queue) = &self.queues[slot] else {
            return;
        };
        let event = queue.next_event(&self.settings);
        self.next[slot] = event;
        if self.ordered {
            self.router.note(slot, queue.outstanding());
            show(&mut self.tree, slot, event, self.origin);
        }
    }

    /// Builds the tree anew with room for `slots` replicas; times count from now on.
    fn rebuild(&mut self, slots: usize) {
        self.origin = self.now;
        self.tree = WinnerTree::with_capacity(slots);
        for (slot, event) in self.next.iter().enumerate() {
            show(&mut self.tree, slot, *event, self.origin);
        }
    }

    fn presence(&self) -> Presence {
        let homeless = self.homeless.len() as u64;
        let queues = || self.queues.iter().flatten();
        Presence {
            in_system: homeless + queues().map(Queue::outstanding).sum::<u64>(),
            waiting: homeless + queues().map(Queue::waiting).sum::<u64>(),
        }
    }

    fn is_raised(&mut self) -> bool {
        self.watch.is_raised(self.presence())
    }

    /// Lets the events of an ordered station happen, those at `at` included.
    fn happen(&mut self, at: u64) {
        loop {
            let event = self.origin.saturating_add(self.tree.min_time());
            if event > at {
                break;
            }
            self.step(self.tree.min_slot(), event);
        }
        self.send_away(at.saturating_add(1));
    }

    /// Lets everything happen that is left of an instant, before which nothing is; stops where a trigger is raised.
    fn pass(&mut self, at: u64) -> bool {
        self.now = at;
        if at >= self.reach() {
            self.rebuild(self.tree.capacity());
        }
        if self.resumed || !self.homeless.is_empty() {
            self.settle_all();
        }
        self.happen(at);
        if self.is_raised() {
            return true;
        }
        while self.ledger.next_time(&self.arrivals) == at {
            if let Some(request) = self.ledger.receive(&mut self.arrivals) {
                self.arrive(&request);
            }
            self.happen(at);
            if self.is_raised() {
                return true;
            }
        }
        false
    }

    /// How far times can be told apart from the present origin.
    fn reach(&self) -> u64 {
        self.origin.saturating_add(self.tree.max_time() / 2)
    }

    fn slot(&self, replica: ReplicaId) -> usize {
        self.slots[&replica] as usize
    }

    /// Takes a replica out with everything inside.
    fn remove(&mut self, replica: ReplicaId) -> Q {
        let slot = self
            .slots
            .remove(&replica)
            .expect("the control plane names replicas it has added");
        self.router.remove(slot);
        self.tree.clear(slot as usize);
        self.next[slot as usize] = u64::MAX;
        self.numbers.give_back(slot);
        let queue = self.queues[slot as usize].take();
        queue.expect("a slot in use has a queue")
    }

    /// Changes the replica, and shows it to the router.
    fn change(&mut self, replica: ReplicaId, change: impl FnOnce(&mut Q, &Ledger)) {
        let slot = self.slot(replica);
        if let Some(queue) = &mut self.queues[slot] {
            change(queue, &self.ledger);
            self.router.reshape(slot, &queue.shape());
        }
        self.changed(slot);
    }

    fn queue(&self, replica: ReplicaId) -> &Q {
        self.queues[self.slot(replica)]
            .as_ref()
            .expect("a slot in use has a queue")
    }
}

/// Shows the next event of a replica; one that does not fit is later than any the present stretch reaches.
#[inline(always)]
fn show(tree: &mut WinnerTree, slot: usize, event: u64, origin: u64) {
    if event == u64::MAX {
        tree.clear(slot);
    } else if tree.try_set(slot, event - origin).is_err() {
        tree.set_beyond(slot);
    }
}
