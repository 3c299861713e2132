//! What one reconcile sees: the target's counts, the pods its selector matches, and a reading per metric.
//!
//! Everything is borrowed and already summed per pod; [`super::pod_usage`] and [`super::pod_request`] sum containers.

use super::pods::Standing;
use crate::{Span, Timestamp};

/// A pod, by a number the caller chooses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(pub u64);

/// Phase of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Not all containers have been started once.
    Pending,
    /// At least one container runs.
    Running,
    /// Ended well.
    Succeeded,
    /// Ended badly.
    Failed,
    /// The node does not answer.
    Unknown,
}

/// Value of the Ready condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadyStatus {
    /// Takes requests.
    True,
    /// Does not.
    False,
    /// The node does not answer; this is *not* the same as `False`.
    Unknown,
}

/// The Ready condition of a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadyCondition {
    /// Its value.
    pub status: ReadyStatus,
    /// When the value last changed.
    pub last_transition: Timestamp,
}

/// A pod that the selector matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pod {
    /// Which one.
    pub id: PodId,
    /// Its phase.
    pub phase: Phase,
    /// Whether its deletion has begun.
    pub deleted: bool,
    /// When the kubelet acknowledged it (not when it was created); absent before.
    pub start: Option<Timestamp>,
    /// Its Ready condition; absent before the kubelet sets it.
    pub ready: Option<ReadyCondition>,
}

/// A metric value of one pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Which pod. It may be one that the selector no longer matches.
    pub pod: PodId,
    /// The value, in milli-units.
    pub value_milli: i64,
    /// The end of the window the value was measured over.
    pub timestamp: Timestamp,
    /// The length of that window.
    pub window: Span,
}

/// What the pods request of a resource, in milli-units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requests<'a> {
    /// No request is known. Enough for every target except utilization, which fails.
    None,
    /// Every pod requests the same.
    Uniform(i64),
    /// One entry per entry of [`Observation::pods`]; `None` where a container lacks the request.
    PerPod(&'a [Option<i64>]),
}

/// What the metrics API answered for one metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reading<'a> {
    /// For resource, container resource and pods metrics.
    PerPod {
        /// The samples, in strictly ascending order of pod.
        samples: &'a [Sample],
        /// The requests, needed for utilization targets.
        requests: Requests<'a>,
    },
    /// For the same, when readiness plays no part in how pods count (see [`super::readiness_is_nothing_from`]) and each one
    /// that counts has a sample, and samples are of these pods alone: the sum over those that count.
    Sum {
        /// How the pods count.
        standing: Standing,
        /// The sum of the samples, in milli-units.
        value_milli: i128,
        /// What each pod requests, in milli-units; `None` where that is not known.
        request_milli: Option<i64>,
    },
    /// For object metrics: the value, in milli-units.
    Object(i64),
    /// For external metrics: the values of all series, in milli-units. None at all is a failure.
    External(&'a [i64]),
    /// The metrics API did not answer.
    Failed,
}

/// Something outside the metrics that stands in the way of this reconcile.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Obstacle {
    /// Nothing.
    #[default]
    None,
    /// The target's scale cannot be read.
    ScaleUnreadable,
    /// The target's selector is empty or cannot be parsed.
    InvalidSelector,
    /// Another HPA selects the same pods.
    AmbiguousSelector,
    /// The new scale cannot be written.
    UpdateFails,
}

/// What one reconcile sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Observation<'a> {
    /// The moment of the reconcile.
    pub now: Timestamp,
    /// `spec.replicas` of the target: what it is set to.
    pub current_replicas: i32,
    /// `status.replicas` of the target: what exists.
    pub status_replicas: i32,
    /// The pods the selector matches, in strictly ascending order of id. The order never changes a decision.
    pub pods: &'a [Pod],
    /// One reading per metric of the configuration, in its order.
    pub readings: &'a [Reading<'a>],
    /// What stands in the way, if anything.
    pub obstacle: Obstacle,
}
