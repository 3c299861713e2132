//! Which replicas go when a service shrinks, and which nodes when a pool does.

use super::service::Service;
use crate::platform::{Node, NodeId, Platform};
use crate::replica::{Replica, ReplicaState};
use crate::station::ReplicaId;
use hookean_kernel::SimTime;
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Nanoseconds in an hour.
const HOUR_NS: u64 = 3_600_000_000_000;

/// The `count` replicas to remove from a cluster, in the `ReplicaSet` controller's order: without a node before with one,
/// not running before running, not ready before ready, more ready siblings on the same node first, ready for a shorter
/// time first (compared as the integer logarithm of the nanoseconds). Upstream then compares random identifiers; here
/// the younger goes first, so that runs are reproducible.
pub(super) fn of_cluster(service: &Service, count: usize, now: SimTime) -> Vec<ReplicaId> {
    let mut ready_on: BTreeMap<NodeId, u32> = BTreeMap::new();
    let ready = service.existing();
    for node in ready
        .filter(|r| r.state == ReplicaState::Ready)
        .filter_map(|r| r.node)
    {
        *ready_on.entry(node).or_default() += 1;
    }
    let siblings = |replica: &Replica| {
        replica
            .node
            .and_then(|node| ready_on.get(&node).copied())
            .unwrap_or(0)
    };
    first(service, count, |replica| {
        let is_ready = replica.state == ReplicaState::Ready;
        let is_running = replica.running.is_some_and(|since| since <= now);
        let ready_for = replica
            .ready
            .filter(|_| is_ready)
            .map_or(0, |since| now.saturating_since(since).as_nanos());
        (
            replica.node.is_some(),
            is_running,
            is_ready,
            Reverse(siblings(replica)),
            ready_for.checked_ilog2(),
            Reverse(replica.id),
        )
    })
}

/// The `count` machines to give back from a fleet: those not in service first, then, as the default termination policy
/// of EC2 Auto Scaling does within one launch template, those closest to the end of a started hour, then the oldest.
pub(super) fn of_fleet(service: &Service, count: usize, now: SimTime) -> Vec<ReplicaId> {
    first(service, count, |replica| {
        let into_hour = now.saturating_since(replica.created).as_nanos() % HOUR_NS;
        (
            replica.state == ReplicaState::Ready,
            Reverse(into_hour),
            replica.id,
        )
    })
}

/// The `count` nodes of a pool to give back: those that are not ready first, then empty ones, then those with the fewest
/// replicas, and the youngest first among equals.
pub(super) fn of_pool(platform: &Platform, pool: usize, count: usize) -> Vec<NodeId> {
    let mut kept: Vec<(NodeId, &Node)> = platform.kept(pool).collect();
    kept.sort_by_key(|(id, node)| (node.is_usable(), node.resources.replicas, Reverse(*id)));
    kept.into_iter().take(count).map(|(id, _)| id).collect()
}

fn first<K: Ord>(service: &Service, count: usize, key: impl Fn(&Replica) -> K) -> Vec<ReplicaId> {
    let mut candidates: Vec<&Replica> = service.existing().filter(|r| r.is_wanted()).collect();
    candidates.sort_by_cached_key(|replica| key(replica));
    candidates
        .into_iter()
        .take(count)
        .map(|replica| replica.id)
        .collect()
}
