//! The replicas of a binned station: what each has of the whole.
//!
//! Requests are spread evenly: completions are dealt in turn, what is in the system is split into equal parts. CPU is
//! used in proportion to capacity. A replica's figures are worked out when they are read, so a bin costs nothing for
//! each replica.

use crate::plan::Discipline;
use crate::station::rates::{checked_speed, cores};
use crate::station::{ReplicaId, ReplicaReading, ReplicaShape};

const KNOWN: &str = "the control plane names replicas it has added";

/// A replica.
#[derive(Debug, Clone)]
struct Member {
    id: ReplicaId,
    speed: f64,
    /// Most requests in service at once.
    places: u64,
    /// Requests that make as much progress as on a core of their own.
    servers: u64,
    /// Work per nanosecond.
    rate: f64,
    used_core_ns: f64,
    completed: u64,
}

/// What the whole crew has done by an instant.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Progress {
    /// Time the crew would have been busy to do all its work at full rate, in nanoseconds.
    pub(super) busy_ns: f64,
    pub(super) completed: u64,
}

/// All replicas.
#[derive(Debug, Default)]
pub(super) struct Crew {
    /// Those that take requests, by number.
    ready: Vec<Member>,
    /// Those that have handed their requests over and wait for their end.
    leaving: Vec<Member>,
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
    pub(super) fn len(&self) -> u64 {
        self.ready.len() as u64
    }

    /// Adds a replica.
    pub(super) fn add(
        &mut self,
        id: ReplicaId,
        shape: &ReplicaShape,
        discipline: Discipline,
        done: Progress,
    ) {
        self.settle(done);
        let (cores, speed) = (cores(shape), checked_speed(shape.speed_ratio));
        let slots = shape.concurrency.map(u64::from);
        let member = Member {
            id,

            speed,
            places: slots.unwrap_or(u64::from(u32::MAX)),
            servers: match discipline {
                Discipline::ProcessorSharing => (cores + 0.5).max(1.0) as u64,
                _ => slots.unwrap_or(1),
            },
            rate: slots.map_or(cores, |slots| cores.min(slots as f64)) * speed,
            used_core_ns: 0.0,
            completed: 0,
        };
        let at = self.ready.partition_point(|other| other.id < id);
        self.ready.insert(at, member);
        self.sum_up();
    }

    /// Takes a replica out of service; false when it was already.
    pub(super) fn drain(&mut self, id: ReplicaId, done: Progress) -> bool {
        let Some(at) = self.position(id) else {
            return false;
        };
        self.settle(done);
        let member = self.ready.remove(at);
        self.leaving.push(member);
        self.sum_up();
        true
    }

    /// Removes a replica.
    pub(super) fn remove(&mut self, id: ReplicaId, done: Progress) {
        self.drain(id, done);
        self.leaving.retain(|member| member.id != id);
    }

    pub(super) fn set_speed(&mut self, id: ReplicaId, speed_ratio: f64, done: Progress) {
        let speed = checked_speed(speed_ratio);
        self.settle(done);
        let of = self.ready.iter_mut().chain(&mut self.leaving);
        for member in of.filter(|member| member.id == id) {
            member.rate = member.rate / member.speed * speed;
            member.speed = speed;
        }
        self.sum_up();
    }

    /// Credits completions to a replica that takes no requests any more.
    pub(super) fn credit(&mut self, id: ReplicaId, completed: u64) {
        self.settled.completed += completed;
        let of = self.leaving.iter_mut().filter(|member| member.id == id);
        of.for_each(|member| member.completed += completed);
    }

    /// Place of a replica among those that take requests.
    pub(super) fn position(&self, id: ReplicaId) -> Option<usize> {
        self.ready
            .binary_search_by_key(&id, |member| member.id)
            .ok()
    }

    /// Part of `whole` that the replica in this place has.
    pub(super) fn part(&self, whole: u64, place: usize) -> u64 {
        let n = self.len();
        (whole + n - 1 - place as u64) / n
    }

    pub(super) fn read(&self, id: ReplicaId, done: Progress, held: Held) -> ReplicaReading {
        if let Some(place) = self.position(id) {
            let member = self.earned(place, done);
            return ReplicaReading {
                cpu_core_ns: member.used_core_ns,
                cpu_cores: held.busy_ratio * member.rate / member.speed,
                completed: member.completed,
                in_service: saturated(self.part(held.in_service, place)),
                waiting: saturated(self.part(held.waiting, place)),
            };
        }
        let found = self.leaving.iter().find(|member| member.id == id);
        let member = found.expect(KNOWN);
        ReplicaReading {
            cpu_core_ns: member.used_core_ns,
            completed: member.completed,
            ..ReplicaReading::default()
        }
    }

    /// A replica with what it has earned since the replicas last changed.
    fn earned(&self, place: usize, done: Progress) -> Member {
        let mut member = self.ready[place].clone();
        let busy_ns = done.busy_ns - self.settled.busy_ns;
        member.used_core_ns += (busy_ns * (member.rate / member.speed)).max(0.0);
        member.completed += self.part(done.completed - self.settled.completed, place);
        member
    }

    /// Gives each replica what it has earned.
    fn settle(&mut self, done: Progress) {
        for place in 0..self.ready.len() {
            self.ready[place] = self.earned(place, done);
        }
        self.settled = done;
    }

    fn sum_up(&mut self) {
        self.places = self.ready.iter().map(|member| member.places).sum();
        self.servers = self.ready.iter().map(|member| member.servers).sum();
        self.rate = self.ready.iter().map(|member| member.rate).sum();
    }
}

fn saturated(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
