//! Controllers that act when something happens, not on a period: a trigger is raised in the station, a replica has become
//! ready, or the time has come that they asked for.

use super::Verdict;
use crate::plan::ServicePlan;
use crate::replica::{Replica, ReplicaState};
use crate::station::{Presence, ReplicaId, Trigger};
use hookean_kernel::SimTime;
use std::cmp::Reverse;

/// A replica as such a controller sees it.
#[derive(Debug, Clone, Copy)]
pub struct Seat<'a> {
    /// The replica.
    pub replica: &'a Replica,
    /// Since when it has been ready without a request, if it is.
    pub idle_since: Option<SimTime>,
    /// Requests it holds.
    pub held: u64,
}

/// What such a controller may look at: the state of this very moment, a place between two things that happen.
pub struct Scene<'a> {
    /// The moment.
    pub now: SimTime,
    /// The service.
    pub service: &'a ServicePlan,
    /// Replicas wanted so far.
    pub desired: u32,
    /// Replicas that count towards what is wanted, in order of creation.
    pub seats: &'a [Seat<'a>],
    /// Requests of the service.
    pub presence: Presence,
}

impl Scene<'_> {
    /// Replicas in a state.
    pub(super) fn count(&self, state: ReplicaState) -> u32 {
        let those = self.seats.iter().filter(|s| s.replica.state == state);
        those.count() as u32
    }

    /// The `count` replicas whose loss costs least: those that do not take requests yet, the youngest first, then those
    /// with the fewest requests, idle for the longest time first, then the youngest.
    pub(super) fn least_useful(&self, count: u32) -> Vec<ReplicaId> {
        let mut seats: Vec<&Seat<'_>> = self.seats.iter().collect();
        seats.sort_unstable_by_key(|seat| {
            (
                seat.replica.is_serving(),
                seat.held,
                seat.idle_since,
                Reverse(seat.replica.id),
            )
        });
        let first = seats.into_iter().take(count as usize);
        first.map(|seat| seat.replica.id).collect()
    }
}

/// A change that such a controller wants.
#[derive(Debug)]
pub struct Change {
    /// What it decided.
    pub verdict: Verdict,
    /// Everything it saw, as a JSON object.
    pub inputs: String,
    /// Why, in words.
    pub reason: String,
    /// Which replicas go, when fewer are wanted.
    pub leaving: Vec<ReplicaId>,
}

/// What such a controller wants.
#[derive(Debug, Default)]
pub struct Reaction {
    /// What is to change, if anything is.
    pub change: Option<Change>,
    /// What it wants to be asked for next.
    pub triggers: Vec<Trigger>,
    /// When it wants to be asked in any case.
    pub wake: Option<SimTime>,
}

/// A controller of one service that acts when something happens.
pub trait Reactive: Send {
    /// Decides what to do, and what to wait for. Asked again without anything new, it wants nothing to change.
    fn react(&mut self, scene: &Scene<'_>) -> Reaction;
}
