//! Platforms: nodes, pools, start-up stages, prices.

use hookean_kernel::Distribution;
use serde::Deserialize;

/// Billing rule of a pool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BillingPlan {
    /// Price of one node.
    pub nanousd_per_hour: u64,
    /// Billed time is rounded up to a multiple of this.
    pub granularity_ns: u64,
    /// Least billed time.
    pub minimum_ns: u64,
}

/// One stage of a start-up, an independent draw.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StagePlan {
    /// Stage name: `place`, `provision`, `boot`, `join`, `pull`, `create` or `init`.
    pub stage: String,
    /// How long it takes.
    pub duration: Distribution,
}

/// Image transfer (`T = missing / (compression * min(bandwidths)) + missing / unpack + layers * rtt`).
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PullPlan {
    /// Network rate of a node, bytes per second.
    pub node_bytes_per_s: f64,
    /// Registry rate per node, bytes per second.
    pub registry_bytes_per_s: f64,
    /// Unpacking rate, uncompressed bytes per second.
    pub unpack_bytes_per_s: f64,
    /// Uncompressed size / compressed size.
    pub compression_ratio: f64,
    /// Layers of an image.
    pub layers: u32,
    /// Round trip per layer.
    pub rtt_ns: u64,
    /// Whether a node pulls one image at a time.
    pub serialized: bool,
}

/// A pool of equal nodes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PoolPlan {
    /// Name of the pool.
    pub name: String,
    /// Instance type.
    pub instance: String,
    /// CPU of a node.
    pub cpu_millicores: u64,
    /// Memory of a node.
    pub memory_bytes: u64,
    /// CPU left for replicas.
    pub allocatable_cpu_millicores: u64,
    /// Memory left for replicas.
    pub allocatable_memory_bytes: u64,
    /// Most replicas on a node.
    pub max_replicas: u32,
    /// Speed of a core relative to a bare-metal core (virtualisation overhead).
    pub speed_ratio: f64,
    /// Whether its nodes are machines of one's own: one that is lost is still paid for, and comes back as itself.
    pub owned: bool,
    /// Nodes present from time 0, to the end unless a controller says otherwise (0 in a fleet, whose nodes come and go with
    /// replicas).
    pub nodes: u32,
    /// Price and rounding.
    pub billing: BillingPlan,
    /// Stages from the purchase of a node to its readiness.
    pub startup: Vec<StagePlan>,
}

/// Where replicas run.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum PlatformPlan {
    /// Every replica is a machine of its own, bought for it and given back after it.
    Fleet {
        /// Preset it came from.
        preset: String,
        /// Pools; a fleet buys from the first.
        pools: Vec<PoolPlan>,
    },
    /// Replicas are placed on shared nodes.
    Cluster {
        /// Preset it came from.
        preset: String,
        /// Pools.
        pools: Vec<PoolPlan>,
        /// Image transfer to nodes; `None` when images are already there.
        pull: Option<PullPlan>,
    },
}
