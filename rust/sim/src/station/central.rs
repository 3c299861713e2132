//! One queue for all slots of a station, first come, first served: Kiefer and Wolfowitz's recursion on a winner tree.
//!
//! Nothing is scheduled. A request starts when it has arrived and the slot that has been free longest (ties: the lowest)
//! is free. `advance(until)` commits exactly the starts before `until`; what would start later stays in the backlog, so
//! a control event finds the true state. A request in service across `until` stays on its slot until it is done, so a
//! control event can still lose or stretch it.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::rates::SlotRate;
use super::settings::{Settings, slots_of};
use super::slots::SlotNumbers;
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape, Station};
use crate::workload::{Arrivals, Request};
use hookean_kernel::{SimTime, WinnerTree};
use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, VecDeque};

/// A slot of a replica.
#[derive(Debug, Clone, Copy)]
struct Slot {
    rate: SlotRate,
    replica: ReplicaId,
    /// Whether a request is in service across the present instant.
    busy: bool,
    /// When the slot is or became free.
    end: u64,
    busy_ns: u64,
    completed: u64,
}

/// The request a busy slot serves.
#[derive(Debug, Clone, Copy)]
struct Job {
    request: Request,
    start: u64,
}

#[derive(Debug, Clone)]
struct Replica {
    slots: Box<[u32]>,
    draining: bool,
}

/// A station with one queue.
#[derive(Debug)]
pub(super) struct Central {
    settings: Settings,
    arrivals: Arrivals,
    ledger: Ledger,
    now: u64,
    /// When each slot that takes requests is free, relative to `origin`.
    tree: WinnerTree,
    origin: u64,
    slots: Vec<Slot>,
    /// Whether all slots have had the same `rate` so far.
    same_rates: bool,
    rate: SlotRate,
    jobs: Vec<Job>,
    numbers: SlotNumbers,
    replicas: BTreeMap<ReplicaId, Replica>,
    /// Requests that wait at the present instant.
    backlog: VecDeque<Request>,
    /// When requests that have left the queue did so, as far as the queue limit still has to know.
    exits: VecDeque<u64>,
    /// Ends of requests in service across the present instant; stale when their slot has another end.
    pending: BinaryHeap<Reverse<(u64, u32)>>,
    in_service: u64,
}

const IDLE: Job = Job {
    request: Request {
        index: 0,
        time: SimTime::ZERO,
        work_ns: 0,
    },
    start: 0,
};

impl Central {
    pub(super) fn new(settings: Settings, arrivals: Arrivals, ledger: Ledger) -> Self {
        Self {
            settings,
            arrivals,
            ledger,
            now: 0,
            tree: WinnerTree::with_capacity(2),
            origin: 0,
            slots: Vec::new(),
            same_rates: true,
            rate: SlotRate::default(),
            jobs: Vec::new(),
            numbers: SlotNumbers::default(),
            replicas: BTreeMap::new(),
            backlog: VecDeque::new(),
            exits: VecDeque::new(),
            pending: BinaryHeap::new(),
            in_service: 0,
        }
    }

    /// Advances over a stretch that the tree's keys can hold.
    fn advance_stretch(&mut self, until: u64) {
        self.settle(until);
        self.exits.clear();
        self.serve_backlog(until);
        self.serve_arrivals(until);
        self.now = until;
    }

    /// Records the requests in service that are done before `until`.
    fn settle(&mut self, until: u64) {
        while let Some(&Reverse((end, slot))) = self.pending.peek() {
            if end >= until {
                break;
            }
            self.pending.pop();
            let at = slot as usize;
            let of = &mut self.slots[at];
            if of.busy && of.end == end {
                of.busy = false;
                of.completed += 1;
                self.in_service -= 1;
                let Job { request, start } = self.jobs[at];
                self.ledger.complete(&request, start, end, of.replica);
            }
        }
    }

    /// When the next slot is free; beyond all times when there is none.
    #[inline]
    fn first_free(&self) -> u64 {
        self.origin.saturating_add(self.tree.min_time())
    }

    fn serve_backlog(&mut self, until: u64) {
        while let Some(&request) = self.backlog.front() {
            let start = self.first_free().max(request.time.as_nanos());
            let deadline = self.settings.deadline(&request);
            if start.min(deadline) >= until {
                break;
            }
            self.backlog.pop_front();
            self.decide(&request, start, deadline, until);
        }
    }

    fn serve_arrivals(&mut self, until: u64) {
        while self.arrivals.peek_time().as_nanos() < until {
            let request = self.arrivals.next();
            self.ledger.arrive(request.work_ns);
            let (arrival, free) = (request.time.as_nanos(), self.first_free());
            if free <= arrival {
                self.commit(&request, arrival, until);
            } else {
                self.wait(&request, free, until);
            }
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
                self.ledger.reject(request);
                return;
            }
        }
        let deadline = self.settings.deadline(request);
        if start.min(deadline) >= until {
            self.backlog.push_back(*request);
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
            self.commit(request, start, until);
        } else {
            self.ledger.time_out(request, deadline);
        }
    }

    /// Starts a request on the slot that has been free longest.
    #[inline(always)]
    fn commit(&mut self, request: &Request, start: u64, until: u64) {
        let at = self.tree.min_slot();
        let slot = &mut self.slots[at];
        // The common rate does not wait for the tree to name the slot.
        let rate = if self.same_rates {
            self.rate
        } else {
            slot.rate
        };
        let end = start.saturating_add(rate.service_ns(request.work_ns));
        slot.busy_ns = slot.busy_ns.saturating_add(end - start);
        slot.end = end;
        self.ledger.start(start - request.time.as_nanos());
        if end < until {
            slot.completed += 1;
            self.ledger.complete(request, start, end, slot.replica);
        } else {
            slot.busy = true;
            self.jobs[at] = Job {
                request: *request,
                start,
            };
            self.in_service += 1;
            self.pending.push(Reverse((end, at as u32)));
        }
        show(&mut self.tree, at, end - self.origin);
    }

    /// Builds the tree anew with room for `slots` slots, keeping the order in which they are taken.
    fn rebuild(&mut self, slots: usize) {
        let mut tree = WinnerTree::with_capacity(slots);
        let known = self.slots.len().min(self.tree.capacity());
        let mut taking: Vec<u32> = (0..known as u32)
            .filter(|s| self.tree.time(*s as usize).is_some())
            .collect();
        let room = tree.capacity() as u64;
        // Slots that are idle get their rank as time: it is before every other time, and only their order matters.
        let ranked = self.now >= 2 * room;
        self.origin = if ranked { self.now - room } else { 0 };
        taking.sort_unstable_by_key(|s| (self.slots[*s as usize].end, *s));
        for (rank, &slot) in taking.iter().enumerate() {
            let end = self.slots[slot as usize].end;
            let time = if ranked && end < self.now {
                rank as u64
            } else {
                end - self.origin
            };
            show(&mut tree, slot as usize, time);
        }
        self.tree = tree;
    }

    /// Notes the rate of a slot.
    fn note_rate(&mut self, rate: SlotRate) {
        if self.slots.is_empty() {
            self.rate = rate;
        }
        self.same_rates &= self.rate == rate;
    }

    fn slots_of(&self, replica: ReplicaId) -> impl Iterator<Item = &Slot> {
        self.replicas[&replica]
            .slots
            .iter()
            .map(|slot| &self.slots[*slot as usize])
    }

    /// Drops stale entries when they are the most.
    fn tidy_pending(&mut self) {
        if self.pending.len() > 2 * self.slots.len() + 64 {
            let slots = &self.slots;
            self.pending.retain(|Reverse((end, s))| {
                slots[*s as usize].busy && slots[*s as usize].end == *end
            });
        }
    }
}

/// Shows the time of a slot in the tree; times that do not fit are later than any the present stretch reaches.
#[inline]
fn show(tree: &mut WinnerTree, slot: usize, time: u64) {
    if tree.try_set(slot, time).is_err() {
        tree.set_beyond(slot);
    }
}

impl Station for Central {
    fn advance(&mut self, until: SimTime) {
        let until = until.as_nanos();
        while self.now < until {
            let reach = self.origin.saturating_add(self.tree.max_time() / 2);
            self.advance_stretch(until.min(reach.max(self.now)));
            if reach < until {
                self.rebuild(self.tree.capacity());
            }
        }
    }

    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let count = slots_of(&shape);
        let rate = SlotRate::new(&shape, count);
        self.note_rate(rate);
        let slots: Box<[u32]> = (0..count).map(|_| self.numbers.take()).collect();
        let end = now.as_nanos();
        let fresh = Slot {
            rate,
            replica,
            busy: false,
            end,
            busy_ns: 0,
            completed: 0,
        };
        for &slot in &slots {
            let at = slot as usize;
            if at == self.slots.len() {
                self.slots.push(fresh);
                self.jobs.push(IDLE);
            }
            self.slots[at] = fresh;
        }
        if self.slots.len() > self.tree.capacity() {
            self.rebuild(self.slots.len());
        }
        for &slot in &slots {
            show(&mut self.tree, slot as usize, end - self.origin);
        }
        self.replicas.insert(
            replica,
            Replica {
                slots,
                draining: false,
            },
        );
    }

    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime {
        let of = self
            .replicas
            .get_mut(&replica)
            .expect("the control plane names replicas it has added");
        of.draining = true;
        for slot in &of.slots {
            self.tree.clear(*slot as usize);
        }
        self.drained_at(now, replica)
    }

    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime {
        let ends = self
            .slots_of(replica)
            .filter(|slot| slot.busy)
            .map(|slot| SimTime::from_nanos(slot.end));
        ends.max().unwrap_or(now)
    }

    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64 {
        let of = self
            .replicas
            .remove(&replica)
            .expect("the control plane names replicas it has added");
        let mut lost = 0;
        for &slot in &of.slots {
            let at = slot as usize;
            if std::mem::take(&mut self.slots[at].busy) {
                let Job { request, start } = self.jobs[at];
                self.ledger
                    .lose(&request, Some(start), now.as_nanos(), replica);
                lost += 1;
            }
            self.tree.clear(at);
            self.numbers.give_back(slot);
        }
        self.in_service -= lost;
        self.tidy_pending();
        lost
    }

    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        let Replica { slots, draining } = self.replicas[&replica].clone();
        for number in slots {
            let rate = self.slots[number as usize].rate.at_speed(speed_ratio);
            self.note_rate(rate);
            let slot = &mut self.slots[number as usize];
            if slot.busy {
                let now = now.as_nanos();
                let end = now.saturating_add(rate.rescaled(slot.end - now, slot.rate));
                slot.busy_ns = slot.busy_ns.saturating_add(end).saturating_sub(slot.end);
                slot.end = end;
                self.pending.push(Reverse((end, number)));
                if !draining {
                    show(&mut self.tree, number as usize, end - self.origin);
                }
            }
            slot.rate = rate;
        }
        self.tidy_pending();
    }

    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        let mut reading = ReplicaReading::default();
        for slot in self.slots_of(replica) {
            let ahead = if slot.busy {
                slot.end - now.as_nanos()
            } else {
                0
            };
            reading.cpu_core_ns += slot.busy_ns.saturating_sub(ahead) as f64 * slot.rate.cores();
            reading.cpu_cores += if slot.busy { slot.rate.cores() } else { 0.0 };
            reading.completed += slot.completed;
            reading.in_service += u32::from(slot.busy);
        }
        reading
    }

    fn in_system(&self, _now: SimTime) -> u64 {
        self.in_service + self.backlog.len() as u64
    }

    fn waiting(&self, _now: SimTime) -> u64 {
        self.backlog.len() as u64
    }

    fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    fn ledger_mut(&mut self) -> &mut Ledger {
        &mut self.ledger
    }

    fn close_log(&mut self, _now: SimTime) {
        let served = self
            .slots
            .iter()
            .zip(&self.jobs)
            .filter(|(slot, _)| slot.busy);
        let served = served.map(|(slot, job)| {
            (
                job.request,
                Some(SimTime::from_nanos(job.start)),
                Some(slot.replica),
            )
        });
        let waiting = self.backlog.iter().map(|request| (*request, None, None));
        self.ledger.close_log(served.chain(waiting));
    }
}
