//! Stations: the queueing side of a service, advanced from one control event to the next.
//!
//! A station holds everything between two control events to itself, so it can run ahead to the next instant that
//! concerns it without a global event list. State at `T` is T-minus: everything at `t < T` has happened, nothing at `T`
//! has. At one instant the order is: control events, then departures and abandonments, then arrivals.

mod binned;
mod build;
mod central;
mod class_books;
mod first_out;
mod fluid;
mod held;
mod ledger;
mod limited;
mod orders;
mod packed_rows;
mod quota;
mod rates;
pub mod reference;
mod replicas;
mod request_log;
mod routing;
mod servers;
mod settings;
mod sharing;
mod slots;
mod slotted;
mod trigger;
mod virtual_time;

pub use crate::workload::Outcome;
pub(crate) use binned::{Laws, describes as describes_in_bins};
pub(crate) use build::Site;
pub use build::{build, build_reference};
pub use class_books::ClassBook;
pub use ledger::{Counts, LatencyWindow, Ledger};
pub use request_log::{RequestRow, RequestTable};
pub use trigger::{Presence, Trigger};

use crate::workload::{Arrivals, Request};
use hookean_kernel::SimTime;
use std::collections::VecDeque;

/// Puts a request back into a queue that is in order of arrival.
fn insert_by_arrival(queue: &mut VecDeque<Request>, request: Request) {
    let order = |request: &Request| (request.time, request.index);
    let later = queue
        .iter()
        .position(|other| order(other) > order(&request));
    queue.insert(later.unwrap_or(queue.len()), request);
}

/// Takes a request out of a queue that is in order of arrival; returns whether it was there.
fn take_out(queue: &mut VecDeque<Request>, request: &Request) -> bool {
    let from = queue.partition_point(|other| other.time < request.time);
    let at_once = queue.range(from..).take_while(|o| o.time == request.time);
    let at = at_once.map(|other| other.index);
    let at = at.enumerate().find(|(_, index)| *index == request.index);
    at.and_then(|(after, _)| queue.remove(from + after))
        .is_some()
}

/// Identifies a replica inside its station: the caller's number, growing with creation, never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplicaId(pub u32);

/// What a replica brings to its station.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ReplicaShape {
    /// Usable CPU.
    pub cpu_millicores: u64,
    /// Most requests in service; `None` is unbounded.
    pub concurrency: Option<u32>,
    /// Speed of its cores relative to a bare-metal core.
    pub speed_ratio: f64,
}

/// Cumulative and present figures of one replica.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct ReplicaReading {
    /// CPU used since the replica was added, in core-nanoseconds.
    pub cpu_core_ns: f64,
    /// CPU in use now, in cores.
    pub cpu_cores: f64,
    /// Requests completed since the replica was added.
    pub completed: u64,
    /// Requests in service now.
    pub in_service: u32,
    /// Requests waiting in the replica's own queue now.
    pub waiting: u32,
    /// In how many periods the replica has stood still because its CPU quota was used up.
    pub throttled_periods: u64,
    /// How long it has stood still for that, in nanoseconds.
    pub throttled_ns: u64,
}

/// The queueing side of one service.
pub trait Station: Send {
    /// Lets everything happen that happens at `t < until`. Calling it in several steps gives the same result.
    fn advance(&mut self, until: SimTime);
    /// The same for who reads replicas next: the books may wait for the next [`Self::advance`], or for
    /// [`Self::close_log`].
    fn advance_to_read(&mut self, until: SimTime) {
        self.advance(until);
    }
    /// Adds a ready replica at `now`. The station has been advanced to `now`, as for all control calls.
    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape);
    /// Stops sending requests to the replica; returns when its last request will be done (`now` if it is idle).
    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime;
    /// When a draining replica will be empty as things stand (speed may have changed since [`Station::drain`]);
    /// [`SimTime::MAX`] when it will not, since it is paused.
    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime;
    /// Removes the replica at once; what it held is lost, also what would be done at `now` (state is T-minus). Returns how
    /// many requests that were. Its slot is free again: an empty drained replica has to be removed like this, too.
    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64;
    /// Removes the replica at once and sends what it held back, with its original arrival and its whole work. In the one
    /// queue of a station it goes before whatever came later; else it is routed again as of now, in order of arrival and
    /// once all control events and departures of this instant have happened, and goes before whatever came later to its
    /// new replica. No limit turns it away but that of the queue of this replica; what has been in the station for longer
    /// than the longest wait gives up at once. Returns how many requests went back.
    fn requeue(&mut self, now: SimTime, replica: ReplicaId) -> u64;
    /// Changes the speed of the replica's cores (positive); work done stays done.
    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64);
    /// Changes the CPU of the replica in place (not zero); work done stays done. One with a quota keeps its cores: its quota
    /// changes in proportion, from the next period on.
    fn resize(&mut self, now: SimTime, replica: ReplicaId, cpu_millicores: u64);
    /// Lets the replica stand still: what it serves keeps its progress and its place, and it starts nothing. Requests are
    /// still routed to it and wait in its queue, also where a place is free, since nothing runs that could accept them;
    /// its slots take nothing from the one queue of a station. Does nothing to one that is paused.
    fn pause(&mut self, now: SimTime, replica: ReplicaId);
    /// Lets a paused replica go on; its free slots are free from now on, as those of a new one. Does nothing to one that
    /// runs.
    fn resume(&mut self, now: SimTime, replica: ReplicaId);
    /// Reads one replica.
    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading;
    /// Reads each of the replicas.
    fn read_each(&self, now: SimTime, replicas: &[ReplicaId], readings: &mut [ReplicaReading]) {
        for (reading, id) in readings.iter_mut().zip(replicas) {
            *reading = self.read(now, *id);
        }
    }
    /// Reads the CPU that each of the replicas has used, in core-nanoseconds.
    fn read_cpu(&self, now: SimTime, replicas: &[ReplicaId], used: &mut [f64]) {
        for (used, id) in used.iter_mut().zip(replicas) {
            *used = self.read(now, *id).cpu_core_ns;
        }
    }
    /// Reads how many requests each of the replicas has completed.
    fn read_completed(&self, now: SimTime, replicas: &[ReplicaId], completed: &mut [u64]) {
        for (completed, id) in completed.iter_mut().zip(replicas) {
            *completed = self.read(now, *id).completed;
        }
    }
    /// Since when the replica has been ready without a request; `None` while it holds one. This and what follows about
    /// triggers speaks of single requests: a station that has none leaves it as it is here.
    fn idle_since(&self, _now: SimTime, _replica: ReplicaId) -> Option<SimTime> {
        None
    }
    /// Arms the station with triggers, in place of those it had; none disarms it.
    fn arm(&mut self, _triggers: &[Trigger]) {}
    /// The next instant at which something may happen in an armed station, [`SimTime::MAX`] when nothing will. It may be
    /// the present one, when the station has stopped inside of it.
    fn next_event(&self) -> SimTime {
        SimTime::MAX
    }
    /// Lets everything happen that happens at `t < until` in an armed station, but stops at the point that raises a
    /// trigger ([`Trigger`]) and returns its instant. The station is left at the last instant at which something happened.
    fn run_to_trigger(&mut self, _until: SimTime) -> Option<SimTime> {
        None
    }
    /// Where its requests come from, to tell it of calls; `None` for a station that nobody can call.
    fn arrivals_mut(&mut self) -> Option<&mut Arrivals> {
        None
    }
    /// The station itself, if its service advances together with others.
    fn joined(&self) -> Option<&reference::Reference> {
        None
    }
    /// The same, to let it advance.
    fn joined_mut(&mut self) -> Option<&mut reference::Reference> {
        None
    }
    /// Requests waiting or in service, anywhere in the station.
    fn in_system(&self, now: SimTime) -> u64;
    /// Requests waiting, anywhere in the station.
    fn waiting(&self, now: SimTime) -> u64;
    /// Asks for its memory before it advances: worth it where it has not advanced for long (see
    /// [`hookean_kernel::bring_near`]).
    fn bring_near(&self) {}
    /// Counts, latencies and digest so far.
    fn ledger(&self) -> &Ledger;
    /// The ledger, to drain windows from.
    fn ledger_mut(&mut self) -> &mut Ledger;
    /// Ends the request log: adds the requests that are still in the system at `now`.
    fn close_log(&mut self, now: SimTime);
}
