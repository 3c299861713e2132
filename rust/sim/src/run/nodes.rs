//! Pools of a cluster whose size changes: nodes are bought and start, are told to go and drained.
//!
//! The size of a pool is the number of its nodes that are paid for and not on their way out, and of those that faults took
//! and others will take the place of. A bought node goes through the start-up stages of its pool, and when it is ready,
//! replicas that wait for room are placed in order of creation. Nodes are given back in the order of
//! [`victims::of_pool`], after the places of lost ones (the youngest first). A node that is told to go takes no replicas any
//! more; those that start on it are cancelled, those that serve are drained with the grace of their service, and their owners
//! create others at once, as when a Kubernetes node is drained. There is no `PodDisruptionBudget`: all go together. The node is
//! given back when its last replica has ended.

use super::event::Event;
use super::victims;
use super::world::World;
use crate::control::external::{self, NodeObserver, NodeRow};
use crate::plan::{NodeControllerPlan, PlanError};
use crate::platform::{Marks, NodeId};
use crate::record::{Decided, DecisionContext, DecisionLog};
use crate::replica::{ReplicaState, Stages};
use crate::station::ReplicaId;
use hookean_kernel::{Digest, SimDuration, SimTime};
use std::collections::BTreeSet;

/// What says how many nodes a pool has, and what it leaves behind.
pub(super) struct NodeLoop {
    pub(super) pool: usize,
    period: SimDuration,
    observer: NodeObserver,
    /// Its decisions so far.
    pub(super) log: DecisionLog,
    /// Nodes wanted so far.
    pub(super) wanted: u32,
    /// Nodes that faults took and others will take the place of.
    pub(super) vacant: BTreeSet<NodeId>,
    /// Nodes that faults took for good since the last decision.
    pub(super) missing: u32,
    /// Nodes that were bought for it, and when.
    pub(super) bought: Vec<(NodeId, SimTime)>,
}

impl NodeLoop {
    /// What it has left of its decisions since it was last asked.
    pub(super) fn take_decided(&mut self) -> Decided {
        (self.log.take(), None)
    }
}

impl World {
    pub(super) fn add_node_loops(&mut self) -> Result<(), PlanError> {
        for controller in 0..self.plan.node_controllers.len() {
            let plan = &self.plan.node_controllers[controller];
            let this = self.node_loop(plan).map_err(|problem| {
                PlanError::invalid(format!("node_controllers ({})", plan.kind), problem)
            })?;
            self.node_loops.push(this);
            self.schedule(SimTime::ZERO, Event::ConsultNodes { controller });
        }
        Ok(())
    }

    fn node_loop(&self, plan: &NodeControllerPlan) -> Result<NodeLoop, String> {
        if plan.kind != external::KIND {
            return Err("does not exist".to_owned());
        }
        self.require_policies()?;
        Ok(NodeLoop {
            pool: plan.pool,
            period: SimDuration::from_nanos(plan.period_ns),
            observer: NodeObserver::new(plan)?,
            log: DecisionLog::of_nodes(&self.plan, plan),
            wanted: self.platform.pools()[plan.pool].nodes,
            vacant: BTreeSet::new(),
            missing: 0,
            bought: Vec::new(),
        })
    }

    /// Lets a policy decide how many nodes a pool has, and does what it says. When it cannot, nothing is done, and the run
    /// ends.
    pub(super) fn consult_nodes(&mut self, controller: usize) {
        let row = self.node_row(controller);
        let now = self.now;
        let Some(choice) = self.ask(|policies| policies.decide_nodes(now, &row)) else {
            return;
        };
        let this = &mut self.node_loops[controller];
        let mut account = this.log.account();
        let verdict = this.observer.verdict(&row, &choice, &mut account);
        let context = DecisionContext {
            now: self.now,
            current: row.desired,
            ready: row.ready,
        };
        this.log.push(&context, &verdict);
        let next = self.now + this.period;
        self.scale_nodes(controller, verdict.desired);
        self.schedule(next, Event::ConsultNodes { controller });
    }

    fn node_row(&self, controller: usize) -> NodeRow {
        let this = &self.node_loops[controller];
        let mut row = NodeRow {
            controller,
            desired: this.wanted,
            ready: 0,
            starting: 0,
            lost: this.vacant.len() as u32,
            leaving: self.platform.leaving(this.pool) as u32,
            replicas: 0,
            allocatable_cpu_millicores: 0,
            allocatable_memory_bytes: 0,
            requested_cpu_millicores: 0,
            requested_memory_bytes: 0,
            pending: 0,
            pending_cpu_millicores: 0,
            pending_memory_bytes: 0,
            pending_longest: SimDuration::ZERO,
        };
        for (_, node) in self.platform.kept(this.pool) {
            row.lost += u32::from(node.down);
            row.starting += u32::from(node.ready.is_none() && !node.down);
            if node.is_usable() {
                let has = &node.resources;
                row.ready += 1;
                row.replicas += has.replicas;
                row.allocatable_cpu_millicores += has.allocatable_cpu_millicores;
                row.allocatable_memory_bytes += has.allocatable_memory_bytes;
                row.requested_cpu_millicores += has.used_cpu_millicores;
                row.requested_memory_bytes += has.used_memory_bytes;
            }
        }
        self.count_pending(&mut row);
        row
    }

    fn count_pending(&self, row: &mut NodeRow) {
        for (service, id) in &self.waiting {
            let request = self.request(*service);
            let since = self.services[*service].get(*id).created;
            row.pending += 1;
            row.pending_cpu_millicores += request.cpu_millicores;
            row.pending_memory_bytes += request.memory_bytes;
            row.pending_longest = row.pending_longest.max(self.now.saturating_since(since));
        }
    }

    /// Makes a pool have `desired` nodes: buys the difference, or tells the nodes to go that are too many.
    fn scale_nodes(&mut self, controller: usize, desired: u32) {
        let this = &mut self.node_loops[controller];
        (this.wanted, this.missing) = (desired, 0);
        let pool = this.pool;
        let (kept, desired) = (self.platform.kept(pool).count(), desired as usize);
        while kept + this.vacant.len() > desired && this.vacant.pop_last().is_some() {}
        let size = kept + this.vacant.len();
        for _ in size..desired {
            self.buy_node(controller);
        }
        if size > desired {
            let leaving = victims::of_pool(&self.platform, pool, size - desired);
            self.drain_nodes(&leaving);
        }
    }

    fn buy_node(&mut self, controller: usize) {
        let this = &mut self.node_loops[controller];
        let node = self.platform.buy(this.pool, self.now);
        this.bought.push((node, self.now));
        let ready = self.start_of(node).ready;
        self.schedule(ready, Event::NodeReady { node });
    }

    /// When a bought node is ready, drawn from a stream of its own.
    pub(super) fn start_of(&self, node: NodeId) -> Marks {
        let of = self.platform.node(node);
        // no service is called like that
        let owner = format!("pool {}", self.platform.pools()[of.pool].name);
        let key = (self.plan.seed, owner.as_str(), u64::from(node.0));
        self.node_startup[of.pool].draw(key, of.bought, &mut Stages::default())
    }

    /// A bought node is ready, unless it has been given back. One that is lost for now takes replicas when it is back.
    pub(super) fn node_ready(&mut self, node: NodeId) {
        if self.platform.node(node).ended.is_some() {
            return;
        }
        self.platform.set_ready(node, self.now);
        self.arm_node(node, self.now);
        self.fill(node);
    }

    /// Tells nodes to go, all of them before their replicas look for other places.
    fn drain_nodes(&mut self, nodes: &[NodeId]) {
        for node in nodes {
            self.platform.drain(*node, self.now);
        }
        let mut owners = BTreeSet::new();
        for node in nodes {
            self.evict(*node, &mut owners);
        }
        for service in &owners {
            self.scale(*service, self.services[*service].desired);
        }
        if !owners.is_empty() {
            self.react_to_fault();
        }
    }

    /// Sends the replicas of a node away, by service and in order of creation; those that leave already go on.
    fn evict(&mut self, node: NodeId, owners: &mut BTreeSet<usize>) {
        for service in 0..self.services.len() {
            let existing = self.services[service].existing();
            let here =
                existing.filter(|r| r.node == Some(node) && r.state != ReplicaState::Draining);
            let here: Vec<ReplicaId> = here.map(|replica| replica.id).collect();
            for id in here {
                self.services[service].get_mut(id).evicted = true;
                self.remove(service, id);
                owners.insert(service);
            }
        }
    }

    fn node_loop_of(&mut self, node: NodeId) -> Option<&mut NodeLoop> {
        let pool = self.platform.node(node).pool;
        self.node_loops.iter_mut().find(|this| this.pool == pool)
    }

    /// Notes that a fault took a node; whether something is to come in its place.
    pub(super) fn note_lost(&mut self, node: NodeId, returns: bool) {
        let of = self.platform.node(node);
        if of.drained.is_some() || self.platform.pool_of(node).owned {
            return; // it was not of the pool any more; or it still is
        }
        if let Some(this) = self.node_loop_of(node) {
            if returns {
                this.vacant.insert(node);
            } else {
                this.missing += 1;
            }
        }
    }

    /// Whether another node may take the place of a lost one: not when its pool has shrunk since.
    pub(super) fn takes_replacement(&mut self, lost: NodeId) -> bool {
        let this = self.node_loop_of(lost);
        this.is_none_or(|this| this.vacant.remove(&lost))
    }

    /// Folds what controllers of nodes have decided, and what became of their nodes, into a digest.
    pub(super) fn digest_nodes(&self, digest: &mut Digest) {
        for this in &self.node_loops {
            this.log.digest(digest);
            let nodes = self.platform.nodes().iter();
            for node in nodes.filter(|node| node.pool == this.pool) {
                for at in [node.ready, node.drained] {
                    digest.word(at.map_or(u64::MAX, SimTime::as_nanos));
                }
            }
        }
    }
}
