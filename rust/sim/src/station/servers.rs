//! The slots of a station with one queue: when each is free, and what it serves.
//!
//! A request in service across the present instant stays on its slot until it is done, so a control event can still lose
//! or stretch it; one that is done earlier leaves nothing but its figures.

#![expect(
    clippy::inline_always,
    reason = "measured: without it the hot loop calls, and is a fifth slower"
)]

use super::rates::SlotRate;
use super::settings::slots_of;
use super::slots::SlotNumbers;
use super::{Ledger, ReplicaId, ReplicaReading, ReplicaShape};
use crate::workload::Request;
use hookean_kernel::{SimTime, WinnerTree};

/// When a request is served.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Served {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// A slot of a replica.
#[derive(Debug, Clone, Copy)]
struct Slot {
    rate: SlotRate,
    /// When the slot is or became free; never while its replica is paused and it is busy.
    end: u64,
    /// Time in service under the present rate, up to `end`.
    busy_ns: u64,
    completed: u64,
    replica: ReplicaId,
    /// Whether a request is in service across the present instant.
    busy: bool,
}

/// The request a busy slot serves.
#[derive(Debug, Clone, Copy)]
struct Job {
    request: Request,
    start: u64,
}

const IDLE: Job = Job {
    request: Request {
        index: 0,
        time: SimTime::ZERO,
        work_ns: 0,
    },
    start: 0,
};

const KNOWN: &str = "the control plane names replicas it has added";

#[derive(Debug, Clone)]
struct Replica {
    shape: ReplicaShape,
    slots: Box<[u32]>,
    draining: bool,
    /// While paused: what is left of the request on each slot.
    left: Option<Box<[u64]>>,
    /// CPU used under earlier rates.
    cpu_before_core_ns: f64,
}

/// All slots of a station.
#[derive(Debug)]
pub(super) struct Servers {
    /// When each slot that takes requests is free, relative to `origin`.
    tree: WinnerTree,
    origin: u64,
    slots: Vec<Slot>,
    jobs: Vec<Job>,
    /// Whether every slot has served at the rate of a full core so far: then a service time does not wait for the slot.
    at_full_speed: bool,
    numbers: SlotNumbers,
    /// By number; `None` for those that are gone.
    replicas: Vec<Option<Replica>>,
    /// Slots that were busy across an instant the station was advanced to; some may have ended or been lost since.
    crossing: Vec<u32>,
    in_service: u64,
}

impl Servers {
    pub(super) fn new() -> Self {
        Self {
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

    /// Starts requests one by one, each on the slot that has been free longest, as far as they start before `until`;
    /// returns how many did.
    pub(super) fn serve(
        &mut self,
        requests: &[Request],
        served: &mut [Served],
        until: u64,
    ) -> usize {
        if self.at_full_speed {
            self.serve_at(requests, served, until, |_, work_ns| work_ns)
        } else {
            self.serve_at(requests, served, until, SlotRate::service_ns)
        }
    }

    #[inline(always)]
    fn serve_at(
        &mut self,
        requests: &[Request],
        served: &mut [Served],
        until: u64,
        service_ns: impl Fn(SlotRate, u64) -> u64,
    ) -> usize {
        let origin = self.origin;
        let reach = until.saturating_sub(origin);
        let mut race = self.tree.race();
        let slots = &mut *self.slots;
        let mut taken = 0;
        for (request, served) in requests.iter().zip(served) {
            let start = race.min_time().max(request.time.as_nanos() - origin);
            if start >= reach {
                break;
            }
            let start = origin + start;
            let at = race.min_slot();
            let slot = &mut slots[at];
            let end = start.saturating_add(service_ns(slot.rate, request.work_ns));
            race.move_on(end - origin);
            // Cannot run over: busy times do not overlap, and end before `end`.
            slot.busy_ns += end - start;
            slot.end = end;
            *served = Served { start, end };
            taken += 1;
            if end < until {
                slot.completed += 1;
            } else {
                slot.busy = true;
                self.jobs[at] = Job {
                    request: *request,
                    start,
                };
                self.in_service += 1;
                self.crossing.push(at as u32);
            }
        }
        race.finish();
        taken
    }

    /// The rate of the slot that is free first.
    pub(super) fn next_rate(&self) -> SlotRate {
        self.slots[self.tree.min_slot()].rate
    }

    /// Starts a request on the slot that has been free longest; the station is being advanced to `until`. Returns when it
    /// will be done, and by whom.
    #[inline(always)]
    pub(super) fn take(
        &mut self,
        request: &Request,
        start: u64,
        service_ns: u64,
        until: u64,
    ) -> (u64, ReplicaId) {
        let at = self.tree.min_slot();
        let end = start.saturating_add(service_ns);
        show(&mut self.tree, at, end - self.origin);
        let slot = &mut self.slots[at];
        slot.busy_ns = slot.busy_ns.saturating_add(end - start);
        slot.end = end;
        let replica = slot.replica;
        if end < until {
            slot.completed += 1;
        } else {
            self.hold(at, request, start);
        }
        (end, replica)
    }

    fn hold(&mut self, at: usize, request: &Request, start: u64) {
        self.slots[at].busy = true;
        self.jobs[at] = Job {
            request: *request,
            start,
        };
        self.in_service += 1;
        self.crossing.push(at as u32);
    }

    /// Records the requests in service that are done before `until`.
    pub(super) fn settle(&mut self, until: u64, ledger: &mut Ledger) {
        let Self {
            crossing,
            slots,
            jobs,
            in_service,
            ..
        } = self;
        crossing.retain(|&number| {
            let slot = &mut slots[number as usize];
            if slot.busy && slot.end < until {
                slot.busy = false;
                slot.completed += 1;
                *in_service -= 1;
                let Job { request, start } = &jobs[number as usize];
                ledger.complete(request, *start, slot.end, slot.replica);
            }
            slot.busy
        });
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
        of.and_then(Option::as_ref).expect(KNOWN)
    }

    fn replica_mut(&mut self, replica: ReplicaId) -> &mut Replica {
        let of = self.replicas.get_mut(replica.0 as usize);
        of.and_then(Option::as_mut).expect(KNOWN)
    }

    /// What is left of the requests on the slots of a replica.
    fn left(&self, now: u64, replica: ReplicaId) -> Box<[u64]> {
        let left = |slot: &Slot| if slot.busy { slot.end - now } else { 0 };
        match &self.replica(replica).left {
            Some(left) => left.clone(),
            None => self.slots_of(replica).map(left).collect(),
        }
    }

    /// CPU that a replica has used up to now, when `left` is ahead of its slots.
    fn cpu_core_ns(&self, replica: ReplicaId, left: &[u64]) -> f64 {
        let served = self.slots_of(replica).zip(left);
        let cpu = |(slot, left): (&Slot, &u64)| {
            slot.busy_ns.saturating_sub(*left) as f64 * slot.rate.cores()
        };
        self.replica(replica).cpu_before_core_ns + served.map(cpu).sum::<f64>()
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
            self.rebuild(self.slots.len(), end);
        }
        for &slot in &slots {
            show(&mut self.tree, slot as usize, end - self.origin);
        }
        let at = replica.0 as usize;
        if at >= self.replicas.len() {
            self.replicas.resize(at + 1, None);
        }
        self.replicas[at] = Some(Replica {
            shape,
            slots,
            draining: false,
            left: None,
            cpu_before_core_ns: 0.0,
        });
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
    pub(super) fn remove(&mut self, replica: ReplicaId) -> Vec<(Request, u64)> {
        let of = self.replicas[replica.0 as usize].take().expect(KNOWN);
        let mut held = Vec::new();
        for &slot in &of.slots {
            let at = slot as usize;
            if std::mem::take(&mut self.slots[at].busy) {
                let Job { request, start } = self.jobs[at];
                held.push((request, start));
            }
            self.tree.clear(at);
            self.numbers.give_back(slot);
        }
        self.in_service -= held.len() as u64;
        held
    }

    pub(super) fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64) {
        let shape = self.replica(replica).shape;
        self.reshape(
            now,
            replica,
            ReplicaShape {
                speed_ratio,
                ..shape
            },
        );
    }

    pub(super) fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64) {
        let shape = self.replica(replica).shape;
        self.reshape(
            now,
            replica,
            ReplicaShape {
                cpu_millicores,
                ..shape
            },
        );
    }

    fn reshape(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape) {
        let mut left = self.left(now.as_nanos(), replica);
        let cpu_before_core_ns = self.cpu_core_ns(replica, &left);
        let rate = SlotRate::new(&shape, slots_of(&shape));
        self.at_full_speed &= rate.is_full();
        let of = self.replica_mut(replica);
        (of.shape, of.cpu_before_core_ns) = (shape, cpu_before_core_ns);
        let slots = of.slots.clone();
        for (number, left) in slots.iter().zip(&mut left) {
            let slot = &mut self.slots[*number as usize];
            if slot.busy {
                *left = rate.rescaled(*left, slot.rate);
            }
            (slot.rate, slot.busy_ns) = (rate, *left);
        }
        let of = self.replica_mut(replica);
        if of.left.is_some() {
            of.left = Some(left);
        } else {
            self.run_from(now, replica, &left);
        }
    }

    /// Lets the busy slots of a replica serve what is `left` from now on.
    fn run_from(&mut self, now: SimTime, replica: ReplicaId, left: &[u64]) {
        let Replica {
            slots, draining, ..
        } = self.replica(replica).clone();
        for (number, left) in slots.iter().zip(left) {
            let slot = &mut self.slots[*number as usize];
            if slot.busy {
                slot.end = now.as_nanos().saturating_add(*left);
                if !draining {
                    show(&mut self.tree, *number as usize, slot.end - self.origin);
                }
            }
        }
    }

    pub(super) fn pause(&mut self, now: SimTime, replica: ReplicaId) {
        if self.replica(replica).left.is_some() {
            return;
        }
        let left = self.left(now.as_nanos(), replica);
        let of = self.replica_mut(replica);
        of.left = Some(left);
        let slots = of.slots.clone();
        self.take_from_tree(&slots);
        for number in slots {
            let slot = &mut self.slots[number as usize];
            if slot.busy {
                slot.end = u64::MAX;
            }
        }
    }

    pub(super) fn resume(&mut self, now: SimTime, replica: ReplicaId) {
        let of = self.replica_mut(replica);
        let Some(left) = of.left.take() else { return };
        let (slots, draining) = (of.slots.clone(), of.draining);
        self.run_from(now, replica, &left);
        for number in slots {
            let slot = &mut self.slots[number as usize];
            if !slot.busy {
                slot.end = now.as_nanos();
                if !draining {
                    show(&mut self.tree, number as usize, slot.end - self.origin);
                }
            }
        }
    }

    pub(super) fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading {
        let runs = self.replica(replica).left.is_none();
        let mut reading = ReplicaReading {
            cpu_core_ns: self.cpu_core_ns(replica, &self.left(now.as_nanos(), replica)),
            ..ReplicaReading::default()
        };
        for slot in self.slots_of(replica) {
            let in_use = slot.busy && runs;
            reading.cpu_cores += if in_use { slot.rate.cores() } else { 0.0 };
            reading.completed += slot.completed;
            reading.in_service += u32::from(slot.busy);
        }
        reading
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

/// Shows the time of a slot in the tree; times that do not fit are later than any the present stretch reaches.
#[inline]
fn show(tree: &mut WinnerTree, slot: usize, time: u64) {
    if tree.try_set(slot, time).is_err() {
        tree.set_beyond(slot);
    }
}
