//! Stations: the queueing side of a service, advanced from one control event to the next.
//!
//! A station holds everything between two control events to itself, so it can run ahead to the next instant that
//! concerns it without a global event list. State at `T` is T-minus: everything at `t < T` has happened, nothing at `T`
//! has. At one instant the order is: control events, then departures and abandonments, then arrivals.

mod build;
mod central;
mod fifo;
mod first_out;
mod fluid;
mod ledger;
mod rates;
pub mod reference;
mod replicas;
mod request_log;
mod routing;
mod servers;
mod settings;
mod sharing;
mod slots;
mod virtual_time;

pub use build::{build, build_reference};
pub use ledger::{Counts, LatencyWindow, Ledger, Outcome};
pub use request_log::{RequestRow, RequestTable};

use hookean_kernel::SimTime;

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
}

/// The queueing side of one service.
pub trait Station: Send {
    /// Lets everything happen that happens at `t < until`. Calling it in several steps gives the same result.
    fn advance(&mut self, until: SimTime);
    /// Adds a ready replica at `now`. The station has been advanced to `now`, as for all control calls.
    fn add(&mut self, now: SimTime, replica: ReplicaId, shape: ReplicaShape);
    /// Stops sending requests to the replica; returns when its last request will be done (`now` if it is idle).
    fn drain(&mut self, now: SimTime, replica: ReplicaId) -> SimTime;
    /// When a draining replica will be empty as things stand (speed may have changed since [`Station::drain`]).
    fn drained_at(&self, now: SimTime, replica: ReplicaId) -> SimTime;
    /// Removes the replica at once; what it held is lost, also what would be done at `now` (state is T-minus). Returns how
    /// many requests that were. Its slot is free again: an empty drained replica has to be removed like this, too.
    fn kill(&mut self, now: SimTime, replica: ReplicaId) -> u64;
    /// Changes the speed of the replica's cores (positive); work done stays done.
    fn set_speed(&mut self, now: SimTime, replica: ReplicaId, speed_ratio: f64);
    /// Reads one replica.
    fn read(&self, now: SimTime, replica: ReplicaId) -> ReplicaReading;
    /// Requests waiting or in service, anywhere in the station.
    fn in_system(&self, now: SimTime) -> u64;
    /// Requests waiting, anywhere in the station.
    fn waiting(&self, now: SimTime) -> u64;
    /// Counts, latencies and digest so far.
    fn ledger(&self) -> &Ledger;
    /// The ledger, to drain windows from.
    fn ledger_mut(&mut self) -> &mut Ledger;
    /// Ends the request log: adds the requests that are still in the system at `now` and sorts it by request.
    fn close_log(&mut self, now: SimTime);
}
