//! The slots of a station with one queue: when each is free, and what it serves.
//!
//! A request in service across the present instant stays on its slot until it is done, so a control event can still lose
//! or stretch it; one that is done earlier leaves nothing but its figures.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

mod serve;

use super::ledger::Served;
use super::rates::SlotRate;
use super::settings::{Settings, end_of_patience, slots_of};
use super::slots::SlotNumbers;
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::plan::Routing;
use crate::workload::{BLOCK, Request};
use hookean_kernel::portable::float;
use hookean_kernel::{SimTime, WinnerTree, bring_near};
use std::cmp::Reverse;

/// A slot of a replica.
#[derive(Debug, Clone, Copy)]
struct Slot {
    rate: SlotRate,
    /// When the slot is or became free; while its replica is paused and it is busy, when its request gives up.
    end: u64,
    /// Time in service under the present rate, up to `end`.
    busy_ns: u64,
    completed: u64,
    replica: ReplicaId,
    /// Whether a request is in service across the present instant.
    busy: bool,
    /// Whether the replica stands still.
    paused: bool,
}

impl Slot {
    /// What is counted as busy after `now`.
    fn ahead(&self, now: u64) -> u64 {
        let ahead = self.end.saturating_sub(now);
        if self.runs() { ahead } else { 0 }
    }

    /// Whether it serves a request.
    const fn runs(&self) -> bool {
        self.busy && !self.paused
    }

    /// CPU in use at this instant, in cores. All bits of it or none: a product with a truth value becomes a branch.
    fn cores(&self) -> f64 {
        let all = u64::from(self.runs()).wrapping_neg();
        f64::from_bits(self.rate.cores().to_bits() & all)
    }

    /// CPU that it has used up to `now`.
    fn cpu_core_ns(&self, now: u64) -> f64 {
        float(self.busy_ns.saturating_sub(self.ahead(now))) * self.rate.cores()
    }
}

/// The request a busy slot serves.
#[derive(Debug, Clone, Copy)]
struct Job {
    request: Request,
    start: u64,
    /// When it would be done; while the replica is paused, what is left of it.
    done: u64,
}

const IDLE: Job = Job {
    request: Request {
        index: 0,
        time: SimTime::ZERO,
        work_ns: 0,
    },
    start: 0,
    done: 0,
};

const KNOWN: &str = "the control plane names replicas it has added";

#[derive(Debug, Clone)]
struct Replica {
    shape: ReplicaShape,
    slots: Box<[u32]>,
    draining: bool,
    paused: bool,
    /// CPU used under earlier rates.
    cpu_before_core_ns: f64,
}

/// All slots of a station.
#[derive(Debug)]
pub(super) struct Servers {
    /// Whether free slots of newer replicas are taken first.
    newest_first: bool,
    /// When each slot that takes requests is free, relative to `origin`.
    tree: WinnerTree,
    origin: u64,
    slots: Vec<Slot>,
    jobs: Vec<Job>,
    /// Whether every slot has served at the rate of a full core so far: then a service time does not wait for the slot.
    at_full_speed: bool,
    numbers: SlotNumbers,
    /// By number; `None` for those that are gone, which there are many of: a box keeps their places small.
    replicas: Vec<Option<Box<Replica>>>,
    /// Slots that were busy across an instant the station was advanced to; some may have ended or been lost since.
    crossing: Vec<u32>,
    in_service: u64,
    /// Longest time of a request in the station.
    patience_ns: u64,
}

/// What became of a request that a slot has taken.
#[derive(Debug, Clone, Copy)]
pub(super) struct Taken {
    pub(super) end: u64,
    pub(super) replica: ReplicaId,
    /// Whether it is served to the end; else it gives up then.
    pub(super) to_the_end: bool,
}

impl Servers {
    pub(super) fn new(settings: &Settings) -> Self {
        Self {
            patience_ns: settings.patience_ns,
            newest_first: settings.routing == Routing::Newest,
            tree: WinnerTree::with_capacity(2),
            origin: 0,
            slots: Vec::new(),
            jobs: Vec::new(),
            at_full_speed: true,
            numbers: SlotNumbers::default(),
            replicas: Vec::new(),
            crossing: Vec::new(),
            in_service: 0,
        }
    }

    /// When the next slot is free; beyond all times when there is none.
    #[inline]
    pub(super) fn first_free(&self) -> u64 {
        self.origin.saturating_add(self.tree.min_time())
    }

    /// The slot that takes a request at `start`: of those that are free then, the one that has been free longest, or one
    /// of the newest replica.
    #[inline]
    pub(super) fn slot_for(&self, start: u64) -> usize {
        if !self.newest_first {
            return self.tree.min_slot();
        }
        let takes = |at: &usize| self.tree.time(*at).is_some() && self.slots[*at].end <= start;
        let free = (0..self.numbers.bound()).filter(takes);
        let newest = free.min_by_key(|at| (Reverse(self.slots[*at].replica), *at));
        newest.unwrap_or_else(|| self.tree.min_slot())
    }

    /// The rate of a slot.
    pub(super) fn rate_of(&self, slot: usize) -> SlotRate {
        self.slots[slot].rate
    }

    /// Starts a request on a slot, where it would be done at `done`, and gives up at `patience`; the station is being
    /// advanced to `until`.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        at: usize,
        request: &Request,
        (start, done, patience): (u64, u64, u64),
        until: u64,
    ) -> Taken {
        let end = done.min(patience);
        show(&mut self.tree, at, end - self.origin);
        let slot = &mut self.slots[at];
        slot.busy_ns = slot.busy_ns.saturating_add(end - start);
        slot.end = end;
        let taken = Taken {
            end,
            replica: slot.replica,
            to_the_end: done == end,
        };
        if end < until {
            slot.completed += u64::from(taken.to_the_end);
        } else {
            self.hold(at, request, start, done);
        }
        taken
    }

    fn hold(&mut self, at: usize, request: &Request, start: u64, done: u64) {
        self.slots[at].busy = true;
        self.jobs[at] = Job {
            request: *request,
            start,
            done,
        };
        self.in_service += 1;
        self.crossing.push(at as u32);
    }

    /// Records the requests in service that are done or give up before `until`.
    pub(super) fn settle(&mut self, until: u64, ledger: &mut Ledger) {
        let Self {
            crossing,
            slots,
            jobs,
            in_service,
            ..
        } = self;
        if crossing.is_empty() {
            return;
        }
        let by_block = ledger.takes_blocks();
        let (mut served, mut latencies) = (Served::default(), [0; BLOCK]);
        crossing.retain(|&number| {
            let slot = &mut slots[number as usize];
            if slot.busy && slot.end < until {
                slot.busy = false;
                *in_service -= 1;
                let job = &jobs[number as usize];
                let (request, start, end) = (&job.request, job.start, slot.end);
                let is_done = job.done == end && !slot.paused;
                slot.completed += u64::from(is_done);
                if !is_done {
                    ledger.abandon(request, start, end, slot.replica);
                } else if by_block {
                    served.complete(request, (start, end), &mut latencies);
                } else {
                    ledger.complete(request, start, end, slot.replica);
                }
                if served.is_full() {
                    ledger.serve(&served, &latencies);
                    served = Served::default();
                }
            }
            slot.busy
        });
        if by_block {
            ledger.serve(&served, &latencies);
        }
    }

    /// Asks for its memory before it is used.
    pub(super) fn bring_near(&self) {
        self.tree.bring_near();
        bring_near(&self.slots);
        bring_near(&self.jobs);
        bring_near(&self.crossing);
    }

    /// When the first of the requests in service is done.
    pub(super) fn first_end(&self) -> u64 {
        let crossing = self.crossing.iter().map(|at| &self.slots[*at as usize]);
        let ends = crossing.filter(|slot| slot.busy).map(|slot| slot.end);
        ends.min().unwrap_or(u64::MAX)
    }

    /// How far times can be told apart from the present origin.
    pub(super) fn reach(&self) -> u64 {
        self.origin.saturating_add(self.tree.max_time() / 2)
    }

    /// Moves the origin on to `now`.
    pub(super) fn rebase(&mut self, now: u64) {
        self.rebuild(self.tree.capacity(), now);
    }

    /// Builds the tree anew with room for `slots` slots, keeping the order in which they are taken.
    fn rebuild(&mut self, slots: usize, now: u64) {
        let mut tree = WinnerTree::with_capacity(slots);
        let known = self.slots.len().min(self.tree.capacity());
        let mut taking: Vec<u32> = (0..known as u32)
            .filter(|s| self.tree.time(*s as usize).is_some())
            .collect();
        let room = tree.capacity() as u64;
        // Slots that are idle get their rank as time: it is before every other time, and only their order matters.
        let ranked = now >= 2 * room;
        self.origin = if ranked { now - room } else { 0 };
        taking.sort_unstable_by_key(|s| (self.slots[*s as usize].end, *s));
        for (rank, &slot) in taking.iter().enumerate() {
            let end = self.slots[slot as usize].end;
            let time = if ranked && end < now {
                rank as u64
            } else {
                end - self.origin
            };
            show(&mut tree, slot as usize, time);
        }
        self.tree = tree;
    }

    fn slots_of(&self, replica: ReplicaId) -> impl Iterator<Item = &Slot> {
        let of = &self.replica(replica).slots;
        of.iter().map(|slot| &self.slots[*slot as usize])
    }

    fn replica(&self, replica: ReplicaId) -> &Replica {
        let of = self.replicas.get(replica.0 as usize);
        of.and_then(Option::as_deref).expect(KNOWN)
    }

    fn replica_mut(&mut self, replica: ReplicaId) -> &mut Replica {
        let of = self.replicas.get_mut(replica.0 as usize);
        of.and_then(Option::as_deref_mut).expect(KNOWN)
    }

    pub(super) fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let count = slots_of(&shape);
        let rate = SlotRate::new(&shape, count);
        self.at_full_speed &= rate.is_full();
        let slots: Box<[u32]> = (0..count).map(|_| self.numbers.take()).collect();
        let end = now.as_nanos();
        let fresh = Slot {
            rate,
            replica,
            busy: false,
            paused: false,
            end,
            busy_ns: 0,
            completed: 0,
        };
        for &slot in &slots {
            let at = slot as usize;
            if at == self.slots.len() {
                make_room(&mut self.slots);
                make_room(&mut self.jobs);
                self.slots.push(fresh);
                self.jobs.push(IDLE);
            }
            self.slots[at] = fresh;
        }
        if self.numbers.bound() > self.tree.capacity() {
            self.rebuild(self.numbers.bound(), end);
        }
        for &slot in &slots {
            show(&mut self.tree, slot as usize, end - self.origin);
        }
        let at = replica.0 as usize;
        if at >= self.replicas.len() {
            if at >= self.replicas.capacity() {
                let len = self.replicas.len();
                self.replicas.reserve_exact(at + 4 - len + len / 8);
            }
            self.replicas.resize_with(at + 1, || None);
        }
        self.replicas[at] = Some(Box::new(Replica {
            shape,
            slots,
            draining: false,
            paused: false,
            cpu_before_core_ns: 0.0,
        }));
    }

    pub(super) fn drain(&mut self, replica: ReplicaId) {
        let of = self.replica_mut(replica);
        of.draining = true;
        let slots = of.slots.clone();
        self.take_from_tree(&slots);
    }

    fn take_from_tree(&mut self, slots: &[u32]) {
        for slot in slots {
            self.tree.clear(*slot as usize);
        }
    }

    pub(super) fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime {
        let busy = self.slots_of(replica).filter(|slot| slot.busy);
        let ends = busy.map(|slot| SimTime::from_nanos(slot.end));
        ends.max().unwrap_or(now)
    }

    /// Takes a replica out; returns the requests it served, with their starts.
    pub(super) fn remove(&mut self, now: SimTime, replica: ReplicaId) -> Vec<(Request, u64)> {
        let of = self.replicas[replica.0 as usize].take().expect(KNOWN);
        let mut held = Vec::new();
        for &slot in &of.slots {
            let at = slot as usize;
            if std::mem::take(&mut self.slots[at].busy) {
                let Job { request, start, .. } = self.jobs[at];
                held.push((request, start));
            }
            self.tree.clear(at);
            self.numbers.give_back(slot);
        }
        self.in_service -= held.len() as u64;
        // Requests go through the levels of the tree. Smaller than half of it, so that a replica that comes and goes does
        // not rebuild it each time.
        if 8 * self.numbers.bound() <= 3 * self.tree.capacity() && self.tree.capacity() > 4 {
            self.rebuild(self.numbers.bound(), now.as_nanos());
        }
        held
    }

    pub(super) fn shape(&self, replica: ReplicaId) -> ReplicaShape {
        self.replica(replica).shape
    }

    pub(super) fn reshape(
        &mut self,
        now: SimTime,
        replica: ReplicaId,
        shape: ReplicaShape,
        ledger: &Ledger,
    ) {
        let cpu_before_core_ns = self.read(now, replica).cpu_core_ns;
        let rate = SlotRate::new(&shape, slots_of(&shape));
        self.at_full_speed &= rate.is_full();
        let of = self.replica_mut(replica);
        (of.shape, of.cpu_before_core_ns) = (shape, cpu_before_core_ns);
        let Replica {
            slots, draining, ..
        } = of.clone();
        for number in slots {
            let slot = &mut self.slots[number as usize];
            let before = std::mem::replace(&mut slot.rate, rate);
            slot.busy_ns = 0;
            let job = &mut self.jobs[number as usize];
            if slot.busy && slot.paused {
                job.done = rate.rescaled(job.done, before);
            } else if slot.busy {
                let left = rate.rescaled(job.done - now.as_nanos(), before);
                self.run(number, (now.as_nanos(), left), draining, ledger);
            }
        }
    }

    /// Lets a busy slot serve what is `left` from now on.
    fn run(&mut self, number: u32, (now, left): (u64, u64), draining: bool, ledger: &Ledger) {
        let at = number as usize;
        let (slot, job) = (&mut self.slots[at], &mut self.jobs[at]);
        job.done = now.saturating_add(left);
        let patience = end_of_patience(&job.request, self.patience_ns);
        slot.end = job.done.min(patience).min(ledger.due(&job.request));
        slot.busy_ns = slot.busy_ns.saturating_add(slot.end - now);
        if !draining {
            show(&mut self.tree, at, slot.end - self.origin);
        }
    }

    pub(super) fn pause(&mut self, now: SimTime, replica: ReplicaId, ledger: &Ledger) {
        let of = self.replica_mut(replica);
        if std::mem::replace(&mut of.paused, true) {
            return;
        }
        let (now, slots) = (now.as_nanos(), of.slots.clone());
        self.take_from_tree(&slots);
        for number in slots {
            let at = number as usize;
            let (slot, job) = (&mut self.slots[at], &mut self.jobs[at]);
            if slot.busy {
                slot.busy_ns = slot.busy_ns.saturating_sub(slot.ahead(now));
                let patience = end_of_patience(&job.request, self.patience_ns);
                slot.end = patience.min(ledger.due(&job.request));
                job.done -= now;
            }
            slot.paused = true;
        }
    }

    pub(super) fn resume(&mut self, now: SimTime, replica: ReplicaId, ledger: &Ledger) {
        let of = self.replica_mut(replica);
        if !std::mem::take(&mut of.paused) {
            return;
        }
        let (slots, draining) = (of.slots.clone(), of.draining);
        for number in slots {
            let slot = &mut self.slots[number as usize];
            slot.paused = false;
            if slot.busy {
                let left = self.jobs[number as usize].done;
                self.run(number, (now.as_nanos(), left), draining, ledger);
            } else {
                slot.end = now.as_nanos();
                if !draining {
                    show(&mut self.tree, number as usize, slot.end - self.origin);
                }
            }
        }
    }

    #[inline(always)]
    pub(super) fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        let of = self.replica(replica);
        let mut reading = ReplicaReading::default();
        for number in &of.slots {
            let slot = &self.slots[*number as usize];
            reading.cpu_core_ns += slot.cpu_core_ns(now.as_nanos());
            reading.completed += slot.completed;
            // Without a branch: which slots are busy cannot be predicted.
            reading.in_service += u32::from(slot.busy);
            reading.cpu_cores += slot.cores();
        }
        reading.cpu_core_ns += of.cpu_before_core_ns;
        reading
    }

    #[inline]
    pub(super) fn completed(&self, replica: ReplicaId) -> u64 {
        self.slots_of(replica).map(|slot| slot.completed).sum()
    }

    pub(super) fn idle_since(&self, replica: ReplicaId) -> Option<SimTime> {
        let ends = self.slots_of(replica);
        let free = ends.map(|slot| (!slot.busy).then_some(slot.end));
        let since = free.collect::<Option<Vec<u64>>>()?.into_iter().max();
        since.map(SimTime::from_nanos)
    }

    pub(super) const fn in_service(&self) -> u64 {
        self.in_service
    }

    /// The requests in service, with their starts.
    pub(super) fn in_hand(&self) -> impl Iterator<Item = (Request, u64, ReplicaId)> {
        let slots = self.slots.iter().zip(&self.jobs);
        let busy = slots.filter(|(slot, _)| slot.busy);
        busy.map(|(slot, job)| (job.request, job.start, slot.replica))
    }
}

/// Makes room for one more, and a little beyond: doubling would leave much of it empty, in every service.
fn make_room<T>(of: &mut Vec<T>) {
    if of.len() == of.capacity() {
        of.reserve_exact(4 + of.len() / 8);
    }
}

/// Shows the time of a slot in the tree; times that do not fit are later than any the present stretch reaches.
#[inline]
fn show(tree: &mut WinnerTree, slot: usize, time: u64) {
    if tree.try_set(slot, time).is_err() {
        tree.set_beyond(slot);
    }
}
