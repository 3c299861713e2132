//! Checks of nodes: the platform's records against those of replicas, faults and controllers of nodes.

use super::super::world::World;
use super::{Checked, holds};
use crate::plan::FaultEffect;
use crate::platform::{Node, NodeId};
use crate::replica::Replica;
use hookean_kernel::SimTime;
use std::borrow::Cow;

/// From when to when a node was there.
type Life = (Option<SimTime>, Option<SimTime>);

fn replicas(world: &World) -> impl Iterator<Item = Cow<'_, Replica>> {
    let services = world.services.iter();
    services.flat_map(|service| service.replicas.iter())
}

/// What nodes have given away is what their replicas hold, and within capacity.
pub(super) fn capacity(world: &World) -> Checked {
    let nodes = world.platform.nodes();
    let mut held = vec![(0u64, 0u64, 0u32); nodes.len()];
    for (service, plan) in world.services.iter().zip(&world.plan.services) {
        let live = service.live.iter();
        for (id, node) in live.filter_map(|id| Some((*id, service.get(*id).node?))) {
            let of = &mut held[node.index()];
            let (cpu, memory) = (service.cpu_of(id), plan.replica.memory_bytes);
            *of = (of.0 + cpu, of.1 + memory, of.2 + 1);
        }
    }
    let mut pairs = nodes.iter().zip(&held).enumerate();
    let off = pairs.find_map(|(index, (node, held))| {
        let r = &node.resources;
        let used = (r.used_cpu_millicores, r.used_memory_bytes, r.replicas);
        let within = held.0 <= r.allocatable_cpu_millicores
            && held.1 <= r.allocatable_memory_bytes
            && held.2 <= r.max_replicas;
        (used != *held || !within)
            .then(|| format!("node {index} has given {used:?}, its replicas hold {held:?}"))
    });
    let off = off.or_else(|| misplaced(world));
    let detail = format!(
        "{} nodes hold what their replicas request, within capacity",
        held.len()
    );
    holds("no node is overfull", off, detail)
}

/// A machine of a fleet is there as long as its replica. A node of a cluster is there from the beginning or its purchase to the
/// end, or to the exit of its last replica after it was told to go; or, if it is not one's own, to its loss, and another from
/// then on.
pub(super) fn lives(world: &World) -> Checked {
    let nodes = world.platform.nodes();
    let in_use = nodes.iter().filter(|n| n.ended.is_none()).count();
    let initial: u32 = world.platform.pools().iter().map(|p| p.nodes).sum();
    let begin = |index| (index < initial as usize).then_some(SimTime::ZERO);
    let mut lives: Vec<Life> = (0..nodes.len()).map(|index| (begin(index), None)).collect();
    lose_nodes(world, &mut lives);
    buy_and_drain(world, &mut lives);
    if world.platform.is_fleet() {
        for (node, replica) in replicas(world).filter_map(|r| r.node.map(|node| (node, r))) {
            lives[node.index()] = (replica.placed, replica.ended);
        }
    }
    let mut pairs = nodes.iter().zip(&lives).enumerate();
    let off = pairs.find_map(|(index, (node, life))| {
        let same = (Some(node.bought), node.ended) == *life;
        (!same).then(|| {
            format!(
                "node {index} was there from {} to {:?}",
                node.bought, node.ended
            )
        })
    });
    let off = off.or_else(|| {
        let kept = world.platform.nodes_in_use() as usize;
        (kept != in_use).then(|| format!("{kept} nodes counted, really {in_use}"))
    });
    holds(
        "nodes are paid for while they are held",
        off,
        format!("{} nodes, {in_use} at the end", nodes.len()),
    )
}

/// Ends the lives of nodes that faults took, and begins those of the ones in their place.
fn lose_nodes(world: &World, lives: &mut [Life]) {
    for row in &world.faults.log.rows {
        let loss = matches!(
            world.plan.faults[row.fault].effect,
            FaultEffect::NodeLoss { .. }
        );
        let node = row.node.filter(|_| loss && row.struck).map(NodeId);
        if let Some(node) = node.filter(|node| !world.platform.pool_of(*node).owned) {
            lives[node.index()].1 = Some(row.now);
        }
    }
    for (node, at) in &world.faults.replacements {
        lives[node.index()].0 = Some(*at);
    }
}

/// Nodes that controllers have bought, and those that were told to go.
fn buy_and_drain(world: &World, lives: &mut [Life]) {
    for (node, at) in world.node_loops.iter().flat_map(|this| &this.bought) {
        lives[node.index()].0 = Some(*at);
    }
    let nodes = world.platform.nodes();
    for (life, node) in lives.iter_mut().zip(nodes) {
        life.1 = node.drained.or(life.1);
    }
    for (node, replica) in replicas(world).filter_map(|r| r.node.map(|node| (node, r))) {
        if nodes[node.index()].drained.is_some() {
            let last = &mut lives[node.index()].1;
            *last = last.and_then(|last| replica.ended.map(|ended| last.max(ended)));
        }
    }
}

/// A replica that was placed on a node of a cluster before that was ready, or after it was told to go.
fn misplaced(world: &World) -> Option<String> {
    if world.platform.is_fleet() {
        return None;
    }
    let mut placed = replicas(world).filter_map(|r| Some((r.id, r.node?, r.placed?)));
    placed.find_map(|(replica, node, at)| {
        let of = world.platform.node(node);
        let open = of.ready.is_some_and(|ready| ready <= at) && of.drained.is_none_or(|d| at <= d);
        (!open).then(|| {
            let (replica, node) = (replica.0, node.0);
            format!("replica {replica} was placed on node {node} at {at}, when it was not open")
        })
    })
}

/// A pool has as many nodes as was decided last, but for those that faults have taken for good since; and those that were
/// bought were ready when their start-up stages were over.
pub(super) fn pools(world: &World) -> Checked {
    let (mut wanted, mut off) = (0, None);
    for this in &world.node_loops {
        let name = &world.platform.pools()[this.pool].name;
        let kept = world.platform.kept(this.pool).count();
        let size = kept + this.vacant.len() + this.missing as usize;
        wanted += this.wanted;
        if size != this.wanted as usize {
            off = Some(format!("`{name}` has {size} of {}", this.wanted));
        }
        let mut bought = this.bought.iter().map(|(node, _)| *node);
        let early = bought.find(|node| !started(world, *node));
        off =
            off.or_else(|| early.map(|node| format!("node {} was ready at another time", node.0)));
    }
    let detail = format!("{wanted} nodes wanted = kept + to be replaced + lost for good");
    holds("pools have the nodes that are wanted", off, detail)
}

/// Whether a bought node was ready when it should have been, if it was there.
fn started(world: &World, node: NodeId) -> bool {
    let of: &Node = world.platform.node(node);
    let ready = world.start_of(node).ready;
    let there = of.ended.unwrap_or(world.now);
    match of.ready {
        Some(at) => at == ready,
        None => there <= ready,
    }
}
