//! One replica: its life from the wish to the end, as the control plane sees it.

mod packed;
mod store;

pub use store::Replicas;

use crate::fault::BackOff;
use crate::platform::NodeId;
use crate::station::{ReplicaId, ReplicaReading};
use hookean_kernel::{SimDuration, SimTime};

/// Stages of a start-up, in the order in which they happen and in which tables show them.
pub const STAGES: [&str; 7] = [
    "place",
    "provision",
    "boot",
    "join",
    "pull",
    "create",
    "init",
];

/// Length of each stage, by position in [`STAGES`], if it has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stages([SimDuration; STAGES.len()]);

/// Stands for a stage that there is not; there may be very many replicas.
const NO_STAGE: SimDuration = SimDuration::MAX;

impl Default for Stages {
    fn default() -> Self {
        Self([NO_STAGE; STAGES.len()])
    }
}

impl Stages {
    /// Length of a stage.
    pub fn get(&self, index: usize) -> Option<SimDuration> {
        Some(self.0[index]).filter(|length| *length != NO_STAGE)
    }

    /// Gives a stage its length.
    pub const fn set(&mut self, index: usize, length: SimDuration) {
        self.0[index] = length;
    }

    /// Lengths of all stages that there are.
    pub fn lengths(&self) -> impl Iterator<Item = SimDuration> {
        (0..STAGES.len()).filter_map(|index| self.get(index))
    }
}

/// Position in [`STAGES`] of the wait for a place.
pub const PLACE: usize = 0;
/// Position in [`STAGES`] of the image transfer.
pub const PULL: usize = 4;

/// Position of a stage in [`STAGES`].
pub fn stage_index(stage: &str) -> Option<usize> {
    STAGES.iter().position(|s| *s == stage)
}

/// Where a replica stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplicaState {
    /// No node has room for it.
    Pending,
    /// On a node, not yet taking requests.
    Starting,
    /// Taking requests.
    Ready,
    /// Finishing what it holds.
    Draining,
    /// Gone.
    Ended,
}

/// How a replica ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It finished what it held.
    Drained,
    /// It was removed with work in hand.
    Killed,
    /// A fault ended it.
    Failed,
    /// It was given up before it was ready.
    Cancelled,
}

/// A replica.
#[derive(Debug, Clone)]
pub struct Replica {
    /// Its number in the station.
    pub id: ReplicaId,
    /// Where it stands.
    pub state: ReplicaState,
    /// Its node.
    pub node: Option<NodeId>,
    /// When a controller asked for it.
    pub created: SimTime,
    /// When it got a node.
    pub placed: Option<SimTime>,
    /// When its container (or machine) runs the application, which then starts.
    pub running: Option<SimTime>,
    /// When it takes, or will take, requests; anew after a restart.
    pub ready: Option<SimTime>,
    /// When it took requests for the first time.
    pub first_ready: Option<SimTime>,
    /// When it last stopped being ready without ending.
    pub unready: Option<SimTime>,
    /// When it was told to stop.
    pub drained: Option<SimTime>,
    /// When it was gone.
    pub ended: Option<SimTime>,
    /// Length of each stage in [`STAGES`] that it has been through or is in; `None` when it has never started.
    pub stages: Option<Box<Stages>>,
    /// How it ended.
    pub ending: Option<Ending>,
    /// Why it is not ready, or why it ended.
    pub reason: Option<Box<str>>,
    /// What it had done when it last stopped serving, or at the end of the run.
    pub last_reading: ReplicaReading,
    /// Restarts of its container.
    pub restarts: u32,
    /// What the kubelet remembers of them.
    pub back_off: BackOff,
    /// Requests that were lost with it.
    pub lost: u64,
    /// Whether it was there, and ready, when its service was created.
    pub initial: bool,
    /// Whether it had to go because its node did.
    pub evicted: bool,
}

impl Replica {
    /// A replica that has just been asked for.
    pub fn new(id: ReplicaId, now: SimTime) -> Self {
        Self {
            id,
            state: ReplicaState::Pending,
            node: None,
            created: now,
            placed: None,
            running: None,
            ready: None,
            first_ready: None,
            unready: None,
            drained: None,
            ended: None,
            stages: None,
            ending: None,
            reason: None,
            last_reading: ReplicaReading::default(),
            restarts: 0,
            back_off: BackOff::default(),
            lost: 0,
            initial: false,
            evicted: false,
        }
    }

    /// Whether it counts towards what the controller asked for.
    pub fn is_wanted(&self) -> bool {
        matches!(
            self.state,
            ReplicaState::Pending | ReplicaState::Starting | ReplicaState::Ready
        )
    }

    /// Whether it has ever taken requests.
    pub fn was_ready(&self) -> bool {
        self.first_ready.is_some()
    }

    /// When it last became ready, or stopped to be.
    pub fn readiness_changed(&self) -> Option<SimTime> {
        if self.is_serving() {
            self.ready
        } else {
            self.unready.or(self.placed)
        }
    }

    /// Length of a stage, unless it ended, or time did at `end`, before it began.
    pub fn stage_by(&self, index: usize, end: SimTime) -> Option<SimDuration> {
        let stages = self.stages.as_ref()?;
        let before = (0..index).filter_map(|index| stages.get(index));
        let begin = before.fold(self.created, |at, length| at + length);
        let length = stages.get(index);
        length.filter(|_| begin <= self.ended.unwrap_or(end))
    }

    /// Whether its station knows it.
    pub fn is_serving(&self) -> bool {
        matches!(self.state, ReplicaState::Ready | ReplicaState::Draining)
    }
}
