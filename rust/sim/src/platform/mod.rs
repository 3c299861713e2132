//! The platform: nodes bought from pools, what runs on them, what they cost.

mod node;
mod pull;
mod startup;

pub use node::{Node, NodeId};
pub use pull::pull_duration;
pub use startup::{Marks, Startup};

use crate::placement::{FitIndex, NoPlace, NodeResources, Request};
use crate::plan::{PlatformPlan, PoolPlan, PullPlan};
use hookean_kernel::{SimDuration, SimTime};
use std::collections::BTreeSet;

/// Nodes and the rules by which replicas get one.
#[derive(Debug)]
pub struct Platform {
    pools: Vec<PoolPlan>,
    nodes: Vec<Node>,
    pull: Option<PullPlan>,
    fleet: bool,
    /// Those paid for now: of all that there have been they may be few.
    in_use: BTreeSet<NodeId>,
    /// Where a replica may go; of a fleet nothing, since every replica brings its own node.
    fit: FitIndex,
}

impl Platform {
    /// Builds the platform with the nodes its pools hold from the start.
    pub fn new(plan: &PlatformPlan) -> Self {
        let (fleet, pools, pull) = match plan {
            PlatformPlan::Fleet { pools, .. } => (true, pools, None),
            PlatformPlan::Cluster { pools, pull, .. } => (false, pools, *pull),
        };
        let mut platform = Self {
            pools: pools.clone(),
            nodes: Vec::new(),
            pull,
            fleet,
            in_use: BTreeSet::new(),
            fit: FitIndex::default(),
        };
        for (index, pool) in pools.iter().enumerate() {
            for _ in 0..pool.nodes {
                let id = platform.buy(index, SimTime::ZERO);
                platform.set_ready(id, SimTime::ZERO);
            }
        }
        platform
    }

    /// Whether every replica is a machine of its own.
    pub fn is_fleet(&self) -> bool {
        self.fleet
    }

    /// The pools.
    pub fn pools(&self) -> &[PoolPlan] {
        &self.pools
    }

    /// A node.
    pub fn node(&self, node: NodeId) -> &Node {
        &self.nodes[node.index()]
    }

    /// The nodes of a pool that are paid for and not on their way out, in order of purchase.
    pub fn kept(&self, pool: usize) -> impl Iterator<Item = (NodeId, &Node)> {
        self.of_pool(pool).filter(|(_, node)| node.is_kept())
    }

    /// How many nodes of a pool are on their way out.
    pub fn leaving(&self, pool: usize) -> usize {
        let all = self.of_pool(pool);
        all.filter(|(_, node)| node.is_leaving()).count()
    }

    /// The nodes of a pool that are paid for, in order of purchase.
    fn of_pool(&self, pool: usize) -> impl Iterator<Item = (NodeId, &Node)> {
        let all = self.in_use.iter().map(|id| (*id, self.node(*id)));
        all.filter(move |(_, node)| node.pool == pool)
    }

    /// Every node ever bought, in order of purchase.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// A node to break in a test.
    #[cfg(test)]
    pub(crate) fn node_mut(&mut self, index: usize) -> &mut Node {
        &mut self.nodes[index]
    }

    /// Nodes paid for now.
    pub fn nodes_in_use(&self) -> u32 {
        self.in_use.len() as u32
    }

    /// The node's pool.
    pub fn pool_of(&self, node: NodeId) -> &PoolPlan {
        &self.pools[self.nodes[node.index()].pool]
    }

    /// Buys a node. It is ready once [`Node::ready`] is set.
    pub fn buy(&mut self, pool: usize, now: SimTime) -> NodeId {
        let id = NodeId::new(self.nodes.len());
        self.nodes.push(Node::new(pool, &self.pools[pool], now));
        self.in_use.insert(id);
        id
    }

    /// Gives a node back; its bill ends.
    pub fn give_back(&mut self, node: NodeId, now: SimTime) {
        self.change(node, |node| node.ended = Some(now));
        self.in_use.remove(&node);
    }

    /// Notes that a node is lost, or back.
    pub fn set_down(&mut self, node: NodeId, down: bool) {
        self.change(node, |node| {
            node.failures += u32::from(down);
            node.down = down;
        });
    }

    /// Tells a node to go: it takes no replicas any more, and is given back as soon as it holds none.
    pub fn drain(&mut self, node: NodeId, now: SimTime) {
        self.change(node, |node| node.drain(now));
        if self.resources(node).replicas == 0 {
            self.give_back(node, now);
        }
    }

    /// Takes a replica that was gone at `at` off a node on its way out, which is given back with its last one.
    pub fn vacate_leaving(&mut self, node: NodeId, request: Request, at: SimTime) {
        let mut last = at;
        self.change(node, |node| last = node.vacate_leaving(request, at));
        if self.resources(node).replicas == 0 {
            self.give_back(node, last);
        }
    }

    /// Whether a node is paid for and not lost.
    pub fn is_there(&self, node: NodeId) -> bool {
        self.nodes[node.index()].is_there()
    }

    /// Marks a bought node as ready to hold replicas.
    pub fn set_ready(&mut self, node: NodeId, at: SimTime) {
        self.change(node, |node| node.ready = Some(at));
    }

    /// Finds a ready node for the request by fit and least allocated.
    ///
    /// # Errors
    /// [`NoPlace`] with the reasons when no node has room.
    pub fn find(&self, request: Request) -> Result<NodeId, NoPlace> {
        self.fit.find(request).map(NodeId)
    }

    /// Changes a node, and what the search for places knows of it.
    fn change(&mut self, node: NodeId, change: impl FnOnce(&mut Node)) {
        let of = &mut self.nodes[node.index()];
        let place = |of: &Node| of.is_usable().then_some(of.resources);
        let before = place(of);
        change(of);
        if !self.fleet {
            self.fit.change(node.0, before, place(of));
        }
    }

    /// Puts a replica of `service` on the node.
    pub fn occupy(&mut self, node: NodeId, request: Request, now: SimTime) {
        self.change(node, |node| node.occupy(request, now));
    }

    /// Changes the CPU of a replica on the node from one to another, if there is room for that.
    pub fn resize(&mut self, node: NodeId, (from, to): (u64, u64), now: SimTime) -> bool {
        let of = self.resources(node);
        let free = of.allocatable_cpu_millicores - of.used_cpu_millicores;
        let fits = to.saturating_sub(from) <= free;
        if fits {
            self.change(node, |node| node.resize((from, to), now));
        }
        fits
    }

    /// Takes it off.
    pub fn vacate(&mut self, node: NodeId, request: Request, now: SimTime) {
        self.change(node, |node| node.vacate(request, now));
    }

    /// Time until the image of `service` is on the node, and notes the transfer; zero when it is there already.
    pub fn pull_image(
        &mut self,
        node: NodeId,
        service: usize,
        image_bytes: u64,
        now: SimTime,
    ) -> SimDuration {
        let Some(plan) = self.pull.filter(|_| image_bytes > 0) else {
            return SimDuration::ZERO;
        };
        self.nodes[node.index()].pull(
            service,
            pull_duration(&plan, image_bytes),
            plan.serialized,
            now,
        )
    }

    /// Notes that the image of `service` has been on the node for ever (its warm initial replicas ran there).
    pub fn preload_image(&mut self, node: NodeId, service: usize) {
        self.nodes[node.index()].preload(service);
    }

    /// Resources of a node.
    pub fn resources(&self, node: NodeId) -> &NodeResources {
        &self.nodes[node.index()].resources
    }
}
