//! Events of the control plane and the order of those at one instant.

use super::faults::Strike;
use crate::plan::Plan;
use crate::platform::NodeId;
use crate::station::ReplicaId;
use hookean_kernel::{SimTime, class};

/// What may happen outside the stations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Event {
    /// A service and its initial replicas come into being.
    Create { service: usize },
    /// A fault strikes.
    Strike(Strike),
    /// What a fault struck recovers.
    Recover(Strike),
    /// The replicas of a service get another CPU; the number of the resize in the plan.
    Resize { index: usize },
    /// A replica reaches a step of its warm-up, unless its container has been restarted since.
    Warm {
        service: usize,
        replica: ReplicaId,
        restarts: u32,
    },
    /// A metrics pipeline looks at its service.
    Sample { controller: usize, clock: u8 },
    /// A controller decides.
    Tick { controller: usize },
    /// What a controller has decided is done: it had run ahead to the decision.
    Scale {
        controller: usize,
        service: usize,
        desired: u32,
    },
    /// Controllers that are decided outside of the engine decide together; `leader` is the first of them.
    Consult { batch: usize, leader: usize },
    /// A policy outside of the engine decides how many nodes a pool has.
    ConsultNodes { controller: usize },
    /// A bought node of a cluster is ready.
    NodeReady { node: NodeId },
    /// A row of the series is due, for all services but those that run ahead.
    Series,
    /// A row of the series of a service that runs ahead is due.
    Interval { controller: usize },
    /// A replica begins to take requests.
    Ready { service: usize, replica: ReplicaId },
    /// A replica of a service that runs ahead begins to take requests.
    Begin { controller: usize, service: usize },
    /// A draining replica may be empty, or its grace is over.
    Drained {
        service: usize,
        replica: ReplicaId,
        /// When it will be empty as things stood.
        empty_at: SimTime,
    },
    /// A draining replica of a service, or of one that advances together with it, may be empty, or its grace is over.
    Released { service: usize },
}

/// Whom an event concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Reach {
    /// Control loops, or the record of it all.
    Loops,
    /// A service.
    Service(usize),
    /// More than one service, or every one.
    Everyone,
}

/// Among control events: services first, then measurements, then decisions on replicas, on nodes, then the record of it all.
const ENTITY_SAMPLES: u32 = 1 << 28;
const ENTITY_CLOCKS: u32 = 1 << 26;
const ENTITY_RESIZES: u32 = 1 << 28;
const ENTITY_TICKS: u32 = 2 << 28;
const ENTITY_NODE_TICKS: u32 = 5 << 27;
const ENTITY_SERIES: u32 = 3 << 28;

/// Among those that become ready: replicas first, by service, then nodes.
const ENTITY_NODES: u32 = 1 << 28;

impl Event {
    /// Whom it concerns.
    pub(super) fn reach(self, plan: &Plan) -> Reach {
        match self {
            Self::Sample { .. }
            | Self::Tick { .. }
            | Self::Scale { .. }
            | Self::Interval { .. }
            | Self::Begin { .. }
            | Self::Series => Reach::Loops,
            Self::Create { service }
            | Self::Warm { service, .. }
            | Self::Ready { service, .. }
            | Self::Drained { service, .. }
            | Self::Released { service } => Reach::Service(service),
            // Any replica may have to leave a node, or wait for one; a policy outside of the engine may end the run.
            Self::Resize { .. }
            | Self::Consult { .. }
            | Self::ConsultNodes { .. }
            | Self::NodeReady { .. } => Reach::Everyone,
            Self::Strike(strike) | Self::Recover(strike) => strike.reach(plan),
        }
    }

    /// Class and entity of the event.
    pub(super) fn order(self) -> (u8, u32) {
        match self {
            Self::Create { service } => (class::TICK, service as u32),
            Self::Strike(Strike { fault, .. }) | Self::Recover(Strike { fault, .. }) => {
                (class::FAULT, fault as u32)
            }
            Self::Warm { service, .. } => (class::SPEED, service as u32),
            // In the order of the plan, after what warms up.
            Self::Resize { index } => (class::SPEED, ENTITY_RESIZES + index as u32),
            Self::Sample { controller, clock } => {
                let of_clock = u32::from(clock) * ENTITY_CLOCKS;
                (class::TICK, ENTITY_SAMPLES + of_clock + controller as u32)
            }
            Self::Tick { controller } | Self::Scale { controller, .. } => {
                (class::TICK, ENTITY_TICKS + controller as u32)
            }
            Self::Consult { leader, .. } => (class::TICK, ENTITY_TICKS + leader as u32),
            Self::ConsultNodes { controller } => {
                (class::TICK, ENTITY_NODE_TICKS + controller as u32)
            }
            Self::NodeReady { node } => (class::READINESS, ENTITY_NODES + node.0),
            Self::Series => (class::TICK, ENTITY_SERIES),
            Self::Interval { controller } => (class::TICK, ENTITY_SERIES + controller as u32),
            Self::Ready { service, .. } | Self::Begin { service, .. } => {
                (class::READINESS, service as u32)
            }
            Self::Drained { service, .. } | Self::Released { service } => {
                (class::DEPARTURE, service as u32)
            }
        }
    }
}
