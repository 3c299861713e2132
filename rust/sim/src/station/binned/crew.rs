//! The replicas of a binned station: what each has of the whole.
//!
//! Requests are spread evenly: completions are dealt in turn, what is in the system is split into equal parts. CPU is
//! used in proportion to capacity. A replica's figures are worked out when they are read, so a bin costs nothing for
//! each replica.

use crate::plan::Discipline;
use crate::station::rates::{checked_speed, cores};
use crate::station::{ReplicaId, ReplicaReading, ReplicaShape};
use hookean_kernel::bring_value_near;

const KNOWN: &str = "the control plane names replicas it has added";

/// A replica.
#[derive(Debug, Clone)]
struct Member {
    id: ReplicaId,
    paused: bool,
    draining: bool,
    shape: ReplicaShape,
    /// Cores in use at full rate.
    cores: f64,
    used_core_ns: f64,
    completed: u64,
}

impl Member {
    fn new(id: ReplicaId, shape: ReplicaShape) -> Self {
        let mut member = Self {
            id,
            paused: false,
            draining: false,
            shape,
            cores: 0.0,
            used_core_ns: 0.0,
            completed: 0,
        };
        member.reshape(shape);
        member
    }

    fn reshape(&mut self, shape: ReplicaShape) {
        self.shape = shape;
        self.cores = self.rate() / checked_speed(shape.speed_ratio);
    }

    /// Most requests in service at once.
    fn places(&self) -> u64 {
        u64::from(self.shape.concurrency.unwrap_or(u32::MAX))
    }

    /// Requests that make as much progress as on a core of their own.
    fn servers(&self, discipline: Discipline) -> u64 {
        match discipline {
            Discipline::ProcessorSharing => (cores(&self.shape) + 0.5).max(1.0) as u64,
            _ => self.shape.concurrency.map_or(1, u64::from),
        }
    }

    /// Work per nanosecond.
    fn rate(&self) -> f64 {
        let cores = cores(&self.shape);
        let slots = self.shape.concurrency;
        slots.map_or(cores, |slots| cores.min(f64::from(slots)))
            * checked_speed(self.shape.speed_ratio)
    }
}

/// How a whole number of things is split into equal parts, the first of which get one more.
#[derive(Debug, Clone, Copy)]
struct Parts {
    each: u64,
    one_more: u64,
}

impl Parts {
    const fn of(whole: u64, parts: u64) -> Self {
        Self {
            each: whole / parts,
            one_more: whole % parts,
        }
    }

    fn part(self, place: usize) -> u64 {
        self.each + u64::from((place as u64) < self.one_more)
    }
}

/// What the whole crew has done by an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Progress {
    /// Time the crew would have been busy to do all its work at full rate, in nanoseconds.
    pub(super) busy_ns: f64,
    pub(super) completed: u64,
}

/// All replicas.
#[derive(Debug)]
pub(super) struct Crew {
    discipline: Discipline,
    /// Those that take requests, by number.
    ready: Vec<Member>,
    /// Those that have handed their requests over: they drain, or pause.
    aside: Vec<Member>,
    /// What had been done when the replicas last changed.
    settled: Progress,
    pub(super) places: u64,
    pub(super) servers: u64,
    pub(super) rate: f64,
}

/// What there is to split at an instant.
#[derive(Debug, Clone, Copy)]
pub(super) struct Held {
    pub(super) in_service: u64,
    /// Waiting in queues of replicas.
    pub(super) waiting: u64,
    /// Share of the crew's rate in use.
    pub(super) busy_ratio: f64,
}

impl Crew {
    pub(super) const fn new(discipline: Discipline) -> Self {
        Self {
            discipline,
            ready: Vec::new(),
            aside: Vec::new(),
            settled: Progress {
                busy_ns: 0.0,
                completed: 0,
            },
            places: 0,
            servers: 0,
            rate: 0.0,
        }
    }

    pub(super) fn len(&self) -> u64 {
        self.ready.len() as u64
    }

    /// Adds a replica.
    pub(super) fn add(&mut self, id: ReplicaId, shape: ReplicaShape, done: Progress) {
        self.settle(done);
        self.join(Member::new(id, shape));
    }

    fn join(&mut self, member: Member) {
        let at = self.ready.partition_point(|other| other.id < member.id);
        if self.ready.len() == self.ready.capacity() {
            // There may be many services: less room is left empty than by doubling.
            self.ready.reserve_exact(2 + self.ready.len() / 4);
        }
        self.ready.insert(at, member);
        self.sum_up();
    }

    /// Takes a replica out of service; false when it takes no requests already.
    fn step_aside(&mut self, id: ReplicaId, done: Progress) -> bool {
        let Some(at) = self.position(id) else {
            return false;
        };
        self.settle(done);
        let member = self.ready.remove(at);
        self.aside.push(member);
        self.sum_up();
        true
    }

    fn of_aside(&mut self, id: ReplicaId) -> impl Iterator<Item = &mut Member> {
        self.aside.iter_mut().filter(move |member| member.id == id)
    }

    /// Takes a replica out of service for good; false when it took no requests.
    pub(super) fn drain(&mut self, id: ReplicaId, done: Progress) -> bool {
        let served = self.step_aside(id, done);
        self.of_aside(id).for_each(|member| member.draining = true);
        served
    }

    /// Takes a replica out of service until it is resumed.
    pub(super) fn pause(&mut self, id: ReplicaId, done: Progress) {
        self.step_aside(id, done);
        self.of_aside(id).for_each(|member| member.paused = true);
    }

    pub(super) fn resume(&mut self, id: ReplicaId, done: Progress) {
        self.of_aside(id).for_each(|member| member.paused = false);
        let back = |member: &Member| member.id == id && !member.draining;
        if let Some(at) = self.aside.iter().position(back) {
            self.settle(done);
            let member = self.aside.remove(at);
            self.join(member);
        }
    }

    /// Removes a replica.
    pub(super) fn remove(&mut self, id: ReplicaId, done: Progress) {
        self.step_aside(id, done);
        self.aside.retain(|member| member.id != id);
    }

    /// Changes the shape of a replica.
    pub(super) fn reshape(
        &mut self,
        id: ReplicaId,
        done: Progress,
        change: impl Fn(&mut ReplicaShape),
    ) {
        self.settle(done);
        let of = self.ready.iter_mut().chain(&mut self.aside);
        for member in of.filter(|member| member.id == id) {
            let mut shape = member.shape;
            change(&mut shape);
            member.reshape(shape);
        }
        self.sum_up();
    }

    /// Credits completions to a replica that takes no requests any more.
    pub(super) fn credit(&mut self, id: ReplicaId, completed: u64) {
        self.settled.completed += completed;
        self.of_aside(id)
            .for_each(|member| member.completed += completed);
    }

    /// Place of a replica among those that take requests.
    pub(super) fn position(&self, id: ReplicaId) -> Option<usize> {
        self.ready
            .binary_search_by_key(&id, |member| member.id)
            .ok()
    }

    /// Part of `whole` that the replica in this place has.
    pub(super) fn part(&self, whole: u64, place: usize) -> u64 {
        Parts::of(whole, self.len()).part(place)
    }

    pub(super) fn read(&self, id: ReplicaId, done: Progress, held: Held) -> ReplicaReading {
        match self.position(id) {
            Some(place) => self.split(done, held).reading(&self.ready[place], place),
            None => self.read_aside(id),
        }
    }

    /// Reads each of the replicas.
    pub(super) fn read_each(
        &self,
        replicas: &[ReplicaId],
        done: Progress,
        held: Held,
        readings: &mut [ReplicaReading],
    ) {
        let split = self.split(done, held);
        for (reading, (id, place)) in readings.iter_mut().zip(self.places(replicas)) {
            *reading = match place {
                Some(place) => split.reading(&self.ready[place], place),
                None => self.read_aside(id),
            };
        }
    }

    /// Reads the CPU that each of the replicas has used.
    pub(super) fn read_cpu(&self, replicas: &[ReplicaId], done: Progress, used: &mut [f64]) {
        let busy_ns = done.busy_ns - self.settled.busy_ns;
        for (used, (id, place)) in used.iter_mut().zip(self.places(replicas)) {
            *used = match place {
                Some(place) => {
                    let member = &self.ready[place];
                    member.used_core_ns + core_ns(busy_ns, member)
                }
                None => self.read_aside(id).cpu_core_ns,
            };
        }
    }

    /// Replicas with their places among those that take requests, which mostly are all there are, in the same order.
    fn places(
        &self,
        replicas: &[ReplicaId],
    ) -> impl ExactSizeIterator<Item = (ReplicaId, Option<usize>)> {
        let mut next = 0;
        replicas.iter().map(move |id| {
            let expected = self.ready.get(next).filter(|member| member.id == *id);
            let place = expected.map(|_| next).or_else(|| self.position(*id));
            next = place.map_or(next, |place| place + 1);
            (*id, place)
        })
    }

    fn split(&self, done: Progress, held: Held) -> Split {
        let parts = self.len().max(1);
        Split {
            earned: self.earned(done),
            busy_ratio: held.busy_ratio,
            in_service: Parts::of(held.in_service, parts),
            waiting: Parts::of(held.waiting, parts),
        }
    }

    fn read_aside(&self, id: ReplicaId) -> ReplicaReading {
        let found = self.aside.iter().find(|member| member.id == id);
        let member = found.expect(KNOWN);
        ReplicaReading {
            cpu_core_ns: member.used_core_ns,
            completed: member.completed,
            ..ReplicaReading::default()
        }
    }

    /// Asks for its memory before it is used (see [`bring_value_near`]).
    pub(super) fn bring_near(&self) {
        bring_value_near(self.ready.as_slice());
    }

    /// What replicas have earned since they last changed.
    fn earned(&self, done: Progress) -> Earned {
        let completed = done.completed - self.settled.completed;
        Earned {
            busy_ns: done.busy_ns - self.settled.busy_ns,
            completed: Parts::of(completed, self.len().max(1)),
        }
    }

    /// Gives each replica what it has earned.
    fn settle(&mut self, done: Progress) {
        let earned = self.earned(done);
        for (place, member) in self.ready.iter_mut().enumerate() {
            member.used_core_ns += earned.core_ns(member);
            member.completed += earned.completed.part(place);
        }
        self.settled = done;
    }

    fn sum_up(&mut self) {
        let servers = |member: &Member| member.servers(self.discipline);
        self.places = self.ready.iter().map(Member::places).sum();
        self.servers = self.ready.iter().map(servers).sum();
        self.rate = self.ready.iter().map(Member::rate).sum();
    }
}

/// What replicas have earned and hold.
#[derive(Debug, Clone, Copy)]
struct Split {
    earned: Earned,
    busy_ratio: f64,
    in_service: Parts,
    waiting: Parts,
}

impl Split {
    fn reading(&self, member: &Member, place: usize) -> ReplicaReading {
        ReplicaReading {
            cpu_core_ns: member.used_core_ns + self.earned.core_ns(member),
            cpu_cores: self.busy_ratio * member.cores,
            completed: member.completed + self.earned.completed.part(place),
            in_service: saturated(self.in_service.part(place)),
            waiting: saturated(self.waiting.part(place)),
            ..ReplicaReading::default()
        }
    }
}

/// What replicas have earned since they last changed.
#[derive(Debug, Clone, Copy)]
struct Earned {
    busy_ns: f64,
    completed: Parts,
}

impl Earned {
    fn core_ns(self, member: &Member) -> f64 {
        core_ns(self.busy_ns, member)
    }
}

fn core_ns(busy_ns: f64, member: &Member) -> f64 {
    (busy_ns * member.cores).max(0.0)
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
